"""Which images a report describes in its image library (TID 1600), and what it can say of each."""

from pydicom.dataset import Dataset

from vetflow.dicom import fields
from vetflow.dicom.case import Case
from vetflow.domain.study import is_uid

_FILMS = frozenset({
    "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1.1",
})  # fmt: skip
"""CR and DX."""
_PROJECTIONS = frozenset({"CR", "DX", "IO", "MG", "PX", "RF", "RG", "XA"})
_SLICES = frozenset({"CT", "MR", "PT"})
_DESCRIBED = {"ImageOrientationPatient": 6, "ImagePositionPatient": 3, "PixelSpacing": 2, "SliceThickness": 1}


def described(case: Case) -> list[Dataset]:
    """Return the images of a report's library, each once and with the descriptors that its header really has.

    All films, and of other kinds those that findings are of: sixteen lines on each slice of a CT would bury the report
    (all images are in its list of evidence anyway).
    """
    spoken_of = {finding.image for finding in case.assessment.findings} or {0}
    found: dict[str, Dataset] = {}
    for number, (source, image) in enumerate(zip(case.sources, case.images, strict=True)):
        if image.SOPClassUID in _FILMS or number in spoken_of:
            found.setdefault(image.SOPInstanceUID, _entry(source, image))
    return list(found.values())


def _entry(source: Dataset, image: Dataset) -> Dataset:
    """Call an image of no known kind (OT) when a descriptor of its kind is missing: highdicom demands all or none."""
    entry = Dataset()
    for keyword in ("SOPClassUID", "SOPInstanceUID", "Rows", "Columns", "Modality"):
        entry[keyword] = image[keyword]
    if is_uid(frame_of_reference := fields.text(source, "FrameOfReferenceUID")):
        entry.FrameOfReferenceUID = frame_of_reference
    if not (_projection(source, entry) if image.Modality in _PROJECTIONS else _slice(source, entry)):
        entry.Modality = "OT"
    return entry


def _projection(source: Dataset, entry: Dataset) -> bool:
    orientation = [value for value in fields.texts(source, "PatientOrientation") if value]
    spacing = fields.numbers(source, "ImagerPixelSpacing")
    if len(orientation) != 2 or len(spacing) != 2 or min(spacing) <= 0:
        return False
    entry.PatientOrientation, entry.ImagerPixelSpacing = orientation, list(spacing)
    return True


def _slice(source: Dataset, entry: Dataset) -> bool:
    found = {keyword: fields.numbers(source, keyword) for keyword in _DESCRIBED}
    if entry.Modality not in _SLICES or any(len(found[keyword]) != count for keyword, count in _DESCRIBED.items()):
        return False
    for keyword, values in found.items():
        setattr(entry, keyword, values[0] if len(values) == 1 else list(values))
    return True
