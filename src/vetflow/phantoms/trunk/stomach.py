"""The stomach: as it should lie, filled with gas, or turned about itself."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vetflow.phantoms.meshes import Array, ellipsoid, tube
from vetflow.phantoms.trunk.ranges import Ranges
from vetflow.phantoms.trunk.slabs import Surface
from vetflow.phantoms.trunk.solids import AIR, MUSCLE, Rank, Soft
from vetflow.phantoms.trunk.torso import Torso
from vetflow.phantoms.trunk.tubes import smooth_tube

_PYLORUS = 240.0
"""Where the pylorus lies about the body, degrees: 0 dorsal, 90 left, 180 ventral."""
_TURNED = 90.0
"""Rotation from which the stomach is closed off and fills with gas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stomach:
    """One animal's stomach.

    Parameters
    ----------
    fill
        Its width against the usual one.
    gas
        Share of its height that holds gas.
    rotation
        About the body's long axis, degrees; 0 as it should be, 180 to 360 in volvulus.
    """

    fill: float
    gas: float
    rotation: float = 0.0


def stomach(rng: np.random.Generator, ranges: Ranges, *, rotation: float) -> Stomach:
    """Return a random stomach; one in eight is blown up without having turned."""
    gas = ranges.gas.draw(rng)
    if rotation > _TURNED:
        return Stomach(fill=rng.uniform(0.85, 1.1), gas=rng.uniform(0.8, 0.98), rotation=rotation)
    if rng.random() < 0.12:
        return Stomach(fill=rng.uniform(1.5, 2.0), gas=rng.uniform(0.6, 0.9))
    return Stomach(fill=rng.uniform(0.65, 1.35), gas=gas)


def solids(rng: np.random.Generator, torso: Torso, liver_back: Surface, one: Stomach) -> Iterator[Soft]:
    """Yield wall, contents and gas of the stomach, and in volvulus the gas in the gullet."""
    if one.rotation > _TURNED:
        yield from _turned(rng, torso, liver_back, one)
        return
    yield from _usual(rng, torso, liver_back, one)


def _usual(rng: np.random.Generator, torso: Torso, back: Surface, one: Stomach) -> Iterator[Soft]:
    unit = torso.body.unit_mm
    path = _axis(rng, torso, back, one)
    radii = unit * one.fill * np.array([0.75, 1.15, 1.1, 0.9, 0.62, 0.5, 0.34])
    wall = 0.14 * unit
    yield _soft("stomach", smooth_tube(path, radii + wall, points=24), MUSCLE, Rank.ORGAN)
    lumen = smooth_tube(path, radii, points=24)
    yield _soft("stomach", lumen, rng.uniform(0.98, 1.08), Rank.ORGAN)
    yield _soft("stomach gas", lumen, AIR, Rank.GAS, floats=one.gas)
    for fold in range(int(rng.integers(2, 6))):
        yield _soft("stomach", _fold(rng, path, radii, fold), MUSCLE, Rank.WITHIN_GAS)


def _axis(rng: np.random.Generator, torso: Torso, back: Surface, one: Stomach) -> Array:
    """Return the course from fundus to pylorus behind the liver."""
    unit, x = torso.body.unit_mm, torso.spine.level(12.5)
    low, half = float(torso.low(np.array(x))), float(torso.half(np.array(x)))
    across = np.array([0.42, 0.42, 0.34, 0.12, -0.2, -0.42, -0.46]) * half
    up = np.array([0.2, 0.3, 0.48, 0.63, 0.64, 0.52, 0.44]) * low + rng.normal(0.0, 0.15) * unit
    off = np.array([1.0, 1.25, 1.25, 1.1, 0.85, 0.75, 0.7]) * unit * (0.4 + 0.6 * one.fill)
    return np.stack([back(across, up) - off, across, up], axis=1)


def _fold(rng: np.random.Generator, path: Array, radii: Array, number: int) -> Array:
    """Return one of the folds that lie along the wall."""
    steps = np.linspace(0.4, 3.2, 12)
    course = np.stack([np.interp(steps, np.arange(len(path)), path[:, axis]) for axis in range(3)], axis=1)
    wide = np.interp(steps, np.arange(len(path)), radii)
    turn = 2.4 * number + rng.normal(0.0, 0.3) + 0.3 * np.sin(steps * rng.uniform(1.0, 3.0))
    aside = np.stack([np.cos(turn), np.sin(turn), np.zeros(len(steps))], axis=1)
    return tube(course + 0.93 * wide[:, None] * aside, np.full(12, 0.09) * wide, points=8)


