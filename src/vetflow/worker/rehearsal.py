"""Does once, where runs are forked from, what every run does; so no run pays for what libraries load or build late.

Great Expectations compiles the suite, highdicom and hl7apy read their tables, Pillow finds its fonts. No tensor is
touched and no thread is started.
"""

import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import DigitalXRayImageStorageForPresentation

from vetflow.adapters import expectations_gx
from vetflow.dicom import picture
from vetflow.dicom.identity import ReportIdentity, to_bytes
from vetflow.dicom.objects import Outcome, objects
from vetflow.dicom.uids import derived_uid
from vetflow.domain.anatomy import PART_CODES, Part
from vetflow.domain.delivery import ResultKind
from vetflow.domain.evidence import Claim, Exposure, TagEvidence
from vetflow.domain.finding import ModelVersion
from vetflow.domain.labelling import ANATOMICAL
from vetflow.domain.place import Box, Mask
from vetflow.domain.positioning import judge
from vetflow.domain.quality import SERVICE
from vetflow.domain.sight import Bounds, Field, Guess, Sight
from vetflow.domain.signalment import SPECIES_CODES, Signalment, Species
from vetflow.domain.validation import evidence_row
from vetflow.domain.view import Region, View
from vetflow.hl7.oru import Animal, OruInput, oru
from vetflow.rest.outcome import told

_WHEN = datetime(2000, 1, 1, tzinfo=UTC)
_MODEL = ModelVersion(name="rehearsal", version="0", digest="0" * 64)
_EVIDENCE = TagEvidence(
    modality="DX",
    signalment=Signalment(species=Species.DOG),
    views=(Claim(field="ViewPosition", says=View.VENTRODORSAL),),
    exposure=Exposure(deviation=5.0),
)
_MASK = Mask(label=PART_CODES[Part.HEART], category=ANATOMICAL, pixels=np.ones((1, 8, 8), np.bool_))
_SIGHT = Sight(
    view=Guess(says=View.LATERAL, certainty=0.9),
    region=Guess(says=Region.THORAX, certainty=0.9),
    inverted=Guess(says=False, certainty=0.9),
    field=Field(box=Box(left=0, top=0, right=8, bottom=8), exposed=1.0),
    model=_MODEL,
)


def rehearse() -> None:
    """Validate, report, send and draw a film that does not exist."""
    for suite in ("positioning", "trunk"):
        expectations_gx.check(evidence_row(_EVIDENCE), suite)
    assessment = replace(judge(_EVIDENCE, _SIGHT, Bounds()), masks=(_MASK,))
    identity = ReportIdentity(digests=("",), use_case="rehearsal", made_at=_WHEN, software="0")
    preview = io.BytesIO()
    Image.new("L", (8, 8)).save(preview, "PNG")
    drawn = picture.drawing(picture.Preview(png=preview.getvalue(), scale=1.0), assessment)
    outcome = Outcome(sources=(_header(),), assessment=assessment, identity=identity, pictures={0: drawn})
    for made in objects(outcome, ResultKind):
        to_bytes(made.document)
    told(outcome, case_id="case-0", segmentations={})
    animal = Animal(id="0", species=SPECIES_CODES[Species.DOG])
    oru(OruInput(message_id="0", made_at=_WHEN, animal=animal, assessment=assessment, service=SERVICE))


def _header() -> Dataset:
    header = Dataset()
    header.SOPClassUID = DigitalXRayImageStorageForPresentation
    header.SOPInstanceUID, header.StudyInstanceUID, header.SeriesInstanceUID = map(derived_uid, "abc")
    header.Modality, header.Rows, header.Columns = "DX", 8, 8
    header.PhotometricInterpretation = "MONOCHROME2"
    header.PatientOrientation, header.ImagerPixelSpacing = ["L", "F"], [0.1, 0.1]
    return header
