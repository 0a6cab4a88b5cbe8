"""An outline on a network's small grid as pixels of the film."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vetflow.domain.place import Fit
from vetflow.vision.filters import Mask


class _Along(NamedTuple):
    """Where pixels of a film lie between the cells of a grid, along one axis.

    Parameters
    ----------
    first, last
        Pixels that may lie in the outline.
    before, after
        Cells around each.
    share
        How far each lies towards the one after, 0 to 1.
    """

    first: int
    last: int
    before: NDArray[np.intp]
    after: NDArray[np.intp]
    share: NDArray[np.float32]


def spread(pixels: Mask, grid: Fit, *, rows: int, columns: int) -> Mask:
    """Return an outline at the film's own matrix, shape (1, rows, columns).

    A pixel belongs to it when the cells around its centre, linearly interpolated, make more than one half; what lies
    beyond the grid does not.

    Parameters
    ----------
    pixels
        Cells of the grid.
    grid
        Where points of the film lie on it.
    """
    film = np.zeros((1, rows, columns), np.bool_)
    if not pixels.any():
        return film
    across = _along(np.asarray(pixels.any(axis=0)), grid.scale[0], grid.offset[0], columns)
    down = _along(np.asarray(pixels.any(axis=1)), grid.scale[1], grid.offset[1], rows)
    cells = pixels.astype(np.float32)
    wide = cells[:, across.before] * (1 - across.share) + cells[:, across.after] * across.share
    inside = film[0, down.first : down.last, across.first : across.last]
    for start, end in _runs(down.before):
        above, below = wide[down.before[start]], wide[down.after[start]]
        np.greater(above + down.share[start:end, None] * (below - above), 0.5, out=inside[start:end])
    return film


def _along(used: NDArray[np.bool_], scale: float, offset: float, count: int) -> _Along:
    """Return the pixels whose centre lies on the grid and within a cell of a used one."""
    at = (np.arange(count) + 0.5) * scale + offset - 0.5
    cells = np.flatnonzero(used)
    near = (at > cells[0] - 1) & (at < cells[-1] + 1) & (at >= -0.5) & (at <= len(used) - 0.5)
    pixels = np.flatnonzero(near)
    first, last = (int(pixels[0]), int(pixels[-1]) + 1) if len(pixels) else (0, 0)
    within = np.clip(at[first:last], 0, len(used) - 1)
    before = np.floor(within).astype(np.intp)
    share = (within - before).astype(np.float32)
    return _Along(first, last, before, np.minimum(before + 1, len(used) - 1), share)


def _runs(cells: NDArray[np.intp]) -> list[tuple[int, int]]:
    """Return start and end of each run of pixels that lie behind the same cell: they share what is interpolated."""
    starts = [0, *(np.flatnonzero(np.diff(cells)) + 1).tolist()] if len(cells) else []
    return list(zip(starts, [*starts[1:], len(cells)], strict=True)) if starts else []
