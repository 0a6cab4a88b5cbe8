"""Solids between two surfaces across the body: lobes of lung, liver, the abdominal cavity."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vetflow.phantoms.meshes import Array, loft
from vetflow.phantoms.trunk.torso import Torso

Surface = Callable[[Array, Array], Array]
"""Place along the body over left and dorsal, mm."""

Ring = Callable[[Array], Array]
"""Points (…, ring, 3) around a solid at places (…, ring) along the body."""

_ALONG = 24
_CAP = (0.9, 0.75, 0.55, 0.3, 0.08)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slab:
    """What has a ring for its sides and ends at two surfaces.

    Parameters
    ----------
    ring, points
        The ring, and how many points it has.
    guess
        A place along the body between the surfaces, mm.
    """

    ring: Ring
    points: int
    guess: float

    def between(self, front: Surface, back: Surface, *, rounding: int = 0) -> Array:
        """Return the facets of what lies between two surfaces, its edges blunted so many times."""
        first, last = self._edge(front), self._edge(back)
        share = np.linspace(0.0, 1.0, _ALONG)[:, None]
        rings = self.ring(first[:, 0] + share * (last[:, 0] - first[:, 0]))
        rings = np.concatenate([_cap(rings[0], front)[::-1], rings, _cap(rings[-1], back)])
        return loft(_rounded(rings, times=rounding))

    def _edge(self, surface: Surface) -> Array:
        x = np.full(self.points, self.guess)
        for _ in range(4):
            ring = self.ring(x)
            x = surface(ring[:, 1], ring[:, 2])
        return self.ring(x)


def _cap(ring: Array, surface: Surface) -> Array:
    middle = ring.mean(axis=0)
    inner = np.stack([middle + (ring - middle) * share for share in _CAP])
    inner[..., 0] = surface(inner[..., 1], inner[..., 2])
    return inner


def _rounded(rings: Array, *, times: int) -> Array:
    for _ in range(times):
        around = (np.roll(rings, 1, axis=1) + np.roll(rings, -1, axis=1)) / 2
        rings = 0.5 * rings + 0.5 * around
        rings[1:-1] = 0.5 * rings[1:-1] + 0.25 * (rings[:-2] + rings[2:])
    return rings


def moved(surface: Surface, by: float) -> Surface:
    """Return a surface moved cranially by `by` mm."""
    return lambda y, z: surface(y, z) + by


def across(x: float) -> Surface:
    """Return the plane across the body at a place along it."""
    return lambda y, z: np.full(np.broadcast_shapes(y.shape, z.shape), x)


def whole(torso: Torso, *, inset: Array | float, points: int = 40) -> Ring:
    """Return the ring just within the body wall; `inset` is in mm, one for all or one a point."""
    angle = np.linspace(0.0, 2.0 * np.pi, points, endpoint=False)
    return lambda x: torso.cavity(x, angle, inset=inset)
