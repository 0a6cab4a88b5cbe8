"""Cases: opened once, run by attempts, held by leases that the database's clock ends."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from vetflow.adapters.ledger.attempts import end, note, retry, stale
from vetflow.adapters.ledger.database import CASE, Part, opaque, ring
from vetflow.adapters.ledger.schema import is_in
from vetflow.adapters.ledger.states import kept, lock_study, of_subject, process, settle
from vetflow.adapters.ledger.tables import AttemptRow, CaseRow, InstanceRow
from vetflow.domain.case import CaseOrder, CaseRef, CaseState, Lapsed, Queue, Subject, WaitingCase
from vetflow.domain.errors import StudyRefused

_RANK: ColumnElement[int] = literal_column(
    "(CASE queue WHEN 'stat' THEN 0 WHEN 'routine' THEN 1 ELSE 2 END)", Integer()
)
_LAPSED = and_(is_in(CaseRow.state, CaseState.RUNNING), CaseRow.lease_until < func.now())


class CaseRows(Part):
    """The ledger as dispatcher, flows and reconciler see it; every write checks the attempt (StaleAttempt)."""

    def open_case(self, order: CaseOrder) -> str:
        """Return the id of the case, made when it is new; StudyRefused when all of it is quarantined or unknown.

        Asked for again, it is also made when the latest one has ended.
        """
        with self._database.transaction() as connection:
            lock_study(connection, order.study_id)
            return open_locked(connection, order)

    def waiting_cases(self, limit: int) -> Sequence[WaitingCase]:
        """Return cases that want a flow run for their attempt now, most urgent queue first, then oldest."""
        query = (
            select(CaseRow.id, CaseRow.attempt, CaseRow.use_case, CaseRow.queue)
            .where(is_in(CaseRow.state, CaseState.WAITING), CaseRow.not_before <= func.now())
            .order_by(_RANK, CaseRow.seq)
            .limit(limit)
        )
        with self._database.statement() as connection:
            rows = connection.execute(query).all()
        return [
            WaitingCase(ref=CaseRef(id=case_id, attempt=attempt), use_case=use_case, queue=Queue(queue))
            for case_id, attempt, use_case, queue in rows
        ]

    def submitted(self, ref: CaseRef, run_id: str) -> None:
        """Record the flow run made for an attempt; a run that is faster than this record keeps its state."""
        with self._database.transaction() as connection:
            known = update(CaseRow).where(CaseRow.id == ref.id, CaseRow.attempt == ref.attempt).values(run_id=run_id)
            if not connection.execute(known).rowcount:
                raise stale(ref)
            waiting = and_(CaseRow.id == ref.id, is_in(CaseRow.state, CaseState.WAITING))
            values = {"state": CaseState.SUBMITTED.value, "submitted_at": func.now()}
            connection.execute(update(CaseRow).where(waiting).values(values))
            note(connection, ref, {"run_id": run_id, "submitted_at": func.now()})

    def claim(self, ref: CaseRef, *, owner: str, lease_seconds: float) -> Subject:
        """Take the lease and return what the case is about; StaleAttempt when another holds or ended it.

        The same attempt may claim twice: Prefect runs a flow's body again when its server was away at the end.
        """
        free = or_(
            is_in(CaseRow.state, CaseState.WAITING, CaseState.SUBMITTED),
            and_(is_in(CaseRow.state, CaseState.RUNNING), CaseRow.lease_owner == owner),
            _LAPSED,
        )
        values = {"state": CaseState.RUNNING.value, "lease_owner": owner, "lease_until": _after(lease_seconds)}
        take = (
            update(CaseRow)
            .where(CaseRow.id == ref.id, CaseRow.attempt == ref.attempt, free)
            .values(values)
            .returning(CaseRow.use_case, CaseRow.study_id, CaseRow.revision, CaseRow.instance_id, CaseRow.round)
        )
        with self._database.transaction() as connection:
            taken = connection.execute(take).one_or_none()
            if taken is None:
                raise stale(ref)
            note(connection, ref, {"claimed_at": func.now()})
            use_case, study_id, revision, instance_id, number = taken
            found = _instances(connection, of_subject(study_id, revision, instance_id))
            _note_judged(connection, ref, [digest for _, digest in found])
        return Subject(
            ref=ref,
            use_case=use_case,
            study_id=study_id,
            revision=revision,
            instance_ids=tuple(name for name, _ in found),
            digests=tuple(digest for _, digest in found),
            round=number,
        )

    def judges(self, ref: CaseRef, digests: Sequence[str]) -> None:
        """Note which of the case's instances it judges, in the order that findings number them; else it is all."""
        running = (CaseRow.id == ref.id, CaseRow.attempt == ref.attempt, is_in(CaseRow.state, CaseState.RUNNING))
        with self._database.statement() as connection:
            if not connection.execute(update(CaseRow).where(*running).values(digests=list(digests))).rowcount:
                raise stale(ref)

    def renew(self, ref: CaseRef, *, owner: str, lease_seconds: float) -> None:
        """Prolong the lease; a lease that ended unnoticed lives again."""
        held = (is_in(CaseRow.state, CaseState.RUNNING), CaseRow.lease_owner == owner)
        change = update(CaseRow).where(CaseRow.id == ref.id, CaseRow.attempt == ref.attempt, *held)
        with self._database.statement() as connection:
            if not connection.execute(change.values(lease_until=_after(lease_seconds))).rowcount:
                raise stale(ref)

    def lapsed(self, *, submitted_seconds: float) -> Sequence[Lapsed]:
        """Return cases whose lease ended, and cases submitted that long ago and never claimed."""
        forgotten = and_(
            is_in(CaseRow.state, CaseState.SUBMITTED),
            CaseRow.submitted_at <= func.now() - timedelta(seconds=submitted_seconds),
        )
        query = select(CaseRow.id, CaseRow.attempt, CaseRow.run_id, CaseRow.state).where(or_(_LAPSED, forgotten))
        with self._database.statement() as connection:
            rows = connection.execute(query.order_by(CaseRow.seq)).all()
        return [
            Lapsed(ref=CaseRef(id=case_id, attempt=attempt), run_id=run_id, running=state == CaseState.RUNNING)
            for case_id, attempt, run_id, state in rows
        ]

    def again(self, ref: CaseRef, *, most: int, reason: str) -> CaseRef | None:
        """Open the next attempt of a lapsed case and return it; None when ``most`` are used up (then failed).

        StaleAttempt when the attempt was claimed, renewed or ended since it seemed lapsed.
        """
        dead = or_(_LAPSED, is_in(CaseRow.state, CaseState.SUBMITTED))
        with self._database.transaction() as connection:
            following = retry(connection, ref, dead, reason=reason, most=most)
            if following is None:
                settle(connection, end(connection, ref, dead, state=CaseState.FAILED, reason=reason))
            return following


