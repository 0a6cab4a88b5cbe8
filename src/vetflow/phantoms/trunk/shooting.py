"""From an order to what the beam sees, with its truth; the same order gives the same film."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from vetflow.domain.heart import atrial_size, heart_score
from vetflow.domain.place import Box
from vetflow.domain.view import Region
from vetflow.phantoms.meshes import Array
from vetflow.phantoms.raster import Beam, Image, add_thickness
from vetflow.phantoms.trunk import framing, landmarks
from vetflow.phantoms.trunk.framing import Laid, Part
from vetflow.phantoms.trunk.order import LATERAL, Lesion, Order
from vetflow.phantoms.trunk.scene import Scene, scene
from vetflow.phantoms.trunk.solids import Hard, Soft
from vetflow.phantoms.trunk.sweep import Crossed, sweep
from vetflow.phantoms.trunk.truth import Mask, Severity, Shot, TrunkTruth
from vetflow.phantoms.truth import Edge, Projection, Truth
from vetflow.vision.filters import blurred

ORGANS = ("heart", "lung", "liver", "stomach", "spleen", "left kidney", "right kidney", "bladder")
_FILLS = ("stomach gas", "compartment line", "pleural fluid", "free air", "peritoneal fluid")
_SEEN_IN = {
    Lesion.VOLVULUS: "stomach",
    Lesion.PERITONEAL_EFFUSION: "peritoneal fluid",
    Lesion.PLEURAL_EFFUSION: "pleural fluid",
    Lesion.PNEUMOTHORAX: "free air",
    Lesion.LARGE_HEART: "heart",
}
_FREE = frozenset({"humerus", "forearm", "paw"})
_THIN = 0.05
"""Thickness in units below which a part counts as not there."""
_AROUND_LUNGS = ("pleural fluid", "free air")
_STANDS_OUT, _VISIBLE = 1.4, 0.3
"""Times the usual thickness, and units, from which fluid or air around the lungs stands out."""
_BAND = 0.5
"""Width in units of the mask along the diaphragm."""


def shoot(order: Order, *, size: int = 512) -> Shot:
    """Return what the beam sees of a phantom; the longer side has `size` pixels.

    Raises
    ------
    ConfigurationError
        The bone meshes are not installed.
    """
    one, how = scene(order), framing.laid(order)
    beam, field = framing.frame(one, how, size=size)
    crossed = sweep([_risen(soft, beam) for soft in one.soft], beam, names=(*ORGANS, *_FILLS))
    bone, limb = _bones(one, beam)
    masks, extents = _masks(one, crossed, beam, field), framing.extents(one, beam)
    plain = _plain(one, beam, field, _covered(one, crossed, limb))
    soft, hard = _grained(order, crossed.water, bone + limb)
    projection = Projection(bone=hard, soft=soft, pixel_mm=beam.pixel, truth=plain)
    truth = _truth(one, how, beam, field, masks, framing.missing(extents, field))
    return Shot(projection=projection, truth=truth, masks=masks, extents=extents)


def _risen(one: Soft, beam: Beam) -> Soft:
    """Let gas rise: what lies below its level is squeezed flat, which leaves a closed mesh of the rest."""
    if one.floats is None:
        return one
    up = beam.frame[2]
    height = one.facets @ up
    level = float(height.max() - one.floats * (height.max() - height.min()))
    return replace(one, facets=one.facets + np.maximum(level - height, 0.0)[..., None] * up)


def _bones(one: Scene, beam: Beam) -> tuple[Image, Image]:
    """Return millimetres of bone: trunk, and limbs below the shoulder blade."""
    bone, limb = np.zeros(beam.shape, np.float32), np.zeros(beam.shape, np.float32)
    for part in one.hard:
        _add(limb if part.name in _FREE else bone, part, beam)
    return np.clip(bone, 0.0, None), np.clip(limb, 0.0, None)


def _add(image: Image, part: Hard, beam: Beam) -> None:
    add_thickness(image, part.points, part.faces, beam, weight=part.density)
    add_thickness(image, part.inner, part.faces, beam, weight=-part.density * part.marrow)


def _grained(order: Order, water: Image, bone: Image) -> tuple[Image, Image]:
    """Return tissue with the grain of fibres, fat streaks and trabeculae."""
    rng, scale = order.rng(22), max(water.shape) / 512
    streaks, fibres, trabeculae = (_grain(rng, water.shape, sigma * scale) for sigma in (5.0, 2.0, 1.0))
    tissue = water * (1.0 + 0.006 * streaks + 0.004 * fibres)
    return tissue.astype(np.float32), (bone * np.clip(1.0 + 0.07 * trabeculae + 0.05 * fibres, 0.4, 1.6)).astype(
        np.float32
    )


def _grain(rng: np.random.Generator, shape: tuple[int, ...], sigma: float) -> Image:
    """Return noise of unit spread and a given width in pixels."""
    noise = blurred(rng.standard_normal(shape, np.float32), sigma)
    return noise / max(float(noise.std()), 1e-6)


def _covered(one: Scene, crossed: Crossed, limb: Image) -> float | None:
    """Return the share of the lung's area that limb bones cover on a lateral film that shows the chest."""
    if one.order.view not in LATERAL or one.order.region is Region.ABDOMEN:
        return None
    air = crossed.parts["lung"] > _THIN * one.body.unit_mm
    return float((air & (limb > 0.5)).sum() / max(1, int(air.sum())))


