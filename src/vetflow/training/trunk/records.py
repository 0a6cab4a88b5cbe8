"""What a trunk model said of each film beside what is right: plain values, from which every figure can be had anew."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from vetflow.domain.signalment import Species
from vetflow.domain.view import Region, View
from vetflow.phantoms.trunk.order import LATERAL

PRESENT, ABSENT, UNDETERMINED = "present", "absent", "undetermined"
SILENT = -1
"""Number of the class that a model says when it doesn't answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One of several classes, by number; ``says`` is `SILENT` when the model doesn't answer."""

    right: int
    says: int
    certainty: float
    steady: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number; ``said`` is None when the model doesn't answer, ``error`` is half of the interval it gives."""

    right: float
    said: float | None
    error: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """Whether something is there.

    Parameters
    ----------
    says
        `PRESENT`, `ABSENT` or `UNDETERMINED`, by the shipped thresholds.
    amount
        How severe it truly is, None when it isn't there.
    """

    right: bool
    share: float
    says: str
    amount: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A landmark: ``off`` is how far from the true one it was said to be, in vertebrae; None when it wasn't said."""

    shown: bool
    off: float | None
    certainty: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """An outline that the film shows: Dice with the true one, and what the model expected it to be."""

    dice: float
    certainty: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One film; what the film isn't asked is left out.

    Parameters
    ----------
    foreign
        Whether noise and processing are those that training never sees.
    doubt
        Why the model abstains on the whole film; empty when it doesn't.
    heart_shown
        Whether the film shows all that heart score and atrial size are measured on.
    """

    film: str
    group: str
    foreign: bool
    view: View
    region: Region
    species: Species | None
    doubt: str
    oddness: float
    classes: Mapping[str, Answer]
    rotation: Number | None
    breath: Number | None
    cut: Mapping[str, Chance]
    lesions: Mapping[str, Chance]
    spots: Mapping[str, Place]
    heart_shown: bool
    heart_score: Number | None
    atrial_size: Number | None
    outlines: Mapping[str, Overlap]
    motion: float

    @property
    def lateral(self) -> bool:
        """Whether it truly is a lateral film."""
        return self.view in LATERAL


_RECORDS = TypeAdapter(tuple[Record, ...])


def to_json(records: Iterable[Record]) -> bytes:
    """Return records as JSON."""
    return _RECORDS.dump_json(tuple(records))


def from_json(data: bytes) -> tuple[Record, ...]:
    """Return the records of `to_json`.

    Raises
    ------
    ValueError
        The bytes are not records.
    """
    return _RECORDS.validate_json(data)
