"""What people see: counts, lists and pages; reads only."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from vetflow.adapters.ledger.database import Part
from vetflow.adapters.ledger.findings import assessment_of
from vetflow.adapters.ledger.lines import (
    attempt_line,
    case_line,
    delivery_line,
    instance_line,
    refusal_line,
    revision_line,
    steps_of,
)
from vetflow.adapters.ledger.schema import is_in
from vetflow.adapters.ledger.states import kept
from vetflow.adapters.ledger.tables import (
    AttemptRow,
    CaseRow,
    DeliveryRow,
    FindingRow,
    InstanceRow,
    RefusalRow,
    ResultRow,
    RevisionRow,
    StudyRow,
)
from vetflow.domain.case import CaseState
from vetflow.domain.delivery import DeliveryState, ResultKind, ResultObject
from vetflow.domain.overview import (
    AttemptLine,
    CaseLine,
    CasePage,
    Counts,
    DeliveryLine,
    RefusalLine,
    StudyLine,
    StudyPage,
)
from vetflow.domain.study import InstanceState

State = TypeVar("State", bound=StrEnum)
_SHOWN = 100


class ViewRows(Part):
    """The ledger as people see it."""

    def counts(self) -> Counts:
        """Return how many instances, cases and deliveries stand where."""
        with self._database.transaction() as connection, Session(connection) as session:
            return count(session)

    def oldest_owed_seconds(self) -> float | None:
        """Return the age of the oldest owed delivery, None when nothing is owed."""
        query = (
            select(DeliveryRow.owed_at, func.now())
            .where(is_in(DeliveryRow.state, DeliveryState.OWED))
            .order_by(DeliveryRow.owed_at)
            .limit(1)
        )
        with self._database.statement() as connection:
            oldest = connection.execute(query).one_or_none()
        return None if oldest is None else (oldest[1] - oldest[0]).total_seconds()

    def studies(self, *, limit: int = _SHOWN) -> Sequence[StudyLine]:
        """Return studies, newest first."""
        newest = select(StudyRow.id).order_by(StudyRow.opened_at.desc(), StudyRow.id).limit(limit)
        with self._database.transaction() as connection, Session(connection) as session:
            return _studies(session, newest)

    def study(self, study_id: str) -> StudyPage | None:
        """Return all about a study, None when there is none of that id."""
        revisions = select(RevisionRow).where(RevisionRow.study_id == study_id).order_by(RevisionRow.number)
        instances = select(InstanceRow).where(InstanceRow.study_id == study_id).order_by(InstanceRow.seq)
        cases = select(CaseRow).where(CaseRow.study_id == study_id).order_by(CaseRow.seq)
        with self._database.transaction() as connection, Session(connection) as session:
            found = _studies(session, select(StudyRow.id).where(StudyRow.id == study_id))
            if not found:
                return None
            return StudyPage(
                study=found[0],
                revisions=[revision_line(row) for row in session.scalars(revisions)],
                instances=[instance_line(row) for row in session.scalars(instances)],
                cases=[case_line(row) for row in session.scalars(cases)],
            )

    def study_of(self, study_uid: str) -> str | None:
        """Return the id of a study by its original UID, None when nothing of it has arrived."""
        query = select(StudyRow.id).where(StudyRow.study_uid == study_uid)
        with self._database.statement() as connection:
            return connection.execute(query).scalar_one_or_none()

    def received(self, study_uid: str) -> Sequence[str]:
        """Return the SHA-256 of each instance held of a study, by its original UID, in order of arrival."""
        query = (
            select(InstanceRow.digest)
            .join(StudyRow, StudyRow.id == InstanceRow.study_id)
            .where(StudyRow.study_uid == study_uid, kept)
            .order_by(InstanceRow.seq)
        )
        with self._database.statement() as connection:
            return list(connection.execute(query).scalars())

    def refusals(self, *, limit: int = _SHOWN) -> Sequence[RefusalLine]:
        """Return what senders were told to keep, newest first."""
        query = select(RefusalRow).order_by(RefusalRow.id.desc()).limit(limit)
        with self._database.transaction() as connection, Session(connection) as session:
            return [refusal_line(row) for row in session.scalars(query)]

    def cases(self, *, state: CaseState | None = None, limit: int = _SHOWN) -> Sequence[CaseLine]:
        """Return cases, newest first, of one state when it is given."""
        query = select(CaseRow).order_by(CaseRow.seq.desc()).limit(limit)
        if state is not None:
            query = query.where(is_in(CaseRow.state, state))
        with self._database.transaction() as connection, Session(connection) as session:
            return [case_line(row) for row in session.scalars(query)]

    def case(self, case_id: str) -> CasePage | None:
        """Return all about a case, None when there is none of that id."""
        findings = select(FindingRow).where(FindingRow.case_id == case_id).order_by(FindingRow.position)
        results = select(ResultRow).where(ResultRow.case_id == case_id).order_by(ResultRow.made_at, ResultRow.kind)
        deliveries = select(DeliveryRow).where(DeliveryRow.case_id == case_id).order_by(DeliveryRow.seq)
        with self._database.transaction() as connection, Session(connection) as session:
            row = session.get(CaseRow, case_id)
            if row is None:
                return None
            return CasePage(
                case=case_line(row),
                assessment=assessment_of(row, session.scalars(findings)),
                attempts=_attempts(session, case_id),
                results=[_result(one) for one in session.scalars(results)],
                deliveries=[delivery_line(one) for one in session.scalars(deliveries)],
                steps=steps_of(row),
            )

    def history(self, case_id: str) -> Sequence[AttemptLine]:
        """Return the attempts at a case, first to last."""
        with self._database.transaction() as connection, Session(connection) as session:
            return _attempts(session, case_id)

    def deliveries(self, *, state: DeliveryState | None = None, limit: int = _SHOWN) -> Sequence[DeliveryLine]:
        """Return deliveries, newest first, of one state when it is given."""
        query = select(DeliveryRow).order_by(DeliveryRow.seq.desc()).limit(limit)
        if state is not None:
            query = query.where(is_in(DeliveryRow.state, state))
        with self._database.transaction() as connection, Session(connection) as session:
            return [delivery_line(row) for row in session.scalars(query)]


def count(session: Session) -> Counts:
    """Return how many things stand where."""
    return Counts(
        instances=_by_state(session, InstanceRow.state, InstanceState),
        cases=_by_state(session, CaseRow.state, CaseState),
        deliveries=_by_state(session, DeliveryRow.state, DeliveryState),
    )


def _by_state(session: Session, column: InstrumentedAttribute[str], states: type[State]) -> dict[State, int]:
    found = {row[0]: row[1] for row in session.execute(select(column, func.count()).group_by(column))}
    return {state: found.get(state.value, 0) for state in states}


def _studies(session: Session, chosen: Select[str]) -> Sequence[StudyLine]:
    """Return the chosen studies, newest first."""
    query = (
        select(
            StudyRow,
            func.max(InstanceRow.received_at),
            func.count(),
            func.count().filter(is_in(InstanceRow.state, InstanceState.QUARANTINED)),
        )
        .join(InstanceRow, InstanceRow.study_id == StudyRow.id)
        .where(StudyRow.id.in_(chosen))
        .group_by(StudyRow.id)
        .order_by(StudyRow.opened_at.desc(), StudyRow.id)
    )
    return [
        StudyLine(
            id=study.id,
            opened_at=study.opened_at,
            last_arrival=last,
            revision=study.revision,
            instances=instances,
            quarantined=quarantined,
            conflicted=study.conflicted,
        )
        for study, last, instances, quarantined in session.execute(query)
    ]


def _attempts(session: Session, case_id: str) -> Sequence[AttemptLine]:
    query = select(AttemptRow).where(AttemptRow.case_id == case_id).order_by(AttemptRow.number)
    return [attempt_line(row) for row in session.scalars(query)]


def _result(row: ResultRow) -> ResultObject:
    return ResultObject(kind=ResultKind(row.kind), digest=row.digest, uid=row.uid)
