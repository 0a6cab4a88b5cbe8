"""How a film is laid before the networks in training, and what becomes of its answers."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vetflow.adapters.trunk_frame import SQUARE, Frame, Turn, shown, upright
from vetflow.adapters.trunk_network import LAYING, LAYING_SIDE
from vetflow.domain.trunk_sight import CUT, HEADS, HEART_POINTS, POINTS
from vetflow.domain.view import Region, View
from vetflow.training.heads import UNKNOWN
from vetflow.training.trunk.cropping import EVERYTHING, Field, gone, narrower
from vetflow.training.trunk.shots import LOOKS, Shots

COLUMN = {head: place for place, head in enumerate(HEADS)}
"""Where each head stands among the classes."""
_LATERAL = HEADS["plane"].index(View.LATERAL)
_CHEST = (HEADS["region"].index(Region.THORAX), HEADS["region"].index(Region.TRUNK))
_LEFT_WALL, _RIGHT_WALL = CUT.index("left wall"), CUT.index("right wall")
_CLOSE = [POINTS.index(name) for name in ("T3", "T12", *HEART_POINTS)]
"""Points that a closer look at the heart must show."""
_FLIPPED = np.diag([1.0, -1.0])
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variety:
    """How films are shown; shares of films, and largest changes.

    Parameters
    ----------
    turned
        Whether the small pictures that tell how a film lies are turned and mirrored any way.
    mirrored
        Mirrored top to bottom once they lie with the head to the left, as the second look at each film is.
    close
        Cut to heart and spine, as a closer look is (`vetflow.adapters.trunk_look`); asks for places only.
    swapped
        Of the small pictures: with bone dark.
    cropped
        With a narrower field, which cuts off what the answers then say.
    slanted, bent
        With the animal across the film, and with its back bent into waves: phantoms lie straight, animals don't.
    leaning, slant
        Degrees: of all films, and of slanted ones.
    bend
        Share of the rows that a column is moved by.
    zoom, squash, shift
        Logarithm of the scale and of the aspect; share of the width. A whole film stays in sight, for what it cuts off
        is asked; only a closer look is shifted beyond that.
    """

    turned: bool = True
    mirrored: float = 0.4
    close: float = 0.25
    swapped: float = 0.15
    moved: float = 0.1
    lit: float = 1.0
    cropped: float = 0.4
    slanted: float = 0.1
    bent: float = 0.4
    leaning: float = 3.0
    slant: float = 20.0
    bend: float = 0.12
    zoom: float = 0.14
    squash: float = 0.02
    shift: float = 0.03


STILL = Variety(
    turned=False, mirrored=0.0, close=0.0, swapped=0.0, moved=0.0, lit=0.0, cropped=0.0, slanted=0.0, bent=0.0,
    leaning=0.0, zoom=0.0, squash=0.0, shift=0.0,
)  # fmt: skip
"""Films as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """One film as it is laid.

    Parameters
    ----------
    look
        Which of the phantom's looks it is.
    matrix, small
        Maps (2 × 3) from pixels of the input, and of the small picture, to pixels of the look, all from the corner.
    bend
        How much lower each column of the input is looked at, pixels.
    field
        Corners of what is left of the look; all beyond is dark.
    lying
        Classes of `LAYING` for the small picture.
    placed
        Whether places are asked for.
    """

    look: int
    matrix: _Floats
    small: _Floats
    bend: _Floats
    field: Field
    classes: NDArray[np.int64]
    lying: NDArray[np.int64]
    amounts: NDArray[np.float32]
    cut: NDArray[np.int64]
    lesions: NDArray[np.int64]
    placed: bool


def lay(shots: Shots, index: int, how: Variety, rng: np.random.Generator, *, shape: tuple[int, int]) -> Laid:
    """Return a film as it is laid this time; `shape` is that of the network's input, rows × columns."""
    look = int(rng.integers(LOOKS))
    known, cut = shots.classes[index].copy(), shots.cut[index].copy()
    amounts, lesions, classes = shots.amounts[index].copy(), shots.lesions[index].copy(), known.copy()
    close, mirrored = _may_be_close(shots, index) and rng.random() < how.close, rng.random() < how.mirrored
    field = EVERYTHING
    if not close and rng.random() < how.cropped:
        field = narrower(shots, index, look, rng)
        cut[gone(shots, index, look, field) & (cut != UNKNOWN)] = 1
    slant = 0.0 if close else _slant(how, rng)
    if close:
        frame = _closer(shots, index, look, rng, shape)
    else:
        frame = _frame(shots, index, look, rng, shape, field=field, slant=slant)
    if mirrored:
        cut[[_LEFT_WALL, _RIGHT_WALL]] = cut[[_RIGHT_WALL, _LEFT_WALL]]
        amounts[0] *= 1.0 if classes[COLUMN["plane"]] == _LATERAL else -1.0
    if close:
        cut[:], amounts[:], lesions[:] = UNKNOWN, np.nan, UNKNOWN
        classes[[COLUMN[head] for head in ("region", "ribs", "limbs_over")]] = UNKNOWN
    small, lying = _anyhow(known, int(shots.inverted[index, look]), how, rng)
    return Laid(
        look=look, matrix=_shaken(frame, how, rng, shape, close=close, mirrored=mirrored, slant=slant), small=small,
        bend=_bend(how, rng, shape), field=field, classes=classes, lying=lying, amounts=amounts, cut=cut,
        lesions=lesions, placed=bool(classes[COLUMN["film"]] == 1),
    )  # fmt: skip


