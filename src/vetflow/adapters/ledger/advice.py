"""The ledger as those see it who ask for advice on a film."""

from typing import cast

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from vetflow.adapters.ledger.database import Part
from vetflow.adapters.ledger.findings import assessment_of
from vetflow.adapters.ledger.tables import CaseRow, FindingRow, InstanceRow
from vetflow.domain.case import CaseState
from vetflow.domain.film_advice import AdviceState, FilmAdvice
from vetflow.domain.signalment import Species
from vetflow.domain.study import InstanceState

_STATES = {
    CaseState.DONE: AdviceState.DONE,
    CaseState.REFUSED: AdviceState.REFUSED,
    CaseState.FAILED: AdviceState.FAILED,
    CaseState.CANCELLED: AdviceState.FAILED,
}


class AdviceRows(Part):
    """Films by their original UID, with the newest case of each."""

    def film_advice(self, sop_uid: str, *, use_case: str) -> FilmAdvice | None:
        """Return how far a film has come; None when it is not here, or no case of that use case is made of it."""
        query = (
            select(InstanceRow, CaseRow)
            .join(CaseRow, and_(CaseRow.instance_id == InstanceRow.id, CaseRow.use_case == use_case), isouter=True)
            .where(InstanceRow.sop_uid == sop_uid)
            .order_by(InstanceRow.original.desc(), InstanceRow.seq.desc(), CaseRow.seq.desc())
            .limit(1)
        )
        with self._database.transaction() as connection, Session(connection) as session:
            found = session.execute(query).one_or_none()
            if found is None:
                return None
            film, case = cast("tuple[InstanceRow, CaseRow | None]", found)
            return _uncased(film) if case is None else _of(session, film, case)


def _uncased(film: InstanceRow) -> FilmAdvice | None:
    """Return what is known of a film without a case; one that no route wants gets none."""
    states = {InstanceState.RECEIVED: AdviceState.WAITING, InstanceState.QUARANTINED: AdviceState.REFUSED}
    state = states.get(InstanceState(film.state))
    return None if state is None else FilmAdvice(state=state, received_at=film.received_at, reason=film.reason)


def _of(session: Session, film: InstanceRow, case: CaseRow) -> FilmAdvice:
    findings = select(FindingRow).where(FindingRow.case_id == case.id).order_by(FindingRow.position)
    state = _STATES.get(CaseState(case.state), AdviceState.WAITING)
    return FilmAdvice(
        state=state,
        received_at=film.received_at,
        ended_at=case.ended_at,
        reason=case.reason if state.ended else "",
        assessment=assessment_of(case, session.scalars(findings)),
        species=Species(film.species) if film.species else None,
    )
