"""A model that knows the right answers and errs as it is told to; records of films made up by hand."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from tests.trunk_sights import trunk_sight

from vetflow.domain.place import Fit
from vetflow.domain.sight import Guess
from vetflow.domain.trunk_sight import HEADS, OUTLINES, Amount, Likelihood, Outline, Spot, TrunkSight
from vetflow.domain.view import Region, View
from vetflow.training.trunk.cases import Case
from vetflow.training.trunk.records import Answer, Chance, Number, Overlap, Place, Record


def truthful(film: Case) -> TrunkSight:
    """Return what a model sees that is always right and always certain."""
    right = film.right
    seen = {head: HEADS[head][number] for head, number in right.classes.items()}
    return trunk_sight(
        film=Guess(says=True, certainty=1.0),
        plane=Guess(says=View(seen["plane"]), certainty=1.0),
        side=Guess(says=View(seen["side"]), certainty=1.0),
        region=Guess(says=Region(seen["region"]), certainty=1.0),
        inverted=Guess(says=seen["inverted"] == "yes", certainty=1.0),
        head=Guess(says=seen["head"], certainty=1.0),
        limbs_over=float(right.classes["limbs_over"]) if "limbs_over" in right.classes else None,
        rotation=Amount(value=right.rotation or 0.0, error=1.0),
        breath=Amount(value=right.breath or 0.0, error=0.1),
        cut={part: float(cut) for part, cut in right.cut.items()},
        lesions={name: chance(float(there)) for name, there in right.lesions.items()},
        spots={name: Spot(at=one.at, error=1.0, certainty=1.0) for name, one in right.spots.items() if one.shown},
        ribs=Guess(says=int(seen["ribs"]), certainty=1.0) if "ribs" in seen else None,
        outlines=_outlines(film),
        grid=Fit(scale=(1.0, 1.0), offset=(0.0, 0.0)),
        heart_score_error=0.1,
        atrial_size_error=0.1,
    )


def _outlines(film: Case) -> dict[str, Outline]:
    assert film.outlines is not None
    masks = {name: (film.outlines >> np.uint16(place)) & 1 == 1 for place, name in enumerate(OUTLINES)}
    return {name: Outline(pixels=mask, certainty=0.9) for name, mask in masks.items() if mask.any()}


def chance(share: float) -> Likelihood:
    """Return a likelihood that can't be told between 0.3 and 0.7."""
    return Likelihood(share=share, steady=True, absent_below=0.3, present_from=0.7)


class Knowing:
    """Looks at films that it knows the answers of; pictures that it doesn't know it doubts."""

    def __init__(self, films: Iterable[Case], erring: Callable[[TrunkSight], TrunkSight] | None = None) -> None:
        self._films = {film.pixels.tobytes(): film for film in films}
        self._erring = erring

    def __call__(self, pixels: NDArray[np.generic], /, *, inverted: bool) -> TrunkSight:
        film = self._films.get(pixels.tobytes())
        if film is None or film.inverted != inverted:
            return trunk_sight(oddness=1.0, odd_from=0.5)
        sight = truthful(film)
        return self._erring(sight) if self._erring else sight


def blind(pixels: NDArray[np.generic], /, *, inverted: bool) -> TrunkSight:
    """Return the same for every film: a sound lateral one, nothing wrong with the animal."""
    return trunk_sight()


def record(film: str = "1", **changes: object) -> Record:
    """Return a held-out lateral film of a thorax that was answered, nothing asked but what is given."""
    nothing: Mapping[str, object] = {
        "classes": {}, "rotation": None, "breath": None, "cut": {}, "lesions": {}, "spots": {}, "outlines": {},
        "heart_score": None, "atrial_size": None, "heart_shown": False, "motion": 0.0, "doubt": "", "oddness": 0.5,
        "group": "films", "foreign": False, "view": View.LEFT_LATERAL, "region": Region.THORAX, "species": None,
    }  # fmt: skip
    return Record(**{"film": film, **nothing, **changes})


def told(right: bool, share: float, says: str, amount: float | None = None) -> Chance:
    """Return an emergency that was asked about."""
    return Chance(right=right, share=share, says=says, amount=amount)


def full(film: str, rng: np.random.Generator, **changes: object) -> Record:
    """Return a film with an answer to everything, some of them wrong."""
    there = bool(rng.random() < 0.3)
    share = float(np.clip(rng.normal(0.8 if there else 0.2, 0.2), 0.0, 1.0))
    says = "present" if share >= 0.7 else "absent" if share < 0.3 else "undetermined"
    score = float(rng.normal(9.7, 0.8))
    seen = {
        "classes": {head: Answer(right=0, says=int(rng.random() < 0.1), certainty=0.9) for head in ("plane", "side")},
        "rotation": Number(right=float(rng.normal(0, 8)), said=float(rng.normal(0, 8)), error=4.0),
        "lesions": {name: told(there, share, says, 20.0 if there else None) for name in ("volvulus", "pleural")},
        "spots": {"T4": Place(shown=True, off=float(rng.random()), certainty=0.9)},
        "heart_shown": True,
        "heart_score": Number(right=score, said=score + float(rng.normal(0, 0.2)), error=0.4),
        "outlines": {"heart": Overlap(dice=0.9, certainty=0.9)},
        "cut": {"diaphragm": told(there, share, "present" if share >= 0.5 else "absent")},
    }  # fmt: skip
    return replace(record(film), **{**seen, **changes})
