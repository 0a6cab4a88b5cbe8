"""Soft tissue and gas as closed meshes with a density against water.

Every mesh adds its thickness times its density; gas inside tissue is a negative one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import PchipInterpolator  # pyright: ignore[reportMissingTypeStubs]

from vetflow.phantoms.meshes import Array, ellipsoid, loft, tube
from vetflow.phantoms.pose import Build, Pose, place


@dataclass(frozen=True, slots=True, kw_only=True)
class Soft:
    """A piece of soft tissue or gas.

    Parameters
    ----------
    name
        What it is; ``lung`` is looked up by its name.
    facets
        Shape (n, 3, 3), where it lies, mm.
    density
        Attenuation against water; gas within tissue is negative.
    """

    name: str
    facets: Array
    density: float


_SKIN_X = np.array([-400.0, -370, -330, -270, -200, -120, -40, 40, 120, 180, 225, 252, 275])
_SKIN_TOP = np.array([500.0, 530, 542, 546, 544, 542, 548, 556, 560, 556, 545, 525, 500])
_SKIN_LOW = np.array([470.0, 420, 400, 392, 372, 338, 306, 296, 310, 345, 390, 430, 465])
_SKIN_HALF = np.array([14.0, 38, 50, 54, 62, 72, 80, 80, 68, 58, 44, 26, 6])
_CHEST_X = np.array([-140.0, -60, 0, 60, 120, 170, 215])
_CHEST_TOP = np.array([505.0, 506, 510, 512, 512, 508, 495])
_CHEST_LOW = np.array([420.0, 360, 330, 322, 330, 352, 400])
_CHEST_HALF = np.array([58.0, 66, 68, 64, 54, 42, 26])
_LUNG = -0.72


def _outline(x: Array, tables: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array]:
    known, top, low, half = tables
    return np.interp(x, known, top), np.interp(x, known, low), np.interp(x, known, half)


def _rings(x: Array, tables: tuple[Array, Array, Array, Array], *, square: float) -> Array:
    top, low, half = _outline(x, tables)
    turn = np.linspace(0.0, 2.0 * np.pi, 40, endpoint=False)
    c, s = np.cos(turn), np.sin(turn)
    across = half[:, None] * np.sign(c) * np.abs(c) ** square
    up = (top + low)[:, None] / 2 + (top - low)[:, None] / 2 * np.sign(s) * np.abs(s) ** square
    return np.stack([np.broadcast_to(x[:, None], across.shape), across, up], axis=-1)


def trunk(body: Build) -> Soft:
    """Return skin, muscle and fat of the trunk."""
    x = np.linspace(float(_SKIN_X[0]), float(_SKIN_X[-1]), 70)
    sag = body.belly * np.exp(-(((_SKIN_X + 150.0) / 130.0) ** 2))
    fat = body.fat
    tables = (_SKIN_X, _SKIN_TOP + 0.5 * fat, _SKIN_LOW - 0.6 * fat - sag, _SKIN_HALF + 0.6 * fat + 0.3 * sag)
    return Soft(name="trunk", facets=loft(_rings(x, tables, square=0.85)), density=1.0)


def _lung(rng: np.random.Generator) -> Iterator[Soft]:
    """Yield the chest's air up to the diaphragm, which domes towards the head and slopes down to the sternum."""
    share = np.linspace(0.0, 1.0, 36)
    rings = _rings(213.0 - share * 333.0, (_CHEST_X, _CHEST_TOP, _CHEST_LOW, _CHEST_HALF), square=0.9)
    breath = rng.uniform(-25.0, 20.0)
    slope = rng.uniform(0.5, 0.95)
    back = -95.0 - breath + slope * (500.0 - rings[..., 2])
    rings[..., 0] = 213.0 - share[:, None] * (213.0 - np.minimum(back, 190.0))
    dome = rng.uniform(15.0, 45.0)
    last = rings[-1]
    centre = last.mean(axis=0)
    cap = [centre + (last - centre) * r + np.array([dome * (1.0 - r * r), 0.0, 0.0]) for r in (0.8, 0.55, 0.3, 0.1)]
    facets = loft(np.concatenate([rings, np.stack(cap)]))
    yield Soft(name="lung", facets=facets, density=rng.uniform(0.9, 1.08) * _LUNG)


