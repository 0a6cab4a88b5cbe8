"""How a phantom is built and lies: proportions, joints, bends; every point of the body moves with its segment."""

from dataclasses import dataclass
from math import radians

import numpy as np

from vetflow.domain.view import Region, View
from vetflow.phantoms.meshes import Array, rotation

JOINTS = {
    "scapula": (135.0, 55.0, 500.0),
    "humerus": (200.0, 58.0, 428.0),
    "forearm": (142.0, 62.0, 285.0),
    "paw": (148.0, 54.0, 88.0),
    "femur": (-325.0, 48.0, 468.0),
    "crus": (-345.0, 78.0, 296.0),
    "foot": (-540.0, 76.0, 150.0),
}
"""Centres of rotation of the left limbs in the standing dog, mm."""

CHAINS = {
    "scapula": ("scapula",),
    "humerus": ("humerus", "scapula"),
    "forearm": ("forearm", "humerus", "scapula"),
    "paw": ("paw", "forearm", "humerus", "scapula"),
    "femur": ("femur",),
    "crus": ("crus", "femur"),
    "foot": ("foot", "crus", "femur"),
}
_NECK_BASE = np.array([185.0, 0.0, 505.0])
_NECK_END = np.array([265.0, 0.0, 675.0])
_TAIL_BASE = np.array([-295.0, 0.0, 515.0])
_BREAKS = (-800.0, -260.0, -95.0, 235.0, 800.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Proportions of an animal.

    Parameters
    ----------
    scale
        Overall size against the source dog, a shepherd-sized one of about 25 kg.
    chest, loins, hips
        Length of thorax, lumbar spine and pelvis against the source dog.
    width, depth
        Of the trunk.
    limbs
        Length of the limbs against the trunk.
    fat
        Thickness of fat under the skin, mm at scale 1.
    belly
        How far the abdomen hangs, mm at scale 1.
    catlike
        Small, short-legged and long in the loins.
    """

    scale: float
    chest: float
    loins: float
    hips: float
    width: float
    depth: float
    limbs: float
    fat: float
    belly: float
    catlike: bool = False


def build(rng: np.random.Generator) -> Build:
    """Return random proportions; about a third are small and long in the loins, as cats are."""
    if rng.random() < 0.35:
        return Build(
            scale=rng.uniform(0.34, 0.5),
            chest=rng.uniform(0.75, 1.0),
            loins=rng.uniform(1.1, 1.5),
            hips=rng.uniform(0.9, 1.15),
            width=rng.uniform(0.75, 1.05),
            depth=rng.uniform(0.72, 1.0),
            limbs=rng.uniform(0.6, 0.8),
            fat=rng.uniform(4.0, 28.0),
            belly=rng.uniform(0.0, 70.0),
            catlike=True,
        )
    return Build(
        scale=rng.uniform(0.4, 1.15),
        chest=rng.uniform(0.85, 1.12),
        loins=rng.uniform(0.85, 1.2),
        hips=rng.uniform(0.9, 1.1),
        width=rng.uniform(0.8, 1.35),
        depth=rng.uniform(0.75, 1.15),
        limbs=rng.uniform(0.6, 1.08),
        fat=rng.uniform(3.0, 30.0),
        belly=rng.uniform(-15.0, 40.0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Angles of the joints, degrees, and bends of the trunk.

    Parameters
    ----------
    flex
        Rotation about the transverse axis by segment and side, such as ``("femur", "L")``; positive swings the
        distal end caudally.
    abduct
        How far each limb is taken away from the body.
    neck, head, tail
        Lowering of neck and head, raising of the tail.
    arch, sway, twist
        Bend of the spine in the median and the dorsal plane (mm at the pelvis), turn of the pelvis (degrees).
    """

    flex: dict[tuple[str, str], float]
    abduct: dict[tuple[str, str], float]
    neck: float
    head: float
    tail: float
    arch: float
    sway: float
    twist: float


def pose(rng: np.random.Generator, view: View, region: Region, *, side: str) -> Pose:
    """Return a random pose as animals are laid for a view; `side` is the limb of interest."""
    flex: dict[tuple[str, str], float] = {}
    abduct: dict[tuple[str, str], float] = {}
    for here in ("L", "R"):
        fore, hind = _limbs(rng, view, region, of_interest=here == side)
        flex |= {(segment, here): angle for segment, angle in {**fore[0], **hind[0]}.items()}
        abduct |= {("humerus", here): fore[1], ("femur", here): hind[1]}
    return Pose(
        flex=flex,
        abduct=abduct,
        neck=rng.uniform(5.0, 75.0),
        head=rng.uniform(-30.0, 40.0),
        tail=rng.uniform(-50.0, 40.0),
        arch=rng.normal(0.0, 14.0),
        sway=rng.normal(0.0, 8.0),
        twist=rng.normal(0.0, 6.0),
    )


_Limb = tuple[dict[str, float], float]


def _limbs(rng: np.random.Generator, view: View, region: Region, *, of_interest: bool) -> tuple[_Limb, _Limb]:
    if view in {View.VENTRODORSAL, View.SAGITTAL, View.CRANIOCAUDAL}:
        return _stretched_fore(rng), _stretched_hind(rng, frog=view is not View.CRANIOCAUDAL and rng.random() < 0.3)
    if view is View.DORSOVENTRAL:
        return _crouched_fore(rng), _crouched_hind(rng)
    if view is View.MEDIOLATERAL and not of_interest:
        return _away(rng, fore=True), _away(rng, fore=False)
    return _lying_fore(rng, limb=region is Region.FORELIMB), _lying_hind(rng, limb=region is Region.HINDLIMB)


def _lying_fore(rng: np.random.Generator, *, limb: bool) -> _Limb:
    pulled = rng.uniform(-45.0, -10.0) if limb or rng.random() < 0.5 else rng.uniform(-10.0, 75.0)
    elbow = rng.uniform(-70.0, 15.0) if limb else rng.uniform(-100.0, 15.0)
    angles = {
        "scapula": pulled * 0.5,
        "humerus": pulled + rng.normal(0.0, 10.0),
        "forearm": elbow,
        "paw": rng.uniform(-10, 60),
    }
    return angles, rng.normal(0.0, 6.0)


def _lying_hind(rng: np.random.Generator, *, limb: bool) -> _Limb:
    hip = rng.uniform(-30.0, 55.0) if limb else rng.uniform(-45.0, 60.0)
    return {"femur": hip, "crus": rng.uniform(-55.0, 35.0), "foot": rng.uniform(-40.0, 50.0)}, rng.normal(0.0, 6.0)


def _stretched_fore(rng: np.random.Generator) -> _Limb:
    return {
        "scapula": rng.uniform(-35.0, -15.0),
        "humerus": rng.uniform(-75.0, -45.0),
        "forearm": rng.uniform(-35.0, 10.0),
        "paw": rng.uniform(-10.0, 25.0),
    }, rng.uniform(-4.0, 25.0)


def _stretched_hind(rng: np.random.Generator, *, frog: bool) -> _Limb:
    if frog:
        angles = {"femur": rng.uniform(-25.0, 25.0), "crus": rng.uniform(-20.0, 40.0), "foot": rng.uniform(-30.0, 20.0)}
        return angles, rng.uniform(30.0, 75.0)
    femur = rng.uniform(55.0, 95.0)
    angles = {"femur": femur, "crus": rng.uniform(-50.0, -25.0), "foot": rng.uniform(40.0, 75.0)}
    return angles, rng.uniform(-5.0, 18.0)


def _crouched_fore(rng: np.random.Generator) -> _Limb:
    if rng.random() < 0.5:
        return _stretched_fore(rng)
    angles = {"scapula": 0.0, "humerus": rng.uniform(-10.0, 40.0), "forearm": rng.uniform(-110.0, -70.0), "paw": 10.0}
    return angles, rng.uniform(10.0, 50.0)


def _crouched_hind(rng: np.random.Generator) -> _Limb:
    angles = {"femur": rng.uniform(-70.0, -20.0), "crus": rng.uniform(20.0, 60.0), "foot": rng.uniform(-70.0, -20.0)}
    return angles, rng.uniform(10.0, 55.0)


def _away(rng: np.random.Generator, *, fore: bool) -> _Limb:
    if fore:
        return {"scapula": 10.0, "humerus": rng.uniform(45.0, 75.0), "forearm": rng.uniform(-60.0, 0.0)}, 0.0
    return {"femur": rng.uniform(-110.0, -80.0), "crus": rng.uniform(-20.0, 30.0)}, 0.0


def place(points: Array, segment: str, side: str, *, body: Build, at: Pose) -> Array:
    """Return points (…, 3) of a segment of the standing dog where they lie in this build and pose, mm."""
    moved = points
    for link in CHAINS.get(segment, ()):
        moved = _swing(moved, link, side, body=body, at=at)
    if segment in {"neck", "head"}:
        moved = _lower(moved, head=segment == "head", at=at)
    if segment == "tail":
        moved = (moved - _TAIL_BASE) @ rotation(radians(-at.tail), "y").T + _TAIL_BASE
    return _bend(_resize(moved, body), at) * body.scale


def _swing(points: Array, link: str, side: str, *, body: Build, at: Pose) -> Array:
    mirror = 1.0 if side == "L" else -1.0
    centre = np.array(JOINTS[link]) * np.array([1.0, mirror, 1.0])
    local = points - centre
    if link in {"humerus", "femur"}:
        local = local * body.limbs
    flex = rotation(radians(at.flex.get((link, side), 0.0)), "y")
    away = rotation(radians(mirror * at.abduct.get((link, side), 0.0)), "x")
    return local @ flex.T @ away.T + centre


def _lower(points: Array, *, head: bool, at: Pose) -> Array:
    moved = points
    if head:
        moved = (moved - _NECK_END) @ rotation(radians(at.head), "y").T + _NECK_END
    share = np.clip((moved[..., 2] - _NECK_BASE[2] + 20.0) / (_NECK_END[2] - _NECK_BASE[2]), 0.0, 1.0)
    if head:
        share = np.ones_like(share)
    angle = radians(at.neck) * share
    local = moved - _NECK_BASE
    c, s = np.cos(angle), np.sin(angle)
    turned = np.stack(
        [c * local[..., 0] + s * local[..., 2], local[..., 1], c * local[..., 2] - s * local[..., 0]], axis=-1
    )
    return turned + _NECK_BASE


def _resize(points: Array, body: Build) -> Array:
    stretch = (body.hips, body.loins, body.chest, body.chest)
    ends = [0.0]
    for factor, low, high in zip(stretch, _BREAKS[:-1], _BREAKS[1:], strict=True):
        ends.append(ends[-1] + factor * (high - low))
    x = np.interp(points[..., 0], _BREAKS, np.array(ends) - ends[2])
    return np.stack([x, points[..., 1] * body.width, 430.0 + (points[..., 2] - 430.0) * body.depth], axis=-1)


def _bend(points: Array, at: Pose) -> Array:
    along = np.clip(points[..., 0], -400.0, 400.0) / 400.0
    angle = np.radians(at.twist) * np.clip(-along, -0.2, 1.0)
    y, z = points[..., 1], points[..., 2] - 470.0
    c, s = np.cos(angle), np.sin(angle)
    return np.stack(
        [points[..., 0], c * y - s * z + at.sway * along**2, s * y + c * z + 470.0 + at.arch * along**2], axis=-1
    )
