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


@njit(cache=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def row_span(points: Array, row: int, columns: int) -> tuple[int, int]:
    """Return the first column that a triangle (3, …) covers in a row, and the one after the last.

    Triangles that share an edge share no pixel and leave none out: an edge's place is reckoned from its upper end, and
    a pixel on an edge belongs to the triangle to its right.
    """
    left, right = np.inf, -np.inf
    for corner in range(3):
        first, last = corner, (corner + 1) % 3
        if points[first, 1] > points[last, 1]:
            first, last = last, first
        top, bottom = points[first, 1], points[last, 1]
        if top <= row < bottom:
            x = points[first, 0] + (row - top) / (bottom - top) * (points[last, 0] - points[first, 0])
            left, right = min(left, x), max(right, x)
    if left >= right:
        return 0, 0
    return max(0, int(np.ceil(left))), min(columns, int(np.ceil(right)))


@njit(cache=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def row_range(points: Array, rows: int) -> tuple[int, int]:
    """Return the first row that a triangle (3, …) may cover, and the one after the last."""
    top = min(points[0, 1], points[1, 1], points[2, 1])
    bottom = max(points[0, 1], points[1, 1], points[2, 1])
    return max(0, int(np.ceil(top))), min(rows, int(np.ceil(bottom)))


@njit(cache=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def slopes(points: Array) -> tuple[float, float, float]:
    """Return the area of a triangle (3, 3), twice and signed, and how its third coordinate grows along the others."""
    ax, ay, az = points[0]
    bx, by, bz = points[1]
    cx, cy, cz = points[2]
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if area == 0.0:
        return 0.0, 0.0, 0.0
    across = ((bz - az) * (cy - ay) - (cz - az) * (by - ay)) / area
    down = ((cz - az) * (bx - ax) - (bz - az) * (cx - ax)) / area
    return area, across, down


@njit(cache=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def _accumulate(image: Image, points: Array, faces: NDArray[np.intp], weight: float) -> None:
    rows, columns = image.shape
    facet = np.empty((3, 3))
    for index in range(faces.shape[0]):
        for corner in range(3):
            facet[corner] = points[faces[index, corner]]
        area, across, down = slopes(facet)
        if area == 0.0:
            continue
        signed = weight if area > 0.0 else -weight
        first, last = row_range(facet, rows)
        for row in range(first, last):
            left, right = row_span(facet, row, columns)
            height = facet[0, 2] + (row - facet[0, 1]) * down - facet[0, 0] * across
            for column in range(left, right):
                image[row, column] += signed * (height + column * across)


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
