"""What lies in the abdomen besides stomach and bowel."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vetflow.phantoms.meshes import Array, ellipsoid, volume
from vetflow.phantoms.trunk.lungs import Diaphragm
from vetflow.phantoms.trunk.ranges import Ranges
from vetflow.phantoms.trunk.slabs import Slab, Surface, across, moved, whole
from vetflow.phantoms.trunk.solids import FAT, LIVER, MUSCLE, WATER, Rank, Soft
from vetflow.phantoms.trunk.torso import Torso
from vetflow.phantoms.trunk.tubes import smooth_tube

_FREE = 0.35
"""Share of the abdomen that is neither organ nor gas."""
_BATHED = 0.35
"""Share of that room which fluid has to fill to take two thirds of the contrast between fat and organs.

It runs between the lobes of fat and along the bowel, so detail goes long before the room is full: films show an
effusion from about 9 ml/kg on (Henley 1989, from memory).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Belly:
    """One animal's abdomen.

    Parameters
    ----------
    liver
        Thickness of the liver against the usual one.
    bladder
        Length of the bladder, mm.
    fluid_ml
        Free fluid.
    """

    liver: float
    bladder: float
    fluid_ml: float = 0.0


def belly(rng: np.random.Generator, ranges: Ranges, torso: Torso, *, fluid_ml: float) -> Belly:
    """Return a random abdomen."""
    return Belly(
        liver=rng.uniform(0.85, 1.25),
        bladder=ranges.bladder.draw(rng) * torso.body.unit_mm,
        fluid_ml=fluid_ml,
    )


def liver_back(torso: Torso, dome: Diaphragm, thick: float) -> Surface:
    """Return the hind surface of the liver: thin below the spine, thick at the floor."""
    unit = torso.body.unit_mm
    low = float(torso.low(np.array(torso.spine.level(11.0))))

    def back(y: Array, z: Array) -> Array:
        share = np.clip(z / low, 0.0, 1.1)
        return dome.at(y, z) - unit * thick * (0.8 + 2.3 * share**1.2)

    return back


def solids(rng: np.random.Generator, torso: Torso, dome: Diaphragm, one: Belly) -> Iterator[Soft]:
    """Yield the cavity with its fat, and the organs."""
    unit = torso.body.unit_mm
    yield from _cavity(rng, torso, dome, one)
    yield _soft("fat", _retroperitoneum(torso), FAT, Rank.LUNG)
    for side in (1.0, -1.0):
        yield _soft("psoas", _psoas(torso, side), MUSCLE, Rank.HEART)
    low = np.concatenate(
        [np.linspace(0.1, 0.1 + 0.8 * torso.body.fat, 21), np.linspace(0.1 + 0.8 * torso.body.fat, 0.1, 21)]
    )
    slab = Slab(ring=whole(torso, inset=unit * low[1:-1]), points=40, guess=torso.spine.level(10.0))
    back = liver_back(torso, dome, one.liver)
    yield _soft("liver", slab.between(moved(dome.at, -0.14 * unit), back), LIVER, Rank.HEART)
    yield from _kidneys(rng, torso)
    yield _soft("spleen", _spleen(rng, torso), LIVER, Rank.HEART)
    yield _soft("bladder", _bladder(rng, torso, one.bladder), WATER + 0.01, Rank.ORGAN)


def _soft(name: str, facets: Array, density: float, rank: Rank) -> Soft:
    return Soft(name=name, facets=facets, density=density, rank=rank)


def _cavity(rng: np.random.Generator, torso: Torso, dome: Diaphragm, one: Belly) -> Iterator[Soft]:
    unit, spine = torso.body.unit_mm, torso.spine
    slab = Slab(ring=whole(torso, inset=0.03 * unit), points=40, guess=spine.level(14.0))
    facets = slab.between(moved(dome.at, -0.12 * unit), across(spine.level(24.5)))
    fat = FAT + 0.08 * (1.0 - torso.body.fat)
    room = _FREE * volume(facets) / 1000.0
    wet = 1.0 - np.exp(-one.fluid_ml / (_BATHED * room))
    name = "peritoneal fluid" if one.fluid_ml > 0 else "peritoneum"
    yield _soft(name, facets, fat + (WATER + 0.02 - fat) * wet, Rank.PERITONEUM)
    for _ in range(int(14 * wet)):
        size = unit * rng.uniform(0.4, 1.0, 3)
        yield _soft(name, ellipsoid(_within(rng, torso, 0.75), size), WATER + 0.02, Rank.PERITONEUM)


