"""The gateway as a process: receiver, sorter, completer, drafter, dispatcher and reconciler, until told to stop."""

import logging
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import FrameType

import structlog

from vetflow.gateway.completer import Completer
from vetflow.gateway.dispatcher import Dispatcher
from vetflow.gateway.drafter import Drafter
from vetflow.gateway.loops import Loop, Rhythm, Wait
from vetflow.gateway.receiver import Receiver
from vetflow.gateway.reconciler import Reconciler
from vetflow.gateway.sorter import Sorter

log = structlog.stdlib.get_logger()

_STOP_SECONDS = 8.0
_OUTSPOKEN = ("pynetdicom", "pydicom")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayParts:
    """What the gateway runs.

    Parameters
    ----------
    arrivals, cases
        Wait for instances that arrived, and for cases that need a run; None looks once a second.
    """

    receiver: Receiver
    sorter: Sorter
    completer: Completer
    drafter: Drafter
    dispatcher: Dispatcher
    reconciler: Reconciler
    arrivals: Wait | None = None
    cases: Wait | None = None


def run_gateway(parts: GatewayParts, *, ended: threading.Event | None = None) -> None:
    """Run until SIGTERM, SIGINT or the event; the port closes first, so nothing acknowledged is lost."""
    hush()
    ended = ended or until_signalled()
    loops = (
        Loop("sorter", parts.sorter.step, wait=parts.arrivals),
        Loop("dispatcher", parts.dispatcher.step, wait=parts.cases),
        Loop("completer", parts.completer.step),
        Loop("drafter", parts.drafter.step),
        Loop("reconciler", parts.reconciler.step, rhythm=Rhythm(idle=2.0)),
    )
    parts.receiver.start()
    run_loops(loops, ended, before_end=parts.receiver.stop)


def run_loops(loops: Sequence[Loop], ended: threading.Event, *, before_end: Callable[[], None] | None = None) -> None:
    """Run loops until the event, then end them within seconds; a step cut off is mended by its next run."""
    for loop in loops:
        loop.start()
    ended.wait()
    end = time.monotonic() + _STOP_SECONDS
    for loop in loops:
        loop.stop()
    if before_end is not None:
        before_end()
    late = _late(loops, end)
    log.info("stopped", late=late)


def _late(loops: Iterable[Loop], end: float) -> int:
    return sum(not loop.join(end) for loop in loops)


def until_signalled() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set; main thread only."""
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, end)
    return ended


def hush() -> None:
    """Keep libraries from logging AE titles and UIDs as they were sent."""
    for name in _OUTSPOKEN:
        library = logging.getLogger(name)
        library.setLevel(logging.CRITICAL)
        library.propagate = False
        warnings.filterwarnings("ignore", module=rf"{name}(\..*)?")
