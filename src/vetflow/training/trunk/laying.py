"""How a film is laid before the network in training, and what becomes of its answers."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vetflow.adapters.trunk_look import SQUARE
from vetflow.domain.trunk_sight import CUT, HEADS, HEART_POINTS, POINTS
from vetflow.domain.view import Region, View
from vetflow.training.heads import UNKNOWN
from vetflow.training.trunk.shots import LOOKS, Shots

COLUMN = {head: place for place, head in enumerate(HEADS)}
"""Where each head stands among the classes."""
_LATERAL = HEADS["plane"].index(View.LATERAL)
_CHEST = (HEADS["region"].index(Region.THORAX), HEADS["region"].index(Region.TRUNK))
_LEFT_WALL, _RIGHT_WALL = CUT.index("left wall"), CUT.index("right wall")
_CLOSE = [POINTS.index(name) for name in ("T3", "T12", *HEART_POINTS)]
"""Points that a closer look at the heart must show."""
_MIRRORED_EDGE = (2, 1, 0, 3)
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variety:
    """How films are shown; shares of films, and largest changes.

    Parameters
    ----------
    mirrored, turned
        Mirrored left to right; turned by a quarter or a half, which asks for no places.
    close
        Cut to heart and spine, as a second look is (`vetflow.adapters.runtime_trunk`); asks for places only.
    leaning
        Degrees.
    zoom, squash, shift
        Logarithm of the scale and of the aspect; share of the side. A whole film stays in sight, for what it cuts off
        is asked; only a closer look is shifted beyond that.
    """

    mirrored: float = 0.5
    turned: float = 0.15
    close: float = 0.15
    inverted: float = 0.06
    moved: float = 0.1
    lit: float = 1.0
    leaning: float = 3.0
    zoom: float = 0.14
    squash: float = 0.02
    shift: float = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """One film as it is laid.

    Parameters
    ----------
    look
        Which of the phantom's looks it is.
    matrix
        Map (2 × 3) from pixels of the input to pixels of the look, both from the corner.
    placed
        Whether places are asked for.
    """

    look: int
    matrix: _Floats
    classes: NDArray[np.int64]
    amounts: NDArray[np.float32]
    cut: NDArray[np.int64]
    lesions: NDArray[np.int64]
    placed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """A square cut from a look: its middle and side, pixels of the look; mirrored, then turned clockwise."""

    centre: tuple[float, float] = (SQUARE / 2, SQUARE / 2)
    span: float = float(SQUARE)
    close: bool = False
    mirrored: bool = False
    quarters: int = 0

    def matrix(self, how: Variety, rng: np.random.Generator, side: int) -> _Floats:
        """Return the map from the input to the look, a little off."""
        angle = math.radians(rng.uniform(-how.leaning, how.leaning)) - self.quarters * math.pi / 2
        zoom, squash = rng.uniform(0.0, how.zoom), rng.uniform(-how.squash, how.squash)
        room = how.shift if self.close else (math.exp(zoom) - 1.0) / 2.0
        shift = rng.uniform(-room, room, 2) * self.span
        cos, sin = math.cos(angle), math.sin(angle)
        turn = np.array([[cos, -sin], [sin, cos]]) @ np.diag([math.exp(squash), math.exp(-squash)])
        flip = np.diag([-1.0 if self.mirrored else 1.0, 1.0])
        linear = flip @ turn * (self.span * math.exp(zoom) / side)
        offset = np.array(self.centre) + shift - linear @ np.full(2, side / 2)
        return np.concatenate([linear, offset[:, None]], axis=1)


def lay(shots: Shots, index: int, how: Variety, rng: np.random.Generator, *, side: int) -> Laid:
    """Return a film as it is laid this time; `side` is that of the network's input."""
    look = int(rng.integers(LOOKS))
    frame = _frame(shots, index, look, how, rng)
    classes, cut = shots.classes[index].copy(), shots.cut[index].copy()
    amounts, lesions = shots.amounts[index].copy(), shots.lesions[index].copy()
    classes[COLUMN["inverted"]] = shots.inverted[index, look]
    if frame.mirrored:
        cut[[_LEFT_WALL, _RIGHT_WALL]] = cut[[_RIGHT_WALL, _LEFT_WALL]]
        amounts[0] *= 1.0 if classes[COLUMN["plane"]] == _LATERAL else -1.0
    _edges(classes, frame)
    if frame.close or frame.quarters:
        cut[:], amounts[:] = UNKNOWN, np.nan
    if frame.close:
        classes[[COLUMN[head] for head in ("region", "ribs", "limbs_over")]] = UNKNOWN
        lesions[:] = UNKNOWN
    return Laid(
        look=look, matrix=frame.matrix(how, rng, side), classes=classes, amounts=amounts, cut=cut, lesions=lesions,
        placed=frame.quarters == 0 and bool(classes[COLUMN["film"]] == 1),
    )  # fmt: skip


def _frame(shots: Shots, index: int, look: int, how: Variety, rng: np.random.Generator) -> _Frame:
    classes = shots.classes[index]
    chest = classes[COLUMN["plane"]] == _LATERAL and classes[COLUMN["region"]] in _CHEST
    if chest and rng.random() < how.close and (shots.points[index, _CLOSE, 2] > 0).all():
        centre, span = _closer(shots, index, look, rng)
        return _Frame(centre=centre, span=span, close=True, mirrored=bool(rng.random() < how.mirrored))
    mirrored = bool(rng.random() < how.mirrored)
    return _Frame(mirrored=mirrored, quarters=int(rng.integers(1, 4)) if rng.random() < how.turned else 0)


def _closer(shots: Shots, index: int, look: int, rng: np.random.Generator) -> tuple[tuple[float, float], float]:
    """Return middle and side of a square around heart and thoracic spine, as a second look has it."""
    fit = shots.fits[index, look]
    at = shots.points[index, _CLOSE, :2] * fit[:2] + fit[2:]
    low, high = at.min(axis=0), at.max(axis=0)
    span = float((high - low).max()) * rng.uniform(1.15, 1.5)
    middle = (low + high) / 2 + rng.uniform(-0.06, 0.06, 2) * span
    return (float(middle[0]), float(middle[1])), span


def _edges(classes: NDArray[np.int64], frame: _Frame) -> None:
    """Move the edges that head and back point to: left, top, right, bottom count clockwise."""
    for head in ("head", "back"):
        edge = int(classes[COLUMN[head]])
        if edge != UNKNOWN:
            edge = _MIRRORED_EDGE[edge] if frame.mirrored else edge
            classes[COLUMN[head]] = (edge + frame.quarters) % 4
