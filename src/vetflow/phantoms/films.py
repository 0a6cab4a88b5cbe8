"""Films of phantoms: an animal is built, laid, framed and exposed; the same seed gives the same bytes."""

from dataclasses import dataclass, replace

import numpy as np

from vetflow.domain.place import Box
from vetflow.domain.view import Region, View
from vetflow.phantoms.look import expose
from vetflow.phantoms.meshes import Array, Bone, bones, rotation
from vetflow.phantoms.pose import Build, Pose, build, place, pose
from vetflow.phantoms.raster import Beam, Image, add_facets, add_thickness
from vetflow.phantoms.tissue import Soft, skin, tissues
from vetflow.phantoms.truth import Edge, Film, Projection, Truth

_SIDEWAYS = {"L": -1.0, "R": 1.0}
_LIMB_FRAMINGS = {
    Region.FORELIMB: (("humerus", "forearm"), ("forearm", "paw"), ("humerus", "forearm", "paw")),
    Region.HINDLIMB: (("femur", "crus"), ("crus", "foot"), ("femur", "crus", "foot")),
}
_SKIN_SPANS = {Region.THORAX: (-70.0, 225.0), Region.ABDOMEN: (-350.0, 0.0), Region.TRUNK: (-350.0, 225.0)}
_FREE_LIMBS = frozenset({"humerus", "forearm", "paw", "femur", "crus", "foot"})
_AXIS_MM = 900.0
VIEWS = (View.LEFT_LATERAL, View.RIGHT_LATERAL, View.VENTRODORSAL, View.DORSOVENTRAL)
LIMB_VIEWS = (View.MEDIOLATERAL, View.CRANIOCAUDAL)
REGIONS = (Region.THORAX, Region.ABDOMEN, Region.TRUNK, Region.PELVIS, Region.FORELIMB, Region.HINDLIMB)


def views_of(region: Region) -> tuple[View, ...]:
    """Return the views that phantoms of a region can be made in."""
    return LIMB_VIEWS if region in _LIMB_FRAMINGS else VIEWS


def film(seed: int, *, view: View, region: Region, size: int = 512) -> Film:
    """Return the film of a random animal; its longer side has `size` pixels.

    Raises
    ------
    ConfigurationError
        The bone meshes are not installed.
    ValueError
        Phantoms of this region are not made in this view.
    """
    made = projection(seed, view=view, region=region, size=size)
    return expose(made, np.random.default_rng([seed, 2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Animal:
    body: Build
    at: Pose
    side: str
    soft: list[Soft]

    def points(self, bone: Bone) -> Array:
        return self._place(bone.points, bone)

    def inner(self, bone: Bone) -> Array:
        return self._place(bone.inner, bone)

    def _place(self, points: Array, bone: Bone) -> Array:
        return place(points, bone.segment, bone.side, body=self.body, at=self.at)

    def shows(self, bone: Bone, beam: Beam) -> bool:
        return beam.sees(self._place(bone.centre[None], bone)[0], bone.radius * self.body.scale)


def projection(seed: int, *, view: View, region: Region, size: int = 512) -> Projection:
    """Return what the beam crosses in a random animal, before exposure; parameters as in `film`."""
    rng = np.random.default_rng([seed, 1])
    view = _with_side(rng, view)
    if view not in views_of(region):
        raise ValueError(f"no phantom of {region} in a {view} view")
    side = str(rng.choice(["L", "R"]))
    body = build(rng)
    at = pose(rng, view, region, side=side)
    animal = _Animal(body=body, at=at, side=side, soft=tissues(rng, body, at))
    target = _target(rng, animal, region)
    beam, field = _frame(rng, target, _axes(rng, view, side), size=size)
    bone, soft, over = _expose_all(animal, beam)
    shown = over if view in {View.LEFT_LATERAL, View.RIGHT_LATERAL} and region in _CHESTS else None
    truth = Truth(
        view=view,
        region=region,
        inverted=False,
        orientation=(_letters(beam.frame[0]), _letters(beam.frame[1])),
        head=_head(beam, animal, region),
        field=field,
        limbs_over=shown,
        cut=_cut(beam.project(target), field),
        catlike=body.catlike,
    )
    return Projection(bone=bone, soft=soft, pixel_mm=beam.pixel, truth=truth)


_CHESTS = frozenset({Region.THORAX, Region.TRUNK})


def _with_side(rng: np.random.Generator, view: View) -> View:
    choices = {
        View.LATERAL: (View.LEFT_LATERAL, View.RIGHT_LATERAL),
        View.SAGITTAL: (View.VENTRODORSAL, View.DORSOVENTRAL),
    }.get(view, (view,))
    return choices[int(rng.integers(len(choices)))]


def _target(rng: np.random.Generator, animal: _Animal, region: Region) -> Array:
    """Return the points that a technologist would want on the film."""
    if region in _LIMB_FRAMINGS:
        framings = _LIMB_FRAMINGS[region]
        wanted = framings[int(rng.integers(len(framings)))]
        parts = [b for b in bones() if b.segment in wanted and b.side == animal.side]
    elif region is Region.PELVIS:
        parts = [b for b in bones() if b.segment in {"pelvis", "femur"}]
    else:
        return skin(animal.body, animal.at, *_SKIN_SPANS[region])
    return np.concatenate([animal.points(b) for b in parts])


def _axes(rng: np.random.Generator, view: View, side: str) -> Array:
    """Return detector axes in the animal's frame: the nominal view, turned by what hands and tables allow."""
    if view in {View.LEFT_LATERAL, View.RIGHT_LATERAL, View.MEDIOLATERAL}:
        up = {View.LEFT_LATERAL: -1.0, View.RIGHT_LATERAL: 1.0}.get(view, _SIDEWAYS[side])
        frame = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, up, 0.0]])
    else:
        up = 1.0 if view in {View.DORSOVENTRAL, View.CRANIOCAUDAL} else -1.0
        frame = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, up]])
    roll, tilt, turn = rng.normal(0.0, 0.11), rng.normal(0.0, 0.06), rng.normal(0.0, 0.13)
    return rotation(turn, "z") @ frame @ rotation(roll, "x") @ rotation(tilt, "z" if abs(frame[2, 1]) > 0.5 else "y")


