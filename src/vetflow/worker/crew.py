"""What a warm worker works with, made before its event loop starts."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from vetflow.adapters.sandbox import Nursery
from vetflow.settings import Settings, load
from vetflow.wiring import services
from vetflow.worker.brood import Brood
from vetflow.worker.declared import declared
from vetflow.worker.endings import Cases, Scribe

_LIBRARIES = (
    "great_expectations",
    "monai.networks.nets",
    "vetflow.worker.child",
    "vetflow.worker.late:load",
    "vetflow.wiring.inside",
    "vetflow.adapters.derived_folder",
    "vetflow.adapters.expectations_gx",
    "vetflow.adapters.film_reader",
    "vetflow.adapters.lease",
    "vetflow.adapters.ledger",
    "vetflow.adapters.store_folder",
    "vetflow.worker.rehearsal:rehearse",
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
    declare
        Makes Prefect hold the deployments again when it has lost them.
    """

    brood: Brood
    scribe: Scribe
    limit: int
    case_seconds: float
    poll_seconds: float = 0.25
    declare: Callable[[], None] = field(default=lambda: None, repr=False)


def crew(settings: Settings, *, cases: Callable[[], Cases], preload: Sequence[str] | None = None) -> Crew:
    """Return a crew for a site; takes the time the imports take.

    Parameters
    ----------
    cases
        Returns the ledger.
    preload
        Modules that children find imported; None takes the declared flows and what they need.
    """
    limits = settings.limits
    threads = max(1, (os.cpu_count() or 1) // limits.concurrent_cases)
    nursery = Nursery.spawned(preload or needed(), threads=threads)
    return Crew(
        brood=Brood(nursery=nursery, environment=environment(), memory_mb=limits.case_memory_mb),
        scribe=Scribe(cases=cases, attempts=limits.attempts),
        limit=limits.concurrent_cases,
        case_seconds=limits.case_seconds,
    )


def needed() -> tuple[str, ...]:
    """Return the modules of every declared flow, and those they import late."""
    return (*_LIBRARIES, *(each.entrypoint.partition(":")[0] for each in declared()))


def environment() -> Mapping[str, str]:
    """Return the variables a child of this process gets."""
    return {name: value for name, value in os.environ.items() if name.startswith(_HANDED_DOWN)}


def wired() -> Crew:
    """Return a crew for this machine's site."""
    return crew(load(), cases=lambda: services().ledger)
