"""What the trunk networks give for one film: how it lies, then what it shows the right way up, and from close by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special

from vetflow.adapters.trunk_frame import GRID, SQUARE, Frame, Turn, cut_out, shown, upright
from vetflow.adapters.trunk_network import AMOUNTS, LAYING_SIDE, SCALES, Seen, TrunkNetwork, lying, parted
from vetflow.adapters.trunk_parts import PARTS, alone
from vetflow.domain.errors import StudyRefused
from vetflow.domain.trunk_sight import CUT, HEADS, HEART_POINTS, LESIONS, OUTLINES, POINTS, VERTEBRAE
from vetflow.domain.view import Region, View
from vetflow.vision.spine import in_a_row, peak

_MIRRORED_WALL = {"left wall": "right wall", "right wall": "left wall"}
_OTHER_WALL = tuple(CUT.index(_MIRRORED_WALL.get(part, part)) for part in CUT)
"""For each part that may be cut off the one that a mirrored film shows in its place."""
_NEAREST = 10
_CLOSE = tuple(POINTS.index(name) for name in (*VERTEBRAE[3:13], *HEART_POINTS))
_ROOM, _SURE_ENOUGH, _SMALLEST = 1.3, 0.3, SQUARE / 16
_AROUND = 1.03
"""How much wider than what a film shows it is cut out."""
_MAYBE, _CLEAR = 0.02, 0.95
"""Shares of an edge from which the head may point there, and from which no other one is tried."""
_BODIES = len(VERTEBRAE)
_BLURRED = 10
"""Pixels around the peak of a landmark of the heart that its place is the mean of: its borders have no corners."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Raw:
    """What the network gives for a film, uncalibrated; places are pixels of the square from its corner.

    Parameters
    ----------
    heads
        Logits by head, shape (copies, classes); the first copy is the film itself, the other one mirrored.
    amounts, spreads
        By the names of `AMOUNTS`, in their own units.
    cut, lesions
        Logits, shape (copies, names).
    spots
        Shape (points, 4): column, row, share of the map around the peak, share that it is on the film.
    outlines
        Probabilities, shape (outlines, `GRID`, `GRID`), over the whole square.
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Laid:
    """A film laid one way, what is seen on it so, and its landmarks on the square."""

    turn: Turn
    frame: Frame
    seen: Seen
    spots: Floats

    @property
    def vertebrae(self) -> float:
        """About how many vertebrae are seen: a film that lies the wrong way shows hardly any."""
        spine = self.spots[: len(VERTEBRAE)]
        return float((spine[:, 2] * spine[:, 3]).sum())


class TrunkLooker:
    """Asks the networks about films.

    Parameters
    ----------
    network
        In evaluation mode, with the features of films it learnt from.
    """

    def __init__(self, network: TrunkNetwork) -> None:
        self._network = network
        self._shape = network.shape

    def first(self, square: NDArray[np.float32]) -> Mapping[str, Floats]:
        """Return the logits by the names of `LAYING`, shape (2, classes): the film as it lies, and mirrored.

        Raises
        ------
        StudyRefused
            ``model_output_invalid``: the network gave something that isn't a number.
        """
        turns = [Turn(), Turn(mirrored=True)]
        whole = [Frame(turn=turn, centre=(SQUARE / 2, SQUARE / 2), span=float(SQUARE)) for turn in turns]
        small = _cut(square, [frame.matrix((LAYING_SIDE, LAYING_SIDE)) for frame in whole], (LAYING_SIDE, LAYING_SIDE))
        with torch.inference_mode():
            told = {head: logits.double() for head, logits in lying(self._network.laying(small)).items()}
        _checked(told.values())
        heads = {head: logits.numpy() for head, logits in told.items()}
        return {**heads, **{name: _unturned(heads[name], turns) for name in ("head", "back")}}

    def look(self, square: NDArray[np.float32], first: Mapping[str, Floats]) -> Raw:
        """Return what is seen on a film (`SQUARE` × `SQUARE`, 0 to 1, bone bright) of which `first` is known.

        Raises
        ------
        StudyRefused
            ``model_output_invalid``: the network gave something that isn't a number.
        """
        ways = {edge: self._laid(square, _upright(first, edge)) for edge in _edges(first)}
        if len(ways) > 1:
            first = {**first, "head": first["head"] + _told_by(ways)}
        head = int(first["head"].mean(axis=0).argmax())
        best = ways[head]
        raw = self._raw(best, first)
        if _whole_trunk(raw.heads):
            raw = self._part_by_part(square, raw, best.turn, head)
        closer = self._around_heart(best.spots, best.turn) if _lateral(raw.heads) else None
        if closer is None:
            return raw
        near = self._heart(*self._maps(self._asked(square, closer)), closer)
        return replace(raw, spots=_sharper(best.spots, near, closer))

    def _laid(self, square: NDArray[np.float32], turn: Turn) -> _Laid:
        frame = Frame.around(*shown(square), turn, self._shape, room=_AROUND)
        seen = self._asked(square, frame)
        return _Laid(turn=turn, frame=frame, seen=seen, spots=self._spots(seen, frame))

    def _part_by_part(self, square: NDArray[np.float32], raw: Raw, turn: Turn, head: int) -> Raw:
        """Return what is seen of a whole trunk with chest and belly looked at alone; both looks count as much."""
        lesions, outlines = raw.lesions.copy(), raw.outlines.copy()
        for part in PARTS:
            film = alone(square, raw.spots, part, head=head)
            if film is not None:
                frame = Frame.around(*shown(film), turn, self._shape, room=_AROUND)
                seen = self._asked(film, frame)
                asked, drawn = map(list, (map(LESIONS.index, part.lesions), map(OUTLINES.index, part.outlines)))
                told = parted(seen.answers.double()).lesions.numpy()
                lesions[:, asked] = (lesions[:, asked] + told[:, asked]) / 2.0
                outlines[drawn] = (outlines[drawn] + self._outlined(seen, frame)[drawn]) / 2.0
        return replace(raw, lesions=lesions, outlines=outlines)

    def _asked(self, square: NDArray[np.float32], frame: Frame) -> Seen:
        """Return what is seen in a frame, and in the same one mirrored top to bottom."""
        film = _cut(square, [frame.matrix(self._shape)], self._shape)
        with torch.inference_mode():
            seen: Seen = self._network(torch.cat([film, film.flip(2)]))
        _checked(seen)
        return seen

    def _spots(self, seen: Seen, frame: Frame) -> Floats:
        """Return landmarks on the square, shape (points, 4)."""
        maps, there = self._maps(seen)
        spine = _placed(in_a_row(maps[:_BODIES], there[:_BODIES]), there[:_BODIES], frame.matrix(maps.shape[1:]))
        return np.concatenate([spine, self._heart(maps, there, frame)])

    def _maps(self, seen: Seen) -> tuple[Floats, Floats]:
        """Return where landmarks are, both copies' maps put together, and how likely each is on the film."""
        shares = torch.exp(seen.spots.double())
        rows, columns = self._shape[0] // 2, self._shape[1] // 2
        maps = shares[:, :, :-1].reshape(*shares.shape[:2], rows, columns).numpy()
        return (maps[0] + maps[1, :, ::-1]) / 2.0, 1.0 - shares[:, :, -1].mean(dim=0).numpy()

    def _heart(self, maps: Floats, there: Floats, frame: Frame) -> Floats:
        """Return the landmarks of the heart on the square, shape (points, 4)."""
        places = np.array([peak(one, near=_BLURRED) for one in maps[_BODIES:]])
        return _placed(places, there[_BODIES:], frame.matrix(maps.shape[1:]))

    def _raw(self, laid: _Laid, first: Mapping[str, Floats]) -> Raw:
        seen = laid.seen
        told = parted(seen.answers.double())
        heads = {**first, **{head: part.numpy() for head, part in told.heads.items()}}
        signed = told.amounts.numpy() * np.array(SCALES)
        if not _lateral(heads):
            signed[1, AMOUNTS.index("rotation")] *= -1.0
        wide = np.exp(told.spreads.numpy()) * np.array(SCALES)
        return Raw(
            heads=heads,
            amounts={name: float(signed[:, at].mean()) for at, name in enumerate(AMOUNTS)},
            spreads={name: float(wide[:, at].mean()) for at, name in enumerate(AMOUNTS)},
            cut=np.stack([told.cut[0].numpy(), told.cut[1].numpy()[list(_OTHER_WALL)]]),
            lesions=told.lesions.numpy(),
            spots=laid.spots,
            outlines=self._outlined(seen, laid.frame),
            oddness=self._oddness(seen),
        )

    def _outlined(self, seen: Seen, frame: Frame) -> NDArray[np.float32]:
        """Return outlines as they lie on the square's grid, those of both copies put together."""
        shares = torch.sigmoid(seen.outlines)
        maps = (shares[0] + shares[1].flip(1)) / 2.0
        inner = np.vstack([frame.matrix(self._shape) * (GRID / SQUARE), [0.0, 0.0, 1.0]]) @ np.diag([2.0, 2.0, 1.0])
        back = torch.tensor(np.linalg.inv(inner)[:2], dtype=torch.float32)
        return cut_out(maps[None], back[None], (GRID, GRID))[0].numpy()

    def _oddness(self, seen: Seen) -> float:
        distances = 1.0 - seen.features[0] @ self._network.get_buffer("neighbours").T
        return float(torch.topk(distances, min(_NEAREST, len(distances)), largest=False).values.mean())

    def _around_heart(self, spots: Floats, turn: Turn) -> Frame | None:
        """Return the frame around heart and thoracic spine, None where they are not seen."""
        seen = spots[list(_CLOSE)]
        sure = seen[:, 3] > _SURE_ENOUGH
        if not sure[-len(HEART_POINTS) :].all() or sure.sum() < len(_CLOSE) - 4:
            return None
        at = seen[sure, :2]
        frame = Frame.around(at.min(axis=0), at.max(axis=0), turn, self._shape, room=_ROOM)
        return frame if frame.span > _SMALLEST else None


