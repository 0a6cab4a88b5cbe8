"""Pictures as DICOM secondary captures (SC), with everything burned in, for viewers that read nothing else."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from vetflow.dicom import fields
from vetflow.dicom.case import case_of
from vetflow.dicom.derived import SOURCE, Kind, derived, reference
from vetflow.dicom.identity import ReportIdentity
from vetflow.domain.delivery import ResultKind
from vetflow.domain.finding import Assessment
from vetflow.domain.standing import SUGGESTION, Standing

BANNER = "AI - not verified"
SIGNED_BANNER = "AI-assisted, signed by a veterinarian"
_KIND = Kind(result=ResultKind.SC, sop_class=SecondaryCaptureImageStorage, modality="OT", series_number=911)
_HEIGHT, _LETTERS = 48, 30
_SIDES = frozenset("LRUB")
_AMBER, _GREEN, _BLACK = "#fbbc04", "#81c995", "#000000"


def capture(
    source: Dataset,
    picture: NDArray[np.uint8],
    assessment: Assessment,
    *,
    identity: ReportIdentity,
    standing: Standing = SUGGESTION,
) -> Dataset:
    """Return the picture of one image as a secondary capture with a banner that says whether anybody verified it.

    Parameters
    ----------
    source
        Original header of the image, from :func:`vetflow.dicom.header.read`.
    picture
        Rows × columns × red, green, blue, such as :func:`vetflow.dicom.picture.drawing` draws.

    Raises
    ------
    StudyRefused
        ``report_impossible`` when the image is of no known class.
    """
    sop_class, sop_uid = (fields.text(source, keyword) for keyword in ("SOPClassUID", "SOPInstanceUID"))
    case = case_of([source], assessment, identity=identity, standing=standing)
    document = derived(_KIND, [source], case, name=sop_uid)
    banner = SIGNED_BANNER if standing.signature else BANNER
    document.ImageType = ["DERIVED", "SECONDARY"]
    document.ConversionType, document.BurnedInAnnotation = "WSD", "YES"
    document.DerivationDescription = f"Image with the findings of {identity.use_case} burned in: {banner}"
    document.SourceImageSequence = [reference(sop_class, sop_uid, SOURCE)]
    document.PatientOrientation = fields.texts(source, "PatientOrientation")
    _side(document, source)
    _fill(document, _headed(picture, banner, _GREEN if standing.signature else _AMBER))
    return document


def _side(document: Dataset, source: Dataset) -> None:
    """Say which of a pair the source shows; where it does not, that nobody knows (Laterality is of type 2C)."""
    sides = [fields.text(source, keyword) for keyword in ("ImageLaterality", "Laterality")]
    known = next((side for side in sides if side in _SIDES), "")
    if known:
        document.ImageLaterality = known
    else:
        document.Laterality = ""


def _headed(picture: NDArray[np.uint8], banner: str, colour: str) -> NDArray[np.uint8]:
    """Return the picture below a strip of its own width: a banner on the picture would hide some of it."""
    strip = Image.new("RGB", (picture.shape[1], _HEIGHT), colour)
    pen, font = ImageDraw.Draw(strip), ImageFont.load_default(_LETTERS)
    pen.text((picture.shape[1] / 2, _HEIGHT / 2), banner, fill=_BLACK, font=font, anchor="mm")
    return np.concatenate([np.asarray(strip), picture])


def _fill(document: Dataset, picture: NDArray[np.uint8]) -> None:
    document.Rows, document.Columns, document.SamplesPerPixel = picture.shape
    document.PhotometricInterpretation, document.PlanarConfiguration = "RGB", 0
    document.BitsAllocated = document.BitsStored = 8
    document.HighBit, document.PixelRepresentation = 7, 0
    pixels = picture.tobytes()
    document.add_new("PixelData", "OB", pixels + bytes(len(pixels) % 2))
