"""What a trunk is put together from: bones that add attenuation, and soft solids that displace each other."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from vetflow.phantoms.meshes import Array

WATER, FAT, MUSCLE, LIVER, BLOOD, AIR = 1.0, 0.84, 1.05, 1.07, 1.06, 0.0
"""Attenuation against water at diagnostic energies."""


class Rank(IntEnum):
    """Which solid wins where several lie in one place: the highest."""

    SKIN = 0
    FAT = 1
    MUSCLE = 2
    PLEURA = 3
    PERITONEUM = 4
    LUNG = 5
    HEART = 6
    ORGAN = 7
    GAS = 8
    WITHIN_GAS = 9
    SURFACE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Hard:
    """A bone; its attenuation comes on top of the soft tissue around it.

    Parameters
    ----------
    points, inner
        Outer surface, and inside of the cortex (empty when solid), shape (n, 3), mm.
    faces
        Three corners a facet.
    marrow
        Share of the cortex's attenuation that is missing inside.
    density
        Against cortical bone.
    """

    name: str
    points: Array
    inner: Array
    faces: NDArray[np.intp]
    marrow: float = 0.0
    density: float = 1.0

    @classmethod
    def of(cls, name: str, facets: Array, *, density: float = 1.0) -> "Hard":
        """Return a solid one of facets (n, 3, 3)."""
        points = facets.reshape(-1, 3)
        faces = np.arange(len(points), dtype=np.intp).reshape(-1, 3)
        return cls(name=name, points=points, inner=np.empty((0, 3)), faces=faces, density=density)


@dataclass(frozen=True, slots=True, kw_only=True)
class Soft:
    """Soft tissue, fluid or gas: a closed mesh that takes its place from what has a lower rank.

    Parameters
    ----------
    facets
        Shape (n, 3, 3), mm.
    density
        Attenuation against water.
    floats
        Share of its height that is kept, from the top as the animal lies: gas rises. None keeps all.
    """

    name: str
    facets: Array
    density: float
    rank: Rank
    floats: float | None = None