def _anyhow(
    classes: NDArray[np.int64], inverted: int, how: Variety, rng: np.random.Generator
) -> tuple[_Floats, NDArray[np.int64]]:
    """Return the map of the small picture, turned any way, and how a film with these classes then lies."""
    turn = Turn(mirrored=bool(rng.random() < 0.5), quarters=int(rng.integers(4))) if how.turned else Turn()
    frame = Frame(turn=turn, centre=(SQUARE / 2, SQUARE / 2), span=float(SQUARE))
    told = classes[[COLUMN[head] for head in LAYING]]
    told[LAYING.index("inverted")] = inverted
    for head in ("head", "back"):
        edge = int(classes[COLUMN[head]])
        told[LAYING.index(head)] = turn.edge(edge) if edge != UNKNOWN else UNKNOWN
    small = (LAYING_SIDE, LAYING_SIDE)
    return _shaken(frame, how, rng, small, close=False, mirrored=False, slant=_slant(how, rng)), told


def _bend(how: Variety, rng: np.random.Generator, shape: tuple[int, int]) -> _Floats:
    """Return how much lower each column is looked at: a slow wave along the animal; most films are straight."""
    rows, columns = shape
    deep = rng.uniform(0.0, how.bend) * rows if rng.random() < how.bent else 0.0
    along = (np.arange(columns) + 0.5) / columns
    return deep * np.sin(2.0 * np.pi * (rng.uniform(0.3, 1.2) * along + rng.uniform()))


def _slant(how: Variety, rng: np.random.Generator) -> float:
    """Return how far a film is turned, radians; most are not."""
    return math.radians(rng.uniform(-how.slant, how.slant)) if rng.random() < how.slanted else 0.0


def _may_be_close(shots: Shots, index: int) -> bool:
    classes = shots.classes[index]
    chest = classes[COLUMN["plane"]] == _LATERAL and classes[COLUMN["region"]] in _CHEST
    return bool(chest and (shots.points[index, _CLOSE, 2] > 0).all())


def _turn(shots: Shots, index: int, rng: np.random.Generator) -> Turn:
    head, back = (int(shots.classes[index, COLUMN[name]]) for name in ("head", "back"))
    return Turn(quarters=int(rng.integers(4))) if head == UNKNOWN else upright(head, None if back == UNKNOWN else back)


def _frame(
    shots: Shots, index: int, look: int, rng: np.random.Generator, shape: tuple[int, int], *, field: Field, slant: float
) -> Frame:
    """Return the frame around what a film shows; around a narrower field half of the time, as if that was the film."""
    low, high = shown(shots.looks[index, look] / np.float32(255.0))
    if field is not EVERYTHING and rng.random() < 0.5:
        low, high = field
    middle, half = (low + high) / 2, (high - low) / 2
    half = math.cos(slant) * half + abs(math.sin(slant)) * half[::-1]
    return Frame.around(middle - half, middle + half, _turn(shots, index, rng), shape, room=1.0)


def _closer(shots: Shots, index: int, look: int, rng: np.random.Generator, shape: tuple[int, int]) -> Frame:
    fit, turn = shots.fits[index, look], _turn(shots, index, rng)
    at = shots.points[index, _CLOSE, :2] * fit[:2] + fit[2:]
    near = Frame.around(at.min(axis=0), at.max(axis=0), turn, shape, room=rng.uniform(1.1, 1.5))
    off = rng.uniform(-0.06, 0.06, 2) * near.span
    return Frame(turn=turn, centre=(near.centre[0] + float(off[0]), near.centre[1] + float(off[1])), span=near.span)


def _shaken(
    frame: Frame, how: Variety, rng: np.random.Generator, shape: tuple[int, int], *, close: bool, mirrored: bool,
    slant: float,
) -> _Floats:  # fmt: skip
    """Return the map from what is laid to the look, a little off."""
    angle = slant + math.radians(rng.uniform(-how.leaning, how.leaning))
    zoom, squash = rng.uniform(0.0, how.zoom), rng.uniform(-how.squash, how.squash)
    room = how.shift if close else (math.exp(zoom) - 1.0) / 2.0
    rows, columns = shape
    shift = rng.uniform(-room, room, 2) * np.array([columns, rows])
    cos, sin = math.cos(angle), math.sin(angle)
    inner = np.array([[cos, -sin], [sin, cos]]) @ np.diag([math.exp(squash), math.exp(-squash)]) * math.exp(zoom)
    inner = inner @ _FLIPPED if mirrored else inner
    middle = np.array([columns / 2, rows / 2])
    outer = frame.matrix(shape)
    moved = middle + shift - inner @ middle
    return np.concatenate([outer[:, :2] @ inner, (outer[:, :2] @ moved + outer[:, 2])[:, None]], axis=1)
