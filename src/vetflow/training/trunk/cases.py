"""Films that a trunk model is measured on, each with the right answers; rendered once and kept on disk."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from vetflow.domain.place import Point
from vetflow.domain.signalment import Species
from vetflow.domain.trunk_sight import CUT, HEART_POINTS, LESIONS, POINTS, VERTEBRAE, shown_by
from vetflow.domain.view import Region, View
from vetflow.phantoms.holdout import holdout
from vetflow.phantoms.trunk.developing import TrunkFilm, trunk_film
from vetflow.phantoms.trunk.order import LATERAL, REGIONS, VIEWS, Lesion, Order
from vetflow.phantoms.trunk.truth import Mask, TrunkTruth
from vetflow.phantoms.truth import Truth
from vetflow.training.heads import UNKNOWN
from vetflow.training.trunk import questions
from vetflow.training.trunk.shots import rendering

SIZE = 768
"""Longer side of a rendered film, pixels."""
INSIDE = "inside"
"""Group of films as they are trained on: what the card is for."""
INSIDE_FILMS = 300
_INSIDE_SEED = 999_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a landmark truly is.

    Parameters
    ----------
    at
        Pixels of the film.
    shown
        Whether it lies in the collimated field.
    unit
        Length of its vertebra, of landmarks of the heart the mean of T4 to T8, pixels.
    """

    at: Point
    shown: bool
    unit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """The right answers of a film; what is not known or not asked is left out.

    Parameters
    ----------
    classes
        By the heads of `vetflow.domain.trunk_sight.HEADS`, number of the class.
    rotation, breath
        As in `vetflow.domain.trunk_sight.TrunkSight`.
    cut
        Parts that the film must show, and whether they are cut off.
    lesions, amounts
        Emergencies that the film is asked about, and whether they are there; how severe those are that are there.
    spots
        By the names of `vetflow.domain.trunk_sight.POINTS`.
    heart_score, atrial_size
        Vertebrae.
    heart_shown
        Whether the film shows all that both are measured on.
    """

    view: View
    region: Region
    species: Species | None = None
    classes: Mapping[str, int]
    rotation: float | None = None
    breath: float | None = None
    cut: Mapping[str, bool]
    lesions: Mapping[str, bool]
    amounts: Mapping[str, float]
    spots: Mapping[str, Spot]
    heart_score: float | None = None
    atrial_size: float | None = None
    heart_shown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """A film to be measured on.

    Parameters
    ----------
    film
        Name that no other film has.
    group
        Group of the held-out set, or `INSIDE`.
    foreign
        Whether noise and processing are those that training never sees.
    pixels
        Rows by columns, stored values.
    inverted
        Whether low values are bright (MONOCHROME1).
    outlines
        Bits by pixel as `vetflow.training.trunk.questions.outlines` gives them; None when they are not known.
    """

    film: str
    group: str
    foreign: bool
    pixels: NDArray[np.generic]
    inverted: bool
    outlines: NDArray[np.uint16] | None
    right: Right


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A film to be rendered."""

    group: str
    order: Order
    foreign: bool


_RIGHT = TypeAdapter(Right)


def listed(*, limit: int | None = None) -> Iterator[Listed]:
    """Yield the held-out films, and films inside the card, at most `limit` of each group."""
    for group in holdout().groups:
        for one in holdout().films(group.name, limit=limit):
            yield Listed(group=group.name, order=one.order, foreign=one.foreign)
    for index in range(min(INSIDE_FILMS, limit or INSIDE_FILMS)):
        rng = np.random.default_rng([_INSIDE_SEED, index])
        view, region = VIEWS[int(rng.integers(len(VIEWS)))], REGIONS[int(rng.integers(len(REGIONS)))]
        yield Listed(group=INSIDE, order=Order(seed=_INSIDE_SEED + index, view=view, region=region), foreign=False)


def kept(folder: Path, one: Listed) -> Case:
    """Return a film from the folder, where it is put once it has been rendered; films of other code are not used."""
    path = folder / f"{rendering()}-{SIZE}" / f"{one.order.seed}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = trunk_film(one.order, size=SIZE, foreign=one.foreign)
        _write(path, case(made, film=str(one.order.seed), group=one.group))
    return _read(path, one)


def _write(path: Path, made: Case) -> None:
    held = BytesIO()
    right = np.frombuffer(_RIGHT.dump_json(made.right), np.uint8)
    assert made.outlines is not None  # noqa: S101  # a phantom's are known
    np.savez_compressed(held, pixels=made.pixels, outlines=made.outlines, inverted=made.inverted, right=right)
    part = path.with_suffix(f".{hashlib.sha256(held.getbuffer()).hexdigest()[:8]}.part")
    part.write_bytes(held.getbuffer())
    part.replace(path)


def _read(path: Path, one: Listed) -> Case:
    with np.load(path) as held:
        return Case(
            film=str(one.order.seed),
            group=one.group,
            foreign=one.foreign,
            pixels=held["pixels"],
            inverted=bool(held["inverted"]),
            outlines=held["outlines"],
            right=_RIGHT.validate_json(held["right"].tobytes()),
        )


def case(made: TrunkFilm, *, film: str, group: str) -> Case:
    """Return a finished film with the right answers."""
    plain = made.film.truth
    return Case(
        film=film,
        group=group,
        foreign=made.exposure.foreign,
        pixels=made.film.pixels,
        inverted=made.film.photometric == "MONOCHROME1",
        outlines=bits(made.masks, made.film.pixels.shape),
        right=right(plain, made.truth),
    )


def bits(masks: Mapping[str, Mask], shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """Return masks of organs, gas and fluid as one array of bits, shape (rows, columns)."""
    return questions.outlines(masks, (int(shape[0]), int(shape[1])))


def right(plain: Truth, trunk: TrunkTruth) -> Right:
    """Return the right answers from a phantom's truth."""
    rotation, breath = questions.amounts(plain, trunk)
    lesions = dict(zip(LESIONS, questions.lesions(plain, trunk), strict=True))
    cut: dict[str, int] = dict(zip(CUT, questions.cut_off(trunk), strict=True))
    plane = View.LATERAL if plain.view in LATERAL else View.SAGITTAL
    spots = dict(_spots(plain, trunk))
    return Right(
        view=plain.view,
        region=plain.region,
        species=trunk.species,
        classes={
            "film": 1,
            **{head: one for head, one in questions.classes(plain, trunk).items() if one != UNKNOWN},
        },
        rotation=rotation,
        breath=breath,
        cut={part: bool(cut[part]) for part in shown_by(plain.region, plane)},
        lesions={name: bool(one) for name, one in lesions.items() if one != UNKNOWN},
        amounts=_amounts(trunk),
        spots=spots,
        heart_score=trunk.heart_score,
        atrial_size=trunk.atrial_size,
        heart_shown=trunk.heart_shown and all(spots[f"T{number}"].shown for number in range(4, 11)),
    )


