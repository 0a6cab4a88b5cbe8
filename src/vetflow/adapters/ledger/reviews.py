"""What veterinarians do to cases that are done: each act adds an edition, and nothing written is ever changed."""

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select
from sqlalchemy.orm import aliased

from vetflow.adapters.ledger.audit import append
from vetflow.adapters.ledger.database import Part
from vetflow.adapters.ledger.endings import keep_results, owe
from vetflow.adapters.ledger.states import lock_subject, process
from vetflow.adapters.ledger.tables import CaseRow, DecisionRow, ResultRow, ReviewRow
from vetflow.domain.case import CaseState
from vetflow.domain.delivery import Owed, ResultKind, ResultObject
from vetflow.domain.errors import StudyRefused
from vetflow.domain.review import Edition, Review
from vetflow.domain.standing import Decision, Signature


class ReviewRows(Part):
    """The ledger as reviewers see it."""

    def edition(self, case_id: str) -> Edition:
        """Return how a case stands; StudyRefused ``unknown_case`` or ``case_not_done``."""
        with self._database.transaction() as connection:
            return Edition(
                case_id=case_id,
                digests=tuple(_done(connection, case_id, lock=False)),
                reviews=tuple(_reviews(connection, case_id)),
                results=tuple(_latest(connection, CaseRow.id == case_id)),
            )

    def amend(self, case_id: str, *, review: Review, results: Sequence[ResultObject], owed: Sequence[Owed]) -> None:
        """Commit a review with its results and deliveries, audited, all or nothing; the same review again is nothing.

        Raises
        ------
        StudyRefused
            ``unknown_case``, ``case_not_done``, or ``reviewed_meanwhile`` when the edition is not the next any more.
        """
        with self._database.transaction() as connection:
            _done(connection, case_id, lock=True)
            made = list(_reviews(connection, case_id))
            if any(one.id == review.id for one in made):
                return
            if review.edition != len(made) + 1:
                raise StudyRefused("reviewed_meanwhile", f"{case_id} was reviewed meanwhile; look at it again")
            _keep(connection, case_id, review)
            keep_results(connection, case_id, results, edition=review.edition)
            owe(connection, case_id, owed)
            if not all(one.held for one in owed):
                process(connection, lock_subject(connection, case_id))
            action = "review.sign" if review.signature else "review.decide"
            append(connection, actor=review.by, action=action, subject=case_id, detail=_told(review))

    def predecessors(self, case_id: str) -> Sequence[ResultObject]:
        """Return the latest results, of each kind, of earlier cases of the same use case on the same subject.

        Earlier are cases of a lower revision of the study, and older cases of the same revision or film.
        """
        this = aliased(CaseRow)
        same = and_(CaseRow.study_id == this.study_id, CaseRow.use_case == this.use_case, _earlier(this))
        with self._database.statement() as connection:
            others = select(CaseRow.id).join(this, same).where(this.id == case_id)
            return list(_latest(connection, CaseRow.id.in_(others)))


def _earlier(this: type[CaseRow]) -> ColumnElement[bool]:
    again = and_(
        CaseRow.revision.is_not_distinct_from(this.revision),
        CaseRow.instance_id.is_not_distinct_from(this.instance_id),
        CaseRow.seq < this.seq,
    )
    return or_(CaseRow.revision < this.revision, again)


def _latest(connection: Connection, cases: ColumnElement[bool]) -> Iterator[ResultObject]:
    """Yield the results of each kind in the last edition, of the last of some cases, that has that kind."""
    newest = (CaseRow.revision.desc(), CaseRow.seq.desc(), ResultRow.edition.desc())
    place = func.rank().over(partition_by=ResultRow.kind, order_by=newest).label("place")
    ranked = (
        select(ResultRow.kind, ResultRow.digest, ResultRow.uid, place)
        .join(CaseRow, CaseRow.id == ResultRow.case_id)
        .where(cases)
        .subquery()
    )
    query = select(ranked.c.kind, ranked.c.digest, ranked.c.uid).where(ranked.c.place == 1)
    for kind, digest, uid in connection.execute(query.order_by(ranked.c.kind, ranked.c.uid)):
        yield ResultObject(kind=ResultKind(kind), digest=digest, uid=uid)


def _done(connection: Connection, case_id: str, *, lock: bool) -> list[str]:
    """Return what a case that is done has judged; hold its row until the transaction ends if asked."""
    query = select(CaseRow.state, CaseRow.digests).where(CaseRow.id == case_id)
    found = connection.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if found is None:
        raise StudyRefused("unknown_case", f"there is no case {case_id}")
    if found.state != CaseState.DONE:
        raise StudyRefused("case_not_done", f"{case_id} is {found.state}; only a case that is done can be reviewed")
    return found.digests


def _keep(connection: Connection, case_id: str, review: Review) -> None:
    signature = review.signature
    values = {
        "case_id": case_id,
        "edition": review.edition,
        "id": review.id,
        "actor": review.by,
        "at": review.at,
        "note": review.note,
        "signer": signature.name if signature else None,
        "organization": signature.organization if signature else None,
    }
    connection.execute(insert(ReviewRow).values(values))
    for position, decision in review.decisions.items():
        row = {"case_id": case_id, "edition": review.edition, "position": position, "decision": decision.value}
        connection.execute(insert(DecisionRow).values(row))


def _reviews(connection: Connection, case_id: str) -> Iterator[Review]:
    decisions: dict[int, dict[int, Decision]] = {}
    said = select(DecisionRow.edition, DecisionRow.position, DecisionRow.decision).where(DecisionRow.case_id == case_id)
    for edition, position, decision in connection.execute(said.order_by(DecisionRow.position)):
        decisions.setdefault(edition, {})[position] = Decision(decision)
    columns = (ReviewRow.edition, ReviewRow.id, ReviewRow.actor, ReviewRow.at, ReviewRow.note)
    query = select(*columns, ReviewRow.signer, ReviewRow.organization).where(ReviewRow.case_id == case_id)
    for edition, name, actor, at, note, signer, organization in connection.execute(query.order_by(ReviewRow.edition)):
        signed = Signature(name=signer, organization=organization, at=at) if signer and organization else None
        yield Review(
            id=name,
            edition=edition,
            by=actor,
            at=at,
            decisions=decisions.get(edition, {}),
            note=note,
            signature=signed,
        )


def _told(review: Review) -> str:
    words = [f"edition {review.edition}"]
    for decision in Decision:
        numbers = [str(at + 1) for at, said in review.decisions.items() if said is decision]
        words += [f"{decision.value} {', '.join(numbers)}"] if numbers else []
    return "; ".join(words)
