"""Does once, where runs are forked from, what every run does; so no run pays for what libraries load or build late.

Great Expectations compiles the suite, highdicom and hl7apy read their tables, Pillow finds its fonts. No tensor is
touched and no thread is started.
"""

import io
from datetime import UTC, datetime

from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import DigitalXRayImageStorageForPresentation

from vetflow.adapters import expectations_gx
from vetflow.dicom import picture
from vetflow.dicom.identity import ReportIdentity, to_bytes
from vetflow.dicom.keyobjects import quality_issues
from vetflow.dicom.presentation import presentations
from vetflow.dicom.report import report
from vetflow.dicom.uids import derived_uid
from vetflow.domain.evidence import Claim, Exposure, TagEvidence
from vetflow.domain.finding import ModelVersion
from vetflow.domain.place import Box
from vetflow.domain.positioning import SERVICE, judge
from vetflow.domain.sight import Bounds, Field, Guess, Sight
from vetflow.domain.signalment import SPECIES_CODES, Signalment, Species
from vetflow.domain.validation import evidence_row
from vetflow.domain.view import Region, View
from vetflow.hl7.oru import Animal, OruInput, oru

_WHEN = datetime(2000, 1, 1, tzinfo=UTC)
_MODEL = ModelVersion(name="rehearsal", version="0", digest="0" * 64)
_EVIDENCE = TagEvidence(
    modality="DX",
    signalment=Signalment(species=Species.DOG),
    views=(Claim(field="ViewPosition", says=View.VENTRODORSAL),),
    exposure=Exposure(deviation=5.0),
)
_SIGHT = Sight(
    view=Guess(says=View.LATERAL, certainty=0.9),
    region=Guess(says=Region.THORAX, certainty=0.9),
    inverted=Guess(says=False, certainty=0.9),
    field=Field(box=Box(left=0, top=0, right=8, bottom=8), exposed=1.0),
    model=_MODEL,
)


def rehearse() -> None:
    """Validate, report, send and draw a film that does not exist."""
    expectations_gx.check(evidence_row(_EVIDENCE), "positioning")
    assessment = judge(_EVIDENCE, _SIGHT, Bounds())
    identity = ReportIdentity(digests=("",), use_case="rehearsal", made_at=_WHEN, software="0")
    sources = (_header(),)
    for write in (presentations, quality_issues):
        for document in write(sources, assessment, identity=identity):
            to_bytes(document)
    to_bytes(report(sources, assessment, identity=identity))
    animal = Animal(id="0", species=SPECIES_CODES[Species.DOG])
    oru(OruInput(message_id="0", made_at=_WHEN, animal=animal, assessment=assessment, service=SERVICE))
    preview = io.BytesIO()
    Image.new("L", (8, 8)).save(preview, "PNG")
    picture.overlay(preview.getvalue(), assessment, scale=1.0)


def _header() -> Dataset:
    header = Dataset()
    header.SOPClassUID = DigitalXRayImageStorageForPresentation
    header.SOPInstanceUID, header.StudyInstanceUID, header.SeriesInstanceUID = map(derived_uid, "abc")
    header.Modality, header.Rows, header.Columns = "DX", 8, 8
    header.PhotometricInterpretation = "MONOCHROME2"
    header.PatientOrientation, header.ImagerPixelSpacing = ["L", "F"], [0.1, 0.1]
    return header