def _heart(rng: np.random.Generator) -> Iterator[Soft]:
    size = rng.uniform(0.85, 1.25)
    centre = np.array([rng.uniform(85.0, 115.0), rng.uniform(0.0, 8.0), rng.uniform(385.0, 405.0)])
    radii = np.array([54.0, 34.0, 40.0]) * size
    facets = ellipsoid(centre, radii, pitch=rng.uniform(-1.3, -0.7), yaw=rng.uniform(-0.1, 0.25))
    yield Soft(name="heart", facets=facets, density=-_LUNG)
    arch = np.array([[95.0, 4, 430], [60, 5, 470], [0, 5, 490], [-100, 3, 496]])
    yield Soft(name="aorta", facets=_smooth(arch, 9.0, 8.0), density=-_LUNG)
    cava = np.array([[80.0, -8, 415], [40, -10, 412], [-15, -10, 415]])
    yield Soft(name="cava", facets=_smooth(cava, 8.0, 8.0), density=-_LUNG)
    for _ in range(int(rng.integers(8, 16))):
        start = np.array([rng.uniform(70.0, 100.0), 0.0, 435.0])
        away = rng.normal(size=3) * np.array([70.0, 26.0, 35.0]) + np.array([-35.0, 0.0, 0.0])
        end = np.clip(start + away, (-50.0, -45.0, 370.0), (185.0, 45.0, 480.0))
        path = np.linspace(start, end, 6) + rng.normal(0.0, 3.0, (6, 3))
        facets = tube(path, np.linspace(rng.uniform(2.5, 5.0), 0.8, 6), points=8)
        yield Soft(name="vessel", facets=facets, density=-_LUNG)


def _windpipe(rng: np.random.Generator) -> Iterator[Soft]:
    path = np.array([[260.0, 0, 470], [215, 0, 462], [150, -2, 455], [88, 0, rng.uniform(432, 455)]])
    radius = rng.uniform(6.0, 9.0)
    yield Soft(name="trachea", facets=_smooth(path, radius, radius), density=-0.6)


def _smooth(knots: Array, first: float, last: float) -> Array:
    place = np.linspace(0.0, 1.0, len(knots))
    fine = np.linspace(0.0, 1.0, 14)
    path = np.stack([np.interp(fine, place, knots[:, axis]) for axis in range(3)], axis=1)
    return tube(path, np.linspace(first, last, 14), points=14)


def _organ(name: str, centre: tuple[float, float, float], radii: tuple[float, float, float], density: float) -> Soft:
    facets = ellipsoid(np.array(centre), np.array(radii), pitch=0.2)
    return Soft(name=name, facets=facets, density=density)


def _belly(rng: np.random.Generator, sag: float) -> Iterator[Soft]:
    fat = -rng.uniform(0.03, 0.12)
    yield _organ("fat", (-180.0, 0.0, 435.0 - sag / 2), (140.0, 55.0, 55.0 + sag / 3), fat)
    yield _organ("liver", (-45.0, 0.0, 400.0), (45.0, 58.0, 58.0), -0.5 * fat)
    yield _organ("kidney", (-125.0, -28.0, 480.0), (28.0, 14.0, 15.0), -1.3 * fat)
    yield _organ("kidney", (-150.0, 28.0, 470.0), (28.0, 14.0, 15.0), -1.3 * fat)
    yield _organ("bladder", (-300.0, 0.0, 425.0), (rng.uniform(15, 45), 22.0, 24.0), -1.3 * fat)
    if rng.random() < 0.7:
        size = rng.uniform(12.0, 40.0)
        yield _organ("stomach gas", (-60.0, 28.0, 450.0), (size, size * 1.2, size), -rng.uniform(0.3, 0.95))
    yield from _bowel(rng, sag, -fat)


def _bowel(rng: np.random.Generator, sag: float, contrast: float) -> Iterator[Soft]:
    for _ in range(int(rng.integers(6, 16))):
        start = np.array([rng.uniform(-260.0, -100.0), rng.uniform(-40.0, 40.0), rng.uniform(370.0 - sag, 450.0)])
        path = start + np.cumsum(rng.normal(0.0, 9.0, (9, 3)), axis=0)
        radius = rng.uniform(5.0, 10.0)
        yield Soft(name="bowel", facets=tube(path, np.full(9, radius)), density=contrast)
        if rng.random() < 0.45:
            gas = tube(path[2:7], np.full(5, 0.7 * radius))
            yield Soft(name="gas", facets=gas, density=-rng.uniform(0.3, 0.9))
    knots = np.array([[-130.0, 5, 465], [-190, 15, 460], [-260, 8, 470], [-340, 0, 490]])
    knots += rng.normal(0.0, 8.0, knots.shape)
    content = rng.choice([-0.85, -0.3, 0.15])
    yield Soft(name="colon", facets=_smooth(knots, 14.0, 9.0), density=float(content))


