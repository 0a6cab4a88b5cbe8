"""From what a beam sees to a finished film: dose, scatter, noise, detector, processing."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vetflow.domain.view import View
from vetflow.phantoms.look import Finish, enhance_bands, equalise_locally, finished, inside_field, lut, shuttered
from vetflow.phantoms.raster import Image
from vetflow.phantoms.trunk.order import Order
from vetflow.phantoms.trunk.ranges import Ranges
from vetflow.phantoms.trunk.shooting import shoot
from vetflow.phantoms.trunk.truth import Mask, Shot, TrunkTruth
from vetflow.phantoms.truth import Film, Projection
from vetflow.vision.filters import blurred

_LIES_ON = {View.LEFT_LATERAL: "L", View.RIGHT_LATERAL: "R"}
_INVERTED = 0.1
_MARKED = 0.7
_MONOCHROME1 = 0.25
_GRID_LINES = 0.12
_OFF_FOCUS = 0.12
_AIR = 8.0
"""Most water, mm, that still counts as air beside the animal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How a film was exposed; fields as in `Ranges`.

    Parameters
    ----------
    ceiling
        Signal at which the detector saturates, decades above that behind the animal at the target dose.
    foreign
        Whether noise and processing are those that training never sees.
    """

    deviation: float
    contrast: float
    scatter: float
    grain: float
    blur: float
    detail: float
    ceiling: float
    foreign: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkFilm:
    """A finished trunk film; truth and masks as in `Shot`."""

    film: Film
    truth: TrunkTruth
    masks: Mapping[str, Mask]
    exposure: Exposure


def exposure(rng: np.random.Generator, ranges: Ranges, *, foreign: bool = False) -> Exposure:
    """Return a random exposure."""
    return Exposure(
        deviation=ranges.deviation.draw(rng),
        contrast=ranges.contrast.draw(rng),
        scatter=ranges.scatter.draw(rng),
        grain=math.exp(rng.uniform(math.log(ranges.grain.low), math.log(ranges.grain.high))),
        blur=ranges.blur.draw(rng),
        detail=ranges.detail.draw(rng),
        ceiling=rng.uniform(0.7, 1.5),
        foreign=foreign,
    )


def trunk_film(order: Order, *, size: int = 512, foreign: bool = False) -> TrunkFilm:
    """Return the film of an order; its longer side has `size` pixels.

    Raises
    ------
    ConfigurationError
        The bone meshes are not installed.
    """
    rng = order.rng(23)
    return develop(shoot(order, size=size), exposure(rng, order.ranges, foreign=foreign), rng)


def develop(shot: Shot, how: Exposure, rng: np.random.Generator) -> TrunkFilm:
    """Return a film of what the beam saw; the marker tells the side the animal lies on, or its left or right."""
    made = shot.projection
    inside = inside_field(made)
    density = -np.log(_signal(made, how, inside, rng))
    grey = lut(density, inside & (made.soft > 0), rng)
    grey = _foreign(grey, rng) if how.foreign else _processed(grey, how, rng)
    end = Finish(
        inverted=bool(rng.random() < _INVERTED),
        photometric="MONOCHROME1" if rng.random() < _MONOCHROME1 else "MONOCHROME2",
        marker=_marker(rng, made.truth.view) if rng.random() < _MARKED else "",
    )
    film = finished(shuttered(grey, inside, rng), made, end, rng)
    film = replace(film, deviation=how.deviation, weight_kg=shot.truth.weight_kg)
    return TrunkFilm(film=film, truth=shot.truth, masks=shot.masks, exposure=how)


def _marker(rng: np.random.Generator, view: View) -> str:
    """Return the side the animal lies on, or any of the two that the film shows."""
    return _LIES_ON.get(view) or str(rng.choice(["L", "R"]))


def _signal(made: Projection, how: Exposure, inside: NDArray[np.bool_], rng: np.random.Generator) -> Image:
    """Return the detector's signal, 1 in air at the target dose."""
    body = made.soft > _AIR
    thick = float(np.percentile(made.soft[body], 95)) if body.any() else 100.0
    water = min(0.042, rng.uniform(2.1, 2.9) / thick)
    through = blurred(np.exp(-water * (made.soft + how.contrast * made.bone)), how.blur / made.pixel_mm)
    through = np.where(inside, through, 0.02 * through).astype(np.float32)
    wide = blurred(through, 0.06 * max(through.shape))
    mixed = ((1.0 - how.scatter) * through + how.scatter * wide).astype(np.float32)
    seen = _shaded(mixed, rng)
    behind = float(np.median(seen[body & inside])) if (body & inside).any() else float(seen.mean())
    noise = _noise(seen, how, rng)
    seen = seen + how.grain * 10.0 ** (-how.deviation / 20.0) * np.sqrt(np.maximum(seen * behind, 0.0)) * noise
    top = behind * 10.0 ** (how.ceiling + 0.5 - how.deviation / 10.0)
    return np.clip(seen, 2e-4, max(top, 2.0 * behind)).astype(np.float32)


def _shaded(seen: Image, rng: np.random.Generator) -> Image:
    """Return the signal behind a grid: sometimes its lines show, sometimes it stands off focus."""
    columns = np.arange(seen.shape[1], dtype=np.float32)[None]
    if rng.random() < _GRID_LINES:
        lines = 1.0 + rng.uniform(0.003, 0.015) * np.sin(columns * rng.uniform(1.0, 2.6))
        seen = seen * lines.astype(np.float32)
    if rng.random() < _OFF_FOCUS:
        along = columns / seen.shape[1] - rng.uniform(0.2, 0.8)
        seen = seen * (1.0 - rng.uniform(0.2, 0.7) * along**2).astype(np.float32)
    return seen


def _noise(seen: Image, how: Exposure, rng: np.random.Generator) -> Image:
    """Return noise of unit spread: white, or for foreign detectors smeared and striped."""
    white = rng.standard_normal(seen.shape, np.float32)
    if not how.foreign:
        return white
    smeared = blurred(white, rng.uniform(0.6, 1.1))
    stripes = rng.standard_normal((seen.shape[0], 1), np.float32)
    return (0.9 / float(smeared.std()) * smeared + 0.35 * stripes).astype(np.float32)


def _processed(grey: Image, how: Exposure, rng: np.random.Generator) -> Image:
    choice = rng.random()
    if choice < 0.5:
        return enhance_bands(grey, power=1.0 - 0.55 * how.detail, rng=rng)
    if choice < 0.75:
        return equalise_locally(grey, limit=rng.uniform(1.5, 4.0), blend=how.detail)
    return grey


def _foreign(grey: Image, rng: np.random.Generator) -> Image:
    """Return grey values processed as training never sees it: unsharp masking over a levelled background."""
    wide = max(grey.shape) * rng.uniform(0.04, 0.1)
    level = blurred(grey, wide)
    spread = np.sqrt(np.maximum(blurred((grey - level) ** 2, wide), 1e-4))
    flat = 0.5 + 0.18 * (grey - level) / spread
    share = rng.uniform(0.25, 0.7)
    mixed = (1.0 - share) * grey + share * flat
    sharp = mixed + rng.uniform(0.3, 1.5) * (mixed - blurred(mixed, rng.uniform(1.5, 6.0)))
    knee = rng.uniform(0.25, 0.6)
    curve = np.interp(np.clip(sharp, 0.0, 1.0), [0.0, knee, 1.0], [0.0, knee * rng.uniform(0.6, 1.4), 1.0])
    return np.clip(curve, 0.0, 1.0).astype(np.float32)
