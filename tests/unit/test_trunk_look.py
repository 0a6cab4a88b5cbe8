"""A film laid any way is seen the right way up, and places come back to where they are on it."""

from itertools import product
from typing import cast

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from vetflow.adapters.trunk_frame import SQUARE
from vetflow.adapters.trunk_look import Raw, TrunkLooker
from vetflow.adapters.trunk_network import AMOUNTS, ASKED, LAYING, LAYING_SIDE, Seen, TrunkNetwork, parted
from vetflow.domain.errors import StudyRefused
from vetflow.domain.trunk_sight import CUT, HEADS, HEART_POINTS, LESIONS, OUTLINES, POINTS, VERTEBRAE

_SHAPE = (64, 96)
_EDGES = ("left", "top", "right", "bottom")


class _Laying(nn.Module):
    """Says that the head is where the dot of brightness 0.3 is, and the back where that of 0.2 is.

    When it is torn it says that the head may as well be opposite, and a little rather so.
    """

    def __init__(self, *, plane: str, broken: bool, torn: bool) -> None:
        super().__init__()
        self.plane, self.broken, self.torn = plane, broken, torn

    def forward(self, small: torch.Tensor) -> torch.Tensor:
        told = torch.stack([self._answers(one[0]) for one in small])
        return torch.full_like(told, torch.nan) if self.broken else told

    def _answers(self, film: torch.Tensor) -> torch.Tensor:
        told = {"plane": HEADS["plane"].index(self.plane), "head": _edge_of(film, 0.3), "back": _edge_of(film, 0.2)}
        parts = {head: _sure(head, told.get(head, 0)) for head in LAYING}
        if self.torn:
            parts["head"] = parts["head"] + 1.1 * parts["head"].roll(2)
        return torch.cat([*parts.values()])


class _Beacons(nn.Module):
    """Sees every landmark at the brightest place if the head is to the left, and an outline where it is bright."""

    def __init__(self, *, plane: str, broken: bool = False, torn: bool = False) -> None:
        super().__init__()
        self.plane, self.shape = plane, _SHAPE
        self.laying = _Laying(plane=plane, broken=broken, torn=torn)
        self.register_buffer("neighbours", torch.tensor([[1.0, 0.0]]))

    def forward(self, film: torch.Tensor) -> Seen:
        small = functional.avg_pool2d(film, 2)
        n = len(film)
        gone = torch.tensor([[-60.0 if _head_is_left(one[0]) else 120.0] for one in film])
        spots = torch.log_softmax(torch.cat([60.0 * small.flatten(1), gone], dim=1), dim=1)
        return Seen(
            spots=spots[:, None].expand(-1, len(POINTS), -1),
            outlines=(40.0 * (small - 0.5)).expand(-1, len(OUTLINES), -1, -1),
            answers=torch.stack([self._answers(one[0]) for one in film]),
            features=torch.tensor([[1.0, 0.0]]).expand(n, -1),
        )

    def _answers(self, film: torch.Tensor) -> torch.Tensor:
        """Say that the film is turned by how far down the brightest place lies: head left, that is along the walls."""
        told = {"plane": HEADS["plane"].index(self.plane)}
        amounts = torch.tensor([_row(film, 1.0) - 0.5, 0.5, 0.0, 0.0])
        parts = [_sure(head, told.get(head, 0)) for head in ASKED]
        return torch.cat([*parts, amounts, torch.arange(len(CUT)).float(), torch.zeros(len(LESIONS))])


