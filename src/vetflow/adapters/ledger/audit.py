"""The journal of people's acts: append-only, each entry chained to the one before by its hash."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select

from vetflow.adapters.ledger.database import Part
from vetflow.adapters.ledger.tables import AuditRow

_LOCK = 0x7665_6175  # any constant will do, as long as every vetflow takes the same
_START = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What became of checking the journal.

    Parameters
    ----------
    entries
        Entries that are as they were written.
    broken_at
        Number of the first entry that is not, None when all are.
    head
        Hash of the last sound entry: kept elsewhere, it shows later whether the journal's end was cut off.
    """

    entries: int
    broken_at: int | None
    head: str


class AuditRows(Part):
    """The append-only, hash-chained journal."""

    def record(self, *, actor: str, action: str, subject: str, detail: str = "") -> None:
        """Append one entry."""
        with self._database.transaction() as connection:
            append(connection, actor=actor, action=action, subject=subject, detail=detail)

    def verify_chain(self) -> Chain:
        """Return how much of the journal is as it was written."""
        columns = (AuditRow.at, AuditRow.actor, AuditRow.action, AuditRow.subject, AuditRow.detail)
        query = select(AuditRow.seq, AuditRow.previous, AuditRow.hash, *columns).order_by(AuditRow.seq)
        head, entries = _START, 0
        with self._database.transaction() as connection:
            rows = connection.execution_options(yield_per=1000).execute(query)
            for seq, previous, digest, at, actor, action, subject, detail in rows:
                expected = _hash(head, seq, at, actor, action, subject, detail)
                if seq != entries + 1 or previous != head or digest != expected:
                    return Chain(entries=entries, broken_at=seq, head=head)
                head, entries = digest, seq
        return Chain(entries=entries, broken_at=None, head=head)


def append(connection: Connection, *, actor: str, action: str, subject: str, detail: str = "") -> None:
    """Append one entry within a transaction; writers take turns until they commit."""
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    last = select(AuditRow.seq, AuditRow.hash).order_by(AuditRow.seq.desc()).limit(1)
    seq, previous = connection.execute(last).one_or_none() or (0, _START)
    at = connection.execute(select(func.clock_timestamp())).scalar_one()
    values = {"at": at, "actor": actor, "action": action, "subject": subject, "detail": detail}
    digest = _hash(previous, seq + 1, at, actor, action, subject, detail)
    connection.execute(insert(AuditRow).values(seq=seq + 1, previous=previous, hash=digest, **values))


def _hash(previous: str, seq: int, at: datetime, *words: str) -> str:
    """Return SHA-256 over the previous hash and the entry as JSON of one form."""
    entry = json.dumps([seq, at.isoformat(), *words], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256((previous + entry).encode("ascii")).hexdigest()