def _frame(rng: np.random.Generator, target: Array, axes: Array, *, size: int) -> tuple[Beam, Box]:
    """Collimate around the target, well or badly, and put the detector around the field."""
    local = target @ axes.T
    low, high = local[:, :2].min(axis=0), local[:, :2].max(axis=0)
    extent = high - low
    before = extent * rng.uniform(-0.01, 0.16, 2)
    after = extent * rng.uniform(-0.01, 0.16, 2)
    if rng.random() < 0.3:
        (before if rng.random() < 0.5 else after)[int(rng.integers(2))] = -rng.uniform(0.05, 0.25) * extent.min()
    low, high = low - before, high + after
    lean = np.maximum(0.55 * (high - low)[::-1] - (high - low), 0.0) / 2
    low, high = low - lean, high + lean
    margins = (high - low) * rng.uniform(0.0, 0.14, (2, 2)) * (rng.random() < 0.6)
    outer_low, outer_high = low - margins[0], high + margins[1]
    return _detector(rng, (low, high), (outer_low, outer_high), seen=(local, axes), size=size)


def _detector(
    rng: np.random.Generator,
    field: tuple[Array, Array],
    outer: tuple[Array, Array],
    *,
    seen: tuple[Array, Array],
    size: int,
) -> tuple[Beam, Box]:
    local, axes = seen
    source = rng.uniform(850.0, 1200.0)
    thick = local[:, 2].max() - local[:, 2].min()
    lift = thick / 2 + rng.uniform(5.0, 60.0)
    grow = source / (source - lift)
    span = outer[1] - outer[0]
    pixel = float(span.max() * grow / size)
    columns, rows = (max(16, round(edge * grow / pixel)) for edge in span)
    centre = np.array([*((outer[0] + outer[1]) / 2), (local[:, 2].max() + local[:, 2].min()) / 2])
    beam = Beam(
        frame=axes, origin=centre @ axes, lift=float(lift), source=float(source), pixel=pixel, shape=(rows, columns)
    )
    left, top = np.maximum((field[0] - outer[0]) * grow / pixel, 0.0)
    right, bottom = np.minimum((field[1] - outer[0]) * grow / pixel, (columns, rows))
    box = Box(left=round(float(left)), top=round(float(top)), right=round(float(right)), bottom=round(float(bottom)))
    return beam, box


