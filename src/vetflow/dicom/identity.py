"""What a result derives from and whose it is: its UIDs, the animal of its source, and its dates.

Every result is built from an image's own header, so that it carries the animal's whole identity, and the owner's only
as far as the image did: nothing has to be mapped back from the de-identified copy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from highdicom.base import SOPClass
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom.dataset import Dataset

from vetflow.dicom import fields
from vetflow.dicom.uids import derived_uid
from vetflow.domain.coding import SCHEME
from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import Assessment
from vetflow.domain.standing import Standing

MANUFACTURER = "vetflow"
RULES = "vetflow rules"
"""Who says what rests on no model."""
SERIAL = "1"
"""Type 1 in several classes; vetflow is one device a site."""
SERIES_DESCRIPTION = "AI suggestion - requires verification"
SIGNED_DESCRIPTION = "AI-assisted findings, signed"

_REFERENCE = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_BLANK = (
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
"""Type 2C in a result as soon as a species is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportIdentity:
    """What makes a result the one it is: the same identity gives the same UIDs and the same bytes.

    Parameters
    ----------
    digests
        SHA-256 of each image judged, in order.
    use_case
        Such as ``positioning``.
    made_at
        When the assessment was made, with its time zone.
    revision
        Of the study; None for a case of one film.
    round
        Of the case: one that was asked for again writes objects of its own.
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
    round: int = 1

    def uid(self, assessment: Assessment, *what: str, edition: int = 0) -> str:
        """Return the UID of a part of a result.

        It follows from inputs, use case, model digest, revision, round and edition.
        """
        model = assessment.model.digest if assessment.model else ""
        later = (*((f"round {self.round}",) if self.round > 1 else ()), *((f"edition {edition}",) if edition else ()))
        return derived_uid(*self.digests, self.use_case, model, str(self.revision or 0), *later, *what)

    def tracking_uid(self, source: Dataset, identifier: str) -> str:
        """Return the UID that a finding of this study or film keeps in every revision, edition and model."""
        film = (fields.text(source, "SOPInstanceUID"),) if self.revision is None else ()
        return derived_uid("tracking", fields.text(source, "StudyInstanceUID"), *film, self.use_case, identifier)


def stand_in(source: Dataset) -> Dataset:
    """Return a header with what a reference needs, and blanks where highdicom checks what equipment writes freely."""
    image = Dataset()
    for keyword in _REFERENCE:
        setattr(image, keyword, fields.text(source, keyword))
    for keyword in _BLANK:
        setattr(image, keyword, "")
    image.Modality = fields.text(source, "Modality") or "OT"
    image.Rows, image.Columns = fields.count(source, "Rows"), fields.count(source, "Columns")
    image.NumberOfFrames = fields.count(source, "NumberOfFrames") or 1
    image.SamplesPerPixel = fields.count(source, "SamplesPerPixel") or 1
    return image


def restore(document: SOPClass, source: Dataset, identity: ReportIdentity) -> None:
    """Give a result the animal and study of its source, and the dates of its identity instead of the clock's.

    Raises
    ------
    StudyRefused
        ``report_impossible`` when the source is of a class that highdicom does not know.
    """
    try:
        document.copy_patient_and_study_information(_readable(source))
    except KeyError:
        raise StudyRefused("report_impossible", "The SOP class is not an image that results refer to.") from None
    document.SpecificCharacterSet = "ISO_IR 192"
    _date(document, identity.made_at.astimezone())
    for keyword in ("AnatomicalOrientationType", "IssuerOfPatientID"):
        if value := fields.text(source, keyword):
            setattr(document, keyword, value)
    if "PatientSpeciesDescription" in document or "PatientSpeciesCodeSequence" in document:
        for keyword, blank in _BLANK_FOR_ANIMALS.items():
            if keyword not in document:
                setattr(document, keyword, blank)


def schemes() -> list[CodingSchemeIdentificationItem]:
    """Return the identification of the scheme of private codes."""
    return [CodingSchemeIdentificationItem(designator=SCHEME, name="vetflow private codes")]


def to_bytes(dataset: Dataset) -> bytes:
    """Return a dataset as a file with a preamble of zeros."""
    file = BytesIO()
    dataset.preamble = bytes(128)
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def series_description(standing: Standing) -> str:
    """Return what a PACS shows of a series: a suggestion, or findings that somebody signed."""
    return SIGNED_DESCRIPTION if standing.signature else SERIES_DESCRIPTION


def _date(document: Dataset, made_at: datetime) -> None:
    day, time = made_at.strftime("%Y%m%d"), made_at.strftime("%H%M%S.%f")
    document.InstanceCreationDate = document.SeriesDate = day
    document.InstanceCreationTime = document.SeriesTime = time
    document.TimezoneOffsetFromUTC = made_at.strftime("%z")
    for equipment in document.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = made_at.strftime("%Y%m%d%H%M%S.%f%z")


def _readable(source: Dataset) -> Dataset:
    """Return the elements of a header that can be decoded at all."""
    kept = Dataset()
    for tag in source.keys():  # noqa: SIM118  iterating a Dataset itself decodes every element
        try:
            kept.add(source[tag])
        except fields.UNREADABLE:
            continue
    return kept
