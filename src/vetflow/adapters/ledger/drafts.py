"""The ledger as the drafter sees it: revisions of which all has been said that will be."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, exists, or_, select, update

from vetflow.adapters.ledger.cases import open_locked
from vetflow.adapters.ledger.database import Part
from vetflow.adapters.ledger.schema import is_in
from vetflow.adapters.ledger.states import lock_study
from vetflow.adapters.ledger.tables import CaseRow, InstanceRow, RevisionRow, StudyRow
from vetflow.domain.case import CaseOrder, CaseState, Queue, Undrafted
from vetflow.domain.use_cases import DRAFT

_ENDED = tuple(state for state in CaseState if state.ended)
_FILMS = select(InstanceRow.id).where(
    InstanceRow.study_id == RevisionRow.study_id, InstanceRow.revision <= RevisionRow.number
)
_ABOUT = and_(
    CaseRow.study_id == RevisionRow.study_id,
    or_(CaseRow.revision == RevisionRow.number, CaseRow.instance_id.in_(_FILMS)),
)
"""A case is of the revision, or of one of its films."""
_LATEST = exists().where(StudyRow.id == RevisionRow.study_id, StudyRow.revision == RevisionRow.number)
"""Nobody wants a draft of what a later revision has overtaken."""
_DUE = and_(
    RevisionRow.draft_due,
    RevisionRow.routed_at.is_not(None),
    _LATEST,
    ~exists().where(_ABOUT, ~is_in(CaseRow.state, *_ENDED)),
)


class DraftRows(Part):
    """Drafts that are due, and that were opened."""

    def undrafted(self) -> Sequence[Undrafted]:
        """Return studies' latest revisions of which every case has ended, one since the last draft; oldest first."""
        query = select(RevisionRow.study_id, RevisionRow.number).where(_DUE).order_by(RevisionRow.closed_at)
        queues = select(CaseRow.queue).where(_ABOUT, CaseRow.use_case != DRAFT).distinct()
        with self._database.transaction() as connection:
            due = connection.execute(query).all()
            return [
                Undrafted(
                    study_id=study_id,
                    revision=number,
                    queues=frozenset(map(Queue, connection.execute(queues.where(*_this(study_id, number))).scalars())),
                )
                for study_id, number in due
            ]

    def open_draft(self, order: CaseOrder) -> str | None:
        """Return the id of the draft's next case; None when one of the others has come to life meanwhile."""
        with self._database.transaction() as connection:
            lock_study(connection, order.study_id)
            this = (*_this(order.study_id, order.revision), _DUE)
            if not connection.execute(update(RevisionRow).where(*this).values(draft_due=False)).rowcount:
                return None
            return open_locked(connection, order)

    def leave_undrafted(self, study_id: str, revision: int) -> None:
        """Note that nobody wants a draft of a revision as it stands."""
        with self._database.transaction() as connection:
            lock_study(connection, study_id)
            connection.execute(update(RevisionRow).where(*_this(study_id, revision)).values(draft_due=False))


def _this(study_id: str, revision: int | None) -> tuple[ColumnElement[bool], ...]:
    return RevisionRow.study_id == study_id, RevisionRow.number == revision
