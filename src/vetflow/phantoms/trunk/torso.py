"""The walls of chest and abdomen: from the body cavity out to the skin."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from vetflow.phantoms.meshes import Array
from vetflow.phantoms.trunk.animal import Animal
from vetflow.phantoms.trunk.spine import Spine

_LEVELS = (-2.0, 1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0, 19.0, 21.0, 23.5, 26.0, 29.0)
_DOG_DEPTH = (0.44, 0.52, 0.72, 0.88, 0.97, 1.0, 1.0, 0.97, 0.9, 0.83, 0.76, 0.68, 0.5, 0.36, 0.06)
_CAT_DEPTH = (0.32, 0.37, 0.52, 0.68, 0.82, 0.94, 1.03, 1.07, 1.05, 1.02, 0.96, 0.86, 0.58, 0.38, 0.06)
_WIDTH = (0.3, 0.36, 0.56, 0.75, 0.9, 0.98, 1.0, 0.98, 0.93, 0.88, 0.84, 0.78, 0.6, 0.4, 0.06)
_TOP = (0.2, 0.22, 0.28, 0.3, 0.3, 0.3, 0.28, 0.15, -0.1, -0.2, -0.2, -0.25, -0.4, -0.4, -0.05)
_MUSCLE_LEVELS = (-7.0, -5.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 18.0, 21.0, 24.0, 27.0, 29.0)
_MUSCLE_TOP = (1.4, 1.5, 1.9, 2.5, 2.9, 2.8, 2.5, 2.1, 1.8, 1.7, 1.75, 1.8, 1.8, 1.2, 0.6, 0.35)
_SIDE = (0.7, 0.85, 1.2, 1.35, 1.3, 1.05, 0.75, 0.55, 0.48, 0.46, 0.42, 0.4, 0.45, 0.6, 0.4, 0.25)
_FLOOR = (0.4, 0.7, 1.2, 1.5, 1.6, 1.5, 1.25, 1.05, 0.95, 0.75, 0.5, 0.42, 0.42, 0.5, 0.4, 0.25)

Profile = Callable[[Array], Array]
"""Millimetres over the place along the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Torso:
    """Walls of one animal in the straight frame, each a closed ring about the body at any place along it.

    Angles about the body are radians: 0 dorsal, π/2 left, π ventral.

    Parameters
    ----------
    top, low, half
        Height of roof and floor and half width of the cavity, mm, over the place along the spine.
    cover
        Thickness of muscle over roof, floor and sides, mm.
    narrowing
        How much wider the roof's half is than the floor's.
    """

    body: Animal
    spine: Spine
    top: Profile
    low: Profile
    half: Profile
    cover: tuple[Profile, Profile, Profile]
    narrowing: float

    def cavity(self, x: Array, angle: Array, *, inset: float | Array = 0.0) -> Array:
        """Return points (…, 3) on the inside of the body wall, moved inward by `inset` mm."""
        return self._ring(x, angle, (self.top(x) - inset, self.low(x) + inset, np.maximum(self.half(x) - inset, 0.1)))

    def muscle(self, x: Array, angle: Array) -> Array:
        """Return points (…, 3) on the outside of the muscles."""
        top, low, half = self._covered(x)
        return self._ring(x, angle, (top, low, half))

    def skin(self, x: Array, angle: Array, *, inset: float = 0.0) -> Array:
        """Return points (…, 3) on the skin, or `inset` mm below it."""
        unit, fat = self.body.unit_mm, self.body.fat
        top, low, half = self._covered(x)
        belly = np.exp(-(((x - self.spine.level(17.0)) / (6.0 * unit)) ** 2))
        over = unit * (0.12 + fat * (0.35 + 0.25 * belly))
        under = unit * (0.15 + fat * (0.7 + 0.7 * belly))
        side = unit * (0.12 + fat * (0.45 + 0.3 * belly))
        return self._ring(x, angle, (top + over - inset, low - under + inset, half + side - inset))

    def _covered(self, x: Array) -> tuple[Array, Array, Array]:
        roof, floor, side = (part(x) for part in self.cover)
        return np.asarray(roof), self.low(x) - floor, self.half(x) + side

    def _ring(self, x: Array, angle: Array, edges: tuple[Array, Array, Array]) -> Array:
        top, low, half = edges
        c, s = np.cos(angle), np.sin(angle)
        up = (top + low) / 2 + (top - low) / 2 * np.sign(c) * np.abs(c) ** 0.9
        across = half * np.sign(s) * np.abs(s) ** 0.82 * (1.0 + self.narrowing * c)
        return np.stack(np.broadcast_arrays(x, across, up), axis=-1)


def torso(body: Animal, spine: Spine, *, breath: float) -> Torso:
    """Return the walls of an animal; `breath` runs from expiration (0) to inspiration (1)."""
    unit = body.unit_mm
    places = np.array([spine.level(level) if level >= 1 else (1 - level) * unit for level in _LEVELS])[::-1]
    depth = np.array(_CAT_DEPTH if body.cat else _DOG_DEPTH) * body.depth
    loose = np.exp(-(((np.array(_LEVELS) - 17.5) / 4.5) ** 2))
    depth = depth + loose * (0.8 * body.sag + 1.5 * body.fat - 0.5)
    width = np.array(_WIDTH) * body.width / 2 * (0.98 + 0.04 * breath)
    width = width * (1.0 + loose * (0.12 * body.sag + 0.35 * body.fat - 0.12))
    outer = np.array([spine.level(level) if level >= 1 else (1 - level) * unit for level in _MUSCLE_LEVELS])[::-1]
    slim = 0.8 if body.cat else 1.0
    top, low, half = (_profile(places, unit * np.array(values)[::-1]) for values in (_TOP, -depth, width))
    covers = [_profile(outer, unit * slim * np.array(table)[::-1]) for table in (_MUSCLE_TOP, _FLOOR, _SIDE)]
    return Torso(
        body=body, spine=spine, top=top, low=low, half=half,
        cover=(covers[0], covers[1], covers[2]), narrowing=min(0.25, max(0.0, 0.22 * (body.depth / body.width - 0.9))),
    )  # fmt: skip


def _profile(places: Array, values: Array) -> Profile:
    curve = PchipInterpolator(places, values)
    return lambda x: np.asarray(curve(np.clip(x, places[0], places[-1])))