FORELIMB = (
    ("scapula", (130.0, 50, 520), 8.0),
    ("scapula", (145.0, 58, 490), 24.0),
    ("scapula", (180.0, 60, 445), 36.0),
    ("humerus", (185.0, 62, 395), 40.0),
    ("humerus", (160.0, 64, 335), 34.0),
    ("humerus", (143.0, 64, 290), 27.0),
    ("forearm", (147.0, 64, 255), 27.0),
    ("forearm", (150.0, 60, 180), 18.0),
    ("forearm", (150.0, 55, 110), 13.0),
    ("paw", (152.0, 54, 75), 14.0),
    ("paw", (165.0, 54, 38), 16.0),
    ("paw", (195.0, 54, 16), 14.0),
    ("paw", (236.0, 54, 10), 7.0),
)
HINDLIMB = (
    ("femur", (-300.0, 40, 520), 8.0),
    ("femur", (-312.0, 48, 495), 34.0),
    ("femur", (-322.0, 60, 450), 56.0),
    ("femur", (-335.0, 70, 390), 56.0),
    ("femur", (-345.0, 76, 325), 42.0),
    ("crus", (-368.0, 79, 290), 34.0),
    ("crus", (-410.0, 80, 250), 31.0),
    ("crus", (-470.0, 80, 205), 20.0),
    ("crus", (-525.0, 77, 165), 13.0),
    ("foot", (-545.0, 76, 120), 13.0),
    ("foot", (-538.0, 76, 60), 14.0),
    ("foot", (-520.0, 78, 24), 15.0),
    ("foot", (-480.0, 80, 10), 8.0),
)
_NECK = (
    ("neck", (150.0, 0, 470), 30.0),
    ("neck", (170.0, 0, 490), 60.0),
    ("neck", (198.0, 0, 540), 58.0),
    ("neck", (222.0, 0, 590), 52.0),
    ("neck", (248.0, 0, 640), 47.0),
    ("head", (285.0, 0, 688), 52.0),
    ("head", (330.0, 0, 690), 56.0),
    ("head", (385.0, 0, 668), 42.0),
    ("head", (430.0, 0, 652), 26.0),
    ("head", (455.0, 0, 645), 8.0),
)
Chain = tuple[tuple[str, tuple[float, float, float], float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sleeve:
    """How a chain of segments is clothed: `plump` scales the radii, `flatness` only those across."""

    chain: Chain
    side: str
    plump: float
    flatness: float


def _clothed(sleeve: _Sleeve, *, body: Build, at: Pose) -> Soft:
    """Flesh around a chain of segments as one tube, so that nothing counts twice at a joint."""
    mirror = -1.0 if sleeve.side == "R" else 1.0
    knots = [
        place(np.array([point]) * (1.0, mirror, 1.0), segment, sleeve.side, body=body, at=at)[0]
        for segment, point, _ in sleeve.chain
    ]
    count = len(sleeve.chain)
    at_knots = np.arange(count, dtype=float)
    fine = np.linspace(0.0, count - 1.0, 5 * count)
    radii = PchipInterpolator(at_knots, np.array([radius for *_, radius in sleeve.chain]))(fine)
    path = PchipInterpolator(at_knots, np.array(knots))(fine)
    wide = sleeve.plump * body.scale * (body.limbs if sleeve.side else body.depth)
    return Soft(name="flesh", facets=tube(path, radii * wide, flatness=sleeve.flatness), density=1.0)


def skin(body: Build, at: Pose, low: float, high: float) -> Array:
    """Return points of the trunk's skin between two places along the standing dog, where they lie."""
    points = trunk(body).facets.reshape(-1, 3)
    inside = points[(points[:, 0] > low) & (points[:, 0] < high)]
    return place(inside, "trunk", "", body=body, at=at)


def _placed(inner: list[Soft], body: Build, at: Pose) -> list[Soft]:
    """Place all at once: there are many small ones."""
    ends = np.cumsum([len(one.facets) for one in inner])
    whole = place(np.concatenate([one.facets for one in inner]), "trunk", "", body=body, at=at)
    return [replace(one, facets=part) for one, part in zip(inner, np.split(whole, ends[:-1]), strict=True)]


def tissues(rng: np.random.Generator, body: Build, at: Pose) -> list[Soft]:
    """Return everything soft of one animal, where it lies."""
    inner = [trunk(body), *_lung(rng), *_heart(rng), *_windpipe(rng), *_belly(rng, body.belly)]
    placed = _placed(inner, body, at)
    plump = rng.uniform(0.8, 1.1) + body.fat / 150.0
    clothes = [
        _Sleeve(chain=chain, side=side, plump=plump, flatness=flatness)
        for side in ("L", "R")
        for chain, flatness in ((FORELIMB, 0.75), (HINDLIMB, 0.7))
    ]
    clothes.append(_Sleeve(chain=_NECK, side="", plump=0.5 + 0.5 * plump, flatness=0.85))
    return placed + [_clothed(sleeve, body=body, at=at) for sleeve in clothes]
