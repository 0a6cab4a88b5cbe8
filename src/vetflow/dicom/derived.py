"""What every image made from other images has: a series of its own, the animal of its source, and references."""

from collections.abc import Sequence
from dataclasses import dataclass

from highdicom.base import SOPClass
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage, SegmentationStorage

from vetflow.dicom import fields
from vetflow.dicom.case import Case
from vetflow.dicom.identity import MANUFACTURER, SERIAL, restore, series_description
from vetflow.dicom.predecessor import predecessor
from vetflow.dicom.verification import coded
from vetflow.domain.coding import Code
from vetflow.domain.delivery import ResultKind
from vetflow.domain.standing import Standing

SOURCE = Code(value="121322", scheme="DCM", meaning="Source image for image processing operation")
_IMAGES = frozenset({SecondaryCaptureImageStorage, SegmentationStorage})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What tells images of one kind from those of another.

    Parameters
    ----------
    result
        Names the kind in UIDs.
    sop_class
        Its UID.
    modality
        Of the series.
    series_number
        Next to the report's, so that a PACS lists them together.
    """

    result: ResultKind
    sop_class: UID
    modality: str
    series_number: int


def derived(kind: Kind, sources: Sequence[Dataset], case: Case, *, name: str) -> Dataset:
    """Return an image that still lacks its pixels and what is special about its kind.

    Parameters
    ----------
    sources
        Original headers of the images it is made from; the first gives it animal, study and number.
    name
        Tells it from others of its kind in the same case, the same way each time.

    Raises
    ------
    StudyRefused
        ``report_impossible`` when the first is of a class that highdicom does not know.
    """
    source, identity, made_at = sources[0], case.identity, case.identity.made_at.astimezone()
    image = SOPClass(
        study_instance_uid=fields.text(source, "StudyInstanceUID"), series_instance_uid=case.uid(kind.result, "series"),
        sop_instance_uid=case.uid(kind.result, name), sop_class_uid=kind.sop_class, modality=kind.modality,
        series_number=kind.series_number, instance_number=fields.count(source, "InstanceNumber") or 1,
        transfer_syntax_uid=ExplicitVRLittleEndian, patient_id="", patient_name="", patient_birth_date="",
        patient_sex="", accession_number="", study_id="", study_date="", study_time="", referring_physician_name="",
        manufacturer=MANUFACTURER, manufacturer_model_name=identity.use_case, device_serial_number=SERIAL,
        software_versions=identity.software, series_description=series_description(case.standing),
        content_date=made_at.date(), content_time=made_at.time(),
    )  # fmt: skip
    restore(image, source, identity)
    _inherit_loss(image, source)
    _refer(image, sources, case.standing)
    return image


def _inherit_loss(image: Dataset, source: Dataset) -> None:
    """Say that an image comes of one that was compressed with loss (PS3.3 C.7.6.1.1.5)."""
    lossy = fields.text(source, "LossyImageCompression") == "01"
    image.LossyImageCompression = "01" if lossy else "00"
    for keyword in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        if lossy and (told := fields.texts(source, keyword)):
            setattr(image, keyword, told)


def reference(sop_class: str, sop_uid: str, purpose: Code | None = None) -> Dataset:
    """Return an item that names an instance, and what for."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_uid
    if purpose:
        item.PurposeOfReferenceCodeSequence = [coded(purpose)]
    return item


def _refer(image: Dataset, sources: Sequence[Dataset], standing: Standing) -> None:
    """List all that is referred to (PS3.3 C.12.2), and say of which objects this is the successor (C.12.4)."""
    studies: dict[str, dict[str, list[Dataset]]] = {image.StudyInstanceUID: {}}
    for one in (*(predecessor(source, purpose=SOURCE) for source in sources), *standing.predecessors):
        instances = studies.setdefault(one.study_uid, {}).setdefault(one.series_uid, [])
        instances.append(reference(one.sop_class, one.sop_uid))
    image.ReferencedSeriesSequence = _series(studies.pop(image.StudyInstanceUID))
    if studies:
        image.StudiesContainingOtherReferencedInstancesSequence = [_study(*study) for study in studies.items()]
    for keyword, images in (("ReferencedImageSequence", True), ("ReferencedInstanceSequence", False)):
        earlier = [one for one in standing.predecessors if (one.sop_class in _IMAGES) is images]
        if earlier:
            setattr(image, keyword, [reference(one.sop_class, one.sop_uid, one.purpose) for one in earlier])


def _study(uid: str, series: dict[str, list[Dataset]]) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID, item.ReferencedSeriesSequence = uid, _series(series)
    return item


def _series(series: dict[str, list[Dataset]]) -> list[Dataset]:
    items = list[Dataset]()
    for uid, instances in series.items():
        item = Dataset()
        item.SeriesInstanceUID, item.ReferencedInstanceSequence = uid, instances
        items.append(item)
    return items
