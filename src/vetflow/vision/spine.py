"""Finding the vertebrae of one spine together: each alone is easily taken for its neighbour, in a row they count."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]
_TRIED = 8
"""Places that each vertebra may be at."""
_NEAR = 3
"""Pixels around the peak of a vertebra that its place and share are taken from."""
_STIFF = 10.0
"""Weight of third differences against places when the usual course of a spine is drawn."""
_SLACK = 0.1
"""Spread of a step from one vertebra to the next around its usual one, in steps."""
_WORST = 30.0
"""What one impossible step costs, as the logarithm of a probability: no spine leaves a vertebra out."""
_FEWEST = 4


def peak(shares: Floats, *, near: int = _NEAR) -> tuple[float, float, float]:
    """Return column, row and share of what lies around the highest place of a map, pixels from its corner.

    Parameters
    ----------
    near
        Pixels on each side of the highest place that count.
    """
    row, column = np.unravel_index(int(shares.argmax()), shares.shape)
    return _around(shares, int(row), int(column), near)


def in_a_row(maps: Floats, there: Floats) -> Floats:
    """Return column, row and share of each vertebra, shape (n, 3), those on the film likeliest together.

    Parameters
    ----------
    maps
        Probabilities, shape (n, rows, columns), vertebrae in their order.
    there
        Probability that each is on the film; what lies between the first and the last that is counts as on it.
    """
    alone = np.array([peak(one) for one in maps])
    seen = np.flatnonzero(there >= 0.5)
    if len(seen) < _FEWEST:
        return alone
    row = slice(int(seen[0]), int(seen[-1]) + 1)
    tried = [_places(one) for one in maps[row]]
    found = alone[row]
    for _ in range(2):
        found = _likeliest(tried, _usual_steps(found))
    return np.concatenate([alone[: row.start], found, alone[row.stop :]])


def _around(shares: Floats, row: int, column: int, near: int = _NEAR) -> tuple[float, float, float]:
    top, left = max(0, row - near), max(0, column - near)
    window: Floats = shares[top : row + near + 1, left : column + near + 1]
    across, down = np.asarray(window.sum(axis=0), np.float64), np.asarray(window.sum(axis=1), np.float64)
    mass = float(window.sum())
    if mass <= 0.0:
        return column + 0.5, row + 0.5, 0.0
    x, y = (float(line @ np.arange(len(line))) / mass for line in (across, down))
    return left + x + 0.5, top + y + 0.5, mass


def _places(shares: Floats) -> Floats:
    """Return the highest places of a map, shape (n, 3)."""
    highest = np.where(ndimage.maximum_filter(shares, 2 * _NEAR - 1) == shares, shares, -1.0).ravel()
    best = np.argsort(highest)[-_TRIED:]
    rows, columns = np.unravel_index(best[highest[best] >= 0.0], shares.shape)
    return np.array([_around(shares, int(row), int(column)) for row, column in zip(rows, columns, strict=True)])


def _usual_steps(found: Floats) -> Floats:
    """Return the steps from each vertebra to the next, shape (n - 1, 2), along a stiff course through all of them."""
    bent = np.diff(np.eye(len(found)), 3, axis=0)
    weights = found[:, 2] + 1e-3
    course = found[:, :2]
    for _ in range(5):
        course = np.linalg.solve(np.diag(weights) + _STIFF * bent.T @ bent, weights[:, None] * found[:, :2])
        step = max(1.0, float(np.median(np.hypot(*np.diff(course, axis=0).T))))
        weights = (found[:, 2] + 1e-3) / (1.0 + (np.hypot(*(found[:, :2] - course).T) / step) ** 2)
    return np.asarray(np.diff(course, axis=0), np.float64)


def _likeliest(tried: list[Floats], steps: Floats) -> Floats:
    """Return the place of each vertebra in the likeliest row of all (Viterbi)."""
    score = np.log(tried[0][:, 2] + 1e-4)
    came: list[NDArray[np.intp]] = []
    for before, after, step in zip(tried[:-1], tried[1:], steps, strict=True):
        off = after[None, :, :2] - before[:, None, :2] - step
        cost = (off**2).sum(axis=2) / (2.0 * (_SLACK * max(1.0, float(np.hypot(*step)))) ** 2)
        whole = score[:, None] - np.minimum(cost, _WORST)
        came.append(whole.argmax(axis=0))
        score = whole.max(axis=0) + np.log(after[:, 2] + 1e-4)
    at = int(score.argmax())
    row = [at]
    for origin in reversed(came):
        at = int(origin[at])
        row.append(at)
    return np.array([places[at] for places, at in zip(tried, reversed(row), strict=True)])
