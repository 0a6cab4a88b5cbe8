"""Where a document stands, in its header: what it follows from, and who signed it (PS3.3 C.17.2)."""

from collections import defaultdict
from collections.abc import Sequence

from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset

from vetflow.dicom import fields
from vetflow.domain.coding import Code
from vetflow.domain.standing import Predecessor, Signature, Standing

_LONGEST = 64


def stand(document: Dataset, standing: Standing) -> None:
    """Name the predecessors of a structured report and why it follows from them, and verify it when it is signed."""
    if standing.predecessors:
        document.PredecessorDocumentsSequence = _predecessors(standing.predecessors)
    if standing.signature:
        _verify(document, standing.signature)


def verified(document: Dataset) -> bool:
    """Whether somebody signed a written document; objects that can't be signed are not."""
    return fields.text(document, "VerificationFlag") == "VERIFIED"


def _verify(document: Dataset, signature: Signature) -> None:
    if document.CompletionFlag != "COMPLETE":
        raise ValueError("only a complete document can be verified")
    observer = Dataset()
    observer.VerifyingObserverName = person_name(signature.name)
    observer.VerifyingObserverIdentificationCodeSequence = []
    observer.VerifyingOrganization = one_line(signature.organization)
    observer.VerificationDateTime = signature.at.astimezone().strftime("%Y%m%d%H%M%S.%f%z")
    document.VerifyingObserverSequence = [observer]
    document.VerificationFlag, document.PreliminaryFlag = "VERIFIED", "FINAL"


def _predecessors(predecessors: Sequence[Predecessor]) -> list[Dataset]:
    studies = defaultdict[str, dict[str, list[Dataset]]](dict)
    for one in predecessors:
        studies[one.study_uid].setdefault(one.series_uid, []).append(_reference(one))
    items = list[Dataset]()
    for study_uid, series in studies.items():
        item = Dataset()
        item.ReferencedSeriesSequence = [_series(uid, references) for uid, references in series.items()]
        item.StudyInstanceUID = study_uid
        items.append(item)
    return items


def _series(uid: str, references: list[Dataset]) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID, item.ReferencedSOPSequence = uid, references
    return item


def _reference(one: Predecessor) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.sop_class, one.sop_uid
    item.PurposeOfReferenceCodeSequence = [coded(one.purpose)]
    return item


def coded(code: Code) -> Dataset:
    """Return the item of a code sequence; a value of more than 16 characters is a Long Code Value (PS3.3 8.1)."""
    return CodedConcept(code.value, code.scheme, code.meaning[:_LONGEST])


def person_name(name: str) -> str:
    """Return a person name with its family name marked off, so that no library warns of it by quoting it."""
    plain = one_line(name.replace("=", "-"))
    return plain if "^" in plain else f"{plain[: _LONGEST - 1]}^"


def one_line(text: str) -> str:
    """Return a typed text as one value of 64 characters: a backslash would part it, a control character spoil it."""
    return "".join(letter if letter.isprintable() else " " for letter in text.replace("\\", "/")).strip()[:_LONGEST]
