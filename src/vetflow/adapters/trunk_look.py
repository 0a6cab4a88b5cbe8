"""What the trunk network gives for one film, seen the right way up, mirrored, and once more from close by."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from vetflow.adapters.trunk_network import AMOUNTS, SCALES, Seen, parted
from vetflow.domain.errors import StudyRefused
from vetflow.domain.trunk_sight import CUT, HEADS, HEART_POINTS, POINTS, VERTEBRAE
from vetflow.domain.view import View

SQUARE = 352
"""Side of the square that films are fitted to; the network's input is cut from it."""
_MIRRORED_EDGE = (2, 1, 0, 3)
_MIRRORED_WALL = {"left wall": "right wall", "right wall": "left wall"}
_OTHER_WALL = tuple(CUT.index(_MIRRORED_WALL.get(part, part)) for part in CUT)
"""For each part that may be cut off the one that a mirrored film shows in its place."""
_NEAREST = 10
_NEAR = 3
"""Pixels of the map around a peak that a landmark's place and certainty are taken from."""
_CLOSE = tuple(POINTS.index(name) for name in (*VERTEBRAE[3:13], *HEART_POINTS))
_ROOM, _SURE_ENOUGH, _SMALLEST = 1.3, 0.3, SQUARE / 16
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Raw:
    """What the network gives for a film, uncalibrated; places are pixels of the square from its corner.

    Parameters
    ----------
    heads
        Logits by head, shape (copies, classes); the first copy is the film itself.
    amounts, spreads
        By the names of `AMOUNTS`, in their own units.
    cut, lesions
        Logits, shape (copies, names).
    spots
        Shape (points, 4): column, row, share of the map around the peak, share that it is on the film.
    outlines
        Probabilities, shape (outlines, rows, columns), over the whole square.
    oddness
        Mean distance to the nearest neighbours among films learnt from.
    """

    heads: Mapping[str, Floats]
    amounts: Mapping[str, float]
    spreads: Mapping[str, float]
    cut: Floats
    lesions: Floats
    spots: Floats
    outlines: NDArray[np.float32]
    oddness: float
    features: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """How a film is laid for the network: mirrored left to right first, then turned clockwise."""

    mirrored: bool = False
    quarters: int = 0

    def matrix(self, centre: tuple[float, float], span: float, side: int) -> torch.Tensor:
        """Return the map (2 × 3) from pixels of the input to pixels of the square."""
        angle = -self.quarters * np.pi / 2
        turn = np.round(np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]))
        linear = np.diag([-1.0 if self.mirrored else 1.0, 1.0]) @ turn * (span / side)
        offset = np.array(centre) - linear @ np.full(2, side / 2)
        return torch.tensor(np.concatenate([linear, offset[:, None]], axis=1), dtype=torch.float32)

    def edge(self, edge: int) -> int:
        """Return where an edge of the film comes to lie, counted clockwise from the left."""
        return ((_MIRRORED_EDGE[edge] if self.mirrored else edge) + self.quarters) % 4

    def back(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return maps (n, rows, columns) of the film so laid as they lie on the square."""
        turned = np.rot90(maps, self.quarters, axes=(1, 2))
        return np.ascontiguousarray(turned[:, :, ::-1] if self.mirrored else turned)


_TURNS = tuple(_Turn(mirrored=mirrored, quarters=quarters) for mirrored in (False, True) for quarters in range(4))


class TrunkLooker:
    """Asks a network about films.

    Parameters
    ----------
    network
        In evaluation mode, with the features of films it learnt from.
    side
        Of its input.
    """

    def __init__(self, network: nn.Module, *, side: int) -> None:
        self._network = network
        self._side = side

    def first(self, square: NDArray[np.float32]) -> Mapping[str, Floats]:
        """Return the logits of all heads, shape (1, classes), for a film as it lies."""
        return _heads(self._asked(square, [_Turn()], (SQUARE / 2, SQUARE / 2), float(SQUARE)))

    def look(self, square: NDArray[np.float32], first: Mapping[str, Floats]) -> Raw:
        """Return what is seen on a film (`SQUARE` × `SQUARE`, 0 to 1, bone bright) of which `first` is known.

        Raises
        ------
        StudyRefused
            ``model_output_invalid``: the network gave something that isn't a number.
        """
        laid = _upright(first)
        copies = [laid, _Turn(mirrored=not laid.mirrored, quarters=-laid.quarters % 4)]
        seen = self._asked(square, copies, (SQUARE / 2, SQUARE / 2), float(SQUARE))
        spots = self._spots(seen, copies, (SQUARE / 2, SQUARE / 2), float(SQUARE))
        raw = _raw(seen, copies, spots, oddness=self._oddness(seen))
        box = _around_heart(spots)
        if box is None or not _lateral(raw.heads):
            return raw
        centre, span = box
        closer = self._spots(self._asked(square, copies, centre, span), copies, centre, span)
        return replace(raw, spots=_sharper(spots, closer, centre, span))

    def _asked(self, square: NDArray[np.float32], turns: list[_Turn], centre: tuple[float, float], span: float) -> Seen:
        film = torch.from_numpy(square)[None, None]
        matrices = torch.stack([turn.matrix(centre, span, self._side) for turn in turns])
        with torch.inference_mode():
            seen: Seen = self._network(cut_out(film.expand(len(turns), -1, -1, -1), matrices, self._side))
        if not all(bool(torch.isfinite(part).all()) for part in seen):
            raise StudyRefused("model_output_invalid")
        return seen

    def _spots(self, seen: Seen, turns: list[_Turn], centre: tuple[float, float], span: float) -> Floats:
        """Return landmarks on the square, shape (points, 4), the copies' maps put together."""
        side = self._side // 2
        shares = torch.exp(seen.spots.double())
        maps = shares[:, :, :-1].reshape(*shares.shape[:2], side, side).numpy()
        upright = np.mean([turn.back(one) for turn, one in zip(turns, maps, strict=True)], axis=0)
        there = 1.0 - shares[:, :, -1].mean(dim=0).numpy()
        places = np.array([_peak(one) for one in upright])
        places[:, :2] = (places[:, :2] / side - 0.5) * span + np.array(centre)
        return np.column_stack([places, there])

    def _oddness(self, seen: Seen) -> float:
        known = self._network.get_buffer("neighbours")
        distances = 1.0 - seen.features[0] @ known.T
        return float(torch.topk(distances, min(_NEAREST, len(distances)), largest=False).values.mean())


def cut_out(
    images: torch.Tensor, matrices: torch.Tensor, side: int, *, mode: str = "bilinear", scale: float = 1.0
) -> torch.Tensor:
    """Return images (n, 1, rows, columns) seen through maps from a square of ``side × scale`` pixels, black beyond.

    Parameters
    ----------
    matrices
        Shape (n, 2, 3): from pixels of the square to pixels of the image, both from the corner.
    """
    places = (torch.arange(side, dtype=torch.float32) + 0.5) * scale
    rows, columns = torch.meshgrid(places, places, indexing="ij")
    flat = torch.stack([columns, rows, torch.ones_like(rows)]).flatten(1)
    source = (matrices @ flat).reshape(-1, 2, side, side).permute(0, 2, 3, 1)
    height, width = images.shape[2:]
    grid = source / torch.tensor([width, height]) * 2.0 - 1.0
    return functional.grid_sample(images, grid, mode=mode, padding_mode="zeros", align_corners=False)


def _heads(seen: Seen) -> Mapping[str, Floats]:
    return {head: part.numpy() for head, part in parted(seen.answers.double()).heads.items()}


def _lateral(heads: Mapping[str, Floats]) -> bool:
    return HEADS["plane"][int(heads["plane"].mean(axis=0).argmax())] == View.LATERAL


def _upright(first: Mapping[str, Floats]) -> _Turn:
    """Return how to lay a film: head to the left and back up, or head up."""
    head, back = (int(first[name].mean(axis=0).argmax()) for name in ("head", "back"))
    if _lateral(first):
        fitting = (turn for turn in _TURNS if turn.edge(head) == 0 and turn.edge(back) == 1)
        return next(fitting, next(turn for turn in _TURNS if turn.edge(head) == 0))
    return next(turn for turn in _TURNS if turn.edge(head) == 1)


def _raw(seen: Seen, turns: list[_Turn], spots: Floats, *, oddness: float) -> Raw:
    told = parted(seen.answers.double())
    heads = _heads(seen)
    signed = told.amounts.numpy() * np.array(SCALES)
    if not _lateral(heads):
        signed[1, AMOUNTS.index("rotation")] *= -1.0
    wide = np.exp(told.spreads.numpy()) * np.array(SCALES)
    shares = torch.sigmoid(seen.outlines).numpy()
    return Raw(
        heads={**heads, **{name: _unturned(heads[name], turns) for name in ("head", "back")}},
        amounts={name: float(signed[:, at].mean()) for at, name in enumerate(AMOUNTS)},
        spreads={name: float(wide[:, at].mean()) for at, name in enumerate(AMOUNTS)},
        cut=np.stack([told.cut[0].numpy(), told.cut[1].numpy()[list(_OTHER_WALL)]]),
        lesions=told.lesions.numpy(),
        spots=spots,
        outlines=np.mean([turn.back(one) for turn, one in zip(turns, shares, strict=True)], axis=0),
        oddness=oddness,
        features=seen.features[0].numpy(),
    )


def _unturned(logits: Floats, turns: list[_Turn]) -> Floats:
    """Return logits of edges as those of the film before it was turned."""
    return np.stack([row[[turn.edge(edge) for edge in range(4)]] for turn, row in zip(turns, logits, strict=True)])


def _peak(shares: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return column, row and share of what lies around the highest place of a map, pixels from its corner."""
    row, column = np.unravel_index(int(shares.argmax()), shares.shape)
    top, left = max(0, int(row) - _NEAR), max(0, int(column) - _NEAR)
    near: Floats = shares[top : int(row) + _NEAR + 1, left : int(column) + _NEAR + 1]
    across, down = np.asarray(near.sum(axis=0), np.float64), np.asarray(near.sum(axis=1), np.float64)
    mass = float(near.sum())
    if mass <= 0.0:
        return float(column) + 0.5, float(row) + 0.5, 0.0
    x = float(across @ np.arange(len(across))) / mass
    y = float(down @ np.arange(len(down))) / mass
    return left + x + 0.5, top + y + 0.5, mass


def _around_heart(spots: Floats) -> tuple[tuple[float, float], float] | None:
    """Return centre and side of a square around heart and thoracic spine, None where they are not seen."""
    seen = spots[list(_CLOSE)]
    if (seen[-len(HEART_POINTS) :, 3] < _SURE_ENOUGH).any() or (seen[:, 3] > _SURE_ENOUGH).sum() < len(_CLOSE) - 4:
        return None
    at = seen[seen[:, 3] > _SURE_ENOUGH, :2]
    low, high = at.min(axis=0), at.max(axis=0)
    middle, span = (low + high) / 2, float((high - low).max()) * _ROOM
    return ((float(middle[0]), float(middle[1])), span) if span > _SMALLEST else None


def _sharper(spots: Floats, closer: Floats, centre: tuple[float, float], span: float) -> Floats:
    """Return landmarks with those taken from the closer look that it shows well inside its frame."""
    inside = (np.abs(closer[:, :2] - np.array(centre)) < 0.47 * span).all(axis=1)
    better = inside & (closer[:, 2] > 0.5 * spots[:, 2]) & (spots[:, 3] > _SURE_ENOUGH)
    near = np.hypot(*(closer[:, :2] - spots[:, :2]).T) < 0.08 * span
    return np.where((better & near)[:, None], np.column_stack([closer[:, :3], spots[:, 3]]), spots)
