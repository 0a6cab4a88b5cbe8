"""Limbs of the dog's meshes, hung on any trunk, and the flesh around them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vetflow.domain.view import View
from vetflow.phantoms.meshes import Array, Bone, bones, inset, rotation
from vetflow.phantoms.pose import CHAINS, JOINTS
from vetflow.phantoms.tissue import FORELIMB, HINDLIMB, Chain
from vetflow.phantoms.trunk.order import LATERAL
from vetflow.phantoms.trunk.skeleton import hung
from vetflow.phantoms.trunk.solids import FAT, MUSCLE, Hard, Rank, Soft
from vetflow.phantoms.trunk.torso import Torso
from vetflow.phantoms.trunk.tubes import smooth_tube

_SHOULDER = np.array([188.0, 0.0, 488.0])
"""Of the source dog: the cranial edge of T1 moved forward as shoulders lie."""
_UNIT_MM = 19.0
"""The source dog's unit."""
_FORE = frozenset({"scapula", "humerus", "forearm", "paw"})
_HIND = frozenset({"pelvis", "femur", "crus", "foot"})
_THIGHS = {
    View.VENTRODORSAL: ((20.0, 85.0), (-55.0, 0.0)),
    View.DORSOVENTRAL: ((-60.0, -10.0), (20.0, 60.0)),
}
"""How far hip and stifle swing on views that aren't lateral, degrees."""
_MARROW = {"scapula": 0.5, "humerus": 0.75, "forearm": 0.7, "paw": 0.0, "pelvis": 0.45, "femur": 0.75, "crus": 0.7,
           "foot": 0.0}  # fmt: skip
"""Share of the cortex's attenuation that is missing inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limbs:
    """How the limbs lie: degrees by segment and side; positive swings the far end caudally or away from the body.

    Parameters
    ----------
    length
        Of the limbs against the source dog's, in units.
    """

    swing: dict[tuple[str, str], float]
    abduct: dict[tuple[str, str], float]
    length: float


def limbs(rng: np.random.Generator, view: View, *, reach: float, cat: bool) -> Limbs:
    """Return limbs as they are laid for a view; `reach` is 0 over the heart and 1 far forward."""
    lateral = view in LATERAL
    thigh = _THIGHS.get(view, ((-25.0, 70.0), (-50.0, 30.0)))
    hip, stifle = (rng.uniform(*span) for span in thigh)
    swing: dict[tuple[str, str], float] = {}
    abduct: dict[tuple[str, str], float] = {}
    for side in ("L", "R"):
        here = float(np.clip(reach + rng.normal(0.0, 0.1), -0.1, 1.1))
        fore = _fore(rng, here if lateral else 0.55 + 0.45 * here)
        hind = {"femur": hip + rng.normal(0.0, 6.0), "crus": stifle + rng.normal(0.0, 6.0)}
        hind["foot"] = rng.uniform(-40.0, 40.0)
        swing |= {(segment, side): angle for segment, angle in (fore | hind).items()}
        abduct["humerus", side] = rng.normal(0.0, 4.0) if lateral else rng.uniform(0.0, 22.0)
        abduct["femur", side] = rng.normal(0.0, 4.0) if lateral else rng.uniform(0.0, 40.0)
    return Limbs(swing=swing, abduct=abduct, length=rng.uniform(0.85, 1.0) if cat else rng.uniform(0.75, 1.05))


def _fore(rng: np.random.Generator, forward: float) -> dict[str, float]:
    folded = rng.random() < 0.7
    return {
        "scapula": 12.0 - 34.0 * forward,
        "humerus": 25.0 - 100.0 * forward + rng.normal(0.0, 5.0),
        "forearm": -70.0 * (1.0 - forward) * folded - rng.uniform(0.0, 45.0),
        "paw": rng.uniform(-10.0, 40.0),
    }


def hard(torso: Torso, how: Limbs) -> Iterator[Hard]:
    """Yield pelvis and limb bones where the animal has them."""
    for bone in bones():
        if bone.segment in _FORE | _HIND:
            outer, inner = (_laid(points, bone.segment, bone.side, torso, how) for points in _slim(bone, torso))
            yield Hard(name=bone.segment, points=outer, inner=inner, faces=bone.faces, marrow=_MARROW[bone.segment])


def _slim(bone: Bone, torso: Torso) -> tuple[Array, Array]:
    """Return outside and inside of a bone, made thinner where the animal's are."""
    slender = torso.body.bones
    if slender >= 1.0 or bone.segment == "pelvis":
        return bone.points, bone.inner
    outer = inset(bone.points, bone.faces, 7.0 * (1.0 - slender))
    return outer, outer + slender * (bone.inner - bone.points) if len(bone.inner) else bone.inner


