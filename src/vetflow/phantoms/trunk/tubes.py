"""Tubes with round ends through a few points."""

import numpy as np
from scipy.interpolate import PchipInterpolator

from vetflow.phantoms.meshes import Array, tube

_ROUND = np.radians([75.0, 50.0, 25.0])


def smooth_tube(knots: Array, radii: Array, *, flatness: float = 1.0, points: int = 14) -> Array:
    """Return a tube through a few points, smooth in course and width, with round ends."""
    steps = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    fine = np.linspace(0.0, float(steps[-1]), 6 * len(knots))
    path, width = (np.asarray(PchipInterpolator(steps, values)(fine)) for values in (knots, radii))
    return round_tube(path, width, flatness=flatness, points=points)


def round_tube(path: Array, radii: Array, *, flatness: float = 1.0, points: int = 14) -> Array:
    """Return a tube along a path (n, 3) with a radius at each point and round ends."""
    first, last = path[0] - path[1], path[-1] - path[-2]
    first, last = first / np.linalg.norm(first), last / np.linalg.norm(last)
    head = path[0] + radii[0] * np.sin(_ROUND)[:, None] * first
    tail = path[-1] + radii[-1] * np.sin(_ROUND)[::-1, None] * last
    width = np.concatenate([radii[0] * np.cos(_ROUND), radii, radii[-1] * np.cos(_ROUND)[::-1]])
    return tube(np.concatenate([head, path, tail]), width, flatness=flatness, points=points)


def sticks(starts: Array, ends: Array, radii: Array, *, points: int = 6) -> Array:
    """Return the facets of many straight tapering sticks at once; `radii` (n, 2) are those of their ends."""
    along = ends - starts
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    guide = np.where(np.abs(along[:, 1:2]) < 0.8, [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]])
    across = np.cross(along, guide)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    beside = np.cross(along, across)
    turn = np.linspace(0.0, 2.0 * np.pi, points, endpoint=False)
    spoke = across[:, None] * np.cos(turn)[:, None] + beside[:, None] * np.sin(turn)[:, None]
    near, far = starts[:, None] + radii[:, :1, None] * spoke, ends[:, None] + radii[:, 1:, None] * spoke
    near_next, far_next = np.roll(near, -1, axis=1), np.roll(far, -1, axis=1)
    first, last = (np.broadcast_to(ring[:, :1], ring[:, 1:-1].shape) for ring in (near, far))
    parts = (
        np.stack([near, near_next, far], axis=2), np.stack([near_next, far_next, far], axis=2),
        np.stack([first, near[:, 2:], near[:, 1:-1]], axis=2), np.stack([last, far[:, 1:-1], far[:, 2:]], axis=2),
    )  # fmt: skip
    return np.concatenate([part.reshape(-1, 3, 3) for part in parts])