def _cut(square: NDArray[np.float32], matrices: list[Floats], shape: tuple[int, int]) -> torch.Tensor:
    maps = torch.tensor(np.stack(matrices), dtype=torch.float32)
    return cut_out(torch.from_numpy(square)[None, None].expand(len(maps), -1, -1, -1), maps, shape)


def _checked(parts: Iterable[torch.Tensor]) -> None:
    if not all(bool(torch.isfinite(part).all()) for part in parts):
        raise StudyRefused("model_output_invalid")


def _lateral(heads: Mapping[str, Floats]) -> bool:
    return HEADS["plane"][int(heads["plane"].mean(axis=0).argmax())] == View.LATERAL


def _whole_trunk(heads: Mapping[str, Floats]) -> bool:
    return HEADS["region"][int(heads["region"].mean(axis=0).argmax())] == Region.TRUNK


def _edges(first: Mapping[str, Floats]) -> list[int]:
    """Return the edges that the head may point to, counted clockwise from the left: one when the first look is sure."""
    shares = np.asarray(special.softmax(first["head"].mean(axis=0)), np.float64)
    best = int(shares.argmax())
    return [best] if shares[best] >= _CLEAR else [int(edge) for edge in np.flatnonzero(shares >= _MAYBE)]


def _told_by(ways: Mapping[int, _Laid]) -> Floats:
    """Return what the vertebrae that are seen add to the logits of the edges that the head may point to."""
    return np.array([ways[edge].vertebrae if edge in ways else 0.0 for edge in range(4)])