def _after(seconds: float) -> ColumnElement[datetime]:
    """Return the moment that many seconds from now, by the database's clock."""
    return func.now() + timedelta(seconds=seconds)


def _instances(connection: Connection, subject: ColumnElement[bool]) -> Sequence[tuple[str, str]]:
    """Return id and digest of each instance, in order of arrival."""
    query = select(InstanceRow.id, InstanceRow.digest).where(subject, kept).order_by(InstanceRow.seq)
    return [(instance_id, digest) for instance_id, digest in connection.execute(query)]


def _note_judged(connection: Connection, ref: CaseRef, digests: list[str]) -> None:
    """Keep what findings number their images by: an instance that is set aside later must not move the others."""
    connection.execute(update(CaseRow).where(CaseRow.id == ref.id).values(digests=digests))


def open_locked(connection: Connection, order: CaseOrder) -> str:
    """Return the id of the case, made when it is new or wanted again; study locked, so that nobody makes it too."""
    latest = connection.execute(_latest(order)).one_or_none()
    if latest is None:
        return _open(connection, order, number=1)
    case_id, state, number = latest
    ended = CaseState(state).ended
    return _open(connection, order, number=number + 1) if order.again and ended else case_id


def _latest(order: CaseOrder) -> Select[str, str, int]:
    same = (
        CaseRow.study_id == order.study_id,
        CaseRow.use_case == order.use_case,
        CaseRow.revision.is_not_distinct_from(order.revision),
        CaseRow.instance_id.is_not_distinct_from(order.instance_id),
    )
    return select(CaseRow.id, CaseRow.state, CaseRow.round).where(*same).order_by(CaseRow.round.desc()).limit(1)


def _open(connection: Connection, order: CaseOrder, *, number: int) -> str:
    case_id = opaque("case")
    subject = and_(
        InstanceRow.study_id == order.study_id, of_subject(order.study_id, order.revision, order.instance_id)
    )
    if not _instances(connection, subject):
        raise StudyRefused("nothing_to_judge")
    values = {
        "id": case_id,
        "use_case": order.use_case,
        "study_id": order.study_id,
        "revision": order.revision,
        "instance_id": order.instance_id,
        "round": number,
        "queue": order.queue.value,
    }
    connection.execute(insert(CaseRow).values(values))
    connection.execute(insert(AttemptRow).values(case_id=case_id, number=1))
    process(connection, subject)
    ring(connection, CASE)
    return case_id
