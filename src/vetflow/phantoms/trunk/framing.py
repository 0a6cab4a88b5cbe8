"""How the animal lies under the tube, and what of it the collimated field shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from vetflow.domain.place import Box, Point
from vetflow.domain.view import Region, View
from vetflow.phantoms.meshes import Array, rotation
from vetflow.phantoms.pose import JOINTS
from vetflow.phantoms.raster import Beam
from vetflow.phantoms.trunk.order import LATERAL, Order
from vetflow.phantoms.trunk.ribs import sternum
from vetflow.phantoms.trunk.scene import Scene
from vetflow.phantoms.trunk.skeleton import hung

_CUT_OFTEN = 0.25
_SHUTTERED = 0.6
_LOOSEST = 0.16
_SPANS = {Region.THORAX: (0.2, 14.0), Region.ABDOMEN: (7.5, 24.5), Region.TRUNK: (0.2, 24.5)}
"""Thoracolumbar levels between which a film of a region is framed."""


Extent = tuple[Point, Point]
"""Upper left and lower right corner of what something covers on a film; they are one where it is a point."""


class Part(StrEnum):
    """Parts of the body that a film of its region must show."""

    INLET = "thoracic inlet"
    DIAPHRAGM = "diaphragm"
    HIPS = "hips"
    SPINE = "spine"
    FLOOR = "ventral wall"
    LEFT_WALL = "left wall"
    RIGHT_WALL = "right wall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """How the animal lies against the textbook, degrees.

    Parameters
    ----------
    rotation
        About the long axis; positive when the breastbone has turned towards the animal's left.
    lean
        Of the long axis against the table.
    turn
        In the plane of the film, clockwise.
    """

    rotation: float
    lean: float
    turn: float


def laid(order: Order) -> Laid:
    """Return how the animal of an order lies."""
    rng, ranges = order.rng(20), order.ranges
    return Laid(rotation=ranges.rotation.draw(rng), lean=ranges.lean.draw(rng), turn=ranges.turn.draw(rng))


def axes(view: View, how: Laid) -> Array:
    """Return the detector's axes in the animal's frame, rows as in `Beam.frame`."""
    if view in LATERAL:
        up = -1.0 if view is View.LEFT_LATERAL else 1.0
        frame = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, up, 0.0]])
    else:
        up = 1.0 if view is View.DORSOVENTRAL else -1.0
        frame = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, up]])
    lean = rotation(np.radians(how.lean), "z" if view in LATERAL else "y")
    return rotation(np.radians(how.turn), "z") @ frame @ lean @ rotation(np.radians(how.rotation), "x")


def frame(one: Scene, how: Laid, *, size: int) -> tuple[Beam, Box]:
    """Return the beam and the collimated field, pixels, of a film whose longer side has `size` pixels."""
    order = one.order
    rng, frame_axes = order.rng(21), axes(order.view, how)
    first, last = (one.torso.spine.level(max(level, 1.0)) for level in _SPANS[order.region])
    if order.region is not Region.ABDOMEN:
        first = max(first, sternum(one.torso)[0])
    seen = one.skin(first, last) @ frame_axes.T
    low, high = seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)
    extent = high - low
    margins = np.array([[order.ranges.margin.draw(rng) for _ in range(2)] for _ in range(2)])
    if rng.random() < _CUT_OFTEN:
        margins[int(rng.integers(2)), int(rng.integers(2))] = -order.ranges.cut.draw(rng)
    low, high = low - margins[0] * extent, high + margins[1] * extent
    outer = (high - low) * rng.uniform(0.0, _LOOSEST, (2, 2)) * (rng.random() < _SHUTTERED)
    depth = (float(seen[:, 2].min()), float(seen[:, 2].max()))
    source = rng.uniform(900.0, 1150.0)
    return _detector((low, high), (low - outer[0], high + outer[1]), depth, frame_axes, (source, size))


def _detector(
    field: tuple[Array, Array], whole: tuple[Array, Array], depth: tuple[float, float], frame_axes: Array,
    focus: tuple[float, int],
) -> tuple[Beam, Box]:  # fmt: skip
    source, size = focus
    lift = (depth[1] - depth[0]) / 2 + 25.0
    grow = source / (source - lift)
    span = whole[1] - whole[0]
    pixel = float(span.max() * grow / size)
    columns, rows = (max(16, round(float(edge) * grow / pixel)) for edge in span)
    centre = np.array([*((whole[0] + whole[1]) / 2), sum(depth) / 2])
    beam = Beam(
        frame=frame_axes, origin=centre @ frame_axes, lift=lift, source=source, pixel=pixel, shape=(rows, columns)
    )
    left, top = np.maximum((field[0] - whole[0]) * grow / pixel, 0.0)
    right, bottom = np.minimum((field[1] - whole[0]) * grow / pixel, (columns, rows))
    return beam, Box(
        left=round(float(left)), top=round(float(top)), right=round(float(right)), bottom=round(float(bottom))
    )


def extents(one: Scene, beam: Beam) -> dict[Part, Extent]:
    """Return where on the film the parts lie that a film of its region must show, pixels from its corner."""
    return {part: _extent(beam.project(points)) for part, points in _wanted(one).items()}


def _extent(seen: Array) -> Extent:
    at = seen[..., :2].reshape(-1, 2) + 0.5
    (left, top), (right, bottom) = at.min(axis=0), at.max(axis=0)
    return (float(left), float(top)), (float(right), float(bottom))


def missing(extents: Mapping[Part, Extent], field: Box) -> tuple[Part, ...]:
    """Return the parts that the field cuts off."""
    return tuple(part for part, extent in extents.items() if not _holds(field, extent))


def _holds(field: Box, extent: Extent) -> bool:
    (left, top), (right, bottom) = extent
    return field.left <= left and right <= field.right and field.top <= top and bottom <= field.bottom


def inside(seen: Array, field: Box) -> NDArray[np.bool_]:
    """Return which of projected points (n, …), pixel centres at whole numbers, lie in the field."""
    column, row = seen[..., 0] + 0.5, seen[..., 1] + 0.5
    return (column >= field.left) & (column <= field.right) & (row >= field.top) & (row <= field.bottom)


def _wanted(one: Scene) -> dict[Part, Array]:
    region, walls, spine = one.order.region, one.torso, one.torso.spine
    chest, belly = region is not Region.ABDOMEN, region is not Region.THORAX
    levels = np.array([spine.level(level) for level in np.linspace(1.0 if chest else 8.0, 23.0 if belly else 14.0, 18)])
    wanted, hips = {Part.DIAPHRAGM: _dome(one, whole=chest)}, dict[Part, Array]()
    if chest:
        manubrium = np.array([sternum(walls)[0], 0.0, float(walls.low(np.array(sternum(walls)[0])))])
        wanted[Part.INLET] = np.stack([manubrium, np.zeros(3)])
    if belly:
        joint = np.array(JOINTS["femur"]) * np.array([[1.0, 1.0, 1.0], [1.0, -1.0, 1.0]])
        hips = {Part.HIPS: hung(joint, spine, slender=1.0)}
    if one.order.view in LATERAL:
        wanted[Part.SPINE] = np.stack([levels, 0 * levels, 0 * levels + 0.35 * spine.unit_mm], axis=1)
        wanted[Part.FLOOR] = walls.cavity(levels, np.full(len(levels), np.pi))
    else:
        wanted[Part.LEFT_WALL] = walls.cavity(levels, np.full(len(levels), 0.5 * np.pi))
        wanted[Part.RIGHT_WALL] = walls.cavity(levels, np.full(len(levels), 1.5 * np.pi))
    return {part: spine.bent(points) for part, points in wanted.items()} | hips


def _dome(one: Scene, *, whole: bool) -> Array:
    """Return points of the diaphragm: all of it, down to where the lungs end, or its cupola."""
    z = np.linspace(-0.1, 1.0, 12) * float(one.torso.low(np.array(one.torso.spine.level(10.0))))
    y = np.zeros_like(z)
    dome = np.stack([one.dome.at(y, z), y, z], axis=1)
    return dome if whole else dome[[int(dome[:, 0].argmax())]]
