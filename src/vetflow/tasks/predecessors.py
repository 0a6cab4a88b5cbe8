"""What a new case's results follow from: those of an earlier revision, or of another model on the same film."""

from collections.abc import Mapping

from vetflow.dicom import fields, header
from vetflow.dicom.predecessor import predecessor
from vetflow.domain.case import CaseRef
from vetflow.domain.delivery import ResultKind
from vetflow.domain.standing import REPLACED, Predecessor
from vetflow.wiring import services

_OBJECTS = frozenset({ResultKind.SR, ResultKind.GSPS, ResultKind.SEG, ResultKind.SC, ResultKind.KOS})


def predecessors(case: CaseRef) -> Mapping[ResultKind, tuple[Predecessor, ...]]:
    """Return the latest objects of earlier cases on the same subject, by kind.

    What a veterinarian signed is left out: a suggestion replaces no signed report.
    """
    found: dict[ResultKind, tuple[Predecessor, ...]] = {}
    for result in services().ledger.predecessors(case.id):
        if result.kind in _OBJECTS:
            written = header.read(services().store.get(result.digest))
            if fields.text(written, "VerificationFlag") == "VERIFIED":
                continue
            found[result.kind] = (*found.get(result.kind, ()), predecessor(written, purpose=REPLACED))
    return found
