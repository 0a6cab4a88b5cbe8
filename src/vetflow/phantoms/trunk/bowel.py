"""Small and large bowel, and what is in them."""

from collections.abc import Iterator

import numpy as np

from vetflow.phantoms.meshes import Array, ellipsoid
from vetflow.phantoms.trunk.solids import AIR, MUSCLE, Rank, Soft
from vetflow.phantoms.trunk.torso import Torso
from vetflow.phantoms.trunk.tubes import round_tube, smooth_tube

_KNOTS = 48
_COLON = (
    (17.4, -1.2, 0.5), (15.6, -1.3, 0.45), (14.9, -0.2, 0.52), (15.4, 1.1, 0.48), (17.5, 1.3, 0.42), (20.0, 0.9, 0.38),
    (22.5, 0.2, 0.3), (25.0, 0.0, 0.26), (27.5, 0.0, 0.2),
)  # fmt: skip
"""Course of the large bowel: level, units to the left, share of the abdomen's depth."""


def small_bowel(rng: np.random.Generator, torso: Torso, *, gas: float) -> Iterator[Soft]:
    """Yield loops that wander through the middle of the abdomen; `gas` is the share of loops that hold some."""
    unit = torso.body.unit_mm
    for _ in range(int(rng.integers(8, 13))):
        path = _wander(rng, torso)
        radius = unit * rng.uniform(0.28, 0.42)
        yield _soft("bowel", round_tube(path, np.full(len(path), radius), points=12), MUSCLE)
        if rng.random() < gas:
            for _ in range(int(rng.integers(1, 4))):
                yield _bubble(rng, path, radius)


def _bubble(rng: np.random.Generator, path: Array, radius: float) -> Soft:
    """Return gas in a piece of bowel, narrower where it contracts."""
    length = int(rng.integers(4, 14))
    first = int(rng.integers(0, len(path) - length))
    share = np.linspace(0.0, 1.0, length)
    waves = 1.0 + rng.uniform(0.0, 0.25) * np.sin(share * rng.uniform(4.0, 18.0) + rng.uniform(0.0, 6.0))
    ends = np.sin(0.5 + (np.pi - 1.0) * share) ** 0.5
    gas = round_tube(path[first : first + length], rng.uniform(0.55, 0.85) * radius * waves * ends, points=10)
    return _soft("bowel gas", gas, AIR, floats=rng.uniform(0.5, 1.0))


def _wander(rng: np.random.Generator, torso: Torso) -> Array:
    """Return a smooth path that stays within the cavity."""
    kernel = np.hanning(11)[1:-1]
    pace = rng.normal(0.0, 1.0, (_KNOTS + 8, 3)) * np.array([0.35, 0.9, 0.9])
    course = np.sin(rng.uniform(-3.0, 3.0, 3) + np.cumsum(_smoothed(pace, kernel), axis=0))
    x = np.array([torso.spine.level(17.6 + 3.2 * along) for along in course[:, 0]])
    low, half = torso.low(x), torso.half(x)
    up = low * (0.62 - 0.27 * course[:, 2]) - 0.1 * torso.body.unit_mm
    return _smoothed(np.stack([x, 0.62 * half * course[:, 1], up], axis=1), np.ones(5))


def _smoothed(path: Array, kernel: Array) -> Array:
    weights = kernel / kernel.sum()
    return np.stack([np.convolve(path[:, axis], weights, "valid").astype(np.float64) for axis in range(3)], axis=1)


def large_bowel(rng: np.random.Generator, torso: Torso, *, gas: float) -> Iterator[Soft]:
    """Yield the colon, with faeces in it or gas, or empty."""
    unit, spine = torso.body.unit_mm, torso.spine
    depth = float(torso.low(np.array(spine.level(17.0))))
    path = np.array([(spine.level(level), aside * unit, share * depth) for level, aside, share in _COLON])
    path[:-2] += rng.normal(0.0, 0.25, (len(path) - 2, 3)) * unit
    radii = unit * rng.uniform(0.42, 0.75) * rng.uniform(0.75, 1.15, len(path))
    yield _soft("colon", smooth_tube(path, radii), MUSCLE)
    if rng.random() < 0.6:
        yield from _faeces(rng, path[1:8], radii[1:8], unit=unit)
    elif rng.random() < 0.3 + gas:
        first = int(rng.integers(1, 4))
        part = slice(first, first + int(rng.integers(3, 6)))
        within = smooth_tube(path[part], 0.84 * radii[part])
        yield _soft("bowel gas", within, AIR, floats=rng.uniform(0.6, 1.0))


def _faeces(rng: np.random.Generator, path: Array, radii: Array, *, unit: float) -> Iterator[Soft]:
    yield Soft(
        name="faeces", facets=smooth_tube(path, 0.82 * radii), density=rng.uniform(0.8, 1.12), rank=Rank.ORGAN
    )  # fmt: skip
    for _ in range(30):
        step = rng.uniform(0.0, len(path) - 1.0)
        at = np.array([np.interp(step, np.arange(len(path)), path[:, axis]) for axis in range(3)])
        bubble = ellipsoid(at + rng.normal(0.0, 0.22, 3) * unit, unit * rng.uniform(0.05, 0.16, 3))
        yield _soft("bowel gas", bubble, AIR)


def _soft(name: str, facets: Array, density: float, *, floats: float | None = None) -> Soft:
    rank = Rank.GAS if density == AIR else Rank.ORGAN
    return Soft(name=name, facets=facets, density=density, rank=rank, floats=floats)
