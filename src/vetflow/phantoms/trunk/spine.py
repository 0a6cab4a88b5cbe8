"""The spine: where every vertebra lies, and how the whole body bends along it."""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from vetflow.domain.signalment import Species
from vetflow.phantoms.meshes import Array
from vetflow.phantoms.trunk.animal import Animal
from vetflow.phantoms.trunk.ranges import Ranges

CERVICAL = tuple(f"C{number}" for number in range(1, 8))
THORACIC = tuple(f"T{number}" for number in range(1, 14))
LUMBAR = tuple(f"L{number}" for number in range(1, 8))
SACRAL = ("S1", "S2", "S3")
CAUDAL = tuple(f"Ca{number}" for number in range(1, 9))
NAMES = (*CERVICAL, *THORACIC, *LUMBAR, *SACRAL, *CAUDAL)

_DOG = (
    0.9, 2.1, 1.5, 1.45, 1.4, 1.3, 1.2,
    1.12, 1.06, 1.02, 1.0, 0.99, 0.99, 1.0, 1.02, 1.04, 1.08, 1.14, 1.2, 1.26,
    1.32, 1.4, 1.45, 1.48, 1.5, 1.44, 1.22,
    0.95, 0.8, 0.75, 0.7, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0,
)  # fmt: skip
_CAT = (
    0.8, 2.0, 1.4, 1.35, 1.25, 1.2, 1.05,
    1.05, 1.0, 0.98, 0.97, 0.98, 1.0, 1.02, 1.05, 1.1, 1.18, 1.32, 1.44, 1.54,
    1.64, 1.74, 1.82, 1.88, 1.92, 1.88, 1.5,
    1.05, 0.9, 0.85, 0.75, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.3,
)  # fmt: skip
"""Length of each vertebra with its disc, in units, cranial to caudal."""
_DISCS = (("C", 0.16), ("T1", 0.13), ("T", 0.1), ("L", 0.15), ("S", 0.02), ("Ca", 0.2))
_BENDS = (("C2", 32.0), ("C5", 22.0), ("C7", 6.0), ("T1", -6.0), ("T4", -9.0), ("T8", -3.0), ("T12", 1.0),
          ("L2", 3.0), ("L5", 2.0), ("L7", 2.0), ("S2", 9.0), ("Ca3", 22.0), ("Ca8", 40.0))  # fmt: skip
"""Inclination at some vertebrae, degrees, cranial end up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vertebra:
    """One vertebral body.

    Parameters
    ----------
    cranial, caudal
        Its end plates along the straight spine, mm.
    height
        Of the end plates, mm.
    """

    cranial: float
    caudal: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spine:
    """The spine of one animal.

    Parameters
    ----------
    vertebrae
        By name, C1 to Ca8.
    unit_mm
        The animal's unit.
    along, curve
        Places along the straight spine, and there the bent spine: x, z, cosine and sine of its inclination, shape
        (n, 4), and the way it strays to the left, shape (n,).
    """

    vertebrae: dict[str, Vertebra]
    unit_mm: float
    along: Array
    curve: Array
    sway: Array

    def level(self, number: float) -> float:
        """Return the place along the spine of a thoracolumbar level: 4.0 is the cranial edge of T4, 14.0 that of L1."""
        edges = [self.vertebrae[name].cranial for name in (*THORACIC, *LUMBAR, *SACRAL, *CAUDAL)]
        return float(np.interp(number, np.arange(1, len(edges) + 1), edges))

    def bent(self, points: Array) -> Array:
        """Return points (…, 3) of the straight frame where the animal has them."""
        x = points[..., 0]
        px, pz, c, s = (np.interp(x, self.along, self.curve[:, column]) for column in range(4))
        y = points[..., 1] + np.interp(x, self.along, self.sway)
        return np.stack([px - s * points[..., 2], y, pz + c * points[..., 2]], axis=-1)

    def carried(self, points: Array, x: float) -> Array:
        """Return points (…, 3) of the straight frame as they lie when the spine carries them stiffly at one place."""
        px, pz, cosine, sine = (float(np.interp(x, self.along, self.curve[:, column])) for column in range(4))
        c, s = cosine / np.hypot(cosine, sine), sine / np.hypot(cosine, sine)
        along, up = points[..., 0] - x, points[..., 2]
        y = points[..., 1] + float(np.interp(x, self.along, self.sway))
        return np.stack([px + c * along - s * up, y, pz + s * along + c * up], axis=-1)


def spine(rng: np.random.Generator, body: Animal, ranges: Ranges) -> Spine:
    """Return the spine of an animal, lying."""
    vertebrae = _vertebrae(rng, body)
    low, high = vertebrae["Ca8"].caudal - 2 * body.unit_mm, vertebrae["C1"].cranial + 12 * body.unit_mm
    along = np.linspace(low, high, 400)
    curve, sway = _curve(rng, vertebrae, along, ranges=ranges)
    return Spine(vertebrae=vertebrae, unit_mm=body.unit_mm, along=along, curve=curve, sway=sway)


def _vertebrae(rng: np.random.Generator, body: Animal) -> dict[str, Vertebra]:
    unit = body.unit_mm
    table = np.array(_CAT if body.species is Species.CAT else _DOG)
    mean = table[len(CERVICAL) + 3 : len(CERVICAL) + 8].mean()
    lengths = table / mean * unit * rng.normal(1.0, 0.015, len(table))
    loins = slice(len(CERVICAL) + len(THORACIC), len(CERVICAL) + len(THORACIC) + len(LUMBAR))
    lengths[loins] *= body.loins
    starts = np.cumsum(lengths[: len(CERVICAL)]).max() - np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    return {
        name: Vertebra(cranial=start, caudal=start - length + _disc(name) * unit, height=_height(name) * unit)
        for name, start, length in zip(NAMES, map(float, starts), map(float, lengths), strict=True)
    }


def _disc(name: str) -> float:
    return max((len(prefix), thick) for prefix, thick in _DISCS if name.startswith(prefix))[1]


def _height(name: str) -> float:
    if name in LUMBAR:
        return 0.66
    return 0.3 if name in CAUDAL else 0.45 if name in SACRAL else 0.58


def _curve(
    rng: np.random.Generator, vertebrae: dict[str, Vertebra], along: Array, *, ranges: Ranges
) -> tuple[Array, Array]:
    knots = np.array([[vertebrae[name].cranial, angle] for name, angle in _BENDS])[::-1]
    angles = knots[:, 1] * ranges.spine.draw(rng) + rng.normal(0.0, 2.0, len(knots))
    inside = np.clip(along, knots[0, 0], knots[-1, 0])
    incline = np.radians(PchipInterpolator(knots[:, 0], angles)(inside))
    step = float(along[1] - along[0])
    zero = int(np.argmin(np.abs(along)))
    x = np.cumsum(np.cos(incline)) * step
    z = np.cumsum(np.sin(incline)) * step
    curve = np.stack([x - x[zero], z - z[zero], np.cos(incline), np.sin(incline)], axis=1)
    length = float(along[-1] - along[0])
    waves = rng.normal(0.0, 0.002, 2) * length
    sway = waves[0] * np.sin(2 * np.pi * along / length) + waves[1] * np.cos(3 * np.pi * along / length)
    return curve, sway
