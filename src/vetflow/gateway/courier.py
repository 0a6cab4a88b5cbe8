"""What is owed goes out: one thread a destination, so that a slow or dead one holds up nobody else."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from vetflow.domain.delivery import Delivery, next_try
from vetflow.domain.errors import PermanentFailure, StudyRefused, TransientError
from vetflow.ports import ObjectStore, Outbox

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Somebody results are owed to.

    Parameters
    ----------
    name
        As in the outbox.
    send
        Sends the bytes of one delivery; TransientError or PermanentFailure.
    """

    name: str
    send: Callable[[bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How the courier tries.

    Parameters
    ----------
    first_seconds, cap_seconds
        Wait after the first transient failure of a delivery, doubled each time, and the longest.
    failures
        Transient failures in a row after which the destination is left alone for a while.
    rest_seconds
        For how long; doubled each time up to the cap.
    lease_seconds
        A leased delivery that a courier did not settle within this time is another's.
    batch
        Deliveries leased together; all of them must be sent within the lease.
    """

    first_seconds: float = 5.0
    cap_seconds: float = 900.0
    failures: int = 3
    rest_seconds: float = 2.0
    lease_seconds: float = 180.0
    batch: int = 4


class Breaker:
    """Keeps a courier from knocking at a dead destination once per delivery.

    Parameters
    ----------
    pace
        When to rest and for how long.
    monotonic
        Seconds that never run backwards.
    """

    def __init__(self, pace: Pace, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._monotonic = monotonic
        self._failures = 0
        self._until = 0.0

    @property
    def rest(self) -> float:
        """Seconds still to rest, 0 when the destination may be tried."""
        return max(0.0, self._until - self._monotonic())

    def failed(self) -> None:
        """Note a transient failure."""
        self._failures += 1
        beyond = self._failures - self._pace.failures
        if beyond >= 0:
            seconds = min(self._pace.cap_seconds, self._pace.rest_seconds * 2.0 ** min(beyond, 30))
            self._until = self._monotonic() + seconds

    def answered(self) -> None:
        """Note that the destination is there, whether it took the delivery or refused it."""
        self._failures = 0
        self._until = 0.0


class Courier:
    """Sends what is owed to one destination.

    Sending the same delivery twice is harmless: its UIDs or control id are the same, and receivers know them.

    Parameters
    ----------
    outbox
        What is owed.
    store
        The bytes.
    destination
        To whom.
    pace
        How to try.
    rng
        Jitter.
    """

    def __init__(
        self, outbox: Outbox, store: ObjectStore, *, destination: Destination, pace: Pace, rng: random.Random
    ) -> None:
        self._outbox = outbox
        self._store = store
        self._destination = destination
        self._pace = pace
        self._rng = rng
        self.breaker = Breaker(pace)

    def step(self) -> bool:
        """Send a batch; True when there may be more."""
        if self.breaker.rest:
            return False
        pace = self._pace
        batch = self._outbox.lease_due(
            limit=pace.batch, lease_seconds=pace.lease_seconds, destination=self._destination.name
        )
        for delivery in batch:
            self._deliver(delivery)
        return bool(batch)

    def _deliver(self, delivery: Delivery) -> None:
        if rest := self.breaker.rest:
            self._outbox.postpone(delivery.id, error="the destination rests after failures", seconds=rest)
            return
        try:
            self._destination.send(self._store.get(delivery.digest))
        except TransientError as error:
            self._postpone(delivery, str(error))
        except PermanentFailure as failure:
            self.breaker.answered()
            self._bury(delivery, str(failure), failure.status)
        except StudyRefused as refused:
            self._bury(delivery, "the stored object can't be read", refused.reason)
        else:
            self.breaker.answered()
            self._outbox.sent(delivery.id)
            log.info("delivered", delivery=delivery.id, case=delivery.case_id, destination=self._destination.name)

    def _postpone(self, delivery: Delivery, error: str) -> None:
        self.breaker.failed()
        pace = self._pace
        seconds = next_try(delivery.attempts + 1, first=pace.first_seconds, cap=pace.cap_seconds, rng=self._rng)
        self._outbox.postpone(delivery.id, error=error, seconds=seconds)
        log.warning("delivery postponed", delivery=delivery.id, destination=self._destination.name, seconds=seconds)

    def _bury(self, delivery: Delivery, error: str, status: str) -> None:
        self._outbox.bury(delivery.id, error=error, status=status)
        log.error("delivery refused", delivery=delivery.id, destination=self._destination.name, status=status)
