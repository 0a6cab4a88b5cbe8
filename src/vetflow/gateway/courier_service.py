"""The courier as a process: one loop a destination, until told to stop."""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vetflow.gateway.courier import Courier, Destination, Pace
from vetflow.gateway.loops import Loop, Wait
from vetflow.gateway.service import hush, run_loops, until_signalled
from vetflow.ports import ObjectStore, Outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierParts:
    """What the courier runs.

    Parameters
    ----------
    destinations
        All of the site.
    owed
        Makes a wait for deliveries that became due, one for each destination's thread; None looks once a second.
    """

    outbox: Outbox
    store: ObjectStore
    destinations: Sequence[Destination]
    pace: Pace = field(default_factory=Pace)
    owed: Callable[[], Wait] | None = None


def run_courier(parts: CourierParts, *, ended: threading.Event | None = None) -> None:
    """Run until SIGTERM, SIGINT or the event; what was not finished is sent again once its lease has ended."""
    hush()
    ended = ended or until_signalled()
    run_loops([_loop(parts, destination) for destination in parts.destinations], ended)


def _loop(parts: CourierParts, destination: Destination) -> Loop:
    courier = Courier(
        parts.outbox,
        parts.store,
        destination=destination,
        pace=parts.pace,
        rng=random.Random(),  # noqa: S311 — jitter
    )
    wait = parts.owed() if parts.owed is not None else None
    return Loop(f"courier-{destination.name}", courier.step, wait=wait)
