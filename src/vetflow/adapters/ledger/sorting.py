"""What has arrived becomes known: facts, quarantine, revisions."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Select, and_, case, exists, func, insert, select, text, true, update

from vetflow.adapters.ledger.database import Part
from vetflow.adapters.ledger.schema import is_in
from vetflow.adapters.ledger.states import kept, lock_study, lock_study_of, of_subject, process, settle, sorted_out
from vetflow.adapters.ledger.tables import CaseRow, InstanceRow, RevisionRow, StudyRow
from vetflow.domain.signalment import Species
from vetflow.domain.study import Completeness, Facts, Instance, InstanceState, OpenStudy
from vetflow.domain.view import Region, View


class SortingRows(Part):
    """The ledger as dispatcher and completeness see it."""

    def unsorted(self, limit: int, *, sop_classes: Collection[str] | None = None) -> Sequence[Instance]:
        """Return received instances whose header has not been looked at, oldest first; of some SOP classes if asked."""
        query = (
            select(
                InstanceRow.id,
                InstanceRow.study_id,
                InstanceRow.digest,
                InstanceRow.size,
                InstanceRow.sop_class,
                InstanceRow.transfer_syntax,
            )
            .where(is_in(InstanceRow.state, InstanceState.RECEIVED))
            .order_by(InstanceRow.seq)
            .limit(limit)
        )
        if sop_classes is not None:
            query = query.where(InstanceRow.sop_class.in_(sorted(sop_classes)))
        with self._database.statement() as connection:
            rows = connection.execute(query).all()
        return [
            Instance(
                id=name,
                study_id=study_id,
                digest=digest,
                size=size,
                sop_class=sop_class,
                transfer_syntax=transfer_syntax,
                state=InstanceState.RECEIVED,
            )
            for name, study_id, digest, size, sop_class, transfer_syntax in rows
        ]

    def sort(self, instance_id: str, facts: Facts) -> None:
        """Keep an instance's facts; it is ``waiting`` then, or ``processing`` when its case was opened first.

        Sorting it again changes nothing. What a crash of the machine undoes here is simply sorted again, so that the
        disk need not be waited for.
        """
        values = {
            "modality": facts.modality,
            "species": facts.species,
            "region": facts.region,
            "view": facts.view,
            "expected": facts.expected_instances,
        }
        this = (InstanceRow.id == instance_id, is_in(InstanceRow.state, InstanceState.RECEIVED))
        wanted = exists().where(CaseRow.instance_id == instance_id)
        state = case((wanted, InstanceState.PROCESSING.value), else_=InstanceState.WAITING.value)
        with self._database.transaction() as connection:
            connection.execute(text("SET LOCAL synchronous_commit TO off"))
            lock_study_of(connection, instance_id)
            if connection.execute(update(InstanceRow).where(*this).values(state=state, **values)).rowcount:
                settle(connection, InstanceRow.id == instance_id)

    def set_aside(self, instance_id: str, reason: str) -> None:
        """Quarantine an instance; the first reason stays."""
        change = update(InstanceRow).where(InstanceRow.id == instance_id, kept)
        values = {"state": InstanceState.QUARANTINED.value, "reason": reason or "unknown"}
        with self._database.statement() as connection:
            connection.execute(change.values(values))

    def facts(self, study_id: str, revision: int) -> Sequence[Facts]:
        """Return the facts of every instance of a revision, in order of arrival, quarantined ones left out."""
        query = (
            select(
                InstanceRow.modality, InstanceRow.species, InstanceRow.region, InstanceRow.view, InstanceRow.expected
            )
            .where(of_subject(study_id, revision, None), sorted_out)
            .order_by(InstanceRow.seq)
        )
        with self._database.statement() as connection:
            rows = connection.execute(query).all()
        return [
            Facts(
                modality=modality or "",
                species=Species(species) if species else None,
                region=Region(region) if region else None,
                view=View(view) if view else None,
                expected_instances=expected,
            )
            for modality, species, region, view, expected in rows
        ]

    def open_studies(self) -> Sequence[OpenStudy]:
        """Return studies with instances that belong to no revision, the longest quiet first."""
        with self._database.statement() as connection:
            rows = connection.execute(_open_studies()).all()
        return [
            OpenStudy(
                id=study_id,
                modalities=tuple(modalities or ()),
                count=count,
                unsorted=unsorted,
                expected=expected,
                first_arrival=first,
                last_arrival=last,
                quiet_seconds=max(0.0, (now - last).total_seconds()),
                open_seconds=max(0.0, (now - first).total_seconds()),
                revision=revision,
            )
            for study_id, revision, first, last, now, unsorted, count, expected, modalities in rows
        ]

    def close_revision(self, study_id: str, decision: Completeness) -> int:
        """Make the next revision of all sorted instances held and return its number.

        What arrived since the decision and is not sorted yet stays open for the revision after. When nothing new is
        there, because another process closed the study first, the latest revision is returned as it stands.
        """
        with self._database.transaction() as connection:
            latest = lock_study(connection, study_id)
            fresh = (InstanceRow.study_id == study_id, InstanceRow.revision.is_(None), sorted_out)
            joined = connection.execute(update(InstanceRow).where(*fresh).values(revision=latest + 1)).rowcount
            if not joined:
                return latest
            row = {"study_id": study_id, "number": latest + 1, "reason": decision.reason, "forced": decision.forced}
            connection.execute(insert(RevisionRow).values(row))
            connection.execute(update(StudyRow).where(StudyRow.id == study_id).values(revision=latest + 1))
            waiting = is_in(InstanceRow.state, InstanceState.WAITING)
            process(connection, and_(InstanceRow.study_id == study_id, InstanceRow.revision == latest + 1, waiting))
            return latest + 1

    def unrouted(self) -> Sequence[tuple[str, int]]:
        """Return study ids and numbers of revisions whose cases may not all be open yet, oldest first."""
        query = (
            select(RevisionRow.study_id, RevisionRow.number)
            .where(RevisionRow.routed_at.is_(None))
            .order_by(RevisionRow.closed_at)
        )
        with self._database.statement() as connection:
            return [(study_id, number) for study_id, number in connection.execute(query)]

    def routed(self, study_id: str, revision: int) -> None:
        """Note that every case of a revision is open; instances that none wants are ``delivered``."""
        this = (RevisionRow.study_id == study_id, RevisionRow.number == revision, RevisionRow.routed_at.is_(None))
        with self._database.transaction() as connection:
            lock_study(connection, study_id)
            connection.execute(update(RevisionRow).where(*this).values(routed_at=func.now()))
            settle(connection, of_subject(study_id, revision, None))


def _open_studies() -> Select[str, int, datetime, datetime, datetime, int, int, int | None, list[str] | None]:
    """Start from the few open instances, by their own index; studies long closed cost nothing."""
    fresh = (
        select(
            InstanceRow.study_id,
            func.min(InstanceRow.received_at).label("first"),
            func.max(InstanceRow.received_at).label("last"),
            func.count().filter(is_in(InstanceRow.state, InstanceState.RECEIVED)).label("unsorted"),
        )
        .where(InstanceRow.revision.is_(None), kept)
        .group_by(InstanceRow.study_id)
        .subquery("fresh")
    )
    held = (
        select(
            func.count().label("count"),
            func.max(InstanceRow.expected).label("expected"),
            func.array_agg(InstanceRow.modality.distinct())
            .filter(InstanceRow.modality.is_not(None))
            .label("modalities"),
        )
        .where(InstanceRow.study_id == fresh.c.study_id, kept)
        .lateral("held")
    )
    columns = (StudyRow.id, StudyRow.revision, fresh.c.first, fresh.c.last, func.now(), fresh.c.unsorted)
    return (
        select(*columns, held.c.count, held.c.expected, held.c.modalities)
        .join(fresh, fresh.c.study_id == StudyRow.id)
        .join(held, true())
        .order_by(fresh.c.last)
    )