def _turned(rng: np.random.Generator, torso: Torso, back: Surface, one: Stomach) -> Iterator[Soft]:
    wall = 0.11 * torso.body.unit_mm
    body, pylorus = _chambers(rng, torso, back, one)
    for path, radii in (body, pylorus):
        yield _soft("stomach", smooth_tube(path, radii + wall, points=28), MUSCLE, Rank.ORGAN)
        yield _soft("stomach gas", smooth_tube(path, radii, points=28), AIR, Rank.GAS, floats=one.gas)
    yield _soft("compartment line", _shelf(body, pylorus), MUSCLE, Rank.WITHIN_GAS)
    yield from _gullet(rng, torso)


_Chamber = tuple[Array, Array]
"""Course and radii of a tube."""


def _chambers(rng: np.random.Generator, torso: Torso, back: Surface, one: Stomach) -> tuple[_Chamber, _Chamber]:
    """Return the blown-up body of the stomach, and the pylorus where the rotation has brought it."""
    unit = torso.body.unit_mm
    middle, room = _room(torso, back)
    at = np.radians(_PYLORUS - one.rotation + rng.normal(0.0, 10.0))
    way = np.array([0.45, 0.55 * np.sin(at), 0.9 * np.cos(at)])
    way /= np.linalg.norm(way)
    wide = one.fill * room * rng.uniform(0.72, 0.85)
    small = wide * rng.uniform(0.45, 0.62)
    body = middle - 0.3 * room * way
    pylorus = body + (wide + 0.5 * small) * way
    pylorus[2] = min(pylorus[2], -0.5 * unit - 0.85 * small)
    long = np.array([-0.5, 0.2 * np.cos(at), -0.3 * np.sin(at)]) * room * rng.uniform(0.6, 0.9)
    bend = rng.normal(0.0, 0.1, 3) * room
    along = np.cross(way, np.array([0.0, 1.0, 0.0])) * 0.45 * small
    return (
        (body + np.stack([-0.3 * long, bend, long]), wide * rng.uniform(0.82, 1.0, 3)),
        (pylorus + np.stack([along, -0.1 * along, -along]), small * np.array([0.8, 1.0, 0.85])),
    )


def _room(torso: Torso, back: Surface) -> tuple[Array, float]:
    """Return the middle of where a blown-up stomach lies, and how far it reaches, mm."""
    x = torso.spine.level(14.0)
    low, half = float(torso.low(np.array(x))), float(torso.half(np.array(x)))
    room = 0.9 * min(half, -0.5 * low)
    up = 0.53 * low
    return np.array([float(back(np.array(0.0), np.array(up))) - 0.85 * room, 0.0, up]), room


def _shelf(body: _Chamber, pylorus: _Chamber) -> Array:
    """Return the fold of wall between the two chambers: a disc across the line that joins them."""
    way = pylorus[0][1] - body[0][1]
    far = float(np.linalg.norm(way))
    way = way / far
    radius = float(pylorus[1][1])
    at = pylorus[0][1] - way * radius * 0.62
    pitch, yaw = -np.arcsin(np.clip(way[2], -1, 1)), np.arctan2(way[1], way[0])
    return ellipsoid(at, np.array([0.07, 0.8, 0.8]) * radius, pitch=float(pitch), yaw=float(yaw))


def _gullet(rng: np.random.Generator, torso: Torso) -> Iterator[Soft]:
    """Yield gas in a widened oesophagus, most of the time."""
    if rng.random() < 0.35:
        return
    unit, spine = torso.body.unit_mm, torso.spine
    x = np.array([spine.level(level) for level in (1.5, 4.0, 7.0, 10.0, 12.0)])
    z = -unit * np.array([1.1, 1.5, 1.8, 2.0, 2.1])
    path = np.stack([x, np.full(5, 0.1 * unit), z], axis=1)
    radii = unit * rng.uniform(0.2, 0.5) * np.array([0.6, 0.9, 1.0, 1.0, 0.7])
    yield _soft("gullet", smooth_tube(path, radii + 0.08 * unit), MUSCLE, Rank.HEART)
    yield _soft("gullet gas", smooth_tube(path, radii), AIR, Rank.GAS)


def _soft(name: str, facets: Array, density: float, rank: Rank, *, floats: float | None = None) -> Soft:
    return Soft(name=name, facets=facets, density=density, rank=rank, floats=floats)
