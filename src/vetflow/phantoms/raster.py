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
def _accumulate(image: Image, facets: Array, weight: float) -> None:
    rows, columns = image.shape
    for index in range(facets.shape[0]):
        ax, ay, az = facets[index, 0]
        bx, by, bz = facets[index, 1]
        cx, cy, cz = facets[index, 2]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        first = max(0, int(np.ceil(min(ay, by, cy))))
        last = min(rows - 1, int(np.floor(max(ay, by, cy))))
        left = max(0, int(np.ceil(min(ax, bx, cx))))
        right = min(columns - 1, int(np.floor(max(ax, bx, cx))))
        sign = weight if area > 0.0 else -weight
        for row in range(first, last + 1):
            for column in range(left, right + 1):
                u = ((bx - column) * (cy - row) - (by - row) * (cx - column)) / area
                v = ((cx - column) * (ay - row) - (cy - row) * (ax - column)) / area
                w = 1.0 - u - v
                if u >= 0.0 and v >= 0.0 and w >= 0.0:
                    image[row, column] += sign * (u * az + v * bz + w * cz)


def add_thickness(image: Image, facets: Array, beam: Beam, *, weight: float = 1.0) -> None:
    """Add to `image` the millimetres of the closed mesh that the beam crosses, times `weight`."""
    if not len(facets):
        return
    seen = beam.project(facets)
    low, high = seen.reshape(-1, 3).min(axis=0), seen.reshape(-1, 3).max(axis=0)
    rows, columns = image.shape
    if high[0] < 0 or high[1] < 0 or low[0] > columns - 1 or low[1] > rows - 1:
        return
    seen[..., 2] -= (low[2] + high[2]) / 2
    handed = 1.0 if np.linalg.det(beam.frame) > 0 else -1.0
    _accumulate(image, seen, weight * handed)
