"""Studies as headers and a PACS's answers name them: what to ask for, and what an answer says (PS3.4 C.6.2.1)."""

from datetime import date

from pydicom.dataset import Dataset

from vetflow.dicom import claims, fields
from vetflow.domain.priors import Answer, Patient, Question, StudyAt, Traits
from vetflow.domain.signalment import plain
from vetflow.domain.study import is_uid
from vetflow.domain.view import region_from_text

_ASKED = (
    "IssuerOfPatientID", "StudyDate", "StudyTime", "ModalitiesInStudy", "StudyDescription",
    "NumberOfStudyRelatedInstances",
)  # fmt: skip


def keys(question: Question) -> dict[str, str]:
    """Return the keys of a question with what they match, empty where they ask only.

    The issuer is asked for and not matched: a PACS may know none, and its answers are checked anyway.
    """
    matched = {
        "PatientID": question.patient.id if question.patient else "",
        "AccessionNumber": question.accession,
        "StudyInstanceUID": question.study_uid,
    }
    return matched | dict.fromkeys(_ASKED, "")


def answer(said: Dataset, question: Question) -> Answer | None:
    """Return what one answer says; None when it names no study, or not what was asked for: some PACS ignore a key."""
    for keyword, value in keys(question).items():
        if value and fields.text(said, keyword) != value:
            return None
    return Answer(study=study(said), patient=patient(said)) if is_uid(fields.text(said, "StudyInstanceUID")) else None


def study(header: Dataset) -> StudyAt:
    """Return which study an answer, or an instance's own header, is of."""
    return StudyAt(
        study_uid=fields.text(header, "StudyInstanceUID"),
        on=date_of(header, "StudyDate"),
        clock=_clock(fields.text(header, "StudyTime")),
        modalities=tuple(fields.texts(header, "ModalitiesInStudy") or fields.texts(header, "Modality")),
        region=region_from_text(fields.text(header, "StudyDescription")),
        instances=fields.count(header, "NumberOfStudyRelatedInstances") or None,
    )


def date_of(header: Dataset, keyword: str) -> date | None:
    """Return a DA value, dotted as before 1993 too (PS3.5 section 6.2); None when it is none."""
    try:
        return date.fromisoformat(fields.text(header, keyword).replace(".", ""))
    except ValueError:
        return None


def patient(header: Dataset) -> Patient:
    """Return whose a header is."""
    return Patient(id=fields.text(header, "PatientID"), issuer=fields.text(header, "IssuerOfPatientID"))


def traits(header: Dataset) -> Traits:
    """Return what else a header says of the animal."""
    return Traits(
        species=claims.routing_facts(header).species,
        names=frozenset(word for word in plain(fields.text(header, "PatientName")).split() if len(word) > 1),
        chips=frozenset(
            fields.text(item, "PatientID")
            for item in fields.items(header, "OtherPatientIDsSequence")
            if fields.text(item, "TypeOfPatientID") == "RFID"
        )
        - {""},
    )


def _clock(text: str) -> str:
    """Return the hours, minutes and seconds of a TM value; empty when it says less."""
    digits = text.partition(".")[0].replace(":", "")
    return digits if len(digits) == 6 and digits.isdigit() else ""
