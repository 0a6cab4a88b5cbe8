"""Films shown in training with a narrower field than they were taken with, so that what is cut off is often another."""

import numpy as np
from numpy.typing import NDArray

from vetflow.adapters.trunk_frame import SQUARE, shown
from vetflow.phantoms.trunk.ranges import training
from vetflow.training.trunk.shots import Shots

_Floats = NDArray[np.float64]
Field = tuple[_Floats, _Floats]
"""Upper left and lower right corner, pixels of the look."""
EVERYTHING: Field = (np.zeros(2), np.full(2, float(SQUARE)))
"""All of a look."""


def narrower(shots: Shots, index: int, look: int, rng: np.random.Generator) -> Field:
    """Return a field that may cut off a part at one edge, no deeper than the films of training are cut at most.

    A picture of which no part is asked is shown whole.
    """
    extents = _extents(shots, index, look)
    if np.isnan(extents).all():
        return EVERYTHING
    ranges, field = training(), np.stack(shown(shots.looks[index, look] / np.float32(255.0)))
    hull = np.stack([np.nanmin(extents[:, :2], axis=0), np.nanmax(extents[:, 2:], axis=0)])
    into = -rng.uniform(0.0, 2.0 * ranges.margin.high, (2, 2))
    into[int(rng.integers(2)), int(rng.integers(2))] = rng.uniform(-0.4 * ranges.cut.high, ranges.cut.high)
    edges = hull + np.array([[1.0], [-1.0]]) * into * (hull[1] - hull[0])
    return np.maximum(edges[0], field[0]), np.minimum(edges[1], field[1])


def gone(shots: Shots, index: int, look: int, field: Field) -> NDArray[np.bool_]:
    """Return which parts that may be cut off don't lie wholly in a field, shape (parts,)."""
    extents = _extents(shots, index, look)
    outside = (extents[:, :2] < field[0]).any(axis=1) | (extents[:, 2:] > field[1]).any(axis=1)
    return np.asarray(outside, np.bool_)


def _extents(shots: Shots, index: int, look: int) -> _Floats:
    scale, offset = np.split(shots.fits[index, look].astype(np.float64), 2)
    return shots.extents[index] * np.tile(scale, 2) + np.tile(offset, 2)
