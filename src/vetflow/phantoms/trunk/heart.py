"""The heart with its atrium and great vessels; its scores are known because it is built from them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import PchipInterpolator

from vetflow.phantoms.meshes import Array, ellipsoid, loft
from vetflow.phantoms.trunk.lungs import Diaphragm
from vetflow.phantoms.trunk.ranges import Ranges
from vetflow.phantoms.trunk.solids import BLOOD, Rank, Soft
from vetflow.phantoms.trunk.spine import Spine
from vetflow.phantoms.trunk.torso import Torso
from vetflow.phantoms.trunk.tubes import smooth_tube

_SHARES = (-0.1, -0.085, -0.05, 0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.87, 0.94, 0.98, 1.0)
_CRANIAL = (0.0, 0.3, 0.5, 0.64, 0.82, 0.93, 0.98, 1.0, 0.93, 0.77, 0.56, 0.37, 0.2, 0.0)
_CAUDAL = (0.0, 0.25, 0.35, 0.42, 0.5, 0.6, 0.74, 0.94, 1.0, 0.93, 0.73, 0.52, 0.3, 0.0)
_WIDEST = 0.6
"""Share of the long axis at which the caudal border is farthest off."""
_YIELDS = 0.6
"""Share of a heart's pressure on the breastbone that lifts it; the rest flattens it."""
_FOREMOST = 3.7
"""Thoracic level that no carina lies before."""
_MIDDLE = (0.35, 0.8)
"""Stretch of the long axis along which the short one is sought."""
_LONG = 0.555
"""Share of the long axis in the vertebral heart score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heart:
    """One animal's heart in the straight frame, mm.

    Parameters
    ----------
    carina
        Its ventral border: where the long axis begins.
    axis
        From there to the apex, in the median plane, a unit vector.
    length, breadth
        Long and short axis.
    skew
        Share of the short axis on the cranial side.
    drift
        How far the apex lies to the left.
    atrium
        Where the left atrium ends caudally, at the upper border of the caudal vena cava.
    score, atrial_score
        Vertebral heart score and left atrial size it was built for.
    """

    torso: Torso
    carina: Array
    axis: Array
    length: float
    breadth: float
    skew: float
    drift: float
    atrium: Array
    score: float
    atrial_score: float

    @property
    def apex(self) -> Array:
        """Tip of the heart."""
        return self.carina + self.length * self.axis + np.array([0.0, self.drift, 0.0])

    @property
    def across(self) -> Array:
        """At a right angle to the long axis in the median plane, a unit vector towards the head."""
        return np.array([-self.axis[2], 0.0, self.axis[0]])

    def surface(self) -> Array:
        """Return rings (n, m, 3) around the long axis from base to apex."""
        share = -0.1 + 1.1 * (0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, 40)))
        ahead, behind = self._borders(share)
        turn = np.linspace(0.0, 2.0 * np.pi, 36, endpoint=False)
        c, s = np.cos(turn), np.sin(turn)
        out = ahead[:, None] * np.maximum(c, 0.0) + behind[:, None] * np.minimum(c, 0.0)
        aside = 0.5 * (ahead + behind)[:, None] * 0.86 * s
        middle = self.carina + self.length * share[:, None] * self.axis
        rings = middle[:, None] + out[..., None] * self.across
        rings[..., 1] += aside + self.drift * share[:, None]
        return rings

    def outside(self) -> Array:
        """Return the same rings flattened where they press on the breastbone."""
        rings = self.surface()
        floor = self.torso.low(rings[..., 0]) + 0.08 * self.torso.body.unit_mm
        return np.concatenate([rings[..., :2], np.maximum(rings[..., 2:], floor[..., None])], axis=-1)

    def _borders(self, share: Array) -> tuple[Array, Array]:
        """Return how far cranial and caudal border lie off the long axis; the caudal one is waisted at the atrium."""
        cranial, caudal = (np.asarray(PchipInterpolator(_SHARES, table)(share)) for table in (_CRANIAL, _CAUDAL))
        scale = self.breadth / float((self.skew * cranial + (1.0 - self.skew) * caudal).max())
        ahead, behind = scale * self.skew * cranial, scale * (1.0 - self.skew) * caudal
        way = self.atrium - self.carina
        at, off = float(way @ self.axis) / self.length, -float(way @ self.across) - 0.02 * self.length
        waist = min(1.0, off / float(np.interp(at, share, behind)))
        wider = np.clip((share - at) / max(_WIDEST - at, 0.1), 0.0, 1.0)
        return ahead, behind * (waist + (1.0 - waist) * wider * wider * (3.0 - 2.0 * wider))


def in_mm(spine: Spine, vertebrae: float) -> float:
    """Return the length of so many vertebrae, laid caudally from T4, mm."""
    return spine.level(4.0) - spine.level(4.0 + vertebrae)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a heart is built for.

    Parameters
    ----------
    score, atrial_score
        Vertebral heart score, vertebral left atrial size.
    lift
        How far the heart floats above the breastbone, mm.
    """

    score: float
    atrial_score: float
    lift: float


