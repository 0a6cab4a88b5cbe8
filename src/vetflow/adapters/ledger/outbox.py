"""What is owed to whom: leased by couriers, sent, tried again, or buried until a person replays it."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, func, or_, select, true, update

from vetflow.adapters.ledger.database import OWED, Part, ring
from vetflow.adapters.ledger.schema import is_in
from vetflow.adapters.ledger.states import lock_subject, process, settle
from vetflow.adapters.ledger.tables import DeliveryRow
from vetflow.domain.delivery import Channel, Delivery, DeliveryState

_OWED = is_in(DeliveryRow.state, DeliveryState.OWED)
_LONGEST = 500

_TAKEN = (
    DeliveryRow.seq,
    DeliveryRow.id,
    DeliveryRow.case_id,
    DeliveryRow.destination,
    DeliveryRow.channel,
    DeliveryRow.digest,
    DeliveryRow.uid,
    DeliveryRow.attempts,
)


def _of(destination: str | None) -> ColumnElement[bool]:
    return true() if destination is None else DeliveryRow.destination == destination


class OutboxRows(Part):
    """The ledger as the courier sees it."""

    def lease_due(self, *, limit: int, lease_seconds: float, destination: str | None = None) -> Sequence[Delivery]:
        """Take deliveries whose time has come, oldest first; no other courier gets them while the lease lasts.

        A try counts from here, so that one which kills its courier is counted too.
        """
        free = or_(DeliveryRow.lease_until.is_(None), DeliveryRow.lease_until < func.now())
        due = (
            select(DeliveryRow.id)
            .where(_OWED, DeliveryRow.next_at <= func.now(), free, _of(destination))
            .order_by(DeliveryRow.seq)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        values = {
            "attempts": DeliveryRow.attempts + 1,
            "lease_until": func.now() + timedelta(seconds=lease_seconds),
        }
        take = update(DeliveryRow).where(DeliveryRow.id.in_(due.cte("due").select())).values(values).returning(*_TAKEN)
        with self._database.statement() as connection:
            rows = sorted(connection.execute(take), key=lambda row: row.seq)
        return [
            Delivery(
                id=delivery_id,
                case_id=case_id,
                destination=destination,
                channel=Channel(channel),
                digest=digest,
                uid=uid,
                attempts=attempts - 1,
            )
            for _, delivery_id, case_id, destination, channel, digest, uid, attempts in rows
        ]

    def sent(self, delivery_id: str) -> None:
        """Record success, also of a delivery that was held or buried while it was on its way."""
        open_ones = ~is_in(DeliveryRow.state, DeliveryState.SENT)
        values = {"state": DeliveryState.SENT.value, "ended_at": func.now(), "lease_until": None}
        change = update(DeliveryRow).where(DeliveryRow.id == delivery_id, open_ones).values(values)
        with self._database.transaction() as connection:
            case_id = connection.execute(change.returning(DeliveryRow.case_id)).scalar_one_or_none()
            if case_id is not None:
                settle(connection, lock_subject(connection, case_id))

    def postpone(self, delivery_id: str, *, error: str, seconds: float) -> None:
        """Record a transient failure and when to try again."""
        values = {
            "lease_until": None,
            "next_at": func.now() + timedelta(seconds=seconds),
            "last_error": error[:_LONGEST],
            "failure_class": "transient",
        }
        with self._database.statement() as connection:
            connection.execute(update(DeliveryRow).where(DeliveryRow.id == delivery_id, _OWED).values(values))

    def bury(self, delivery_id: str, *, error: str, status: str) -> None:
        """Record a permanent failure."""
        values = {
            "state": DeliveryState.DEAD.value,
            "ended_at": func.now(),
            "lease_until": None,
            "last_error": error[:_LONGEST],
            "failure_class": "permanent",
            "status": status,
        }
        change = update(DeliveryRow).where(DeliveryRow.id == delivery_id, _OWED).values(values)
        with self._database.transaction() as connection:
            case_id = connection.execute(change.returning(DeliveryRow.case_id)).scalar_one_or_none()
            if case_id is not None:
                settle(connection, lock_subject(connection, case_id))

    def replay(self, delivery_id: str) -> None:
        """Owe a dead or held delivery again, its back-off forgotten and its last error kept."""
        kept_back = is_in(DeliveryRow.state, DeliveryState.DEAD, DeliveryState.HELD)
        values = {
            "state": DeliveryState.OWED.value,
            "attempts": 0,
            "next_at": func.now(),
            "lease_until": None,
            "ended_at": None,
        }
        change = update(DeliveryRow).where(DeliveryRow.id == delivery_id, kept_back).values(values)
        with self._database.transaction() as connection:
            case_id = connection.execute(change.returning(DeliveryRow.case_id)).scalar_one_or_none()
            if case_id is not None:
                process(connection, lock_subject(connection, case_id))
                ring(connection, OWED)
