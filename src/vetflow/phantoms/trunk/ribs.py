"""Ribs, their cartilages and the breastbone, shaped after the chest they hold."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from vetflow.phantoms.meshes import Array, loft, tube
from vetflow.phantoms.trunk.solids import Hard
from vetflow.phantoms.trunk.torso import Torso

_STERNAL = 9
"""Ribs whose cartilage reaches the breastbone; the next ones join the arch, the last ends free."""
_SWEEP = (-0.9, -0.5, 0.0, 0.5, 0.9, 1.3, 1.7, 2.1, 2.5, 2.9, 3.2, 3.4, 3.5)
"""How far the end of each rib lies caudal of its head, in units."""
_JUNCTION = (138, 138, 137, 135, 133, 130, 127, 123, 119, 113, 107, 100, 84)
"""Angle about the body where bone ends and cartilage begins, degrees from dorsal."""
_BEYOND = (0.7, 0.6, 0.5, 0.4)
"""How far cartilages 10 to 13 run on towards the floor, share of the rest."""

_TAPER = {0: (0.4, 1.0), 7: (1.0, 0.3)}
"""How manubrium and xiphoid narrow, front and back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cage:
    """How one animal's rib cage differs.

    Parameters
    ----------
    thickness
        Of ribs against the usual one.
    mineral
        Of the cartilages, share of cortical bone.
    breath
        0 expiration, 1 inspiration: ribs swing forward.
    """

    thickness: float
    mineral: float
    breath: float


def sternum(torso: Torso) -> tuple[float, float]:
    """Return where the breastbone begins and ends along the body."""
    unit = torso.body.unit_mm
    return (1.0 if torso.body.cat else 1.7) * unit, torso.spine.level(10.4 if torso.body.cat else 9.6)


def cage(rng: np.random.Generator, torso: Torso, how: Cage) -> Iterator[Hard]:
    """Yield ribs, cartilages and sternebrae in the straight frame."""
    for number in range(1, torso.body.ribs + 1):
        for side in (1.0, -1.0):
            rib, cartilage = _course(rng, torso, number, how)
            flip = np.array([1.0, side, 1.0])
            yield _rib(f"rib {number} {'L' if side > 0 else 'R'}", rib * flip, torso, how)
            yield _cartilage(cartilage * flip, torso, how)
    yield from _sternebrae(torso)


def _course(rng: np.random.Generator, torso: Torso, number: int, how: Cage) -> tuple[Array, Array]:
    """Return the left rib and its cartilage as paths."""
    unit = torso.body.unit_mm
    head = torso.spine.level(number + 0.02)
    sweep = (_SWEEP[number - 1] + 0.8 - 0.8 * how.breath + rng.normal(0.0, 0.05)) * unit
    junction = math.radians(_JUNCTION[number - 1] + rng.normal(0.0, 1.0))
    angle = np.linspace(math.radians(30.0), junction, 22)
    share = (angle - angle[0]) / (junction - angle[0])
    x = head - 0.15 * unit - sweep * share * (1.45 - 0.45 * share)
    wall = torso.cavity(x, angle, inset=-0.12 * unit)
    start = np.array([[head, 0.42 * unit, 0.2 * unit], [head - 0.05 * unit, 0.8 * unit, 0.38 * unit]])
    rib = _smooth(np.concatenate([start, wall[1:]]), 34)
    return rib, _cartilage_course(torso, number, junction, float(x[-1]))


def _cartilage_course(torso: Torso, number: int, junction: float, x: float) -> Array:
    unit = torso.body.unit_mm
    first, last = sternum(torso)
    if number <= _STERNAL:
        end_x, end = first + (last - first) * (0.03 + 0.97 * ((number - 1) / _STERNAL) ** 0.95), np.pi - 0.05
        dip = 0.25 * unit * max(0.0, number - 2.0) / 3.0
    else:
        reach = _BEYOND[number - _STERNAL - 1]
        end_x, end = x - 0.3 * unit + reach * (last - x - 0.2 * unit), junction + reach * (np.pi - junction)
        dip = 0.5 * unit
    share = np.linspace(0.0, 1.0, 14)
    angle = junction + (end - junction) * share
    bow = -dip * np.sin(np.pi * share) * (1.0 - 0.4 * share)
    return torso.cavity(x + (end_x - x) * share**1.3 + bow, angle, inset=-0.12 * unit)


