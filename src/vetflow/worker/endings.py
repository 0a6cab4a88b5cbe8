"""How a run ended and what the ledger is told of it."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from vetflow.domain.case import CaseRef
from vetflow.domain.errors import StaleAttempt, TransientError
from vetflow.worker.codes import OUT_OF_MEMORY

_LOG = logging.getLogger(__name__)
_TRIES, _PAUSE = 5, 0.5


class Ending(StrEnum):
    """Why a child is gone."""

    DONE = "done"
    """It ran the flow to its end and said so to Prefect itself."""
    CANCELLED = "cancelled"
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    DIED = "died"


class Cases(Protocol):
    """The ledger as the worker sees it."""

    def cancel(self, ref: CaseRef) -> None:
        """End the case because a person cancelled it."""
        ...

    def fail(self, ref: CaseRef, reason: str, *, again: bool, most: int) -> None:
        """Give up this attempt."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scribe:
    """Tells the ledger what befell a case from outside its own process.

    Parameters
    ----------
    cases
        Returns the ledger.
    attempts
        Attempts a case may have.
    """

    cases: Callable[[], Cases]
    attempts: int

    def note(self, parameters: Mapping[str, object], ending: Ending) -> None:
        """Write an ending down; a case that died is left to its lease, a run without a case to Prefect."""
        ref = case_of(parameters)
        if ref is None or ending in {Ending.DONE, Ending.DIED}:
            return
        for _ in range(_TRIES):
            if self._written(ref, ending):
                return
            time.sleep(_PAUSE)
        _LOG.error("the ledger could not be told that %s ended: %s", ref.key, ending)

    def _written(self, ref: CaseRef, ending: Ending) -> bool:
        try:
            self._write(ref, ending)
        except StaleAttempt:
            _LOG.info("%s had ended before", ref.key)
        except TransientError:
            return False
        return True

    def _write(self, ref: CaseRef, ending: Ending) -> None:
        if ending is Ending.CANCELLED:
            self.cases().cancel(ref)
        else:
            self.cases().fail(ref, ending.value, again=False, most=self.attempts)


def ending(code: int | None, *, cancelled: bool) -> Ending:
    """Return why a child is gone.

    Parameters
    ----------
    code
        Its exit code; None when it outran its time.
    cancelled
        Whether a person asked for it.
    """
    if cancelled:
        return Ending.CANCELLED
    if code is None:
        return Ending.TIME_LIMIT
    return {0: Ending.DONE, OUT_OF_MEMORY: Ending.MEMORY_LIMIT}.get(code, Ending.DIED)


def case_of(parameters: Mapping[str, object]) -> CaseRef | None:
    """Return the attempt a run's parameters name, None when they name none."""
    match parameters.get("case"):
        case {"id": str(name), "attempt": int(attempt)}:
            return CaseRef(id=name, attempt=attempt)
        case _:
            return None
