"""How instances change state; every change of a study's instances happens under the lock of its row.

Order of locks, everywhere: case or delivery, then study, then instances. Receiving never takes the study's lock.
"""

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select, update

from vetflow.adapters.ledger.schema import is_in
from vetflow.adapters.ledger.tables import CaseRow, DeliveryRow, InstanceRow, StudyRow
from vetflow.domain.case import CaseState
from vetflow.domain.delivery import DeliveryState
from vetflow.domain.errors import StudyRefused
from vetflow.domain.study import InstanceState

_ENDED = tuple(state for state in CaseState if state.ended)

kept = ~is_in(InstanceRow.state, InstanceState.QUARANTINED)
"""Not set aside."""

sorted_out = and_(kept, InstanceRow.modality.is_not(None))
"""Not set aside, header looked at."""


def lock_study(connection: Connection, study_id: str) -> int:
    """Hold the study's row until the transaction ends and return its latest revision."""
    # FOR NO KEY UPDATE lets instances that arrive meanwhile refer to the row.
    query = select(StudyRow.revision).where(StudyRow.id == study_id).with_for_update(key_share=True)
    latest = connection.execute(query).scalar_one_or_none()
    if latest is None:
        raise StudyRefused("unknown_study")
    return latest


def lock_study_of(connection: Connection, instance_id: str) -> str:
    """Hold the row of an instance's study until the transaction ends and return its id."""
    study_id = connection.execute(
        select(InstanceRow.study_id).where(InstanceRow.id == instance_id)
    ).scalar_one_or_none()
    if study_id is None:
        raise StudyRefused("unknown_instance")
    lock_study(connection, study_id)
    return study_id


def of_subject(study_id: str, revision: int | None, instance_id: str | None) -> ColumnElement[bool]:
    """Return the condition that an instance belongs to what a case is about."""
    if instance_id is not None:
        return InstanceRow.id == instance_id
    return and_(InstanceRow.study_id == study_id, InstanceRow.revision <= revision)


def process(connection: Connection, subject: ColumnElement[bool]) -> None:
    """Note that sorted instances are wanted by a case, or again; study locked."""
    idle = is_in(InstanceRow.state, InstanceState.WAITING, InstanceState.DELIVERED)
    connection.execute(update(InstanceRow).where(subject, idle).values(state=InstanceState.PROCESSING.value))


def settle(connection: Connection, subject: ColumnElement[bool]) -> None:
    """Note which instances are delivered: each case that wanted them has ended and nothing is owed; study locked."""
    wanting = or_(
        CaseRow.instance_id == InstanceRow.id,
        and_(CaseRow.study_id == InstanceRow.study_id, CaseRow.revision >= InstanceRow.revision),
    )
    owed = exists().where(DeliveryRow.case_id == CaseRow.id, is_in(DeliveryRow.state, DeliveryState.OWED))
    busy = exists().where(CaseRow.study_id == InstanceRow.study_id, wanting, or_(~is_in(CaseRow.state, *_ENDED), owed))
    done = is_in(InstanceRow.state, InstanceState.PROCESSING)
    connection.execute(update(InstanceRow).where(subject, done, ~busy).values(state=InstanceState.DELIVERED.value))


def lock_subject(connection: Connection, case_id: str) -> ColumnElement[bool]:
    """Hold the study of a case until the transaction ends and return the condition of its instances."""
    query = select(CaseRow.study_id, CaseRow.revision, CaseRow.instance_id).where(CaseRow.id == case_id)
    study_id, revision, instance_id = connection.execute(query).one()
    lock_study(connection, study_id)
    return of_subject(study_id, revision, instance_id)
