"""What is owed to whom: the outbox's values and its decisions."""

import random
from dataclasses import dataclass
from enum import StrEnum


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    OWED = "owed"
    SENT = "sent"
    DEAD = "dead"
    """Refused for good; a person may replay it."""
    HELD = "held"
    """Kept back by phase or kill switch."""


class Channel(StrEnum):
    """How a destination is spoken to."""

    DICOM = "dicom"
    """C-STORE."""
    DICOMWEB = "dicomweb"
    """STOW-RS."""
    HL7 = "hl7"


class ResultKind(StrEnum):
    """Kinds of objects a case writes."""

    SR = "SR"
    """TID 1500 in a Comprehensive 3D SR."""
    GSPS = "GSPS"
    """Greyscale presentation state: the same graphics in layers over the source images."""
    SEG = "SEG"
    """Segmentation: masks."""
    SC = "SC"
    """Secondary capture with everything burned in, for viewers that read nothing else."""
    KOS = "KOS"
    """Key object selection: images with a quality issue, or of interest."""
    JSON = "JSON"
    """The same result under the published JSON Schema; sent nowhere, served to REST consumers."""
    ORU = "ORU"
    TEXT = "TEXT"
    """A draft report as plain text; for people, sent nowhere."""
    PICTURE = "PICTURE"
    """The overlay as a PNG, made from pixels alone; for people, sent nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultObject:
    """An object in the store that a case wrote.

    Parameters
    ----------
    digest
        SHA-256 of its bytes in the store.
    uid
        SOP Instance UID, or the message control id of an HL7 message.
    """

    kind: ResultKind
    digest: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """One result owed to one destination of the site."""

    destination: str
    channel: Channel
    result: ResultObject
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A leased outbox row.

    Parameters
    ----------
    attempts
        Tries made before this one.
    """

    id: str
    case_id: str
    destination: str
    channel: Channel
    digest: str
    uid: str
    attempts: int


def next_try(attempts: int, *, first: float, cap: float, rng: random.Random) -> float:
    """Return seconds to wait after a transient failure: exponential, capped, with full jitter above one half.

    Parameters
    ----------
    attempts
        Tries made so far, at least 1.
    first, cap
        Seconds.
    """
    ceiling = min(cap, first * 2.0 ** min(attempts - 1, 30))
    return ceiling * rng.uniform(0.5, 1.0)
