"""Findings brought inside their image, with words on what had to be cut."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from vetflow.domain.finding import Finding
from vetflow.domain.place import Box, Line, Point

OUTSIDE = "Its place lay outside the image."
_BOX_CUT = "Its box reached beyond the image and was cut at the edge."
_POINT_MOVED = "A point lay outside the image and was moved to its edge."
_LINE_CUT = "A line reached beyond the image and was cut at the edge."
_NO_FRAME = "The image has no such frame."


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How large an image is.

    Parameters
    ----------
    columns, rows
        Pixels.
    frames
        1 for an image of one.
    """

    columns: int
    rows: int
    frames: int = 1

    def nearest(self, point: Point) -> Point:
        """Return the point of the image nearest to a point: itself when it lies inside."""
        return min(max(point[0], 0.0), float(self.columns)), min(max(point[1], 0.0), float(self.rows))


def inside(finding: Finding, extent: Extent) -> Finding:
    """Return a finding whose box, points and lines lie within its image; what it says tells what was cut or left out.

    A box or line is cut at the edge, and left out when it lies wholly outside; a point is moved to the edge. A finding
    of a frame that the image does not have speaks of the whole image.
    """
    if finding.frame is not None and finding.frame > extent.frames:
        return _said(replace(_bare(finding), frame=None), [_NO_FRAME])
    remarks = list[str]()
    box = _box(finding.box, extent, remarks)
    points = tuple(replace(point, at=_moved(point.at, extent, remarks)) for point in finding.points)
    measured = tuple(replace(one, lines=_lines(one.lines, extent, remarks)) for one in finding.measurements)
    frame = finding.frame if extent.frames > 1 else None
    return _said(replace(finding, box=box, points=points, measurements=measured, frame=frame), remarks)


def _bare(finding: Finding) -> Finding:
    measured = tuple(replace(one, lines=()) for one in finding.measurements)
    return replace(finding, box=None, points=(), measurements=measured)


def _said(finding: Finding, remarks: Sequence[str]) -> Finding:
    return replace(finding, says=" ".join((finding.says, *dict.fromkeys(remarks)))) if remarks else finding


def _box(box: Box | None, extent: Extent, remarks: list[str]) -> Box | None:
    if box is None:
        return None
    left, top = max(box.left, 0.0), max(box.top, 0.0)
    right, bottom = min(box.right, float(extent.columns)), min(box.bottom, float(extent.rows))
    if left >= right or top >= bottom:
        remarks.append(OUTSIDE)
        return None
    cut = Box(left=left, top=top, right=right, bottom=bottom)
    if cut != box:
        remarks.append(_BOX_CUT)
    return cut


def _moved(point: Point, extent: Extent, remarks: list[str]) -> Point:
    moved = extent.nearest(point)
    if moved != point:
        remarks.append(_POINT_MOVED)
    return moved


def _lines(lines: Sequence[Line], extent: Extent, remarks: list[str]) -> tuple[Line, ...]:
    kept = list[Line]()
    for line in lines:
        pieces = list(_pieces(line, extent))
        if pieces != [line]:
            remarks.append(_LINE_CUT if pieces else OUTSIDE)
        kept += pieces
    return tuple(kept)


def _pieces(line: Line, extent: Extent) -> Iterator[Line]:
    """Yield the parts of a line that lie inside: several when it leaves the image and comes back."""
    run = list[Point]()
    for here, there in itertools.pairwise(line.points):
        part = _segment(here, there, extent)
        if run and (part is None or part[0] != run[-1]):
            yield replace(line, points=tuple(run))
            run = []
        if part is not None:
            run += part if not run else part[1:]
    if run:
        yield replace(line, points=tuple(run))


def _segment(here: Point, there: Point, extent: Extent) -> tuple[Point, Point] | None:
    """Return the part of a segment inside the image (Liang and Barsky 1984); None when there is none."""
    start, end = 0.0, 1.0
    for axis, size in enumerate((extent.columns, extent.rows)):
        step = there[axis] - here[axis]
        if step == 0:
            if not 0 <= here[axis] <= size:
                return None
            continue
        low, high = sorted(((0 - here[axis]) / step, (size - here[axis]) / step))
        start, end = max(start, low), min(end, high)
    if start > end or (start == end and here != there):
        return None
    return _along(here, there, start, extent), _along(here, there, end, extent)


def _along(here: Point, there: Point, share: float, extent: Extent) -> Point:
    """Return the point at a share of the way: an end exactly, and never a rounding beyond the edge."""
    column, row = (b if share == 1.0 else a + share * (b - a) for a, b in zip(here, there, strict=True))
    return extent.nearest((column, row))