def _plain(one: Scene, beam: Beam, field: Box, covered: float | None) -> Truth:
    return Truth(
        view=one.order.view,
        region=one.order.region,
        inverted=False,
        orientation=(letters(beam.frame[0]), letters(beam.frame[1])),
        head=Edge.LEFT if one.order.view in LATERAL else Edge.TOP,
        field=field,
        limbs_over=covered,
        cut=_edges_cut(one, beam, field),
        catlike=one.body.cat,
    )


def letters(axis: Array) -> str:
    """Return what lies along a detector axis, as PatientOrientation says it for quadrupeds."""
    main = int(np.argmax(np.abs(axis)))
    return (("CR", "CD"), ("LE", "RT"), ("D", "V"))[main][0 if axis[main] > 0 else 1]


def _edges_cut(one: Scene, beam: Beam, field: Box) -> tuple[Edge, ...]:
    """Return the edges at which the body leaves the field across its length."""
    middle = [one.torso.spine.level(level) for level in (5.0, 13.0)]
    seen = beam.project(one.skin(*middle))
    sides = (Edge.TOP, Edge.BOTTOM) if one.order.view in LATERAL else (Edge.LEFT, Edge.RIGHT)
    values = seen[:, 1 if one.order.view in LATERAL else 0] + 0.5
    low, high = (field.top, field.bottom) if one.order.view in LATERAL else (field.left, field.right)
    return tuple(side for side, out in zip(sides, (values.min() < low, values.max() > high), strict=True) if out)


def _masks(one: Scene, crossed: Crossed, beam: Beam, field: Box) -> dict[str, Mask]:
    thin = _THIN * one.body.unit_mm
    open_field = np.zeros(beam.shape, np.bool_)
    open_field[int(field.top) : int(field.bottom), int(field.left) : int(field.right)] = True
    parts = dict(crossed.parts)
    parts["stomach"] = parts["stomach"] + parts["stomach gas"] + parts["compartment line"]
    masks = {name: (thick > thin) & open_field for name, thick in parts.items() if (thick > thin).any()}
    masks |= {name: _standing_out(parts[name], one) & open_field for name in _AROUND_LUNGS if name in masks}
    masks["diaphragm"] = _along_dome(one, beam) & open_field
    return masks


def _standing_out(thick: Image, one: Scene) -> Mask:
    """Return where fluid or air lies thicker than the film it makes around the whole lung: what a reader sees of it."""
    there = thick > _THIN * one.body.unit_mm
    usual = float(np.median(thick[there])) if there.any() else 0.0
    return np.asarray(thick > max(_STANDS_OUT * usual, _VISIBLE * one.body.unit_mm), np.bool_)


def _along_dome(one: Scene, beam: Beam) -> Mask:
    """Return a band behind the cranial outline of the diaphragm."""
    line = landmarks.dome(one, beam)
    wide = _BAND * one.body.unit_mm / beam.pixel
    rows, columns = np.mgrid[0 : beam.shape[0], 0 : beam.shape[1]]
    along, out = (columns, rows) if one.order.view in LATERAL else (rows, columns)
    axis = 0 if one.order.view in LATERAL else 1
    order = np.argsort(line[:, 1 - axis])
    ahead = np.asarray(np.interp(out, line[order, 1 - axis], line[order, axis], left=np.inf, right=np.inf), np.float64)
    return np.asarray((along >= ahead) & (along < ahead + wide), np.bool_)


def _truth(
    one: Scene, how: Laid, beam: Beam, field: Box, masks: Mapping[str, Mask], missing: tuple[Part, ...]
) -> TrunkTruth:
    bodies = landmarks.vertebrae(one, beam, field)
    points = landmarks.heart_points(one, beam) if one.order.view in LATERAL else None
    spine_edges = list(landmarks.edges(bodies))
    return TrunkTruth(
        species=one.body.species,
        weight_kg=one.body.weight_kg,
        build=one.body.depth / one.body.width,
        rotation=how.rotation,
        lean=how.lean,
        breath=one.breath,
        missing=missing,
        vertebrae=bodies,
        rib_pairs=one.body.ribs,
        rib_heads=landmarks.rib_heads(one, beam),
        heart=points,
        heart_shown=points is not None and landmarks.shown(points, field),
        heart_score=heart_score(points, spine_edges) if points else None,
        atrial_size=atrial_size(points, spine_edges) if points else None,
        diaphragm=tuple(landmarks.point(end) for end in landmarks.dome(one, beam)),
        lesions=tuple(_severities(one, masks, beam)),
    )


def _severities(one: Scene, masks: Mapping[str, Mask], beam: Beam) -> list[Severity]:
    boxes = {lesion: _box(masks.get(name)) for lesion, name in _SEEN_IN.items()}
    if one.order.view in LATERAL:
        boxes[Lesion.LARGE_ATRIUM] = _atrium_box(one, beam)
    return [Severity(lesion=lesion, amount=amount, box=boxes.get(lesion)) for lesion, amount in one.lesions.items()]


def _box(mask: Mask | None) -> Box | None:
    if mask is None or not mask.any():
        return None
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(left=float(columns[0]), top=float(rows[0]), right=float(columns[-1]) + 1, bottom=float(rows[-1]) + 1)


def _atrium_box(one: Scene, beam: Beam) -> Box:
    reach = 1.6 * one.body.unit_mm / beam.pixel
    column, row, _ = beam.project(one.torso.spine.bent((one.heart.atrium + one.heart.carina) / 2))
    return Box(left=column - reach, top=row - reach, right=column + reach, bottom=row + reach)
