"""Closed triangle meshes: the bones of a dog, and tubes, lofts and ellipsoids for what is soft.

Coordinates are millimetres in the animal's own frame: x cranial, y left, z dorsal.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vetflow.domain.errors import ConfigurationError

Array = NDArray[np.float64]

_FACET = np.dtype([("normal", "<3f4"), ("corners", "<9f4"), ("attribute", "<u2")])
_PREFIX = "BONE"
_SIDE = re.compile(r"_(L|R)(?=_|\.|$)")
_PAW = r"Carpal|Os_metacarpale|Phalanx"
_FOOT = r"Calcaneal|Tarsus|Tibial_tarsal|Metatarsi|Phalanges"
_SEGMENTS = (
    (r"Scapula", "scapula"),
    (r"humerus", "humerus"),
    (r"Radius|Ulna", "forearm"),
    (_PAW, "paw"),
    (r"Femoris|Patella", "femur"),
    (_FOOT, "foot"),
    (r"Tibia|Fibula", "crus"),
    (r"MergedSkull|Jaw|Lingual", "head"),
    (r"Ca_", "tail"),
    (r"C_", "neck"),
    (r"Pelvis|Sacrum", "pelvis"),
    (r"L_", "loins"),
    (r"Ribcage|Xiphoid", "thorax"),
)
_PAIRED = frozenset({"scapula", "humerus", "forearm", "paw", "femur", "crus", "foot"})
_SHELL_MM = {"humerus": 2.5, "forearm": 1.8, "femur": 2.5, "crus": 2.2, "pelvis": 1.8, "scapula": 1.0, "loins": 1.2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bone:
    """The bones of one segment of the dog, as it stands.

    Parameters
    ----------
    segment
        Which rigid part of the body it is, such as ``femur``.
    side
        ``L``, ``R`` or empty for the midline.
    points
        Corners, shape (n, 3), each once.
    inner
        The same corners moved inward by the thickness of the cortex; empty for bones drawn solid.
    faces
        Three corners a facet, outward winding.
    centre, radius
        A ball around it.
    """

    segment: str
    side: str
    points: Array
    inner: Array
    faces: NDArray[np.intp]

    centre: Array
    radius: float


def _folder() -> Path:
    spec = find_spec("dm_control")
    if spec is None or spec.origin is None:
        raise ConfigurationError("the bone meshes are not installed: pip install vetflow[train]")
    folder = Path(spec.origin).parent / "suite" / "dog_assets"
    if not folder.is_dir():
        raise ConfigurationError("dm_control carries no dog meshes here: pip install --force-reinstall vetflow[train]")
    return folder


def read_stl(path: Path) -> Array:
    """Return the facets of a binary STL file, shape (n, 3, 3), in the file's own unit."""
    raw = path.read_bytes()
    count = int.from_bytes(raw[80:84], "little")
    corners = np.frombuffer(raw, _FACET, count, 84)["corners"]
    return corners.reshape(count, 3, 3).astype(np.float64)


def _weld(facets: Array) -> tuple[Array, NDArray[np.intp]]:
    points, where = np.unique(np.round(facets.reshape(-1, 3), 4), axis=0, return_inverse=True)
    return points, where.reshape(-1, 3)


def inset(points: Array, faces: NDArray[np.intp], depth: float) -> Array:
    """Return corners of a mesh moved inward by `depth`."""
    facets = points[faces]
    normals = np.repeat(cross(facets[:, 1] - facets[:, 0], facets[:, 2] - facets[:, 0]), 3, axis=0)
    sums = np.stack([np.bincount(faces.reshape(-1), normals[:, axis], len(points)) for axis in range(3)], axis=1)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return points - depth * sums / np.where(lengths > 0, lengths, 1.0)


def read_bone(name: str) -> tuple[Array, NDArray[np.intp]]:
    """Return one of the dog's meshes by its name, such as ``L_3``: corners in mm, each once, and faces.

    Raises
    ------
    ConfigurationError
        The meshes are not installed.
    """
    return _weld(read_stl(_folder() / f"{_PREFIX}{name}.stl") * 1000.0)


def _segment(name: str) -> str | None:
    return next((segment for pattern, segment in _SEGMENTS if re.match(pattern, name)), None)


def _place_of(path: Path) -> tuple[str, str] | None:
    name = path.stem.removeprefix(_PREFIX)
    segment = _segment(name)
    if segment is None:
        return None
    found = _SIDE.search(name)
    return segment, found.group(1) if found and segment in _PAIRED else ""