def flesh(torso: Torso, how: Limbs) -> Iterator[Soft]:
    """Yield muscle and fat around all limbs, where the animal has them."""
    unit, fat = torso.body.unit_mm, torso.body.fat
    for side in ("L", "R"):
        for chain, flat in ((FORELIMB, 0.75), (HINDLIMB, 0.7)):
            path, radii = _sleeve(chain, side, torso, how)
            slim = radii * (0.78 if torso.body.cat else 0.88)
            yield Soft(
                name="flesh", facets=smooth_tube(path, slim, flatness=flat), density=MUSCLE, rank=Rank.MUSCLE
            )  # fmt: skip
            skin = slim + (0.1 + 0.5 * fat) * unit * np.minimum(1.0, slim / unit)
            yield Soft(name="skin", facets=smooth_tube(path, skin, flatness=flat), density=FAT, rank=Rank.FAT)


def _sleeve(chain: Chain, side: str, torso: Torso, how: Limbs) -> tuple[Array, NDArray[np.float64]]:
    mirror = np.array([1.0, -1.0 if side == "R" else 1.0, 1.0])
    path = [_laid(np.array([point]) * mirror, segment, side, torso, how)[0] for segment, point, _ in chain]
    radii = np.array([radius for *_, radius in chain]) * torso.body.unit_mm / _UNIT_MM
    return np.array(path), radii


def _laid(points: Array, segment: str, side: str, torso: Torso, how: Limbs) -> Array:
    if not len(points):
        return points
    moved = points
    for link in CHAINS.get(segment, ()):
        moved = _swung(moved, link, side, how)
    return _attached_fore(moved, side, torso) if segment in _FORE else _attached_hind(moved, torso)


def _swung(points: Array, link: str, side: str, how: Limbs) -> Array:
    mirror = 1.0 if side == "L" else -1.0
    centre = np.array(JOINTS[link]) * np.array([1.0, mirror, 1.0])
    local = points - centre
    if link in {"humerus", "femur"}:
        local = local * how.length
    flex = rotation(np.radians(how.swing.get((link, side), 0.0)), "y")
    away = rotation(np.radians(mirror * how.abduct.get((link, side), 0.0)), "x")
    return local @ flex.T @ away.T + centre


def _attached_fore(points: Array, side: str, torso: Torso) -> Array:
    """Move a forelimb so that the shoulder blade lies on the chest wall."""
    unit = torso.body.unit_mm
    mirror = 1.0 if side == "L" else -1.0
    wall = float(torso.half(np.array(torso.spine.level(3.5)))) + 0.5 * unit
    moved = (points - _SHOULDER) * (unit / _UNIT_MM)
    moved[..., 1] += mirror * (wall - 56.0 * unit / _UNIT_MM)
    moved[..., 2] -= (0.5 if torso.body.cat else 0.0) * unit
    return torso.spine.carried(moved, torso.spine.level(2.5))


def _attached_hind(points: Array, torso: Torso) -> Array:
    return hung(points, torso.spine, slender=0.85 if torso.body.cat else 1.0)
