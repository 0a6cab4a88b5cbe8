"""Take a case and bring its film."""

from dataclasses import dataclass

from vetflow.dicom import header
from vetflow.domain.case import CaseRef, Subject
from vetflow.domain.errors import StudyRefused
from vetflow.domain.evidence import TagEvidence
from vetflow.tasks.step import step
from vetflow.wiring import services


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A film on its way through a case: where its bytes are and what its tags claim.

    Parameters
    ----------
    digest
        SHA-256 of the film in the store.
    """

    subject: Subject
    digest: str
    evidence: TagEvidence


@step
def retrieve(case: CaseRef) -> Film:
    """Return the film of a case with its tag evidence; the case's lease is held from here on."""
    subject = services().leases.hold(case)
    if len(subject.digests) != 1:
        raise StudyRefused("not_one_film", "this use case looks at one film")
    data = services().store.get(subject.digests[0])
    return Film(subject=subject, digest=subject.digests[0], evidence=header.evidence(data))
