"""Where on an image: boxes, points, lines and masks, in pixels.

Coordinates are (column, row); (0, 0) is the top left corner of the top left pixel, and the bottom right corner of the
bottom right pixel is (columns, rows) (PS3.3 C.18.6). A value is of one image of its case, and of one frame of it.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from vetflow.domain.coding import Code

if TYPE_CHECKING:  # gateway and courier know findings too, and need no numpy
    import numpy as np
    from numpy.typing import NDArray

Point = tuple[float, float]
"""Column and row."""


class Side(StrEnum):
    """Side of the animal a finding lies on, never of the viewer (CID 244)."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


SIDE_CODES: Mapping[Side, Code] = {
    Side.LEFT: Code(value="7771000", scheme="SCT", meaning="Left"),
    Side.RIGHT: Code(value="24028007", scheme="SCT", meaning="Right"),
    Side.BOTH: Code(value="51440002", scheme="SCT", meaning="Bilateral"),
}
"""CID 244."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Axis-aligned box.

    Parameters
    ----------
    left, top, right, bottom
        Pixel edges: a box over pixel columns 3 to 5 has left 3 and right 6.
    """

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        _finite(((self.left, self.top), (self.right, self.bottom)))
        if self.right <= self.left or self.bottom <= self.top:
            raise ValueError("a box has an area")

    @property
    def outline(self) -> tuple[Point, ...]:
        """Five points around the box, the first and last the same."""
        left, top, right, bottom = self.left, self.top, self.right, self.bottom
        return (left, top), (right, top), (right, bottom), (left, bottom), (left, top)


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmark:
    """A named point, such as the carina."""

    name: Code
    at: Point

    def __post_init__(self) -> None:
        _finite((self.at,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A named open polyline of two or more points, such as the long axis of the heart."""

    name: Code
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        _finite(self.points)
        if len(self.points) < 2:
            raise ValueError("a line has at least two points")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mask:
    """The pixels of one structure on one image.

    Parameters
    ----------
    label
        What it is, such as Heart.
    category
        What kind of thing that is (CID 7150), such as Anatomical Structure.
    pixels
        Boolean, frames × rows × columns, the image's own matrix; frames is 1 for a film.
    image
        Number of the image among those of the case, from 0; a CT series is one volume whose frames are its slices in
        the order of the case, and ``image`` is 0 then.
    """

    label: Code
    category: Code
    pixels: "NDArray[np.bool_]"
    side: Side | None = None
    image: int = 0

    def __post_init__(self) -> None:
        if self.pixels.dtype.kind != "b" or self.pixels.ndim != 3:
            raise ValueError("a mask is boolean and has frames, rows and columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Where a film's points lie on the square that a network sees; both count from the corner.

    Parameters
    ----------
    scale, offset
        By column and by row: pixels of the square per pixel of the film, and where the film's own corner falls.
    """

    scale: tuple[float, float]
    offset: tuple[float, float]

    def into(self, point: Point) -> Point:
        """Return where a point of the film lies on the square."""
        return point[0] * self.scale[0] + self.offset[0], point[1] * self.scale[1] + self.offset[1]

    def out(self, point: Point) -> Point:
        """Return where a point of the square lies on the film."""
        return (point[0] - self.offset[0]) / self.scale[0], (point[1] - self.offset[1]) / self.scale[1]


def _finite(points: Iterable[Point]) -> None:
    if not all(math.isfinite(edge) for point in points for edge in point):
        raise ValueError("a place has finite coordinates")
