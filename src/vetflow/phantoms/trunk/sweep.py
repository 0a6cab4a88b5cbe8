"""How much of each soft solid a beam really crosses, where solids displace each other.

Every facet notes, at each pixel it covers, at what height the beam enters or leaves its solid. Swept from the detector
upwards, the highest rank among the solids one is in owns the stretch up to the next note: constructive solid geometry
by the ray, exact at any resolution, with no voxels in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]  # numba ships no types
from numpy.typing import NDArray

from vetflow.phantoms.meshes import Array
from vetflow.phantoms.raster import Beam, Image, row_range, row_span, slopes
from vetflow.phantoms.trunk.solids import Soft


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossed:
    """What a beam crosses of soft solids.

    Parameters
    ----------
    water
        Millimetres of water that attenuate alike, shape (rows, columns).
    parts
        Millimetres of each solid asked for by name, same shape.
    """

    water: Image
    parts: dict[str, Image]


def sweep(solids: Sequence[Soft], beam: Beam, *, names: Sequence[str]) -> Crossed:
    """Return what the beam crosses; solids of one name are measured together."""
    seen = beam.project(np.concatenate([solid.facets for solid in solids]))
    if np.linalg.det(beam.frame) < 0:  # a mirrored detector sees every facet wound the other way
        seen = seen[:, ::-1]
    owner = np.repeat(np.arange(1, len(solids) + 1), [len(solid.facets) for solid in solids])
    starts = _starts(seen, beam.shape)
    heights, owners = _notes(seen, owner, starts, beam.shape)
    order = {name: index for index, name in enumerate(names, start=1)}
    matter = [(0.0, -1.0, 0.0), *((one.density, float(one.rank), order.get(one.name, 0)) for one in solids)]
    found = np.zeros((len(names) + 1, len(starts) - 1), np.float32)
    _compose(starts, heights, owners, np.array(matter, np.float32), found)
    water, *parts = found.reshape(-1, *beam.shape) * _slant(beam)
    return Crossed(water=water, parts=dict(zip(names, parts, strict=True)))


def _slant(beam: Beam) -> Image:
    """Return how much longer the way of an oblique ray is than its height."""
    rows, columns = beam.shape
    y = (np.arange(rows) - (rows - 1) / 2)[:, None] * beam.pixel
    x = (np.arange(columns) - (columns - 1) / 2)[None] * beam.pixel
    return np.sqrt(1.0 + (x**2 + y**2) / beam.source**2).astype(np.float32)


@njit(cache=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def _starts(seen: Array, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return where the notes of each pixel begin, and after the last pixel their number."""
    rows, columns = shape
    counts = np.zeros(rows * columns + 1, np.int64)
    for index in range(seen.shape[0]):
        first, last = row_range(seen[index], rows)
        for row in range(first, last):
            left, right = row_span(seen[index], row, columns)
            for at in range(row * columns + left, row * columns + right):
                counts[at + 1] += 1
    for at in range(1, len(counts)):
        counts[at] += counts[at - 1]
    return counts


@njit(cache=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def _notes(
    seen: Array, owner: NDArray[np.int64], starts: NDArray[np.int64], shape: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return heights and solids of all notes, pixel by pixel; a solid's number is negative where it is left."""
    rows, columns = shape
    heights, owners = np.empty(starts[-1], np.float32), np.empty(starts[-1], np.int32)
    cursor = starts[:-1].copy()
    for index in range(seen.shape[0]):
        area, across, down = slopes(seen[index])
        note = -owner[index] if area > 0.0 else owner[index]
        first, last = row_range(seen[index], rows)
        for row in range(first, last):
            left, right = row_span(seen[index], row, columns)
            for column in range(left, right):
                at = cursor[row * columns + column]
                heights[at] = (
                    seen[index, 0, 2] + (column - seen[index, 0, 0]) * across + (row - seen[index, 0, 1]) * down
                )
                owners[at] = note
                cursor[row * columns + column] = at + 1
    return heights, owners


@njit(cache=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def _sort(heights: NDArray[np.float32], owners: NDArray[np.int32], first: int, last: int) -> None:
    for at in range(first + 1, last):
        height, owner = heights[at], owners[at]
        before = at - 1
        while before >= first and heights[before] > height:
            heights[before + 1], owners[before + 1] = heights[before], owners[before]
            before -= 1
        heights[before + 1], owners[before + 1] = height, owner


@njit(cache=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def _compose(
    starts: NDArray[np.int64],
    heights: NDArray[np.float32],
    owners: NDArray[np.int32],
    matter: NDArray[np.float32],
    found: NDArray[np.float32],
) -> None:
    """Add up each pixel's stretches; `matter` holds density, rank and part of each solid from number 1."""
    inside = np.zeros(matter.shape[0], np.int32)
    for pixel in range(len(starts) - 1):
        first, last = starts[pixel], starts[pixel + 1]
        _sort(heights, owners, first, last)
        inside[:] = 0
        top = 0
        for at in range(first, last - 1):
            top = _entered(inside, owners[first : at + 1], matter, top)
            length = heights[at + 1] - heights[at]
            if top > 0 and length > 0.0:
                found[0, pixel] += matter[top, 0] * length
                part = int(matter[top, 2])
                if part > 0:
                    found[part, pixel] += length


@njit(cache=True)  # pyright: ignore[reportUntypedFunctionDecorator]
def _entered(inside: NDArray[np.int32], passed: NDArray[np.int32], matter: NDArray[np.float32], top: int) -> int:
    """Note the solid just entered or left and return the one that owns the next stretch, 0 for air."""
    note = passed[-1]
    if note > 0:
        inside[note] += 1
        wins = inside[note] > 0 and (top == 0 or matter[note, 1] >= matter[top, 1])
        return note if wins else top
    inside[-note] -= 1
    if -note != top or inside[top] > 0:
        return top
    best = 0
    for other in passed:
        if other > 0 and inside[other] > 0 and (best == 0 or matter[other, 1] > matter[best, 1]):
            best = other
    return best