def _upright(first: Mapping[str, Floats], head: int) -> Turn:
    """Return how to lay a film whose head points to an edge: head to the left, and back up on a lateral one."""
    return upright(head, int(first["back"].mean(axis=0).argmax()) if _lateral(first) else None)


def _unturned(logits: Floats, turns: list[Turn]) -> Floats:
    """Return logits of edges as those of the film before it was turned."""
    return np.stack([row[[turn.edge(edge) for edge in range(4)]] for turn, row in zip(turns, logits, strict=True)])


def _placed(places: Floats, there: Floats, matrix: Floats) -> Floats:
    return np.column_stack([places[:, :2] @ matrix[:, :2].T + matrix[:, 2], places[:, 2], there])


def _sharper(spots: Floats, closer: Floats, frame: Frame) -> Floats:
    """Return landmarks, those of the heart from the closer look where it shows them well inside its frame.

    Vertebrae stay: the closer look shows less of what they are counted by.
    """
    wide = spots[_BODIES:]
    near = np.hypot(*(closer[:, :2] - wide[:, :2]).T) < 0.08 * frame.span
    better = near & (closer[:, 2] > 0.5 * wide[:, 2]) & (closer[:, 3] > 0.5) & (wide[:, 3] > _SURE_ENOUGH)
    heart = np.where(better[:, None], np.column_stack([closer[:, :3], wide[:, 3]]), wide)
    return np.concatenate([spots[:_BODIES], heart])
