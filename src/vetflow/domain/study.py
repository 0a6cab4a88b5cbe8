"""Instances, studies and revisions as the ledger knows them; opaque ids outside, UIDs only here and in the store."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vetflow.domain.signalment import Species
from vetflow.domain.view import Region, View

_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def is_uid(text: str) -> bool:
    """Whether text is a UID by form (PS3.5 section 9.1): digits and dots, at most 64, nothing that could be a path."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


class InstanceState(StrEnum):
    """Where an accepted instance stands; it is always in exactly one of these."""

    RECEIVED = "received"
    """Durable, header not looked at yet."""
    WAITING = "waiting"
    """Sorted; its study may still grow."""
    PROCESSING = "processing"
    """In a revision, or in a case of its own."""
    DELIVERED = "delivered"
    """Every case that wanted it has ended and nothing is owed."""
    QUARANTINED = "quarantined"
    """Set aside with a reason; kept, never processed."""
    SUPERSEDED = "superseded"


class Admission(StrEnum):
    """What became of an arriving instance."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    """Same UID, other bytes: kept and quarantined as ``uid_conflict``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One instance whose bytes are durable in the store.

    Parameters
    ----------
    digest
        SHA-256 of the stored bytes, hexadecimal; ``size`` in bytes.
    sender
        Calling AE title.
    """

    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class: str
    transfer_syntax: str
    digest: str
    size: int
    sender: str

    def __post_init__(self) -> None:
        for uid in (self.study_uid, self.series_uid, self.sop_uid, self.sop_class, self.transfer_syntax):
            if not is_uid(uid):
                raise ValueError("an instance is named by valid UIDs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Something a sender was told to keep, so that a person can see why.

    Parameters
    ----------
    status
        What the sender was answered, such as ``0xA900``.
    """

    sender: str
    reason: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A stored instance."""

    id: str
    study_id: str
    digest: str
    size: int
    sop_class: str
    transfer_syntax: str
    state: InstanceState
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What routing needs of an instance's header."""

    modality: str
    species: Species | None = None
    region: Region | None = None
    view: View | None = None
    expected_instances: int | None = None
    """NumberOfStudyRelatedInstances, where the header carries it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStudy:
    """A study with instances that belong to no revision yet.

    Parameters
    ----------
    first_arrival, last_arrival
        Of the instances that belong to no revision yet, database clock (UTC).
    quiet_seconds, open_seconds
        Age of the last and the first of them, by the database's clock.
    count
        Instances held in all, quarantined ones left out.
    unsorted
        Instances whose header has not been looked at.
    revision
        The latest revision, 0 before the first.
    """

    id: str
    modalities: tuple[str, ...]
    count: int
    unsorted: int
    expected: int | None
    first_arrival: datetime
    last_arrival: datetime
    quiet_seconds: float
    open_seconds: float
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """The decision that a study is complete, with its reason in words."""

    complete: bool
    reason: str
    forced: bool = False
    """Closed by age although instances are missing."""
