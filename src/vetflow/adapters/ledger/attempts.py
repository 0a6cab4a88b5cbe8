"""Attempts at a case: each write compares case, attempt and state first, so that only the one in charge writes."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, exists, func, insert, select, update

from vetflow.adapters.ledger.database import CASE, ring
from vetflow.adapters.ledger.states import lock_study, of_subject
from vetflow.adapters.ledger.tables import AttemptRow, CaseRow, InstanceRow, RevisionRow
from vetflow.domain.case import CaseRef, CaseState
from vetflow.domain.errors import StaleAttempt
from vetflow.domain.use_cases import DRAFT

Values = dict[str, str | int | ColumnElement[datetime] | None]
_POSTPONED = "postponed"


def stale(ref: CaseRef) -> StaleAttempt:
    """Return the error of an attempt that is not, or no longer, in charge."""
    return StaleAttempt(f"attempt {ref.attempt} is not in charge of {ref.id}")


def note(connection: Connection, ref: CaseRef, values: Values) -> None:
    """Keep when a step of an attempt was."""
    this = (AttemptRow.case_id == ref.id, AttemptRow.number == ref.attempt)
    connection.execute(update(AttemptRow).where(*this).values(values))


def retry(
    connection: Connection, ref: CaseRef, condition: ColumnElement[bool], *, reason: str, most: int
) -> CaseRef | None:
    """Open the next attempt of a case for which the condition holds, or return None when ``most`` were made.

    Attempts that were postponed don't count.
    """
    made = select(func.count()).where(AttemptRow.case_id == ref.id, AttemptRow.outcome != _POSTPONED)
    if connection.execute(made).scalar_one() >= most:
        return None
    return _following(connection, ref, condition, reason=reason, outcome="again")


def postpone(
    connection: Connection, ref: CaseRef, condition: ColumnElement[bool], *, reason: str, first: float, cap: float
) -> CaseRef:
    """Open the next attempt of a case, to begin in `first` seconds, each time twice as long and at most in `cap`."""
    seconds = min(cap, first * 2.0 ** min(ref.attempt - 1, 30))
    wait = func.now() + timedelta(seconds=seconds)
    return _following(connection, ref, condition, reason=reason, outcome=_POSTPONED, not_before=wait)


def _following(
    connection: Connection, ref: CaseRef, condition: ColumnElement[bool], *, reason: str, outcome: str,
    not_before: ColumnElement[datetime] | None = None,
) -> CaseRef:  # fmt: skip
    values: Values = {
        "attempt": ref.attempt + 1,
        "state": CaseState.WAITING.value,
        "run_id": "",
        "submitted_at": None,
        "lease_owner": None,
        "lease_until": None,
        "reason": reason,
        "not_before": func.now() if not_before is None else not_before,
    }
    change = update(CaseRow).where(CaseRow.id == ref.id, CaseRow.attempt == ref.attempt, condition)
    if not connection.execute(change.values(values)).rowcount:
        raise stale(ref)
    note(connection, ref, {"ended_at": func.now(), "outcome": outcome, "reason": reason})
    connection.execute(insert(AttemptRow).values(case_id=ref.id, number=ref.attempt + 1))
    ring(connection, CASE)
    return CaseRef(id=ref.id, attempt=ref.attempt + 1)


def end(
    connection: Connection, ref: CaseRef, condition: ColumnElement[bool], *, state: CaseState, reason: str = ""
) -> ColumnElement[bool]:
    """End a case for which the condition holds; return the condition of its instances, their study locked."""
    values: Values = {
        "state": state.value,
        "reason": reason,
        "ended_at": func.now(),
        "lease_owner": None,
        "lease_until": None,
    }
    change = (
        update(CaseRow)
        .where(CaseRow.id == ref.id, CaseRow.attempt == ref.attempt, condition)
        .values(values)
        .returning(CaseRow.study_id, CaseRow.revision, CaseRow.instance_id, CaseRow.use_case)
    )
    ended = connection.execute(change).one_or_none()
    if ended is None:
        raise stale(ref)
    note(connection, ref, {"ended_at": func.now(), "outcome": state.value, "reason": reason})
    study_id, revision, instance_id, use_case = ended
    latest = lock_study(connection, study_id)
    subject = of_subject(study_id, revision, instance_id)
    if use_case != DRAFT:
        _outdate(connection, study_id, revision or latest, subject)
    return subject


def _outdate(connection: Connection, study_id: str, number: int, subject: ColumnElement[bool]) -> None:
    """Note that the draft of a revision, if it holds the subject, does not know of all that was said any more."""
    held = exists().where(InstanceRow.study_id == study_id, InstanceRow.revision <= number, subject)
    this = (RevisionRow.study_id == study_id, RevisionRow.number == number, held)
    connection.execute(update(RevisionRow).where(*this).values(draft_due=True))
