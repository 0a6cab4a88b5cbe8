"""Diaphragm, lungs by lobe, and what may lie between lung and wall."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from vetflow.phantoms.meshes import Array, volume
from vetflow.phantoms.trunk.slabs import Slab, Surface, moved
from vetflow.phantoms.trunk.solids import AIR, WATER, Rank, Soft
from vetflow.phantoms.trunk.torso import Torso

_AROUND = 26
_ACROSS = 12
POINTS = _AROUND + _ACROSS
"""Points of a ring around half a chest."""
_LEAST_ML = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Diaphragm:
    """The dome between chest and abdomen.

    Parameters
    ----------
    roof, floor
        Where it meets the spine and the breastbone, mm along the body.
    domes
        How far its left and right halves bulge forward, mm.
    """

    torso: Torso
    roof: float
    floor: float
    domes: tuple[float, float]

    def at(self, y: Array, z: Array) -> Array:
        """Return its place along the body; never cranial of T5."""
        unit = self.torso.body.unit_mm
        x = np.array(self.torso.spine.level(10.0))
        low, half = float(self.torso.low(x)), float(self.torso.half(x))
        share = np.clip(-z / -low, 0.0, 1.05)
        plane = self.roof + (self.floor - self.roof) * share
        up = (z - 0.5 * low) / (0.52 * low)
        out = np.maximum(np.abs(y) - 0.22 * half, 0.0) / (0.8 * half)
        near = np.clip(1.0 - up**2 - out**2, 0.0, None)
        left = 0.5 + 0.5 * np.tanh(y / (0.5 * unit))
        bulge = self.domes[0] * left + self.domes[1] * (1.0 - left)
        return np.minimum(plane + bulge * near**0.65, self.torso.spine.level(5.5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pleura:
    """How far lungs stand off the chest wall, and what fills the gap.

    Parameters
    ----------
    gaps
        Left and right, mm.
    air
        Whether air fills the gap, else fluid.
    """

    gaps: tuple[float, float] = (0.0, 0.0)
    air: bool = False


def diaphragm(torso: Torso, *, breath: float, down: float) -> Diaphragm:
    """Return the diaphragm of a torso.

    Parameters
    ----------
    breath
        0 expiration, 1 inspiration.
    down
        1 lies on its left, -1 on its right, 0 on belly or back: the half below bulges further.
    """
    unit = torso.body.unit_mm
    back = (breath - 0.5) * 0.9 * unit
    dome = (3.5 - 1.6 * breath) * unit
    return Diaphragm(
        torso=torso,
        roof=torso.spine.level(13.2) - back,
        floor=torso.spine.level(9.7 if torso.body.cat else 8.9) - back,
        domes=(dome + 0.45 * down * unit, dome - 0.45 * down * unit),
    )


def pushed(dome: Diaphragm, heart: Array) -> Diaphragm:
    """Return the diaphragm moved back as far as the points (…, 3) of a heart reach past it."""
    past = float((dome.at(heart[..., 1], heart[..., 2]) - heart[..., 0]).max())
    back = max(0.0, past + 0.05 * dome.torso.body.unit_mm)
    return replace(dome, roof=dome.roof - back, floor=dome.floor - back)


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """One half of the chest as lungs fill it: a ring along the wall and back along the mediastinum.

    Parameters
    ----------
    side
        1 left, -1 right.
    gap
        How far it stays off the walls, mm.
    air
        Whether air holds it off, all around, or fluid, more so at the floor.
    """

    torso: Torso
    side: float
    gap: float
    air: bool = False

    def ring(self, x: Array) -> Array:
        """Return points (…, ring, 3) at places (…, ring) along the body."""
        angle = np.linspace(0.1, np.pi - 0.1, _AROUND)
        low = np.ones_like(angle) if self.air else 0.35 + 1.3 * np.sin(angle / 2) ** 4
        wall = self.torso.cavity(
            x[..., :_AROUND], self.side * angle, inset=0.04 * self.torso.body.unit_mm + self.gap * low
        )
        share = np.linspace(0.0, 1.0, _ACROSS + 2)[1:-1]
        within = x[..., _AROUND:]
        top = self.torso.cavity(within, np.full(_ACROSS, self.side * 0.1), inset=self.gap * low[0])[..., 2]
        low_z = self.torso.cavity(within, np.full(_ACROSS, self.side * (np.pi - 0.1)), inset=self.gap * low[-1])[..., 2]
        z = low_z + share * (top - low_z)
        unit = self.torso.body.unit_mm
        thick = unit * (0.1 + 0.15 * self.torso.body.fat + 0.28 * share) + (0.15 if self.air else 0.4) * self.gap
        medial = np.stack([within, np.broadcast_to(self.side * thick, z.shape), z], axis=-1)
        return np.concatenate([wall, medial], axis=-2)


def lobes(half: Half, dome: Diaphragm) -> list[Array]:
    """Return the facets of the lobes of one lung; without a gap it is one piece."""
    unit, gap = half.torso.body.unit_mm, half.gap
    slab = Slab(ring=half.ring, points=POINTS, guess=half.torso.spine.level(8.0))
    cuts = _fissures(half.torso, half.side) if gap > 0 else []
    fronts = [moved(_cupola(half.torso), -0.5 * gap), *(_cleft(half, surface, -1.0) for surface in cuts)]
    backs = [*(_cleft(half, surface, 1.0) for surface in cuts), moved(dome.at, gap)]
    blunt = round(8 * gap / unit)
    return [slab.between(front, back, rounding=blunt) for front, back in zip(fronts, backs, strict=True)]


def _cupola(torso: Torso) -> Surface:
    """Return the rounded front of the lungs, which reaches before the first rib."""
    unit, half = torso.body.unit_mm, float(torso.half(np.array(0.0)))
    middle = 0.45 * float(torso.low(np.array(0.0)))

    def front(y: Array, z: Array) -> Array:
        off = ((np.abs(y) - 0.5 * half) / (0.6 * half)) ** 2 + ((z - middle) / middle) ** 2
        return unit * (-0.7 + 1.1 * np.sqrt(np.clip(1.0 - off, 0.0, 1.0)))

    return front


def _cleft(half: Half, surface: Surface, way: float) -> Surface:
    """Return one wall of a cleft that gapes towards the chest wall and the floor."""
    wide = float(half.torso.half(np.array(half.torso.spine.level(7.0))))
    low = float(half.torso.low(np.array(half.torso.spine.level(7.0))))

    def wall(y: Array, z: Array) -> Array:
        rim = np.clip(np.abs(y) / wide, 0.0, 1.0) ** 2 + np.clip(z / low, 0.0, 1.0) ** 3
        return surface(y, z) + way * half.gap * (0.1 + (0.25 if half.air else 0.55) * rim)

    return wall


def _fissures(torso: Torso, side: float) -> list[Surface]:
    """Return the clefts between lobes, cranial first: one on the left, two on the right."""
    low = float(torso.low(np.array(torso.spine.level(7.0))))
    first, last, middle = (torso.spine.level(level) for level in (5.6, 8.6, 5.3))

    def caudal(y: Array, z: Array) -> Array:
        bulge = (0.3 + 0.5 * side) * np.abs(y) + 0.5 * torso.body.unit_mm * np.sin(np.pi * z / low)
        return first + (last - first) * np.clip(z / low, 0.0, 1.0) + 0.45 * bulge

    def cranial(y: Array, z: Array) -> Array:
        return np.maximum(middle, caudal(y, z) + 0.3 * torso.body.unit_mm * np.clip(z / low, 0.0, 1.0))

    return [caudal] if side > 0 else [cranial, caudal]


def lungs(torso: Torso, dome: Diaphragm, pleura: Pleura, *, density: float) -> Iterator[Soft]:
    """Yield lungs and, where they stand off the wall, what fills the gap; a collapsed lung is denser."""
    for side, gap in zip((1.0, -1.0), pleura.gaps, strict=True):
        whole = lobes(Half(torso=torso, side=side, gap=0.0), dome)
        parts = lobes(Half(torso=torso, side=side, gap=gap, air=pleura.air), dome) if gap > 0 else whole
        left = sum(map(volume, parts)) / volume(whole[0])
        dense = min(0.85, density / max(left, 0.05)) if pleura.air else density * (2.0 - left)
        if gap > 0:
            name, fills = ("free air", AIR) if pleura.air else ("pleural fluid", WATER)
            yield Soft(name=name, facets=whole[0], density=fills, rank=Rank.PLEURA)
        for facets in parts:
            yield Soft(name="lung", facets=facets, density=dense, rank=Rank.LUNG)


def gap_for(half: Half, dome: Diaphragm, millilitres: float) -> float:
    """Return how far a lung stands off the wall when so much lies between; at most half of its room."""
    if millilitres < _LEAST_ML:
        return 0.0
    whole = volume(lobes(replace(half, gap=0.0), dome)[0]) / 1000.0
    gap = 0.25 * half.torso.body.unit_mm
    for _ in range(3):
        between = whole - sum(map(volume, lobes(replace(half, gap=gap), dome))) / 1000.0
        gap *= np.clip(min(millilitres, 0.5 * whole) / max(between, _LEAST_ML), 0.3, 3.0)
    return float(gap)
