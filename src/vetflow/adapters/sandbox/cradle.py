"""The nursery of this process: the one it was given at birth, or one it starts when first asked."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from vetflow.adapters.sandbox.nurseries import Nursery


@dataclass(slots=True, kw_only=True)
class _Cradle:
    held: list[Nursery] = field(default_factory=list[Nursery])
    lock: threading.Lock = field(default_factory=threading.Lock)


_CRADLE = _Cradle()


def adopt(own: Nursery) -> None:
    """Make this the nursery of the process."""
    with _CRADLE.lock:
        _CRADLE.held[:] = [own]


def nursery(preload: Sequence[str], *, threads: int = 1) -> Nursery:
    """Return the nursery of the process, started with these modules when there is none yet.

    Parameters
    ----------
    preload
        Names of modules a new one imports.
    threads
        Threads torch may use in each child of a new one.
    """
    with _CRADLE.lock:
        if not _CRADLE.held:
            _CRADLE.held.append(Nursery.spawned(preload, threads=threads))
        return _CRADLE.held[0]