def heart(rng: np.random.Generator, torso: Torso, dome: Diaphragm, size: Size, *, ranges: Ranges) -> Heart:
    """Return a heart that rests on the breastbone before the diaphragm, its base at T4 to T6."""
    unit, spine = torso.body.unit_mm, torso.spine
    long_share = _LONG + rng.normal(0.0, 0.008) - 0.008 * max(0.0, size.score - 10.5)
    length, breadth = in_mm(spine, long_share * size.score), in_mm(spine, (1.0 - long_share) * size.score)
    tilt = math.radians(ranges.tilt.draw(rng) + (8.0 if torso.body.cat else 0.0))
    axis = np.array([-math.sin(tilt), 0.0, -math.cos(tilt)])
    off = (rng.uniform(0.1, 0.3) + 0.25 * torso.body.fat) * unit + size.lift
    x = spine.level(rng.uniform(4.6, 5.3))
    carina = np.array([x, 0.0, float(torso.low(np.array(x + length * axis[0]))) + off - length * axis[2]])
    sink = math.radians(rng.uniform(10.0, 22.0))
    atrium = in_mm(spine, size.atrial_score) * np.array([-math.cos(sink), 0.0, -math.sin(sink)])
    made = Heart(
        carina=carina, axis=axis, length=length, breadth=breadth, skew=rng.uniform(0.52, 0.6),
        drift=unit * rng.uniform(0.3, 1.1), atrium=carina + atrium, score=size.score, atrial_score=size.atrial_score,
        torso=torso,
    )  # fmt: skip
    return _to_size(_settled(made, dome))


def _settled(one: Heart, dome: Diaphragm) -> Heart:
    """Move a heart up off the floor and forward off the diaphragm, as far as spine and inlet let it."""
    torso, unit = one.torso, one.torso.body.unit_mm
    for _ in range(2):
        x, y, z = np.moveaxis(one.surface(), -1, 0)
        up = _YIELDS * float((torso.low(x) - z).max())
        ahead = float((dome.at(y, z) + 0.08 * unit - x).max())
        room = np.array([torso.spine.level(_FOREMOST), 0.0, -1.6 * unit]) - one.carina
        shift = np.clip([ahead, 0.0, up], 0.0, np.maximum(room, 0.0))
        one = replace(one, carina=one.carina + shift, atrium=one.atrium + shift)
    return one


def _to_size(one: Heart) -> Heart:
    """Return the heart built so that its lines have their lengths once the body is bent and the floor presses on it."""
    bend = one.torso.spine.bent
    long_axis, short_axis, to_atrium = one.length, one.breadth, one.atrium - one.carina
    for _ in range(2):
        flat = bend(one.outside()).reshape(-1, 3)[:, [0, 2]]
        carina, apex = bend(one.carina)[[0, 2]], bend(one.apex)[[0, 2]]
        ends = widest(flat, carina, apex)
        one = replace(
            one,
            length=one.length * long_axis / float(np.linalg.norm(apex - carina)),
            breadth=one.breadth * short_axis / float(np.linalg.norm(ends[1] - ends[0])),
        )
    reach = float(np.linalg.norm(bend(one.atrium) - bend(one.carina)) / np.linalg.norm(to_atrium))
    return replace(one, atrium=one.carina + to_atrium / reach)


