"""What a new case's results follow from: those of an earlier revision, or of another model on the same film."""

from collections.abc import Mapping

from vetflow.dicom import header
from vetflow.dicom.predecessor import predecessor
from vetflow.dicom.verification import verified
from vetflow.domain.case import CaseRef
from vetflow.domain.delivery import ResultKind
from vetflow.domain.standing import REPLACED, Predecessor
from vetflow.wiring import services

_NAMING = frozenset({ResultKind.SR, ResultKind.SEG, ResultKind.SC})
"""Presentation states and key objects have no place to name what they follow from."""


def predecessors(case: CaseRef) -> Mapping[ResultKind, tuple[Predecessor, ...]]:
    """Return the latest objects of earlier cases on the same subject, by kind.

    What a veterinarian signed is left out: a suggestion replaces no signed report.
    """
    found: dict[ResultKind, tuple[Predecessor, ...]] = {}
    for result in services().ledger.predecessors(case.id):
        if result.kind in _NAMING:
            written = header.read(services().store.get(result.digest))
            if not verified(written):
                found[result.kind] = (*found.get(result.kind, ()), predecessor(written, purpose=REPLACED))
    return found
