"""What people see of the ledger: lines of lists and pages of one thing; opaque ids only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from vetflow.domain.case import CaseState, Queue
from vetflow.domain.delivery import Channel, DeliveryState, ResultObject
from vetflow.domain.finding import Assessment
from vetflow.domain.study import Instance, InstanceState


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many things stand where; states nobody is in count 0."""

    instances: Mapping[InstanceState, int]
    cases: Mapping[CaseState, int]
    deliveries: Mapping[DeliveryState, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyLine:
    """One study in a list.

    Parameters
    ----------
    revision
        The latest, 0 before the first.
    conflicted
        An instance came twice under one UID with different bytes.
    """

    id: str
    opened_at: datetime
    last_arrival: datetime
    revision: int
    instances: int
    quarantined: int
    conflicted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionLine:
    """When and why a study was judged complete."""

    number: int
    closed_at: datetime
    reason: str
    forced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceLine:
    """One instance of a study.

    Parameters
    ----------
    revision
        The first that contains it, None while it is in none.
    copies
        How often the same bytes arrived.
    """

    instance: Instance
    received_at: datetime
    modality: str
    revision: int | None
    copies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalLine:
    """What a sender was told to keep; it belongs to no study."""

    at: datetime
    sender: str
    reason: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    """One case in a list.

    Parameters
    ----------
    round
        1 for the first of its use case on its subject, then one more for each that was asked for again.
    """

    id: str
    use_case: str
    study_id: str
    revision: int | None
    instance_id: str | None
    round: int
    queue: Queue
    state: CaseState
    attempt: int
    run_id: str
    reason: str
    opened_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLine:
    """One try at a case; None for what has not happened."""

    number: int
    opened_at: datetime
    submitted_at: datetime | None
    claimed_at: datetime | None
    ended_at: datetime | None
    run_id: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLine:
    """One result owed to one destination.

    Parameters
    ----------
    failure
        ``transient``, ``permanent`` or empty: of what kind the last failure was.
    status
        The peer's own code of a permanent failure.
    """

    id: str
    case_id: str
    destination: str
    channel: Channel
    kind: str
    state: DeliveryState
    attempts: int
    owed_at: datetime
    next_at: datetime
    ended_at: datetime | None
    last_error: str
    failure: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPage:
    """All about one study."""

    study: StudyLine
    revisions: Sequence[RevisionLine]
    instances: Sequence[InstanceLine]
    cases: Sequence[CaseLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    """All about one case.

    Parameters
    ----------
    assessment
        None before the case is done.
    steps
        Seconds of each step of the flow, in order; empty before the case is done.
    """

    case: CaseLine
    assessment: Assessment | None
    attempts: Sequence[AttemptLine]
    results: Sequence[ResultObject]
    deliveries: Sequence[DeliveryLine]
    steps: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something in the ledger that should be impossible.

    Parameters
    ----------
    rule
        What should hold, in words.
    subjects
        Ids of what breaks it, the first few.
    """

    rule: str
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a check of ledger and store found.

    Parameters
    ----------
    accepted
        Instances acknowledged to senders; the sum over ``counts.instances``, or a fault says so.
    missing, damaged
        Digests the ledger relies on that the store has not, or has with other bytes.
    orphaned
        Digests in the store that the ledger does not know; what is just arriving may be among them.
    """

    accepted: int
    counts: Counts
    faults: Sequence[Fault]
    missing: Sequence[str]
    damaged: Sequence[str]
    orphaned: Sequence[str]

    @property
    def clean(self) -> bool:
        """Whether nothing is lost or contradictory; an orphan harms nobody."""
        return not (self.faults or self.missing or self.damaged)
