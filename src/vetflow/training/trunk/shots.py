"""Trunk phantoms rendered once and kept on disk, so that a training that was killed goes on where it was."""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from vetflow.adapters.trunk_frame import SQUARE
from vetflow.domain.place import Fit
from vetflow.domain.trunk_sight import HEADS, POINTS
from vetflow.domain.view import Region
from vetflow.phantoms.holdout import FIRST_SEED
from vetflow.phantoms.negatives import Kind, negative
from vetflow.phantoms.trunk.developing import develop, exposure
from vetflow.phantoms.trunk.order import REGIONS, VIEWS, Order
from vetflow.phantoms.trunk.ranges import Ranges, training
from vetflow.phantoms.trunk.shooting import shoot
from vetflow.phantoms.trunk.truth import Shot, TrunkTruth
from vetflow.phantoms.truth import Film, Truth
from vetflow.training.pictures import Progress
from vetflow.training.trunk import questions
from vetflow.vision.film import fitted

SIDE = 384
"""Longer side of a rendered phantom, pixels."""
LOOKS = 3
"""Films developed of one phantom."""
_CHUNK = 50
_SEEDS = 1_000_000
_NEGATIVES = (Kind.HUMAN_CHEST, Kind.PHOTO, Kind.NOISE, Kind.BLANK, Kind.LIMB, Kind.HUMAN_CHEST, Kind.LIMB)
_ANSWERED_BY = (
    "domain/trunk_sight.py", "training/heads.py", "training/trunk/cases.py", "training/trunk/questions.py",
    "training/trunk/shots.py", "vision/film.py",
)  # fmt: skip
"""What else decides over films that are kept, beside the phantoms."""
FORCED = 0.45
"""Share of animals to learn from that are given one lesion by turns, so that rare ones are seen often enough."""

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shots:
    """Films to learn from.

    Parameters
    ----------
    looks
        Shape (n, `LOOKS`, `SQUARE`, `SQUARE`), 0 to 255, bone bright unless the film is inverted.
    fits
        Where points of the phantom lie on each look, shape (n, `LOOKS`, 4): scale and offset by column and row.
    inverted
        Whether each look shows bone dark, shape (n, `LOOKS`).
    outlines
        Bits by pixel of the phantom, shape (n, `SIDE`, `SIDE`); see `questions.outlines`.
    points
        Shape (n, points, 3): column, row, shown; pixels of the phantom.
    extents
        Where the parts lie that a film must show, shape (n, parts, 4), pixels of the phantom; see `questions.extents`.
    classes, amounts, cut, lesions
        Right answers by phantom, as in `questions`.
    """

    looks: NDArray[np.uint8]
    fits: NDArray[np.float32]
    inverted: NDArray[np.int64]
    outlines: NDArray[np.uint16]
    points: NDArray[np.float32]
    extents: NDArray[np.float32]
    classes: NDArray[np.int64]
    amounts: NDArray[np.float32]
    cut: NDArray[np.int64]
    lesions: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.looks)

    @property
    def digest(self) -> str:
        """SHA-256 over everything."""
        whole = hashlib.sha256()
        for name in self.__slots__:
            whole.update(np.ascontiguousarray(getattr(self, name)).data)
        return whole.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Films to render.

    Parameters
    ----------
    count, nothing
        Phantoms, and pictures that are no films of a trunk.
    forced
        Share of animals that are given one lesion by turns, and filmed without it as well; the others have what animals
        have.
    takes
        Films of the same animal one after another, each laid and framed anew.
    """

    seed: int
    count: int
    nothing: int
    ranges: Ranges = field(default_factory=training)
    forced: float = FORCED
    takes: int = 1


@cache
def rendering() -> str:
    """Return the first digits of the SHA-256 over all that kept films and their answers are made by."""
    whole, here = hashlib.sha256(), Path(str(files("vetflow")))
    phantoms = (*here.glob("phantoms/**/*.py"), *here.glob("phantoms/**/*.toml"))
    for path in sorted((*phantoms, *(here / one for one in _ANSWERED_BY))):
        whole.update(path.relative_to(here).as_posix().encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()[:12]


def orders(wanted: Wanted) -> Iterator[Order]:
    """Yield what to render; views and regions are drawn evenly.

    Raises
    ------
    ValueError
        These would be held-out films, or those of the next seed.
    """
    seed, count = wanted.seed, wanted.count
    if count > _SEEDS or seed < 0 or (seed + 1) * _SEEDS > FIRST_SEED:
        raise ValueError(f"seeds are below {FIRST_SEED // _SEEDS}, and films {_SEEDS} a seed at most")
    yield from itertools.islice(_orders(wanted, np.random.default_rng([seed, 31])), count)


def _orders(wanted: Wanted, rng: np.random.Generator) -> Iterator[Order]:
    """Yield films without end; a lesion is learnt from an animal that has it beside the same one that has not."""
    for index in itertools.count():
        view, region = VIEWS[int(rng.integers(len(VIEWS)))], REGIONS[int(rng.integers(len(REGIONS)))]
        first = Order(seed=wanted.seed * _SEEDS + index, view=view, region=region, ranges=wanted.ranges)
        lesion, asked = questions.asked_of(region, turn=index)
        forced = rng.random() < wanted.forced
        others = rng.choice(asked if forced else REGIONS, wanted.takes - 1)
        for lesions in ((lesion,), ()) if forced else (None,):
            yield replace(first, lesions=lesions)
            for take, other in enumerate(others, start=1):
                yield replace(first, lesions=lesions, region=Region(other), take=take)


def rendered(folder: Path, wanted: Wanted, *, workers: int, progress: Progress) -> Shots:
    """Return films as wanted; what the folder holds of them, made by the same phantoms, is not made again."""
    asked_for = hashlib.sha256(f"{wanted}\0{rendering()}".encode()).hexdigest()
    folder = folder / f"shots-{asked_for[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    asked = list(orders(wanted))
    jobs = [
        (folder / f"film-{start:06}.npz", tuple(asked[start : start + _CHUNK]))
        for start in range(0, len(asked), _CHUNK)
    ]
    seeds = [wanted.seed * _SEEDS + index for index in range(wanted.nothing)]
    nones = [
        (folder / f"none-{start:06}.npz", tuple(seeds[start : start + _CHUNK]))
        for start in range(0, len(seeds), _CHUNK)
    ]
    whole = wanted.count + wanted.nothing
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for done, _ in enumerate(pool.map(_chunk, (*jobs, *nones)), start=1):
            progress("render", min(done * _CHUNK, whole), whole)
    return _read([path for path, _ in (*jobs, *nones)])


def _read(paths: list[Path]) -> Shots:
    parts: dict[str, list[NDArray[Any]]] = {}
    for path in paths:
        with np.load(path) as held:
            for name in held.files:
                parts.setdefault(name, []).append(held[name])
    return Shots(**{name: np.concatenate(arrays) for name, arrays in parts.items()})


def _chunk(job: tuple[Path, tuple[Order | int, ...]]) -> None:
    path, wanted = job
    if path.exists():
        return
    made = [_nothing(one) if isinstance(one, int) else _phantom(one) for one in wanted]
    part = path.with_suffix(".part")
    with part.open("wb") as out:
        cast("Callable[..., None]", np.savez)(out, **{name: np.stack([one[name] for one in made]) for name in made[0]})
    part.replace(path)


def _phantom(order: Order) -> Arrays:
    shot, rng = shoot(order, size=SIDE), order.rng(24)
    films = [develop(shot, exposure(rng, order.ranges), rng).film for _ in range(LOOKS)]
    return {**_looks(films), **_truths(shot)}


def _looks(films: list[Film]) -> Arrays:
    seen = [fitted(film.pixels, inverted=film.photometric == "MONOCHROME1", size=SQUARE) for film in films]
    return {
        "looks": np.stack([_bytes(grey) for grey, _ in seen]),
        "fits": np.array([_numbers(fit) for _, fit in seen], np.float32),
        "inverted": np.array([int(film.truth.inverted) for film in films]),
    }


def _bytes(grey: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.round(grey * 255.0).astype(np.uint8)


def _numbers(fit: Fit) -> tuple[float, float, float, float]:
    return (*fit.scale, *fit.offset)


def _truths(shot: Shot) -> Arrays:
    plain, trunk = shot.projection.truth, shot.truth
    right = _classes(plain, trunk)
    rows, columns = map(int, shot.projection.bone.shape)
    outlines = np.zeros((SIDE, SIDE), np.uint16)
    outlines[:rows, :columns] = questions.outlines(shot.masks, (rows, columns))
    return {
        "outlines": outlines,
        "points": questions.points(trunk, plain.field),
        "extents": questions.extents(shot.extents),
        "classes": np.array([right.get(head, questions.UNKNOWN) for head in HEADS]),
        "amounts": np.array(questions.amounts(plain, trunk), np.float32),
        "cut": np.array(questions.cut_off(trunk)),
        "lesions": np.array(questions.lesions(plain, trunk)),
    }


def _classes(plain: Truth, trunk: TrunkTruth) -> dict[str, int]:
    return {"film": 1, **questions.classes(plain, trunk)}


def _nothing(seed: int) -> Arrays:
    """Return a picture that is no film of a trunk, as often as a phantom has looks."""
    kind = _NEGATIVES[seed % len(_NEGATIVES)]
    made = negative(seed, kind, size=SIDE)
    grey, fit = fitted(made.pixels, inverted=made.inverted, size=SQUARE)
    unknown = questions.UNKNOWN
    return {
        "looks": np.repeat(_bytes(grey)[None], LOOKS, axis=0),
        "fits": np.repeat(np.array([_numbers(fit)], np.float32), LOOKS, axis=0),
        "inverted": np.full(LOOKS, unknown),
        "outlines": np.zeros((SIDE, SIDE), np.uint16),
        "points": np.zeros((len(POINTS), 3), np.float32),
        "extents": questions.extents({}),
        "classes": np.array([0 if head == "film" else unknown for head in HEADS]),
        "amounts": np.full(2, np.nan, np.float32),
        "cut": np.full(len(questions.CUT), unknown),
        "lesions": np.full(len(questions.LESIONS), unknown),
    }
