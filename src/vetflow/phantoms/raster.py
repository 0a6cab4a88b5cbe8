"""How much of closed meshes a beam crosses, for every pixel of a detector.

Each triangle adds its depth, with the sign of its winding, to the pixels whose centre it covers: over a closed mesh
the sum is the length of the path through it. Depth is linear over a triangle, so nothing is subdivided and no ray is
cast; a whole skeleton takes tens of milliseconds.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]  # numba ships no types
from numpy.typing import NDArray

from vetflow.phantoms.meshes import Array

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beam:
    """A point source above a flat detector.

    Parameters
    ----------
    frame
        Rows are the detector's column axis, its row axis and its normal towards the source, in the animal's frame.
    origin
        Point of the animal that lies over the detector's centre, at height `lift`.
    lift
        Height of `origin` over the detector, mm.
    source
        Distance from source to detector, mm.
    pixel
        Spacing of the detector, mm.
    shape
        Rows and columns.
    """

    frame: Array
    origin: Array
    lift: float
    source: float
    pixel: float
    shape: tuple[int, int]

    def project(self, points: Array) -> Array:
        """Return column, row (pixels, centre of the first pixel at 0) and height (mm) of points (…, 3)."""
        local = (points - self.origin) @ self.frame.T
        height = local[..., 2] + self.lift
        scale = self.source / np.maximum(self.source - height, 1.0) / self.pixel
        rows, columns = self.shape
        column = local[..., 0] * scale + (columns - 1) / 2
        row = local[..., 1] * scale + (rows - 1) / 2
        return np.stack([column, row, height], axis=-1)

    def sees(self, centre: Array, radius: float) -> bool:
        """Whether a ball may show on the detector."""
        column, row, height = self.project(centre)
        reach = 1.5 * radius * self.source / max(self.source - height, 1.0) / self.pixel
        rows, columns = self.shape
        return bool(-reach < column < columns + reach and -reach < row < rows + reach)


@njit(cache=True, fastmath=False)  # pyright: ignore[reportUntypedFunctionDecorator]
def _covers(edge: float, dx: float, dy: float) -> bool:
    """Whether a pixel centre lies on the inner side of an edge; one right on it belongs to one of its two triangles."""
    return edge > 0.0 or (edge == 0.0 and (dy > 0.0 or (dy == 0.0 and dx < 0.0)))


@njit(cache=True, fastmath=False)  # pyright: ignore[reportUntypedFunctionDecorator]
def _accumulate(image: Image, points: Array, faces: NDArray[np.intp], weight: float) -> None:
    rows, columns = image.shape
    for index in range(faces.shape[0]):
        ax, ay, az = points[faces[index, 0]]
        bx, by, bz = points[faces[index, 1]]
        cx, cy, cz = points[faces[index, 2]]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        first, last = max(0, int(np.ceil(min(ay, by, cy)))), min(rows - 1, int(np.floor(max(ay, by, cy))))
        left, right = max(0, int(np.ceil(min(ax, bx, cx)))), min(columns - 1, int(np.floor(max(ax, bx, cx))))
        way = 1.0 if area > 0.0 else -1.0
        for row in range(first, last + 1):
            for column in range(left, right + 1):
                at_a = (bx - column) * (cy - row) - (by - row) * (cx - column)
                at_b = (cx - column) * (ay - row) - (cy - row) * (ax - column)
                at_c = (ax - column) * (by - row) - (ay - row) * (bx - column)
                inside = _covers(way * at_a, way * (cx - bx), way * (cy - by))
                inside = inside and _covers(way * at_b, way * (ax - cx), way * (ay - cy))
                if inside and _covers(way * at_c, way * (bx - ax), way * (by - ay)):
                    u, v = at_a / area, at_b / area
                    image[row, column] += way * weight * (u * az + v * bz + (1.0 - u - v) * cz)


def add_thickness(image: Image, points: Array, faces: NDArray[np.intp], beam: Beam, *, weight: float = 1.0) -> None:
    """Add to `image` the millimetres of the closed mesh that the beam crosses, times `weight`."""
    if not len(points):
        return
    seen = beam.project(points)
    low, high = seen.min(axis=0), seen.max(axis=0)
    rows, columns = map(int, image.shape)
    if high[0] < 0 or high[1] < 0 or low[0] > columns - 1 or low[1] > rows - 1:
        return
    seen[:, 2] -= (low[2] + high[2]) / 2
    handed = 1.0 if np.linalg.det(beam.frame) > 0 else -1.0
    _accumulate(image, seen, faces, weight * handed)


def add_facets(image: Image, facets: Array, beam: Beam, *, weight: float = 1.0) -> None:
    """Do as `add_thickness` with facets of shape (n, 3, 3)."""
    corners = facets.reshape(-1, 3)
    add_thickness(image, corners, np.arange(len(corners)).reshape(-1, 3), beam, weight=weight)
