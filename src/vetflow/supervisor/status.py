"""How the machine is: each part's health and how much work is in which state."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from vetflow.domain.errors import TransientError
from vetflow.settings import Settings
from vetflow.supervisor.report import PartState, PartStatus, TreeReport
from vetflow.wiring import build

Counts = Mapping[str, Mapping[str, int]]
"""Things by state: ``counts["cases"]["done"]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What was seen.

    Parameters
    ----------
    counts
        None when the ledger can't be reached.
    """

    running: bool
    parts: tuple[PartStatus, ...]
    counts: Counts | None

    @property
    def well(self) -> bool:
        """Whether everything works."""
        return self.running and self.counts is not None and all(part.state is PartState.READY for part in self.parts)

    def values(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "well": self.well,
            "running": self.running,
            "parts": [asdict(part) for part in self.parts],
            "counts": self.counts,
        }

    def rows(self) -> list[dict[str, object]]:
        """Return one row a part."""
        return [
            {"part": part.name, "state": part.state, "pid": part.pid, "restarts": part.restarts, "at": part.address}
            for part in self.parts
        ]

    def count_rows(self) -> list[dict[str, object]]:
        """Return one row a kind of thing and state."""
        return [
            {"what": what, "state": state, "number": number}
            for what, states in (self.counts or {}).items()
            for state, number in states.items()
        ]


def look(settings: Settings) -> Health:
    """Return how everything is now.

    Parameters
    ----------
    settings
        With the ledger's address filled in.
    """
    report = TreeReport.read(settings.home)
    try:
        counts = _counts(settings)
    except TransientError:
        counts = None
    return Health(running=report is not None, parts=report.parts if report else (), counts=counts)


def _counts(settings: Settings) -> Counts:
    counts = build(settings).ledger.counts()
    kinds = {"instances": counts.instances, "cases": counts.cases, "deliveries": counts.deliveries}
    return {kind: {str(state): number for state, number in states.items()} for kind, states in kinds.items()}
