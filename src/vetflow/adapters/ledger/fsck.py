"""The check of ledger and store: sums, rules, and every byte the ledger relies on."""

from collections.abc import Iterable

from sqlalchemy import Connection, func, select, text, union
from sqlalchemy.orm import Session

from vetflow.adapters.ledger.database import Part
from vetflow.adapters.ledger.rules import broken
from vetflow.adapters.ledger.tables import ChampionRow, InstanceRow, ResultRow
from vetflow.adapters.ledger.views import count
from vetflow.domain.errors import StudyRefused
from vetflow.domain.overview import Fault, Inspection
from vetflow.ports import ObjectStore


class InspectionRows(Part):
    """The ledger as its inspector sees it."""

    def inspect(self, store: ObjectStore, *, rehash: bool = True) -> Inspection:
        """Return what is wrong with ledger and store; services may run meanwhile.

        Parameters
        ----------
        rehash
            Read every object the ledger relies on and compare its digest; otherwise only its name is looked for.
        """
        # The store is listed first: what arrives meanwhile is then in the ledger and never taken for an orphan.
        stored = set(store.digests())
        with self._database.transaction() as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            connection.execute(text("SET LOCAL statement_timeout TO 0"))
            accepted = connection.execute(select(func.count()).select_from(InstanceRow)).scalar_one()
            with Session(connection) as session:
                counts = count(session)
            faults = broken(connection)
            known = _digests(connection)
        if sum(counts.instances.values()) != accepted:
            faults.append(Fault(rule="every instance is in exactly one state", subjects=()))
        missing, damaged = _compare(store, sorted(known), rehash=rehash)
        return Inspection(
            accepted=accepted,
            counts=counts,
            faults=faults,
            missing=missing,
            damaged=damaged,
            orphaned=sorted(stored - known),
        )


def _digests(connection: Connection) -> set[str]:
    """Return every digest the ledger relies on."""
    query = union(select(InstanceRow.digest), select(ResultRow.digest), select(ChampionRow.bundle))
    return set(connection.execution_options(yield_per=10_000).execute(query).scalars())


def _compare(store: ObjectStore, known: Iterable[str], *, rehash: bool) -> tuple[list[str], list[str]]:
    """Return which digests are missing and which are damaged."""
    missing: list[str] = []
    damaged: list[str] = []
    for digest in known:
        try:
            if rehash:
                store.get(digest)
            elif not store.has(digest):
                missing.append(digest)
        except StudyRefused as refused:
            (missing if refused.reason == "object_missing" else damaged).append(digest)
    return missing, damaged
