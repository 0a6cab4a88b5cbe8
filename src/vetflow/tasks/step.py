"""A Prefect task whose errors carry no values and whose duration is kept."""

import functools
import time
import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.tasks import Task

from vetflow.domain.errors import TransientError, VetflowError

P = ParamSpec("P")
R = TypeVar("R")

_seconds: ContextVar[dict[str, float]] = ContextVar("seconds")


class StepFailed(VetflowError):
    """A step broke in a way nobody foresaw; says where, never with which values."""


def step(function: Callable[P, R]) -> Task[P, R]:
    """Return the function as a Prefect task: transient errors retry, others end the run without values in them."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        started = time.monotonic()
        try:
            return function(*args, **kwargs)
        except (VetflowError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  the border: a foreign message may quote a header
            raise StepFailed(f"{function.__name__}: {type(error).__name__} at {_places(error)}") from None
        finally:
            timings = _seconds.get({})
            timings[function.__name__] = timings.get(function.__name__, 0.0) + time.monotonic() - started
            _seconds.set(timings)

    as_task = task(
        retries=2,
        retry_delay_seconds=[1.0, 4.0],
        retry_condition_fn=_transient,
        cache_policy=NO_CACHE,
        persist_result=False,
        log_prints=False,
    )
    return as_task(guarded)


def timings() -> Mapping[str, float]:
    """Return seconds spent in each step of this run so far."""
    return dict(_seconds.get({}))


def _transient(_task: Task[..., object], _run: object, state: State[object]) -> bool:
    return isinstance(state.result(raise_on_failure=False), TransientError)


def _places(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[1:]
    return " > ".join(f"{frame.name}:{frame.lineno}" for frame in frames)