def _within(rng: np.random.Generator, torso: Torso, reach: float) -> Array:
    x = torso.spine.level(rng.uniform(14.0, 22.0))
    ring = torso.cavity(np.full(24, x), np.linspace(0, 2 * np.pi, 24, endpoint=False))
    middle = ring.mean(axis=0)
    return middle + reach * np.sqrt(rng.random()) * (ring[int(rng.integers(24))] - middle)


def _retroperitoneum(torso: Torso) -> Array:
    unit, spine = torso.body.unit_mm, torso.spine
    x = np.array([spine.level(level) for level in (12.8, 14.0, 17.0, 20.0, 23.0, 26.0)])
    z = -np.array([1.2, 1.5, 1.6, 1.4, 1.2, 1.2]) * unit
    radii = (0.5 + 0.7 * torso.body.fat) * unit * np.array([0.4, 0.9, 1.0, 0.9, 0.8, 0.6])
    return smooth_tube(np.stack([x, np.zeros(6), z], axis=1), radii, flatness=2.2)


def _psoas(torso: Torso, side: float) -> Array:
    unit, spine = torso.body.unit_mm, torso.spine
    x = np.array([spine.level(level) for level in (12.5, 15.0, 18.0, 21.0, 25.0)])
    y = side * unit * np.array([0.45, 0.65, 0.8, 0.95, 1.3])
    z = -unit * np.array([0.5, 0.62, 0.7, 0.8, 1.3])
    return smooth_tube(np.stack([x, y, z], axis=1), unit * np.array([0.12, 0.3, 0.42, 0.5, 0.5]))


def _kidneys(rng: np.random.Generator, torso: Torso) -> Iterator[Soft]:
    unit, spine, cat = torso.body.unit_mm, torso.spine, torso.body.cat
    measure = spine.vertebrae["L2"]
    length = (measure.cranial - measure.caudal) * (rng.uniform(2.2, 2.9) if cat else rng.uniform(2.6, 3.2))
    for name, side, level in (("left kidney", 1.0, 16.3), ("right kidney", -1.0, 14.9)):
        x = spine.level(level + (0.5 if cat else 0.0) + rng.normal(0.0, 0.25))
        y = side * min(1.75 * unit, 0.55 * float(torso.half(np.array(x))))
        z = -unit * (rng.uniform(1.9, 2.4) + (0.3 if cat else 0.0) + (0.2 if side > 0 else 0.0))
        size = length * np.array([0.5, 0.26, 0.27 if not cat else 0.33]) * rng.uniform(0.95, 1.05)
        bean = ellipsoid(np.array([x, y, z]), size, pitch=rng.normal(0.15, 0.1), yaw=side * rng.normal(-0.12, 0.08))
        yield _soft(name, bean, MUSCLE + 0.01, Rank.ORGAN)


def _spleen(rng: np.random.Generator, torso: Torso) -> Array:
    unit, spine = torso.body.unit_mm, torso.spine
    size = rng.uniform(0.8, 1.25)
    levels = (13.6, 14.1, 15.0, 15.9, 16.6)
    angles = np.radians(np.array([55.0, 80.0, 110.0, 140.0, 168.0]))
    x = np.array([spine.level(level + 0.4 * size) for level in levels])
    path = torso.cavity(x, angles, inset=0.55 * unit)
    return smooth_tube(path, unit * size * np.array([0.55, 0.75, 0.6, 0.65, 0.35]), flatness=0.5)


def _bladder(rng: np.random.Generator, torso: Torso, length: float) -> Array:
    unit, spine = torso.body.unit_mm, torso.spine
    x = spine.level(23.6) + 0.45 * length
    thick = 0.36 * length * rng.uniform(0.9, 1.05)
    z = float(torso.low(np.array(x))) + thick + (0.15 + 0.5 * torso.body.fat) * unit
    return ellipsoid(np.array([x, 0.15 * unit * rng.normal(), z]), np.array([0.5 * length, thick, thick]), pitch=0.15)
