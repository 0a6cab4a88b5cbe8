"""An assessment as a DICOM structured report: TID 1500 in a Comprehensive 3D SR, complete but unverified.

Built from the film's own header, so that the report carries the animal's whole identity, and the owner's only as far
as the film did: nothing has to be mapped back from the de-identified copy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import (
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
)
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code as ConceptCode

from vetflow.dicom import fields, groups
from vetflow.dicom.uids import derived_uid
from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import Assessment

SERIES_DESCRIPTION = "AI suggestion - requires verification"
SCHEME = "99VETFLOW"

_SERIES_NUMBER = 900
_MANUFACTURER = "vetflow"
_TITLE = ConceptCode("126000", "DCM", "Imaging Measurement Report")
_PROCEDURE = ConceptCode("363679005", "SCT", "Imaging procedure")
_DEVICE = CodedConcept("121007", "DCM", "Device")
_LIBRARY = frozenset({
    "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1.1",
})  # fmt: skip
"""CR and DX: the images whose descriptors (TID 1603) the image library can give."""

_REFERENCE = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_STAND_IN = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate",
    "StudyTime", "ReferringPhysicianName",
)  # fmt: skip
_BLANK_FOR_ANIMALS: Mapping[str, object] = {
    "PatientSexNeutered": "",
    "PatientBreedDescription": "",
    "PatientBreedCodeSequence": [],
    "BreedRegistrationSequence": [],
    "ResponsiblePerson": "",
    "ResponsibleOrganization": "",
}
"""Type 2C in the report as soon as a species is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportIdentity:
    """What makes a report the one it is: the same identity gives the same UIDs and the same bytes.

    Parameters
    ----------
    digests
        SHA-256 of each film judged, in order.
    use_case
        Such as ``positioning``.
    made_at
        When the assessment was made, with its time zone.
    revision
        Of the study; None for a case of one film.
    software
        Version of vetflow.
    caveats
        What a reader must know of the model, one short sentence each, such as what it was trained on.
    """

    digests: tuple[str, ...]
    use_case: str
    made_at: datetime
    software: str
    revision: int | None = None
    caveats: tuple[str, ...] = ()

    def uid(self, assessment: Assessment, *what: str) -> str:
        """Return the UID of a part of the report; it follows from inputs, use case, model digest and revision."""
        model = assessment.model.digest if assessment.model else ""
        return derived_uid(*self.digests, self.use_case, model, str(self.revision or 0), *what)


def report(source: Dataset, assessment: Assessment, *, identity: ReportIdentity) -> Dataset:
    """Return the structured report of an assessment of one film.

    Parameters
    ----------
    source
        The film's original header, from :func:`vetflow.dicom.header.read`.

    Raises
    ------
    StudyRefused
        ``report_impossible`` when the film is of a class that reports can't refer to.
    """
    stand_in = _stand_in(source)
    try:
        document = _document(stand_in, assessment, identity)
        document.copy_patient_and_study_information(_readable(source))
    except KeyError:
        raise StudyRefused("report_impossible", "The film's SOP class is not an image that reports refer to.") from None
    _finish(document, source, identity)
    return document


def to_bytes(dataset: Dataset) -> bytes:
    """Return a dataset as a file with a preamble of zeros."""
    file = BytesIO()
    dataset.preamble = bytes(128)
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _document(image: Dataset, assessment: Assessment, identity: ReportIdentity) -> Comprehensive3DSR:
    context = groups.Context(
        image=image, model=assessment.model, caveats=identity.caveats,
        uid=lambda what: identity.uid(assessment, what), software=identity.software,
    )  # fmt: skip
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=_observer(identity)),
        procedure_reported=_PROCEDURE,
        imaging_measurements=groups.of(assessment, context),
        title=_TITLE,
        referenced_images=[image] if image.SOPClassUID in _LIBRARY else None,
    )
    made_at = identity.made_at.astimezone()
    return Comprehensive3DSR(
        evidence=[image], content=content, is_complete=True, is_final=False, is_verified=False,
        series_instance_uid=identity.uid(assessment, "SR", "series"), series_number=_SERIES_NUMBER,
        sop_instance_uid=identity.uid(assessment, "SR", "instance"), instance_number=1,
        series_description=SERIES_DESCRIPTION, manufacturer=_MANUFACTURER, manufacturer_model_name=identity.use_case,
        software_versions=identity.software, device_serial_number="1",
        content_date=made_at.date(), content_time=made_at.time(),
        coding_schemes=[CodingSchemeIdentificationItem(designator=SCHEME, name="vetflow private codes")],
    )  # fmt: skip


def _observer(identity: ReportIdentity) -> ObserverContext:
    return ObserverContext(
        observer_type=_DEVICE,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=derived_uid("vetflow", "device", identity.use_case, identity.software),
            name=f"vetflow {identity.use_case}", manufacturer_name=_MANUFACTURER,
            model_name=identity.use_case, serial_number=identity.software,
        ),
    )  # fmt: skip


def _stand_in(source: Dataset) -> Dataset:
    """Return a header with all that highdicom insists on: it checks values that equipment writes as it likes."""
    image = Dataset()
    for keyword in _REFERENCE:
        setattr(image, keyword, fields.text(source, keyword))
    for keyword in _STAND_IN:
        setattr(image, keyword, "")
    image.Rows, image.Columns = fields.count(source, "Rows"), fields.count(source, "Columns")
    orientation = [value for value in fields.texts(source, "PatientOrientation") if value]
    spacing = [value for value in fields.texts(source, "ImagerPixelSpacing") if _is_length(value)]
    described = len(orientation) == 2 and len(spacing) == 2
    image.Modality = fields.text(source, "Modality") if described else "OT"
    if described:
        image.PatientOrientation, image.ImagerPixelSpacing = orientation, spacing
    return image


def _is_length(value: str) -> bool:
    try:
        return float(value) > 0
    except ValueError:
        return False


def _readable(source: Dataset) -> Dataset:
    """Return the elements of a header that can be decoded at all."""
    kept = Dataset()
    for tag in source.keys():  # noqa: SIM118  iterating a Dataset itself decodes every element
        try:
            kept.add(source[tag])
        except fields.UNREADABLE:
            continue
    return kept


def _finish(document: Dataset, source: Dataset, identity: ReportIdentity) -> None:
    document.SpecificCharacterSet = "ISO_IR 192"
    made_at = identity.made_at.astimezone()
    document.InstanceCreationDate = document.SeriesDate = made_at.strftime("%Y%m%d")
    document.InstanceCreationTime = document.SeriesTime = made_at.strftime("%H%M%S.%f")
    document.TimezoneOffsetFromUTC = made_at.strftime("%z")
    for equipment in document.ContributingEquipmentSequence:
        equipment.ContributionDateTime = made_at.strftime("%Y%m%d%H%M%S.%f%z")
    for keyword in ("AnatomicalOrientationType", "IssuerOfPatientID"):
        if value := fields.text(source, keyword):
            setattr(document, keyword, value)
    if "PatientSpeciesDescription" in document or "PatientSpeciesCodeSequence" in document:
        for keyword, blank in _BLANK_FOR_ANIMALS.items():
            if keyword not in document:
                setattr(document, keyword, blank)
