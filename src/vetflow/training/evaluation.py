"""How good a positioning model is: on phantoms it never saw, and on one real film laid every way."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray

from vetflow.domain.errors import ConfigurationError
from vetflow.domain.sight import Guess, Sight
from vetflow.domain.view import Region, View
from vetflow.phantoms.batch import plan
from vetflow.phantoms.films import projection, turned
from vetflow.phantoms.look import expose
from vetflow.phantoms.truth import Film
from vetflow.training.heads import HEADS, answers
from vetflow.training.pictures import Progress, Variety

Pixels = NDArray[np.generic]
WIDE = Variety(turned=0.5, leaning=0.0, squash=0.0, inverted=0.3, nothing=0.0)
_SIZE = 384
_BINS = 10
_JUDGED = ("view", "region", "inverted", "limbs_over")


Look = Callable[[Pixels, bool], Sight]
"""Called with pixels and whether low values are bright."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a model said of one film on one head.

    Parameters
    ----------
    right, says
        Classes by number.
    certainty, steady
        As in `Guess`.
    """

    right: int
    says: int
    certainty: float
    steady: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Figures of one head.

    Parameters
    ----------
    films
        How many films were asked about.
    accuracy
        Share of right answers, abstention ignored.
    covered
        Share of films the model does not abstain on.
    accuracy_when_sure
        Share of right answers among these; 0 when there are none.
    calibration_error
        Expected calibration error over ten bins of certainty.
    confusion
        Films by right class (rows) and answer (columns).
    """

    films: int
    accuracy: float
    covered: float
    accuracy_when_sure: float
    calibration_error: float
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RealLook:
    """What a model said of the real film laid one way."""

    laid: str
    view: str
    view_certainty: float
    region: str
    region_certainty: float
    inverted: bool
    steady: bool
    limbs_over: float | None
    right: bool
    abstained: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All figures of one model."""

    seed: int
    films: int
    sure: float
    heads: Mapping[str, Score]
    real: tuple[RealLook, ...]


def evaluate(look: Look, *, seed: int, count: int, sure: float, progress: Progress) -> Evaluation:
    """Return figures on `count` phantoms of wider variety than was learnt from, and on the real film if installed.

    Parameters
    ----------
    seed
        Must differ from the training's.
    sure
        Certainty below which the model abstains.
    """
    said: dict[str, list[Said]] = {head: [] for head in _JUDGED}
    for done, film in enumerate(held_out(seed, count), start=1):
        sight = look(film.pixels, film.photometric == "MONOCHROME1")
        for head, one in _said(sight, film):
            said[head].append(one)
        progress("evaluate", done, count)
    scores = {head: score(ones, classes=len(HEADS[head]), sure=sure) for head, ones in said.items()}
    return Evaluation(seed=seed, films=count, sure=sure, heads=scores, real=real_looks(look, sure=sure))


def held_out(seed: int, count: int) -> Iterable[Film]:
    """Yield films of `count` phantoms, half of them turned, each exposed anew."""
    for one, view, region in plan(seed, count):
        rng = np.random.default_rng([one, 7])
        quarters = int(rng.integers(1, 4)) if rng.random() < WIDE.turned else 0
        made = turned(
            projection(one, view=view, region=region, size=_SIZE), quarters=quarters, mirrored=bool(rng.random() < 0.5)
        )
        yield expose(made, rng, inverted=WIDE.inverted)


def _said(sight: Sight, film: Film) -> Iterable[tuple[str, Said]]:
    view, region, inverted, _, over = answers(film.truth)
    yield "view", _one(sight.view, view, HEADS["view"].index(sight.view.says))
    yield "region", _one(sight.region, region, HEADS["region"].index(sight.region.says))
    yield "inverted", _one(sight.inverted, inverted, int(sight.inverted.says))
    if sight.limbs_over is not None and over >= 0:
        yes = sight.limbs_over >= 0.5
        certainty = sight.limbs_over if yes else 1.0 - sight.limbs_over
        yield "limbs_over", Said(right=over, says=int(yes), certainty=certainty, steady=True)


def _one(guess: Guess[View] | Guess[Region] | Guess[bool], right: int, says: int) -> Said:
    return Said(right=right, says=says, certainty=guess.certainty, steady=guess.steady)


def score(said: Iterable[Said], *, classes: int, sure: float) -> Score:
    """Return the figures of one head."""
    ones = list(said)
    if not ones:
        return Score(
            films=0, accuracy=0.0, covered=0.0, accuracy_when_sure=0.0, calibration_error=0.0, confusion=()
        )  # fmt: skip
    hit = np.array([one.says == one.right for one in ones])
    certainty = np.array([one.certainty for one in ones])
    kept = np.array([one.steady and one.certainty >= sure for one in ones])
    table = np.zeros((classes, classes), np.intp)
    for one in ones:
        table[one.right, one.says] += 1
    return Score(
        films=len(ones),
        accuracy=float(hit.mean()),
        covered=float(kept.mean()),
        accuracy_when_sure=float(hit[kept].mean()) if kept.any() else 0.0,
        calibration_error=calibration_error(certainty, hit),
        confusion=tuple(tuple(int(n) for n in row) for row in table),
    )


def calibration_error(certainty: NDArray[np.float64], hit: NDArray[np.bool_]) -> float:
    """Return the expected calibration error: mean gap between certainty and share of hits, weighted by films."""
    bins = np.minimum((certainty * _BINS).astype(np.intp), _BINS - 1)
    gaps = [
        float((bins == one).mean()) * abs(float(certainty[bins == one].mean()) - float(hit[bins == one].mean()))
        for one in np.unique(bins)
    ]
    return sum(gaps)


def real_film() -> Path | None:
    """Return the path of the real feline film of the ``demo`` extra, None when it isn't installed."""
    spec = find_spec("deid_data")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "data" / "animals" / "cat.dcm"
    return path if path.is_file() else None


def real_looks(look: Look, *, sure: float) -> tuple[RealLook, ...]:
    """Return what the model says of the real film as is, mirrored, turned and with its greyscale inverted.

    Its truth, from looking at it: a lateral view of thorax and abdomen, bone bright.
    """
    path = real_film()
    if path is None:
        return ()
    stored = pydicom.dcmread(path)
    pixels = stored.pixel_array
    if stored.PhotometricInterpretation != "MONOCHROME2":
        raise ConfigurationError("the real film is not the one that the evaluation knows")
    dark = pixels.max() - pixels
    laid = {
        "as is": pixels, "mirrored": pixels[:, ::-1], "upside down": pixels[::-1],
        "turned by 90 degrees": np.rot90(pixels, -1), "turned by 180 degrees": np.rot90(pixels, 2),
        "turned by 270 degrees": np.rot90(pixels, 1), "inverted": dark, "inverted and mirrored": dark[:, ::-1],
    }  # fmt: skip
    return tuple(_real(name, look(picture, False), sure=sure) for name, picture in laid.items())


def _real(laid: str, sight: Sight, *, sure: float) -> RealLook:
    right = (sight.view.says, sight.region.says, sight.inverted.says)
    return RealLook(
        laid=laid,
        view=sight.view.says.value,
        view_certainty=sight.view.certainty,
        region=sight.region.says.value,
        region_certainty=sight.region.certainty,
        inverted=sight.inverted.says,
        steady=sight.view.steady and sight.region.steady and sight.inverted.steady,
        limbs_over=sight.limbs_over,
        right=right == (View.LATERAL, Region.TRUNK, "inverted" in laid),
        abstained=not (sight.view.sure(sure) and sight.region.sure(sure)),
    )
