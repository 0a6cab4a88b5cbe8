"""Which runs may start: the most urgent queue always finds a place soon."""

from collections.abc import Hashable
from dataclasses import dataclass, field

from vetflow.domain.case import Queue


@dataclass(slots=True, kw_only=True)
class Slots:
    """Places for running cases.

    Parameters
    ----------
    limit
        Cases at once; when there are two or more, all queues but ``stat`` together may use all but one.
    """

    limit: int
    _held: dict[Hashable, str] = field(default_factory=dict[Hashable, str], repr=False)

    def open_queues(self) -> tuple[str, ...] | None:
        """Return names of the queues that may start a run now; None for every queue."""
        if len(self._held) >= self.limit:
            return ()
        return None if self._ordinary() < self._most_ordinary() else (Queue.STAT,)

    def take(self, run: Hashable, queue: str) -> bool:
        """Hold a place for a run; False when there is none for its queue or the run holds one already."""
        names = self.open_queues()
        if run in self._held or (names is not None and queue not in names):
            return False
        self._held[run] = queue
        return True

    def holds(self, run: Hashable) -> bool:
        """Whether a run has a place."""
        return run in self._held

    def urgent(self, run: Hashable) -> bool:
        """Whether a run has its place as one of the ``stat`` queue."""
        return self._held.get(run) == Queue.STAT

    def free(self, run: Hashable) -> None:
        """Give a place back."""
        self._held.pop(run, None)

    def _ordinary(self) -> int:
        return sum(queue != Queue.STAT for queue in self._held.values())

    def _most_ordinary(self) -> int:
        return self.limit - 1 if self.limit >= 2 else self.limit
