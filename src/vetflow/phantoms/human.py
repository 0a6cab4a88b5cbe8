"""A simple human chest: what a model for animals must not take for one."""

from collections.abc import Iterator

import numpy as np

from vetflow.domain.place import Box
from vetflow.domain.view import Region, View
from vetflow.phantoms.meshes import Array, ellipsoid, loft
from vetflow.phantoms.raster import Beam, Image, add_facets
from vetflow.phantoms.trunk.solids import AIR, BLOOD, MUSCLE, Rank, Soft
from vetflow.phantoms.trunk.sweep import sweep
from vetflow.phantoms.trunk.tubes import round_tube, smooth_tube
from vetflow.phantoms.truth import Edge, Projection, Truth

_TURN = np.linspace(0.0, 2.0 * np.pi, 32, endpoint=False)
_HEIGHT_MM = 400.0
"""Of the field."""
_FRONTAL = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
_SIDEWAYS = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def human_chest(rng: np.random.Generator, *, lateral: bool, size: int = 512) -> Projection:
    """Return what the beam crosses of a standing human's chest; the truth's view and region are not meant.

    Coordinates are millimetres: x up, y left, z back; the origin is the lungs' middle. Lateral views have arms up.
    """
    wide = rng.uniform(0.85, 1.15)
    beam = Beam(
        frame=_SIDEWAYS if lateral else _FRONTAL, origin=rng.normal(0.0, 8.0, 3), lift=220.0 if lateral else 120.0,
        source=1800.0, pixel=_HEIGHT_MM * rng.uniform(0.95, 1.15) / size,
        shape=(size, round(size * rng.uniform(0.85, 1.0))),
    )  # fmt: skip
    crossed = sweep(list(_flesh(rng, wide, arms=not lateral)), beam, names=())
    bone = np.zeros(beam.shape, np.float32)
    for outer, inner in _bones(rng, wide, arms=not lateral):
        add_facets(bone, outer, beam)
        add_facets(bone, inner, beam, weight=-0.75)
    return Projection(bone=np.clip(bone, 0.0, None), soft=crossed.water, pixel_mm=beam.pixel, truth=_truth(bone))


def _truth(bone: Image) -> Truth:
    rows, columns = bone.shape
    return Truth(
        view=View.SAGITTAL, region=Region.THORAX, inverted=False, orientation=("L", "F"), head=Edge.TOP,
        field=Box(left=0, top=0, right=columns, bottom=rows), limbs_over=None, cut=(), catlike=False,
    )  # fmt: skip


def _barrel(x: Array, half: Array, deep: Array, *, y: Array | float = 0.0) -> Array:
    """Return rings of elliptical cross-section as a closed mesh."""
    c, s = np.cos(_TURN), np.sin(_TURN)
    across = np.broadcast_to(np.asarray(y, np.float64)[..., None], (len(x), 1)) + half[:, None] * c
    return loft(np.stack(np.broadcast_arrays(x[:, None], across, deep[:, None] * s), axis=-1))


def _flesh(rng: np.random.Generator, wide: float, *, arms: bool) -> Iterator[Soft]:
    x = np.array([-260.0, -150, 0, 110, 165, 185, 205, 290])
    half = wide * np.array([165.0, 165, 172, 190, 185, 130, 68, 62])
    yield _soft("body", _barrel(x, half, wide * np.array([115.0, 115, 112, 100, 85, 70, 62, 60])), MUSCLE, Rank.MUSCLE)
    for side in (1.0, -1.0):
        arm = np.array([[150.0, 185 * wide, 0], [60, 215 * wide, 5], [-120, 225 * wide, 10]]) * (1.0, side, 1.0)
        if arms:
            yield _soft("arm", smooth_tube(arm, np.array([52.0, 48, 42])), MUSCLE, Rank.MUSCLE)
        yield _soft("lung", _lung(rng, wide, side), rng.uniform(0.2, 0.34), Rank.LUNG)
    centre = np.array([-45.0, 22.0 * wide, -25.0])
    heart = ellipsoid(centre, np.array([78.0, 58, 48]) * rng.uniform(0.85, 1.2), yaw=rng.uniform(0.3, 0.9))
    yield _soft("heart", heart, BLOOD, Rank.HEART)
    knots = np.array([[-20.0, 8, 0], [55, 6, 5], [72, 20, 15], [40, 24, 35], [-150, 18, 45]])
    yield _soft("aorta", smooth_tube(knots, np.full(5, 15.0)), BLOOD, Rank.HEART)
    windpipe = np.array([[230.0, 0, 10], [120, -2, 10], [58, -4, 12]])
    yield _soft("airway", smooth_tube(windpipe, np.full(3, 9.0)), AIR, Rank.GAS)
    bubble = ellipsoid(np.array([-165.0, 75.0 * wide, 10.0]), np.array([20.0, 32, 25]) * rng.uniform(0.3, 1.1))
    yield _soft("stomach gas", bubble, AIR, Rank.GAS)


def _lung(rng: np.random.Generator, wide: float, side: float) -> Array:
    """Return one lung; its base is the dome of the diaphragm, higher on the right."""
    base = (-130.0 if side > 0 else -112.0) + rng.normal(0.0, 10.0)
    x = np.array([base - 28.0, base, -60.0, 0.0, 60.0, 110.0, 140.0, 155.0])
    half = wide * np.array([40.0, 62.0, 64.0, 62.0, 56.0, 46.0, 30.0, 5.0])
    return _barrel(x, half, 1.25 * half, y=side * wide * np.array([104.0, 84.0, 80.0, 76.0, 70.0, 58.0, 48.0, 45.0]))


def _soft(name: str, facets: Array, density: float, rank: Rank) -> Soft:
    return Soft(name=name, facets=facets, density=density, rank=rank)


def _bones(rng: np.random.Generator, wide: float, *, arms: bool) -> Iterator[tuple[Array, Array]]:
    """Yield outside and inside of ribs, collar bones, upper arms and vertebrae."""
    turn = np.linspace(0.15, np.pi - 0.5, 24)
    for number in range(11):
        level, out = 140.0 - 26.0 * number, wide * (70.0 + 75.0 * min(1.0, number / 4))
        drop = np.linspace(0.0, 55.0 + 6.0 * number, 24) + rng.normal(0.0, 2.0)
        for side in (1.0, -1.0):
            rib = np.stack([level - drop, side * out * np.sin(turn) ** 0.8, 85.0 * np.cos(turn)], axis=1)
            yield _shell(rib, np.full(24, 5.5))
    for side in (1.0, -1.0):
        collar = np.array([[120.0, 15, -75], [138, 70, -70], [150, 150 * wide, -20]]) * (1.0, side, 1.0)
        yield _shell(collar, np.array([7.0, 5.5, 7.0]))
        upper = np.array([[150.0, 172 * wide, 0], [50, 205 * wide, 5], [-120, 218 * wide, 10]]) * (1.0, side, 1.0)
        if arms:
            yield _shell(upper, np.array([22.0, 12.0, 13.0]))
    for number in range(16):
        x = 215.0 - 25.0 * number
        yield _shell(np.array([[x, 0.0, 60.0], [x - 10, 0, 60], [x - 20, 0, 60]]), np.array([15.0, 13.0, 15.0]))


def _shell(path: Array, radii: Array) -> tuple[Array, Array]:
    return round_tube(path, radii, points=10), round_tube(path, 0.72 * radii, points=10)
