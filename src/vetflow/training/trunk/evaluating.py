"""All that is measured of a trunk model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vetflow.phantoms.holdout import holdout
from vetflow.training.pictures import Progress
from vetflow.training.trunk.cases import INSIDE, kept, listed
from vetflow.training.trunk.measuring import Look, measure_listed
from vetflow.training.trunk.real import other_sayings, real_sayings
from vetflow.training.trunk.records import Record
from vetflow.training.trunk.sayings import Check, Saying, checks, strangers

_STRANGERS = 40
_CHECKED = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All figures of one model, and what they come from.

    Parameters
    ----------
    holdout
        SHA-256 of the file that fixes the held-out set.
    records
        Held-out films, and films inside the card.
    strangers
        Pictures that the model isn't made for, and real ones that are no films.
    checks
        Films inside the card that were spoilt.
    real
        The real film laid every way; empty when it isn't installed.
    """

    holdout: str
    records: tuple[Record, ...]
    strangers: tuple[Saying, ...]
    checks: tuple[Check, ...]
    real: tuple[Saying, ...]

    def of(self, subset: str) -> tuple[Record, ...]:
        """Return the records of one of `SUBSETS`."""
        return tuple(filter(SUBSETS[subset], self.records))


SUBSETS: Mapping[str, Callable[[Record], bool]] = {
    "held-out": lambda record: record.group != INSIDE,
    "answered": lambda record: record.group != INSIDE and not record.doubt,
    "landmarks": lambda record: record.group == "landmarks",
    "usual noise": lambda record: record.group != INSIDE and not record.foreign,
    "foreign noise": lambda record: record.group != INSIDE and record.foreign,
    "inside the card": lambda record: record.group == INSIDE,
}
"""Films that figures are given for."""


def evaluate(look: Look, *, folder: Path, progress: Progress, limit: int | None = None, workers: int = 2) -> Evaluation:
    """Return figures on the held-out set, on films inside the card, and on what a model must not be taken in by.

    Parameters
    ----------
    look
        See `vetflow.training.trunk.measuring.measure_listed`.
    folder
        Where rendered films are kept.
    limit
        Films of each group at most; None for all.
    """
    films = list(listed(limit=limit))
    inside: Sequence[int] = [place for place, film in enumerate(films) if film.group == INSIDE]
    records = measure_listed(films, look, folder=folder, workers=workers, progress=progress)
    spoilt = [kept(folder, films[place]) for place in inside[: min(_CHECKED, limit or _CHECKED)]]
    return Evaluation(
        holdout=holdout().digest,
        records=records,
        strangers=strangers(look, count=min(_STRANGERS, limit or _STRANGERS), progress=progress) + other_sayings(look),
        checks=checks(spoilt, look, progress=progress),
        real=real_sayings(look),
    )