def widest(outline: Array, carina: Array, apex: Array) -> tuple[Array, Array]:
    """Return the ends of the longest line across an outline (n, 2) at a right angle to the long axis."""
    length = float(np.linalg.norm(apex - carina))
    along = (apex - carina) / length
    across = np.array([-along[1], along[0]])
    level, out = (outline - carina) @ along / length, (outline - carina) @ across
    places = np.linspace(*_MIDDLE, 40)
    near = np.abs(level[None] - places[:, None]) < 0.04 * (_MIDDLE[1] - _MIDDLE[0])
    high, low = np.where(near, out, -np.inf).max(axis=1), np.where(near, out, np.inf).min(axis=1)
    best = int(np.argmax(high - low))
    middle = carina + float(places[best]) * length * along
    return middle + float(low[best]) * across, middle + float(high[best]) * across


def solids(rng: np.random.Generator, one: Heart, torso: Torso, dome: Diaphragm) -> Iterator[Soft]:
    """Yield heart, left atrium and great vessels."""
    unit = torso.body.unit_mm
    yield _blood("heart", loft(one.outside()))
    radius = (0.62 + 0.12 * max(0.0, one.atrial_score - 1.5)) * unit
    way = one.atrium - one.carina
    middle = one.atrium - radius * way / np.linalg.norm(way)
    yield _blood("heart", ellipsoid(middle, np.array([1.0, 1.35, 0.95]) * radius))
    yield _blood("aorta", _aorta(one, torso))
    yield _blood("cava", _caudal_cava(rng, one, torso, dome))
    yield _blood("cava", _cranial_cava(one, torso))


def _blood(name: str, facets: Array) -> Soft:
    return Soft(name=name, facets=facets, density=BLOOD, rank=Rank.HEART)


def _aorta(one: Heart, torso: Torso) -> Array:
    unit = torso.body.unit_mm
    x, _, z = one.carina
    roof = -0.95 * unit
    knots = [
        (x + 0.9 * unit, 0.1 * unit, z - 0.9 * unit), (x + 0.9 * unit, 0.2 * unit, z + 0.5 * unit),
        (x + 0.3 * unit, 0.4 * unit, z + 0.55 * (roof - z)), (x - 1.0 * unit, 0.5 * unit, z + 0.85 * (roof - z)),
        (x - 2.6 * unit, 0.45 * unit, roof), (torso.spine.level(13.0), 0.2 * unit, roof + 0.1 * unit),
        (torso.spine.level(20.0), 0.1 * unit, roof + 0.15 * unit),
    ]  # fmt: skip
    return smooth_tube(np.array(knots), np.array([0.5, 0.5, 0.46, 0.42, 0.38, 0.34, 0.28]) * unit)


def _caudal_cava(rng: np.random.Generator, one: Heart, torso: Torso, dome: Diaphragm) -> Array:
    """Return the caudal vena cava, its upper border at the end of the left atrium."""
    unit = torso.body.unit_mm
    radius = rng.uniform(0.34, 0.44) * unit
    z = one.atrium[2] - radius
    end_z = z + rng.uniform(-0.2, 0.5) * unit
    end = float(dome.at(np.array(-0.9 * unit), np.array(end_z))) - 0.8 * unit
    knots = [
        (one.atrium[0] + 1.0 * unit, -0.3 * unit, z), (one.atrium[0], -0.4 * unit, z),
        ((one.atrium[0] + end) / 2, -0.7 * unit, (z + end_z) / 2), (end, -0.9 * unit, end_z),
    ]  # fmt: skip
    return smooth_tube(np.array(knots), np.array([radius, radius, radius, 1.05 * radius]))


def _cranial_cava(one: Heart, torso: Torso) -> Array:
    unit = torso.body.unit_mm
    x, _, z = one.carina
    inlet = float(torso.low(np.array(0.0)))
    knots = [(x + 0.2 * unit, -0.2 * unit, z - 1.2 * unit), (x + 2.0 * unit, -0.2 * unit, z - 1.0 * unit),
             (0.5 * unit, -0.1 * unit, 0.62 * inlet), (3.0 * unit, 0.0, 0.6 * inlet)]  # fmt: skip
    return smooth_tube(np.array(knots), np.array([0.62, 0.58, 0.5, 0.45]) * unit)