def _smooth(knots: Array, count: int) -> Array:
    steps = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    path = CubicSpline(steps, knots)(np.linspace(0.0, float(steps[-1]), count))
    return np.asarray(path, np.float64)


def _rib(name: str, path: Array, torso: Torso, how: Cage) -> Hard:
    share = np.linspace(0.0, 1.0, len(path))
    wide = 0.165 * torso.body.unit_mm * torso.body.bones * how.thickness
    radii = wide * np.interp(share, [0.0, 0.05, 0.12, 0.5, 0.85, 1.0], [0.9, 0.85, 0.75, 0.9, 1.1, 1.25])
    outer, faces = _corners(tube(path, radii, flatness=0.62, points=12))
    inner, _ = _corners(tube(path, radii * 0.55, flatness=0.5, points=12))
    return Hard(name=name, points=outer, inner=inner, faces=faces, marrow=0.8)


def _cartilage(path: Array, torso: Torso, how: Cage) -> Hard:
    wide = 0.14 * torso.body.unit_mm * torso.body.bones * how.thickness
    radii = wide * np.linspace(1.15, 0.7, len(path))
    outer, faces = _corners(tube(path, radii, flatness=0.8, points=10))
    inner, _ = _corners(tube(path, radii * 0.7, flatness=0.8, points=10))
    return Hard(name="cartilage", points=outer, inner=inner, faces=faces, marrow=0.6, density=how.mineral)


def _corners(facets: Array) -> tuple[Array, NDArray[np.intp]]:
    corners = facets.reshape(-1, 3)
    return corners, np.arange(len(corners), dtype=np.intp).reshape(-1, 3)


def _sternebrae(torso: Torso) -> Iterator[Hard]:
    """Yield eight spools, the first long and pointed, the last thin."""
    unit = torso.body.unit_mm
    first, last = sternum(torso)
    ends = first + (last - first) * np.array([-0.06, 0.1, 0.225, 0.35, 0.475, 0.6, 0.725, 0.85, 1.02])
    turn = np.linspace(0.0, 2 * np.pi, 16, endpoint=False)
    share = np.array([0.0, 0.06, 0.3, 0.5, 0.7, 0.94, 1.0])
    waist = np.array([0.85, 1.0, 0.8, 0.72, 0.8, 1.0, 0.85])
    for number, (cranial, caudal) in enumerate(pairwise(ends)):
        gap = 0.07 * unit
        x = cranial - gap + (caudal - cranial + 2 * gap) * share
        taper = np.interp(share, [0.0, 1.0], _TAPER.get(number, (1.0, 1.0)))
        radius = 0.3 * unit * torso.body.bones**0.5 * waist * taper
        floor = torso.cavity(x, np.full(len(x), np.pi))[:, 2] - 0.36 * unit
        outer, faces = _corners(_spool(x, floor, radius, turn))
        inner, _ = _corners(_spool(x * 0.9 + x.mean() * 0.1, floor, radius * 0.78, turn))
        yield Hard(name=f"sternebra {number + 1}", points=outer, inner=inner, faces=faces, marrow=0.5)


def _spool(x: Array, z: Array, radius: Array, turn: Array) -> Array:
    ring = np.stack([np.zeros_like(turn), 0.8 * np.cos(turn), np.sin(turn)], axis=1)
    rings = ring[None] * radius[:, None, None]
    return loft(rings + np.stack([x, np.zeros_like(x), z], axis=1)[:, None])