def _joined(segment: str, side: str, paths: list[Path]) -> Bone:
    points, faces = _weld(np.concatenate([read_stl(path) for path in paths]) * 1000.0)
    shell = _SHELL_MM.get(segment)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    return Bone(
        segment=segment,
        side=side,
        points=points,
        inner=inset(points, faces, shell) if shell else np.empty((0, 3)),
        faces=faces,
        centre=centre,
        radius=float(np.linalg.norm(points - centre, axis=1).max()),
    )


@cache
def bones() -> tuple[Bone, ...]:
    """Return the dog's bones, those of a segment together, mm, standing pose (dm_control's meshes, Apache-2.0).

    Raises
    ------
    ConfigurationError
        The meshes are not installed.
    """
    groups: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(_folder().glob(f"{_PREFIX}*.stl")):
        place = _place_of(path)
        if place is not None:
            groups.setdefault(place, []).append(path)
    return tuple(_joined(segment, side, paths) for (segment, side), paths in groups.items())


def cross(one: Array, other: Array) -> Array:
    """Return cross products of vectors (…, 3): as numpy's, without its general cases, which cost more than the sum."""
    x, y, z = one[..., 0], one[..., 1], one[..., 2]
    u, v, w = other[..., 0], other[..., 1], other[..., 2]
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=-1)


def loft(rings: Array) -> Array:
    """Return the closed mesh through rings of points, shape (rings, points, 3), its ends capped by fans.

    A mesh wound the wrong way is turned, so that thickness along a beam is positive.
    """
    near, far = rings[:-1], rings[1:]
    near_next, far_next = np.roll(near, -1, axis=1), np.roll(far, -1, axis=1)
    sides = (np.stack([near, far, near_next], axis=2), np.stack([near_next, far, far_next], axis=2))
    caps = (_fan(rings[0]), _fan(rings[-1])[:, ::-1])
    facets = np.concatenate([*(side.reshape(-1, 3, 3) for side in sides), *caps])
    return facets if volume(facets) >= 0 else facets[:, ::-1]


def _fan(ring: Array) -> Array:
    centre = np.broadcast_to(ring.mean(axis=0), ring.shape)
    return np.stack([centre, ring, np.roll(ring, -1, axis=0)], axis=1)


def volume(facets: Array) -> float:
    """Return the volume that facets enclose, mm³; negative when they are wound inward."""
    return float((facets[:, 0] * cross(facets[:, 1], facets[:, 2])).sum() / 6.0)


def tube(path: Array, radii: Array, *, flatness: float = 1.0, points: int = 20) -> Array:
    """Return a closed tube along a path (n, 3) with a radius at each point; `flatness` scales it along y."""
    forward = np.gradient(path, axis=0)
    forward /= np.linalg.norm(forward, axis=1, keepdims=True) + 1e-9
    guide = np.array([0.0, 1.0, 0.0]) if np.abs(forward[:, 1]).mean() < 0.8 else np.array([0.0, 0.0, 1.0])
    across = cross(forward, guide)
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-9
    beside = cross(across, forward)
    turn = np.linspace(0.0, 2.0 * np.pi, points, endpoint=False)
    round_about = across[:, None] * np.cos(turn)[None, :, None]
    round_about += beside[:, None] * (flatness * np.sin(turn))[None, :, None]
    return loft(path[:, None] + radii[:, None, None] * round_about)


def ellipsoid(centre: Array, radii: Array, *, pitch: float = 0.0, yaw: float = 0.0) -> Array:
    """Return an ellipsoid; its first axis is tilted by `pitch` about y and turned by `yaw` about z (radians)."""
    along = np.linspace(0.02, np.pi - 0.02, 14)
    turn = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
    ball = np.stack(
        [
            np.broadcast_to(np.cos(along)[:, None], (14, 24)),
            np.sin(along)[:, None] * np.cos(turn)[None],
            np.sin(along)[:, None] * np.sin(turn)[None],
        ],
        axis=2,
    )
    return loft((ball * radii) @ rotation(pitch, "y").T @ rotation(yaw, "z").T + centre)


def rotation(angle: float, axis: str) -> Array:
    """Return the matrix of a right-handed rotation by `angle` radians about x, y or z."""
    c, s = np.cos(angle), np.sin(angle)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = c
    matrix[first, second], matrix[second, first] = -s, s
    return matrix
