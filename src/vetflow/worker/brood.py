"""Children of the worker, one of them always ready for the next run."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from vetflow.adapters.sandbox import Child, Nursery
from vetflow.adapters.sandbox.wire import JsonValue, Message, Wire

_ENTRY = "vetflow.worker.child:main"


@dataclass(slots=True, kw_only=True)
class Brood:
    """Forks children and keeps one ready.

    Parameters
    ----------
    nursery
        What forks them.
    environment
        Variables each child gets: addresses and where the site's files are.
    memory_mb
        Address space of each child, MB.
    """

    nursery: Nursery
    environment: Mapping[str, str]
    memory_mb: int
    _ready: list[Child] = field(default_factory=list[Child], repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self) -> Child:
        """Return a child that waits for a run; TransientError when none can be forked."""
        with self._lock:
            while self._ready:
                child = self._ready.pop()
                if child.wait(0) is None:
                    return child
                child.close()
        return self._hatched()

    def fill(self) -> None:
        """Make one ready when there is none."""
        with self._lock:
            if not self._ready:
                self._ready.append(self._hatched())

    def send(self, child: Child, job: Mapping[str, JsonValue]) -> None:
        """Give a child its run; WireBroken when it is gone."""
        Wire(fd=child.line.fileno()).send(Message(values=job))

    def close(self) -> None:
        """End every child and what forks them."""
        self.nursery.close()

    def _hatched(self) -> Child:
        child = self.nursery.bear(_ENTRY, leader=True)
        birth: dict[str, JsonValue] = {"environment": dict(self.environment), "memory_mb": self.memory_mb}
        Wire(fd=child.line.fileno()).send(Message(values=birth))
        return child
