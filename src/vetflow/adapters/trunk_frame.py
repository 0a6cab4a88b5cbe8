"""How a film of a trunk is laid: on a square as it comes, and head to the left on the rectangle that is cut from it."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

SQUARE = 352
"""Side of the square that films are fitted to; what the networks are shown is cut from it."""
GRID = SQUARE // 2
"""Side of the grid that outlines are given on."""
_MIRRORED_EDGE = (2, 1, 0, 3)
_DARK = 0.01
"""Brightness up to which there is nothing."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How a film is laid for a network: mirrored left to right first, then turned clockwise."""

    mirrored: bool = False
    quarters: int = 0

    def linear(self) -> Floats:
        """Return the map (2 × 2) from directions of what is laid to those of the square."""
        angle = -self.quarters * np.pi / 2
        turn = np.round(np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]))
        return np.asarray(np.diag([-1.0 if self.mirrored else 1.0, 1.0]) @ turn, np.float64)

    def edge(self, edge: int) -> int:
        """Return where an edge of the film comes to lie, counted clockwise from the left."""
        return ((_MIRRORED_EDGE[edge] if self.mirrored else edge) + self.quarters) % 4


_TURNS = tuple(Turn(mirrored=mirrored, quarters=quarters) for mirrored in (False, True) for quarters in range(4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A rectangle cut from the square.

    Parameters
    ----------
    centre
        Pixels of the square.
    span
        Pixels of the square that the rectangle's columns cover.
    """

    turn: Turn
    centre: tuple[float, float]
    span: float

    @classmethod
    def around(cls, low: Floats, high: Floats, turn: Turn, shape: tuple[int, int], *, room: float) -> "Frame":
        """Return the frame of rows × columns `shape` around a box, its corners in pixels of the square."""
        along, across = (high - low)[:: 1 if turn.quarters % 2 == 0 else -1]
        rows, columns = shape
        middle = (low + high) / 2
        span = room * max(float(along), float(across) * columns / rows)
        return cls(turn=turn, centre=(float(middle[0]), float(middle[1])), span=span)

    def matrix(self, shape: tuple[int, int]) -> Floats:
        """Return the map (2 × 3) from pixels of rows × columns `shape` to pixels of the square."""
        rows, columns = shape
        linear = self.turn.linear() * (self.span / columns)
        offset = np.array(self.centre) - linear @ np.array([columns / 2, rows / 2])
        return np.concatenate([linear, offset[:, None]], axis=1)


def shown(square: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Return the corners of what a square shows, without the black that squares a film up; all of it if it is black."""
    bright = square > _DARK
    if not bright.any():
        return np.zeros(2), np.full(2, float(SQUARE))
    columns, rows = (np.flatnonzero(bright.any(axis=axis)) for axis in (0, 1))
    return np.array([columns[0], rows[0]], float), np.array([columns[-1] + 1, rows[-1] + 1], float)


def upright(head: int, back: int | None) -> Turn:
    """Return how to lay a film whose head, and back if asked, point to these edges, counted clockwise from the left."""
    fitting = (turn for turn in _TURNS if turn.edge(head) == 0 and (back is None or turn.edge(back) == 1))
    return next(fitting, next(turn for turn in _TURNS if turn.edge(head) == 0))


def cut_out(
    images: torch.Tensor, matrices: torch.Tensor, shape: tuple[int, int], *, mode: str = "bilinear", scale: float = 1.0,
    bends: torch.Tensor | None = None,
) -> torch.Tensor:  # fmt: skip
    """Return images (n, channels, rows, columns) seen through maps from ``shape × scale`` pixels, black beyond.

    Parameters
    ----------
    matrices
        Shape (n, 2, 3): from pixels of what is cut out to pixels of the image, both from the corner.
    bends
        How much lower each column is looked at, pixels of what is cut out, shape (n, columns).
    """
    down, along = ((torch.arange(edge, dtype=torch.float32) + 0.5) * scale for edge in shape)
    rows, columns = torch.meshgrid(down, along, indexing="ij")
    flat = torch.stack([columns, rows, torch.ones_like(rows)]).flatten(1)
    source = (matrices @ flat).reshape(-1, 2, *shape)
    if bends is not None:
        source = source + matrices[:, :, 1, None, None] * bends[:, None, None]
    source = source.permute(0, 2, 3, 1)
    height, width = images.shape[2:]
    grid = source / torch.tensor([width, height]) * 2.0 - 1.0
    return functional.grid_sample(images, grid, mode=mode, padding_mode="zeros", align_corners=False)
