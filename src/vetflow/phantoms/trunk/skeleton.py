"""Vertebrae of the dog's meshes, laid along a spine of any proportions; and its sacrum and pelvis."""

from dataclasses import dataclass
from functools import cache
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import (
    connected_components,  # pyright: ignore[reportUnknownVariableType]  # scipy ships no types
)

from vetflow.phantoms.meshes import Array, bones, inset, read_bone
from vetflow.phantoms.trunk.solids import Hard
from vetflow.phantoms.trunk.spine import CAUDAL, LUMBAR, THORACIC, Spine

_BODIES = {
    "C2": ((263.0, 652.0), (240.0, 621.0)),
    "C3": ((243.0, 622.5), (240.5, 591.0)),
    "C4": ((239.5, 588.5), (230.0, 550.5)),
    "C5": ((229.0, 549.5), (214.5, 517.0)),
    "C6": ((210.5, 513.0), (196.5, 497.5)),
    "C7": ((194.5, 496.5), (181.2, 490.5)),
    "T1": ((180.2, 488.5), (160.3, 484.0)),
    "T2": ((160.0, 484.5), (137.8, 480.5)),
    "T3": ((136.6, 480.0), (115.8, 480.5)),
    "T4": ((115.2, 481.0), (96.2, 481.5)),
    "T5": ((95.4, 483.0), (80.2, 484.0)),
    "T6": ((79.6, 485.0), (63.7, 486.5)),
    "T7": ((62.8, 487.0), (46.8, 488.8)),
    "T8": ((46.0, 489.3), (29.8, 491.0)),
    "T9": ((28.8, 491.2), (11.8, 493.0)),
    "T10": ((10.8, 494.3), (-5.6, 496.5)),
    "T11": ((-7.2, 498.0), (-25.7, 499.5)),
    "T12": ((-28.1, 500.0), (-46.6, 500.5)),
    "T13": ((-48.5, 501.5), (-71.2, 502.0)),
    "L1": ((-72.4, 502.0), (-95.0, 502.5)),
    "L2": ((-95.5, 502.5), (-118.3, 503.0)),
    "L3": ((-118.7, 503.0), (-141.2, 503.2)),
    "L4": ((-142.2, 503.4), (-166.6, 503.4)),
    "L5": ((-167.8, 503.5), (-190.5, 503.8)),
    "L6": ((-191.3, 504.0), (-214.0, 504.8)),
    "L7": ((-215.8, 505.5), (-242.0, 507.0)),
}
"""Centres of the cranial and the caudal end plate of the mesh vertebrae, x and z, mm."""

_SACRUM = ((-245.0, 507.5), (-292.5, 515.0))
_HEIGHT_MM = 13.5
_CORTEX_MM = 0.9
_SMALLEST = 1400
"""Points of the smallest thoracic vertebra in the rib cage's mesh; ribs have fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A vertebra as the mesh has it, about its own body.

    Parameters
    ----------
    points, inner
        Along the body, left, and dorsal of its centre, mm; `inner` is the inside of the cortex.
    faces
        Three corners a facet.
    length
        Of the body, mm.
    """

    points: Array
    inner: Array
    faces: NDArray[np.intp]
    length: float


@cache
def shapes() -> dict[str, Shape]:
    """Return vertebrae C2 to L7, the sacrum as S1 and tail vertebrae, each about its body.

    Raises
    ------
    ConfigurationError
        The meshes are not installed.
    """
    found = {f"C{n}": read_bone(f"C_{n}") for n in range(2, 8)}
    found |= dict(zip(THORACIC, _thoracic(), strict=True))
    found |= {name: read_bone(name.replace("L", "L_")) for name in LUMBAR}
    made = {name: _shape(*mesh, _BODIES[name]) for name, mesh in found.items()}
    made["S1"] = _shape(*read_bone("Sacrum"), _SACRUM)
    for number, name in enumerate(CAUDAL, start=1):
        points, faces = read_bone(f"Ca_{number}")
        x, z = points[:, 0], points[:, 2]
        made[name] = _shape(points, faces, ((float(x.max()), float(z.max()) - 5), (float(x.min()), float(z.min()) + 5)))
    return made


def _thoracic() -> list[tuple[Array, NDArray[np.intp]]]:
    """Return T1 to T13, which are separate parts of one mesh with ribs and sternum."""
    cage = next(bone for bone in bones() if bone.segment == "thorax")
    count = len(cage.points)
    edges = (cage.faces.reshape(-1), np.roll(cage.faces, 1, axis=1).reshape(-1))
    graph = coo_matrix((np.ones(len(edges[0])), edges), shape=(count, count))
    part = cast(NDArray[np.int32], connected_components(graph)[1])
    parts = [np.flatnonzero(part == number) for number in np.flatnonzero(np.bincount(part) > _SMALLEST)]
    parts.sort(key=lambda where: -float(cage.points[where, 0].mean()))
    return [_part(cage.points, cage.faces, where) for where in parts]


def _part(points: Array, faces: NDArray[np.intp], where: NDArray[np.intp]) -> tuple[Array, NDArray[np.intp]]:
    number = np.full(len(points), -1)
    number[where] = np.arange(len(where))
    return points[where], number[faces[(number[faces] >= 0).all(axis=1)]]


def _shape(points: Array, faces: NDArray[np.intp], body: tuple[tuple[float, float], tuple[float, float]]) -> Shape:
    cranial, caudal = np.array(body[0]), np.array(body[1])
    length = float(np.linalg.norm(cranial - caudal))
    along = (cranial - caudal) / length
    offset = points[:, [0, 2]] - (cranial + caudal) / 2
    local = np.stack([offset @ along, points[:, 1], offset @ np.array([-along[1], along[0]])], axis=1)
    return Shape(points=local, inner=inset(local, faces, _CORTEX_MM), faces=faces, length=length)


def vertebrae(spine: Spine) -> list[Hard]:
    """Return the animal's vertebrae in the straight frame; the sacrum spans S1 to S3."""
    return [_laid(name, shape, spine) for name, shape in shapes().items()]


def _laid(name: str, shape: Shape, spine: Spine) -> Hard:
    first, last = spine.vertebrae[name], spine.vertebrae["S3" if name == "S1" else name]
    middle = np.array([(first.cranial + last.caudal) / 2, 0.0, 0.0])
    stretch = (first.cranial - last.caudal) / shape.length
    thick = (first.height if name not in CAUDAL else 0.58 * spine.unit_mm) / _HEIGHT_MM
    scale = np.array([stretch, thick, thick])
    return Hard(
        name=name, points=shape.points * scale + middle, inner=shape.inner * scale + middle, faces=shape.faces,
        marrow=0.5,
    )  # fmt: skip


def hung(points: Array, spine: Spine, *, slender: float) -> Array:
    """Return points of the standing dog's hindquarters where another animal has them, carried by the sacrum."""
    first = spine.vertebrae["S1"]
    scale = spine.unit_mm / 19.0
    cranial, caudal = np.array(_SACRUM[0]), np.array(_SACRUM[1])
    along = (cranial - caudal) / np.linalg.norm(cranial - caudal)
    offset = points[..., [0, 2]] - cranial
    local = np.stack([offset @ along, points[..., 1] * slender, offset @ np.array([-along[1], along[0]])], axis=-1)
    return spine.carried(local * scale + np.array([first.cranial, 0.0, 0.0]), first.cranial)