def _expose_all(animal: _Animal, beam: Beam) -> tuple[Image, Image, float]:
    """Return millimetres of bone and of soft tissue, and the share of the lung that limb bones cover."""
    bone, limb, soft, lung = (np.zeros(beam.shape, np.float32) for _ in range(4))
    for one in bones():
        if animal.shows(one, beam):
            layer = limb if one.segment in _FREE_LIMBS else bone
            add_thickness(layer, animal.points(one), one.faces, beam)
            add_thickness(layer, animal.inner(one), one.faces, beam, weight=-0.75)
    for one in animal.soft:
        add_facets(soft, one.facets, beam, weight=one.density)
        if one.name == "lung":
            add_facets(lung, one.facets, beam)
    air = lung > 5.0 * animal.body.scale
    over = float((air & (limb > 0.5)).sum() / max(1, int(air.sum())))
    return np.clip(bone + limb, 0.0, 120.0), np.clip(soft, 0.0, 600.0), over


def _head(beam: Beam, animal: _Animal, region: Region) -> Edge:
    far, near = np.array([-0.5 * _AXIS_MM, 0.0, 470.0]), np.array([0.5 * _AXIS_MM, 0.0, 470.0])
    if region in _LIMB_FRAMINGS:
        chain = ("humerus", "paw") if region is Region.FORELIMB else ("femur", "foot")
        near, far = (_middle(animal, segment) for segment in chain)
    delta = (beam.project(near) - beam.project(far))[:2]
    if abs(delta[0]) > abs(delta[1]):
        return Edge.LEFT if delta[0] < 0 else Edge.RIGHT
    return Edge.TOP if delta[1] < 0 else Edge.BOTTOM


def _letters(axis: Array) -> str:
    main = int(np.argmax(np.abs(axis)))
    return _LETTERS[main][0 if axis[main] > 0 else 1]


def _middle(animal: _Animal, segment: str) -> Array:
    parts = [b for b in bones() if b.segment == segment and b.side == animal.side]
    return np.concatenate([animal.points(b) for b in parts]).mean(axis=0)


def _cut(seen: Array, field: Box) -> tuple[Edge, ...]:
    slack = 0.02 * max(field.right - field.left, field.bottom - field.top)
    low, high = seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)
    outside = {
        Edge.LEFT: low[0] < field.left - slack,
        Edge.TOP: low[1] < field.top - slack,
        Edge.RIGHT: high[0] > field.right + slack,
        Edge.BOTTOM: high[1] > field.bottom + slack,
    }
    return tuple(edge for edge, is_out in outside.items() if is_out)


_LETTERS = (("CR", "CD"), ("LE", "RT"), ("D", "V"))
_OPPOSITE = {one: other for pair in _LETTERS for one, other in (pair, pair[::-1])}
_CLOCKWISE = (Edge.LEFT, Edge.TOP, Edge.RIGHT, Edge.BOTTOM)


def turned(made: Projection, *, quarters: int, mirrored: bool) -> Projection:
    """Return the projection mirrored left to right if asked, then turned clockwise by quarter turns."""
    bone, soft, field, edges = made.bone, made.soft, made.truth.field, list(_CLOCKWISE)
    right, bottom = made.truth.orientation
    if mirrored:
        width = bone.shape[1]
        bone, soft = bone[:, ::-1], soft[:, ::-1]
        field = replace(field, left=width - field.right, right=width - field.left)
        edges, right = [Edge.RIGHT, Edge.TOP, Edge.LEFT, Edge.BOTTOM], _OPPOSITE[right]
    for _ in range(quarters % 4):
        height = bone.shape[0]
        bone, soft = np.rot90(bone, -1), np.rot90(soft, -1)
        field = Box(left=height - field.bottom, right=height - field.top, top=field.left, bottom=field.right)
        edges = [_CLOCKWISE[(_CLOCKWISE.index(edge) + 1) % 4] for edge in edges]
        right, bottom = _OPPOSITE[bottom], right
    moved = dict(zip(_CLOCKWISE, edges, strict=True))
    truth = replace(
        made.truth,
        field=field,
        orientation=(right, bottom),
        head=moved[made.truth.head],
        cut=tuple(moved[edge] for edge in made.truth.cut),
    )
    return replace(made, bone=np.ascontiguousarray(bone), soft=np.ascontiguousarray(soft), truth=truth)