class _TwoLooks(_Beacons):
    """Sees each landmark at a place of its own, and all of them lower by one pixel of the map in every closer look."""

    looks = 0

    def forward(self, film: torch.Tensor) -> Seen:
        rows, columns = _SHAPE[0] // 2, _SHAPE[1] // 2
        at = _scattered() + np.array([0.0, float(self.looks > 0)])
        if self.looks:
            near = _scattered()[[*range(3, 13), *range(len(VERTEBRAE), len(POINTS))]]
            low, high = near.min(axis=0), near.max(axis=0)
            at = (at - (low + high) / 2) * columns / (1.3 * (high - low)[0]) + (columns / 2, rows / 2)
        spots = torch.full((2, len(POINTS), rows, columns), -60.0)
        for name, (column, row) in enumerate(at.round().astype(int).clip(0, (columns - 1, rows - 1))):
            spots[0, name, row, column] = spots[1, name, rows - 1 - row, column] = 60.0
        self.looks += 1
        gone = torch.full((2, len(POINTS), 1), -60.0)
        seen = super().forward(film)
        return seen._replace(spots=torch.log_softmax(torch.cat([spots.flatten(2), gone], dim=2), dim=2))


class _Trunk(_TwoLooks):
    """Says that the film shows a whole trunk, and for each emergency how often it has looked."""

    def _answers(self, film: torch.Tensor) -> torch.Tensor:
        told = super()._answers(film)
        parted(told[None]).heads["region"][0, HEADS["region"].index("trunk")] = 20.0
        told[-len(LESIONS) :] = float(self.looks)
        return told


def _scattered() -> np.ndarray:
    """Return places on the map: vertebrae in a row, landmarks of the heart below them."""
    spine = [(1.0 + 2.0 * index, 8.0) for index in range(len(VERTEBRAE))]
    return np.array(spine + [(14.0 + 2.0 * index, 18.0) for index in range(len(HEART_POINTS))])


def _sure(head: str, answer: int) -> torch.Tensor:
    return functional.one_hot(torch.tensor(answer), len(HEADS[head])).float() * 9.0


def _head_is_left(film: torch.Tensor) -> bool:
    at = ((film - 0.3).abs() < 0.04).nonzero().float()
    return not len(at) or float(at.mean(dim=0)[1]) < _SHAPE[1] / 2


def _edge_of(film: torch.Tensor, level: float) -> int:
    at = ((film - level).abs() < 0.04).nonzero().float()
    if not len(at):
        return 0
    row, column = at.mean(dim=0).tolist()
    off = {0: LAYING_SIDE - column, 1: LAYING_SIDE - row, 2: column, 3: row}
    return max(off, key=lambda edge: off[edge])


def _row(film: torch.Tensor, level: float) -> float:
    return float((film >= 0.9 * level).nonzero().float().mean(dim=0)[0]) / _SHAPE[0]


def _square(*, head: str, back: str) -> np.ndarray:
    square = np.zeros((SQUARE, SQUARE), np.float32)
    middle, rim = SQUARE // 2, 22
    places = {
        "left": (middle, rim),
        "top": (rim, middle),
        "right": (middle, SQUARE - rim),
        "bottom": (SQUARE - rim, middle),
    }
    for edge, level in ((head, 0.3), (back, 0.2)):
        row, column = places[edge]
        square[row - 12 : row + 12, column - 12 : column + 12] = level
    square[85:113, 206:234] = 1.0  # around column 220, row 99
    return square


