"""Threads that do one step again and again, whatever happens in a step."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from vetflow.domain.errors import TransientError

log = structlog.stdlib.get_logger()

Wait = Callable[[float], None]
"""Returns after the seconds given, or sooner when there may be something to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often to look, seconds.

    Parameters
    ----------
    idle
        Longest wait after a step that found nothing to do.
    cap
        Longest wait after failures in a row; the first is followed by a tenth of a second, then doubling.
    """

    idle: float = 1.0
    cap: float = 15.0

    def after_failures(self, count: int) -> float:
        """Return how long to wait after that many failures in a row."""
        return min(self.cap, 0.1 * 2.0 ** min(count - 1, 30))


class Loop:
    """A step repeated in a thread of its own until stopped.

    Parameters
    ----------
    name
        For logs.
    step
        Does what is due and says whether more may be due at once.
    wait
        How to wait when nothing is due; None sleeps.
    rhythm
        How often to look.
    """

    def __init__(
        self, name: str, step: Callable[[], bool], *, wait: Wait | None = None, rhythm: Rhythm | None = None
    ) -> None:
        self._name = name
        self._step = step
        self._stopping = threading.Event()
        self._wait = wait or self._sleep
        self._rhythm = rhythm or Rhythm()
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask for the end; the step under way is finished."""
        self._stopping.set()

    def join(self, end: float) -> bool:
        """Wait for the end until a monotonic time and say whether it came."""
        self._thread.join(max(0.0, end - time.monotonic()))
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                more = self._step()
            except TransientError as error:
                self._failed(error, expected=True)
            except Exception as error:  # noqa: BLE001 — the outermost loop: one bad step must not end the service
                self._failed(error, expected=False)
            else:
                self._failures = 0
                if not more and not self._stopping.is_set():
                    self._wait(self._rhythm.idle)

    def _failed(self, error: Exception, *, expected: bool) -> None:
        """Log the class only: messages of foreign errors may quote what they were given."""
        self._failures += 1
        seconds = self._rhythm.after_failures(self._failures)
        level = log.warning if expected else log.error
        level("step failed", loop=self._name, error=type(error).__name__, failures=self._failures, again_in=seconds)
        self._sleep(seconds)

    def _sleep(self, seconds: float) -> None:
        self._stopping.wait(seconds)
