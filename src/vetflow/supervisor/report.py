"""What the supervisor leaves in the home for other processes to read."""

import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

_FILE = "tree.json"
_STALE_SECONDS = 15.0


class PartState(StrEnum):
    """Where a part stands."""

    WAITING = "waiting"
    """Another part must be ready first."""
    STARTING = "starting"
    """Its process runs and does not answer yet."""
    READY = "ready"
    """It works; for a step: it has been done."""
    UNWELL = "unwell"
    """It runs and no longer answers."""
    DOWN = "down"
    """It died and is started again after a pause."""
    STOPPED = "stopped"
    """It was told to stop and did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStatus:
    """What the supervisor knows about a part.

    Parameters
    ----------
    needed
        Whether films wait for it.
    """

    name: str
    state: PartState
    pid: int | None
    restarts: int
    address: str
    needed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeReport:
    """The tree as the supervisor saw it last.

    Parameters
    ----------
    pid
        Process id of the supervisor.
    beat
        When it was written, seconds since 1970.
    ready
        Whether films can travel.
    """

    pid: int
    beat: float
    ready: bool
    parts: tuple[PartStatus, ...]

    @property
    def fresh(self) -> bool:
        """Whether the supervisor wrote it just now; one that was killed leaves an old one behind."""
        return time.time() - self.beat < _STALE_SECONDS

    def write(self, home: Path) -> None:
        """Leave it in the home; a reader sees the old or the new one, never half of one."""
        draft = home / f".{_FILE}"
        draft.write_bytes(_ADAPTER.dump_json(self))
        draft.replace(home / _FILE)

    @staticmethod
    def read(home: Path) -> "TreeReport | None":
        """Return the last report, None when nothing runs on the home."""
        try:
            report = _ADAPTER.validate_json((home / _FILE).read_bytes())
        except (OSError, ValidationError):
            return None
        return report if report.fresh else None

    @staticmethod
    def remove(home: Path) -> None:
        """Take it away when the tree has stopped."""
        (home / _FILE).unlink(missing_ok=True)


_ADAPTER = TypeAdapter(TreeReport)
