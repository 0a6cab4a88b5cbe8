"""How far the results of a use case may travel."""

from enum import StrEnum


class Phase(StrEnum):
    """Rollout phase of a use case; each step lets results travel further."""

    SILENT = "silent"
    ASSISTIVE = "assistive"
    INTEGRATED = "integrated"

    @property
    def reach(self) -> int:
        """How far results travel: 0 nowhere, 1 to the PACS, 2 to worklist and practice too."""
        return list(Phase).index(self)


def least(*phases: Phase) -> Phase:
    """Return the phase that lets results travel least; silent when there is none."""
    return min(phases, key=lambda phase: phase.reach, default=Phase.SILENT)


def effective_phase(granted: Phase, ceiling: Phase | None) -> Phase:
    """Return the phase in force: a site's file can lower what the ledger granted, never raise it."""
    return granted if ceiling is None else least(granted, ceiling)
