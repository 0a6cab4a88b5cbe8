"""How far a result has come: a suggestion, a changed suggestion, or signed by a veterinarian.

Objects that were written are never changed. Each later one names those it follows from, and why (CID 7009).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vetflow.domain.coding import Code

REPLACED = Code(value="121360", scheme="DCM", meaning="Replaced report")
PRELIMINARY = Code(value="121362", scheme="DCM", meaning="Preliminary report")
"""Purposes of reference to a predecessor: it is replaced, or it was the preliminary of what is signed now."""


class Decision(StrEnum):
    """What a veterinarian did to a finding."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Predecessor:
    """An object that a new one follows from.

    Parameters
    ----------
    purpose
        CID 7009.
    """

    sop_class: str
    sop_uid: str
    series_uid: str
    study_uid: str
    purpose: Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who signed, for whom and when.

    Parameters
    ----------
    name
        As a DICOM person name, ``Family^Given``.
    organization
        Where the signer works; not empty.
    at
        With its time zone.
    """

    name: str
    organization: str
    at: datetime

    def __post_init__(self) -> None:
        if not (self.name.strip() and self.organization.strip()) or self.at.tzinfo is None:
            raise ValueError("a signature has a name, an organization and a time with its zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a document stands; the default is what AI writes: complete, unverified, preliminary.

    Parameters
    ----------
    edition
        0 for what the case wrote, then one more for each later document of the same case.
    signature
        Given, the document is verified and final.
    rejected
        Findings (by their tracking identifier) that a veterinarian rejected; they are named, and not claimed.
    """

    edition: int = 0
    predecessors: tuple[Predecessor, ...] = ()
    signature: Signature | None = None
    rejected: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.edition < 0:
            raise ValueError("editions count from 0")


SUGGESTION = Standing()
