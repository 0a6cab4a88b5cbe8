"""Rows as lines for people."""

from vetflow.adapters.ledger.tables import AttemptRow, CaseRow, DeliveryRow, InstanceRow, RefusalRow, RevisionRow
from vetflow.domain.case import CaseState, Queue
from vetflow.domain.delivery import Channel, DeliveryState
from vetflow.domain.overview import AttemptLine, CaseLine, DeliveryLine, InstanceLine, RefusalLine, RevisionLine
from vetflow.domain.study import Instance, InstanceState


def revision_line(row: RevisionRow) -> RevisionLine:
    """Return when and why a study was judged complete."""
    return RevisionLine(number=row.number, closed_at=row.closed_at, reason=row.reason, forced=row.forced)


def instance_line(row: InstanceRow) -> InstanceLine:
    """Return an instance of a study."""
    instance = Instance(
        id=row.id,
        study_id=row.study_id,
        digest=row.digest,
        size=row.size,
        sop_class=row.sop_class,
        transfer_syntax=row.transfer_syntax,
        state=InstanceState(row.state),
        reason=row.reason,
    )
    return InstanceLine(
        instance=instance,
        received_at=row.received_at,
        modality=row.modality or "",
        revision=row.revision,
        copies=row.copies,
    )


def refusal_line(row: RefusalRow) -> RefusalLine:
    """Return what a sender was told to keep."""
    return RefusalLine(at=row.refused_at, sender=row.sender, reason=row.reason, status=row.status)


def case_line(row: CaseRow) -> CaseLine:
    """Return a case."""
    return CaseLine(
        id=row.id,
        use_case=row.use_case,
        study_id=row.study_id,
        revision=row.revision,
        instance_id=row.instance_id,
        round=row.round,
        queue=Queue(row.queue),
        state=CaseState(row.state),
        attempt=row.attempt,
        run_id=row.run_id,
        reason=row.reason,
        opened_at=row.opened_at,
        ended_at=row.ended_at,
    )


def attempt_line(row: AttemptRow) -> AttemptLine:
    """Return a try at a case."""
    return AttemptLine(
        number=row.number,
        opened_at=row.opened_at,
        submitted_at=row.submitted_at,
        claimed_at=row.claimed_at,
        ended_at=row.ended_at,
        run_id=row.run_id,
        outcome=row.outcome,
        reason=row.reason,
    )


def delivery_line(row: DeliveryRow) -> DeliveryLine:
    """Return a result owed to a destination."""
    return DeliveryLine(
        id=row.id,
        case_id=row.case_id,
        destination=row.destination,
        channel=Channel(row.channel),
        kind=row.kind,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        owed_at=row.owed_at,
        next_at=row.next_at,
        ended_at=row.ended_at,
        last_error=row.last_error,
        failure=row.failure_class,
        status=row.status,
    )


def steps_of(row: CaseRow) -> dict[str, float]:
    """Return the seconds of each step; jsonb forgets their order, which the attempt's times tell."""
    return {name: float(seconds) for name, seconds in row.steps.items() if isinstance(seconds, int | float)}
