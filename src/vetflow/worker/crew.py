"""What a warm worker works with, made before its event loop starts."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vetflow.adapters.sandbox import Nursery
from vetflow.settings import Settings, load
from vetflow.wiring import services
from vetflow.worker.brood import Brood
from vetflow.worker.endings import Cases, Scribe

PRELOAD = (
    "great_expectations",
    "monai.networks.nets",
    "torch",
    "vetflow.worker.child",
    "vetflow.wiring.inside",
)
_HANDED_DOWN = ("PREFECT_", "VETFLOW_", "MLFLOW_", "XDG_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """What a warm worker works with.

    Parameters
    ----------
    brood
        Forks children.
    scribe
        Tells the ledger of endings.
    limit
        Cases at once.
    case_seconds
        Wall-clock limit of one case.
    poll_seconds
        Seconds between two questions for new runs.
    """

    brood: Brood
    scribe: Scribe
    limit: int
    case_seconds: float
    poll_seconds: float = 0.25


def crew(settings: Settings, *, cases: Callable[[], Cases], preload: Sequence[str] = PRELOAD) -> Crew:
    """Return a crew for a site; takes the time the imports take.

    Parameters
    ----------
    cases
        Returns the ledger.
    preload
        Modules that children find imported.
    """
    limits = settings.limits
    threads = max(1, (os.cpu_count() or 1) // limits.concurrent_cases)
    nursery = Nursery.spawned(preload, threads=threads)
    return Crew(
        brood=Brood(nursery=nursery, environment=environment(), memory_mb=limits.case_memory_mb),
        scribe=Scribe(cases=cases, attempts=limits.attempts),
        limit=limits.concurrent_cases,
        case_seconds=limits.case_seconds,
    )


def environment() -> Mapping[str, str]:
    """Return the variables a child of this process gets."""
    return {name: value for name, value in os.environ.items() if name.startswith(_HANDED_DOWN)}


def wired() -> Crew:
    """Return a crew for this machine's site."""
    return crew(load(), cases=lambda: services().ledger)