def _amounts(trunk: TrunkTruth) -> dict[str, float]:
    there = {one.lesion: one.amount for one in trunk.lesions}
    emergencies = (Lesion.VOLVULUS, Lesion.PERITONEAL_EFFUSION, Lesion.PLEURAL_EFFUSION, Lesion.PNEUMOTHORAX)
    return {name: there[one] for name, one in zip(LESIONS, emergencies, strict=True) if one in there}


def _spots(plain: Truth, trunk: TrunkTruth) -> Iterator[tuple[str, Spot]]:
    lengths = {name: _length(trunk, name) for name in VERTEBRAE}
    chest = float(np.mean([lengths[f"T{number}"] for number in range(4, 9)]))
    for name, (x, y, shown) in zip(POINTS, questions.points(trunk, plain.field), strict=True):
        if name in lengths or (name in HEART_POINTS and trunk.heart is not None):
            yield name, Spot(at=(float(x), float(y)), shown=bool(shown), unit=lengths.get(name, chest))


def _length(trunk: TrunkTruth, name: str) -> float:
    """Return how far apart the middles of a vertebra's end plates are, pixels."""
    body = trunk.vertebrae[name]
    middles = [np.mean(ends, axis=0) for ends in (body.cranial, body.caudal)]
    return float(np.hypot(*(middles[1] - middles[0])))