def _bright() -> np.ndarray:
    """Return a film that is bright to its edges, but for the dot that says that the head is to the left."""
    square = np.ones((SQUARE, SQUARE), np.float32)
    square[SQUARE // 2 - 12 : SQUARE // 2 + 12, 10:34] = 0.3
    return square


def _seen(square: np.ndarray, *, plane: str = "lateral", torn: bool = False) -> Raw:
    looker = TrunkLooker(cast("TrunkNetwork", _Beacons(plane=plane, torn=torn)))
    return looker.look(square, looker.first(square))


_LAID = [(head, back) for head, back in product(_EDGES, _EDGES) if _EDGES.index(head) % 2 != _EDGES.index(back) % 2]


@pytest.mark.parametrize(("head", "back"), _LAID)
def test_places_come_back_to_the_film_however_it_is_laid(head: str, back: str) -> None:
    raw = _seen(_square(head=head, back=back))

    np.testing.assert_allclose(raw.spots[:, :2], [[220.0, 99.0]] * len(POINTS), atol=SQUARE / _SHAPE[0])


@pytest.mark.parametrize(("head", "back"), _LAID)
def test_outlines_come_back_to_the_film_however_it_is_laid(head: str, back: str) -> None:
    raw = _seen(_square(head=head, back=back))

    rows, columns = np.nonzero(raw.outlines[0] > 0.5)

    assert (columns.mean() + 0.5) * SQUARE / raw.outlines.shape[2] == pytest.approx(220.0, abs=6.0)
    assert (rows.mean() + 0.5) * SQUARE / raw.outlines.shape[1] == pytest.approx(99.0, abs=6.0)


@pytest.mark.parametrize(("head", "back"), _LAID)
def test_both_copies_tell_the_edges_of_the_film_as_it_lies(head: str, back: str) -> None:
    raw = _seen(_square(head=head, back=back))

    assert [_EDGES[edge] for edge in raw.heads["head"].argmax(axis=1)] == [head, head]


@pytest.mark.parametrize(("head", "back"), _LAID)
def test_of_two_ways_that_a_film_may_lie_the_one_that_shows_the_spine_is_told(head: str, back: str) -> None:
    raw = _seen(_square(head=head, back=back), torn=True)

    assert _EDGES[int(raw.heads["head"].mean(axis=0).argmax())] == head
    np.testing.assert_allclose(raw.spots[:, :2], [[220.0, 99.0]] * len(POINTS), atol=SQUARE / _SHAPE[0])
    assert (raw.spots[:, 3] > 0.9).all()


def test_the_closer_look_moves_the_heart_and_leaves_the_vertebrae_where_they_were_counted() -> None:
    square = _bright()
    looker = TrunkLooker(cast("TrunkNetwork", _TwoLooks(plane="lateral")))

    spots = looker.look(square, looker.first(square)).spots

    pixel = SQUARE * 1.03 / (_SHAPE[0] / 2)
    lower = (spots[:, 1] - SQUARE / 2) / pixel - (_scattered()[:, 1] + 0.5 - _SHAPE[0] / 4)
    np.testing.assert_allclose(lower[: len(VERTEBRAE)], 0.0, atol=0.1)
    np.testing.assert_allclose(lower[len(VERTEBRAE) :], 1.0, atol=0.6)


def test_chest_and_belly_of_a_whole_trunk_are_asked_once_more_for_what_lies_in_them() -> None:
    square = _bright()
    looker = TrunkLooker(cast("TrunkNetwork", _Trunk(plane="sagittal")))

    raw = looker.look(square, looker.first(square))

    told = dict(zip(LESIONS, raw.lesions.T.tolist(), strict=True))
    assert told == {"volvulus": [2.0] * 2, "peritoneal": [2.0] * 2, "pleural": [1.5] * 2, "pneumothorax": [1.5] * 2}


def test_the_mirrored_copy_tells_the_walls_the_other_way_round() -> None:
    raw = _seen(_square(head="top", back="left"), plane="sagittal")

    left, right = CUT.index("left wall"), CUT.index("right wall")
    assert raw.cut[0].tolist() == list(range(len(CUT)))
    assert raw.cut[1, left] == right
    assert raw.cut[1, right] == left


def test_the_mirrored_copy_turns_the_other_way_on_a_frontal_film() -> None:
    raw = _seen(_square(head="top", back="left"), plane="sagittal")

    across = 1.03 * (234 - 10)  # head to the left, what the square shows from column 10 to 234 goes from bottom to top
    rotation = 10.0 * (0.5 - (220 - (234 + 10) / 2) / across - 0.5)
    assert raw.amounts[AMOUNTS[0]] == pytest.approx(rotation, abs=0.4)


def test_what_is_no_number_is_refused() -> None:
    looker = TrunkLooker(cast("TrunkNetwork", _Beacons(plane="lateral", broken=True)))

    with pytest.raises(StudyRefused, match="model output invalid"):
        looker.first(_square(head="left", back="top"))


def test_a_film_like_those_learnt_from_is_not_odd() -> None:
    assert _seen(_square(head="left", back="top")).oddness == pytest.approx(0.0, abs=1e-6)
