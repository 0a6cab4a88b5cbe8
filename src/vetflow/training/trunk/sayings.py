"""What a trunk model says of pictures without a truth, or spoilt on purpose, in plain values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vetflow.domain.labelling import OUTLINE_SURE, POINT_SURE
from vetflow.domain.trunk_sight import VERTEBRAE, TrunkSight
from vetflow.phantoms.holdout import FIRST_SEED
from vetflow.phantoms.negatives import Kind, negative
from vetflow.training.pictures import Progress
from vetflow.training.trunk.cases import SIZE, Case
from vetflow.training.trunk.measuring import Look, compare, heart_scores, verdict
from vetflow.training.trunk.records import PRESENT, Record

Pixels = NDArray[np.generic]
_STRANGERS = 3 * FIRST_SEED
"""Seed of the first; the held-out films' seeds end below it."""
_TRIMMED = 5
_SHAKEN = 12
"""Pixels of a film that a moved animal is smeared over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What a model said of one picture.

    Parameters
    ----------
    what
        What kind of picture it is, or how it was laid.
    doubt
        Why the model abstains; empty when it doesn't, and only then the rest is ever shown to anybody.
    oddness
        Distance to its neighbours over the distance from which on the model abstains.
    said
        Plane, side and region, each with its certainty.
    ribs
        None on films of the abdomen.
    vertebrae, organs, cut
        What it names and outlines surely enough to be shown, and what more likely than not is cut off.
    lesions, present
        Calibrated probability of each emergency, and those that count as present.
    """

    what: str
    doubt: str
    oddness: float
    said: Mapping[str, tuple[str, float]]
    inverted: bool
    rotation: float
    heart_score: float | None
    atrial_size: float | None
    ribs: int | None
    vertebrae: tuple[str, ...]
    organs: tuple[str, ...]
    cut: tuple[str, ...]
    lesions: Mapping[str, float]
    present: tuple[str, ...]

    @property
    def alarms(self) -> bool:
        """Whether it would be called an emergency at a probability of a half or more."""
        return not self.doubt and any(self.lesions[name] >= 0.5 for name in self.present)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What a model said of films of the card that were spoilt in one way; shares of films.

    Parameters
    ----------
    abstained
        Abstained on as a whole.
    plane
        Plane right, of those that were answered.
    inverted, moved, cut
        Said to be inverted, against what they were before; to have moved; to cut off some part.
    false_alarms
        Answered, with an emergency that isn't there.
    """

    what: str
    films: int
    abstained: float
    plane: float
    inverted: float
    moved: float
    cut: float
    false_alarms: float


def saying(what: str, sight: TrunkSight) -> Saying:
    """Return what a model saw, in plain values."""
    guesses = {"plane": sight.plane, "side": sight.side, "region": sight.region}
    score, atrium = heart_scores(sight)
    return Saying(
        what=what,
        doubt=sight.doubt,
        oddness=sight.oddness / sight.odd_from,
        said={name: (guess.says.value, guess.certainty) for name, guess in guesses.items()},
        inverted=sight.inverted.says,
        rotation=sight.rotation.value,
        heart_score=score,
        atrial_size=atrium,
        ribs=sight.ribs.says if sight.ribs else None,
        vertebrae=tuple(n for n in VERTEBRAE if n in sight.spots and sight.spots[n].certainty >= POINT_SURE),
        organs=tuple(name for name, one in sight.outlines.items() if one.certainty >= OUTLINE_SURE),
        cut=tuple(part for part, share in sight.cut.items() if share >= 0.5),
        lesions={name: one.share for name, one in sight.lesions.items()},
        present=tuple(name for name, one in sight.lesions.items() if verdict(one) == PRESENT),
    )


def strangers(look: Look, *, count: int, progress: Progress) -> tuple[Saying, ...]:
    """Return what a model says of `count` pictures of each kind that it is not made for."""
    said: list[Saying] = []
    for kind in Kind:
        for index in range(count):
            made = negative(_STRANGERS + index, kind, size=SIZE)
            said.append(saying(kind.value, look(made.pixels, inverted=made.inverted)))
            progress("strangers", len(said), count * len(Kind))
    return tuple(said)


def checks(films: Sequence[Case], look: Look, *, progress: Progress) -> tuple[Check, ...]:
    """Return what a model says of films spoilt in each way; the first is what it says of them as they are."""
    return tuple(
        _check(what, list(_spoilt(films, look, spoil, progress, stage=f"check: {what}")))
        for what, spoil in SPOILT.items()
    )


def _spoilt(
    films: Sequence[Case], look: Look, spoil: Callable[[Pixels], Pixels], progress: Progress, *, stage: str
) -> Iterator[tuple[Record, bool]]:
    for done, film in enumerate(films, start=1):
        sight = look(spoil(film.pixels), inverted=film.inverted)
        # Places and outlines of a spoilt film are no longer the truth's.
        bare = replace(film, outlines=None, right=replace(film.right, spots={}))
        yield compare(bare, sight), sight.inverted.says != bool(film.right.classes["inverted"])
        progress(stage, done, len(films))


def _check(what: str, ones: list[tuple[Record, bool]]) -> Check:
    records = [record for record, _ in ones]
    answered = [record for record in records if not record.doubt]
    planes = [record.classes["plane"].says == record.classes["plane"].right for record in answered]
    return Check(
        what=what,
        films=len(records),
        abstained=1.0 - len(answered) / len(records),
        plane=float(np.mean(planes)) if planes else 0.0,
        inverted=float(np.mean([inverted for _, inverted in ones])),
        moved=float(np.mean([record.motion >= 0.5 for record in records])),
        cut=float(np.mean([any(one.says == PRESENT for one in record.cut.values()) for record in records])),
        false_alarms=float(np.mean([_false_alarm(record) for record in records])),
    )


def _false_alarm(record: Record) -> bool:
    return any(one.says == PRESENT and not one.right for one in record.lesions.values())


def _dark(pixels: Pixels) -> Pixels:
    return pixels.max() - pixels


def _trimmed(pixels: Pixels) -> Pixels:
    rows, columns = pixels.shape[0] // _TRIMMED, pixels.shape[1] // _TRIMMED
    return pixels[rows : pixels.shape[0] - rows, columns : pixels.shape[1] - columns]


def _turned(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(np.rot90(pixels, -1))


def _moved(pixels: Pixels) -> Pixels:
    copies = [np.roll(pixels, step, axis=0).astype(np.float32) for step in range(_SHAKEN)]
    return np.mean(copies, axis=0)


def _same(pixels: Pixels) -> Pixels:
    return pixels


SPOILT: Mapping[str, Callable[[Pixels], Pixels]] = {
    "as they are": _same,
    "inverted": _dark,
    "cropped by a fifth at each edge": _trimmed,
    "turned by 90 degrees": _turned,
    "moved": _moved,
}
"""Ways to spoil a film."""
