"""Cases: one use case applied to one revision, or to one film as it arrives."""

from dataclasses import dataclass
from enum import StrEnum


class Queue(StrEnum):
    """Work queues of the warm pool, most urgent first."""

    STAT = "stat"
    ROUTINE = "routine"
    SILENT = "silent"


class CaseState(StrEnum):
    """Where a case stands; every case is in exactly one of these."""

    WAITING = "waiting"
    """Opened; no flow run yet."""
    SUBMITTED = "submitted"
    """A flow run was made for the present attempt."""
    RUNNING = "running"
    """An attempt holds the lease."""
    DONE = "done"
    """Results are in the ledger and owed to their destinations."""
    REFUSED = "refused"
    """The study can't be judged; the reason is kept."""
    FAILED = "failed"
    """Attempts are used up or a fault is permanent; the reason is kept."""
    CANCELLED = "cancelled"
    """A person stopped it."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen unless a person asks."""
        return self in {CaseState.DONE, CaseState.REFUSED, CaseState.FAILED, CaseState.CANCELLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRef:
    """The opaque name of one attempt at a case; the only parameter of a flow.

    Parameters
    ----------
    id
        Opaque id, such as ``case-7f3a2c91``.
    attempt
        1 for the first run; every write of a case is checked against it.
    """

    id: str
    attempt: int = 1

    def __post_init__(self) -> None:
        if not self.id.startswith("case-") or self.attempt < 1:
            raise ValueError("a case is named case-<hex> and its attempts count from 1")

    @property
    def key(self) -> str:
        """Idempotency key of the flow run, ``case:attempt``."""
        return f"{self.id}:{self.attempt}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOrder:
    """A case to be opened; opening the same order twice gives the same case.

    Parameters
    ----------
    revision
        Revision number of the study, None for a case of one film.
    instance_id
        The film, None for a case of a revision.
    again
        When the latest case of this use case on this subject has ended, another one is opened.
    """

    use_case: str
    study_id: str
    queue: Queue
    revision: int | None = None
    instance_id: str | None = None
    again: bool = False

    def __post_init__(self) -> None:
        if (self.revision is None) == (self.instance_id is None):
            raise ValueError("a case is of a revision or of one film")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCase:
    """A case that needs a flow run for its present attempt."""

    ref: CaseRef
    use_case: str
    queue: Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a claimed case is about: store references, no pixels.

    Parameters
    ----------
    digests
        SHA-256 of each instance, in order of arrival.
    round
        1 for the first case of the use case on this revision or film, then one more for each that was asked for again.
    """

    ref: CaseRef
    use_case: str
    study_id: str
    revision: int | None
    instance_ids: tuple[str, ...]
    digests: tuple[str, ...]
    round: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapsed:
    """A case whose attempt is not known to be alive.

    Parameters
    ----------
    run_id
        The flow run made for it, empty when none was recorded.
    running
        It had a lease, which ended; otherwise it was submitted and never claimed.
    """

    ref: CaseRef
    run_id: str
    running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Undrafted:
    """A revision of which all has been said that will be, and that no draft report knows of yet.

    Parameters
    ----------
    queues
        Where its cases waited.
    """

    study_id: str
    revision: int
    queues: frozenset[Queue]

    @property
    def queue(self) -> Queue | None:
        """The most urgent of them, None when there was no case."""
        return next((queue for queue in Queue if queue in self.queues), None)
