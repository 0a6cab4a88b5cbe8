"""How cases end: done with results, refused, failed or cancelled; all or nothing, and only by the attempt in charge."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from vetflow.adapters.ledger.attempts import end, postpone, retry
from vetflow.adapters.ledger.database import OWED, Part, opaque, ring
from vetflow.adapters.ledger.findings import finding_values
from vetflow.adapters.ledger.schema import is_in
from vetflow.adapters.ledger.states import kept, settle
from vetflow.adapters.ledger.tables import CaseRow, DeliveryRow, FindingRow, InstanceRow, ResultRow
from vetflow.domain.case import CaseRef, CaseState
from vetflow.domain.delivery import DeliveryState, Owed, ResultObject
from vetflow.domain.finding import Assessment
from vetflow.domain.study import InstanceState

_UNFINISHED = ~is_in(CaseRow.state, *(state for state in CaseState if state.ended))


class EndingRows(Part):
    """The last word of each attempt; StaleAttempt and nothing written when another is in charge."""

    def finish(
        self,
        ref: CaseRef,
        assessment: Assessment,
        results: Sequence[ResultObject],
        owed: Sequence[Owed],
        *,
        steps: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """Commit results, findings and deliveries and end the case as done, all or nothing."""
        with self._database.transaction() as connection:
            subject = end(connection, ref, is_in(CaseRow.state, CaseState.RUNNING), state=CaseState.DONE)
            _keep_assessment(connection, ref, assessment, steps)
            keep_results(connection, ref.id, results)
            owe(connection, ref.id, owed)
            settle(connection, subject)

    def refuse_case(self, ref: CaseRef, reason: str) -> None:
        """End the case as refused; its film is quarantined when the case is of one film."""
        with self._database.transaction() as connection:
            subject = end(connection, ref, _UNFINISHED, state=CaseState.REFUSED, reason=reason)
            film = select(CaseRow.instance_id).where(CaseRow.id == ref.id).scalar_subquery()
            values = {"state": InstanceState.QUARANTINED.value, "reason": reason or "unknown"}
            connection.execute(update(InstanceRow).where(InstanceRow.id == film, kept).values(values))
            settle(connection, subject)

    def fail(self, ref: CaseRef, reason: str, *, again: bool, most: int) -> None:
        """Give up this attempt: the next one waits when ``again`` and fewer than ``most`` were made, else failed."""
        with self._database.transaction() as connection:
            if not again or retry(connection, ref, _UNFINISHED, reason=reason, most=most) is None:
                settle(connection, end(connection, ref, _UNFINISHED, state=CaseState.FAILED, reason=reason))

    def put_off(self, ref: CaseRef, reason: str, *, first: float, cap: float) -> None:
        """Give up this attempt while the outside is not ready: the next begins in `first` seconds, later each time."""
        with self._database.transaction() as connection:
            postpone(connection, ref, _UNFINISHED, reason=reason, first=first, cap=cap)

    def cancel(self, ref: CaseRef) -> None:
        """End the case because a person cancelled it."""
        with self._database.transaction() as connection:
            settle(connection, end(connection, ref, _UNFINISHED, state=CaseState.CANCELLED))


def _keep_assessment(connection: Connection, ref: CaseRef, assessment: Assessment, steps: Mapping[str, float]) -> None:
    model = assessment.model
    values = {
        "verdict": assessment.verdict.value,
        "abstained": assessment.abstained,
        "model_name": model.name if model else None,
        "model_version": model.version if model else None,
        "model_digest": model.digest if model else None,
        "model_calibration": model.calibration if model else None,
        "steps": dict(steps),
    }
    connection.execute(update(CaseRow).where(CaseRow.id == ref.id).values(values))
    if assessment.findings:
        rows = [finding_values(ref.id, position, finding) for position, finding in enumerate(assessment.findings)]
        connection.execute(insert(FindingRow), rows)


def keep_results(connection: Connection, case_id: str, results: Sequence[ResultObject], *, edition: int = 0) -> None:
    """Write what a case, or a review of it, made."""
    if results:
        rows = [
            {
                "case_id": case_id,
                "kind": result.kind.value,
                "uid": result.uid,
                "digest": result.digest,
                "edition": edition,
            }
            for result in dict.fromkeys(results)
        ]
        connection.execute(insert(ResultRow), rows)


def owe(connection: Connection, case_id: str, owed: Sequence[Owed]) -> None:
    """Write the outbox; a result that is owed to a destination already is not owed twice."""
    if not owed:
        return
    connection.execute(upsert(DeliveryRow).on_conflict_do_nothing(), [_delivery_row(case_id, one) for one in owed])
    if not all(one.held for one in owed):
        ring(connection, OWED)


def _delivery_row(case_id: str, owed: Owed) -> dict[str, str]:
    return {
        "id": opaque("dlv"),
        "case_id": case_id,
        "destination": owed.destination,
        "channel": owed.channel.value,
        "kind": owed.result.kind.value,
        "uid": owed.result.uid,
        "digest": owed.result.digest,
        "state": (DeliveryState.HELD if owed.held else DeliveryState.OWED).value,
    }
