"""How films are shown to the trunk network, what wrong answers cost, and how a training goes on after it was killed."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.bundles import untrained_trunk

from vetflow.adapters.networks import build
from vetflow.adapters.trunk_frame import SQUARE
from vetflow.adapters.trunk_network import LAYING, Seen, TrunkNetwork, trunk
from vetflow.domain.errors import ConfigurationError
from vetflow.domain.trunk_card import Curve
from vetflow.domain.trunk_sight import CUT, HEADS, POINTS
from vetflow.training.heads import UNKNOWN
from vetflow.training.trunk.calibrating import curve, threshold
from vetflow.training.trunk.cropping import EVERYTHING, narrower
from vetflow.training.trunk.fitting import Schedule, fit
from vetflow.training.trunk.laying import COLUMN, Laid, Variety, lay
from vetflow.training.trunk.losses import asked, parts
from vetflow.training.trunk.pictures import Pictures
from vetflow.training.trunk.questions import asked_of
from vetflow.training.trunk.run import train
from vetflow.training.trunk.shots import LOOKS, SIDE, Shots, Wanted, orders

_SETTINGS = {"widths": (8, 8, 8, 16), "depth": 16, "rows": 64, "columns": 96, "neighbours": 8}
_SHAPE = (64, 96)
_AT = (150.0, 210.0)
_QUIET = {
    "leaning": 0.0, "zoom": 0.0, "squash": 0.0, "shift": 0.0, "close": 0.0, "moved": 0.0, "swapped": 0.0,
    "cropped": 0.0, "slanted": 0.0, "bent": 0.0,
}  # fmt: skip
_NOWHERE = (np.nan, np.nan, np.nan, np.nan)
_EXTENTS = ((138, 198, 144, 204), (156, 216, 162, 222), _NOWHERE, _NOWHERE, _NOWHERE, _NOWHERE, _NOWHERE)
"""Thoracic inlet and diaphragm, two opposite corners of the disc."""


def _shots(count: int = 6) -> Shots:
    """Return films with a bright disc, the first landmark in its middle and the first outline around it."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    disc = np.hypot(columns - _AT[0], rows - _AT[1]) < 14.0
    scale = SQUARE / SIDE
    look = np.zeros((SQUARE, SQUARE), np.uint8)
    look[
        int((_AT[1] - 14) * scale) : int((_AT[1] + 14) * scale), int((_AT[0] - 14) * scale) : int((_AT[0] + 14) * scale)
    ] = 200
    points = np.zeros((count, len(POINTS), 3), np.float32)
    points[:, 0] = (*_AT, 1.0)
    classes = np.zeros((count, len(HEADS)), np.int64)
    classes[:, COLUMN["film"]], classes[:, COLUMN["back"]], classes[:, COLUMN["motion"]] = 1, 1, UNKNOWN
    return Shots(
        looks=np.tile(look, (count, LOOKS, 1, 1)),
        fits=np.tile(np.array([scale, scale, 0.0, 0.0], np.float32), (count, LOOKS, 1)),
        inverted=np.zeros((count, LOOKS), np.int64),
        outlines=np.tile(disc.astype(np.uint16), (count, 1, 1)),
        points=points,
        extents=np.tile(np.array(_EXTENTS, np.float32), (count, 1, 1)),
        classes=classes,
        amounts=np.tile(np.array([7.0, 0.4], np.float32), (count, 1)),
        cut=np.tile(np.array([0, 0, 0, 0, 0, 1, 0]), (count, 1)),
        lesions=np.tile(np.array([UNKNOWN, UNKNOWN, 1, 0]), (count, 1)),
    )


@pytest.mark.parametrize("step", range(8))
def test_landmarks_and_outlines_move_with_the_film(step: int) -> None:
    how = Variety(close=0.0, zoom=0.2, slanted=1.0, bent=1.0, bend=0.03, cropped=0.0)
    pictures = Pictures(shots=_shots(), shape=(128, 192), seed=3, variety=how)

    batch = pictures.batch([0], step=step)

    at, outline = batch.points[0, 0], batch.outlines[0, 0]
    places = outline.nonzero().float().mean(dim=0) + 0.5
    assert (float(at[0]), float(at[1])) == pytest.approx((float(places[1]), float(places[0])), abs=0.6)


@pytest.mark.parametrize("seed", range(20))
def test_a_narrower_field_cuts_off_what_lies_beyond_it_and_nothing_else(seed: int) -> None:
    shots = _shots()
    field = narrower(shots, 0, 0, np.random.default_rng(seed))
    laid = _laid(shots, seed, cropped=1.0, mirrored=0.0)

    (left, top), (right, bottom) = (corner * SIDE / SQUARE for corner in laid.field)
    wholly = [left <= x and u <= right and top <= y and v <= bottom for x, y, u, v in _EXTENTS[:2]]
    assert field is not EVERYTHING
    assert [bool(one) for one in laid.cut[:2]] == [not one for one in wholly]
    assert laid.cut[2:].tolist() == [0, 0, 0, 1, 0]


def test_beyond_a_narrower_field_a_film_is_dark_and_shows_no_landmark() -> None:
    shots = _shots()
    shots.looks[:] = 200
    how = Variety(**_QUIET | {"cropped": 1.0, "lit": 0.0, "mirrored": 0.0})
    batches = [Pictures(shots=shots, shape=_SHAPE, seed=3, variety=how).batch([0], step=step) for step in range(12)]

    for batch in batches:
        lit = batch.films[0, 0] > 0.4
        column, row, seen = (float(one) for one in batch.points[0, 0])
        assert 0.0 < float(lit.float().mean()) < 1.0
        assert not seen or lit[int(2 * row), int(2 * column)]


def test_the_same_step_shows_the_same_films() -> None:
    pictures = Pictures(shots=_shots(), shape=_SHAPE, seed=3)

    first, second = pictures.batch([0, 1], step=5), pictures.batch([0, 1], step=5)

    assert torch.equal(first.films, second.films)


def _lying(laid: Laid, head: str) -> str:
    return HEADS[head][int(laid.lying[LAYING.index(head)])]


def _laid(shots: Shots, seed: int = 1, **how: float) -> Laid:
    return lay(shots, 0, Variety(**_QUIET | how), np.random.default_rng(seed), shape=_SHAPE)


@pytest.mark.parametrize("seed", range(12))
def test_the_small_picture_says_where_head_and_back_come_to_lie(seed: int) -> None:
    laid = _laid(_shots(), seed, mirrored=0.0)
    at = np.linalg.inv(np.vstack([laid.small, [0.0, 0.0, 1.0]]))

    def edge(x: float, y: float) -> str:
        column, row, _ = at @ (x * SQUARE, y * SQUARE, 1.0)
        return min((column, "left"), (row, "top"), (96 - column, "right"), (96 - row, "bottom"))[1]

    assert (_lying(laid, "head"), _lying(laid, "back")) == (edge(0.1, 0.5), edge(0.5, 0.1))


@pytest.mark.parametrize("edge", ["left", "top", "right", "bottom"])
def test_whatever_way_a_film_comes_it_is_learnt_from_with_its_head_to_the_left(edge: str) -> None:
    shots = _shots()
    shots.looks[:] = 255
    shots.classes[:, COLUMN["plane"]] = HEADS["plane"].index("sagittal")
    shots.classes[:, COLUMN["head"]], shots.classes[:, COLUMN["back"]] = HEADS["head"].index(edge), UNKNOWN

    left = _laid(shots, mirrored=0.0).matrix @ (0.0, _SHAPE[0] / 2, 1.0)

    beyond = {"left": -left[0], "top": -left[1], "right": left[0] - SQUARE, "bottom": left[1] - SQUARE}
    assert max(beyond, key=lambda one: beyond[one]) == edge


def test_a_mirrored_lateral_film_turns_as_much() -> None:
    assert _laid(_shots(), mirrored=1.0).amounts[0] == 7.0


def test_a_mirrored_frontal_film_turns_the_other_way_and_swaps_its_walls() -> None:
    shots = _shots()
    shots.classes[:, COLUMN["plane"]] = HEADS["plane"].index("sagittal")

    laid = _laid(shots, mirrored=1.0)

    assert laid.amounts[0] == -7.0
    assert (laid.cut[CUT.index("left wall")], laid.cut[CUT.index("right wall")]) == (0, 1)


def test_only_parts_that_a_film_must_show_may_be_cut_off() -> None:
    classes = torch.tensor(_shots(2).classes)
    classes[1, COLUMN["region"]], classes[1, COLUMN["plane"]] = HEADS["region"].index("abdomen"), 1

    thorax, abdomen = ({part for part, wanted in zip(CUT, row, strict=True) if wanted} for row in asked(classes))

    assert thorax == {"thoracic inlet", "diaphragm", "spine", "ventral wall"}
    assert abdomen == {"diaphragm", "hips", "left wall", "right wall"}


def _network() -> TrunkNetwork:
    torch.manual_seed(1)
    return trunk(_SETTINGS, outputs=sum(map(len, HEADS.values())))


def test_what_is_not_asked_costs_nothing() -> None:
    shots = _shots()
    shots.classes[:], shots.cut[:], shots.lesions[:], shots.amounts[:] = UNKNOWN, UNKNOWN, UNKNOWN, np.nan
    batch = Pictures(shots=shots, shape=_SHAPE, seed=1, variety=Variety(moved=0.0)).batch([0, 1], step=0)

    network = _network()
    costs = parts(network(batch.films), network.laying(batch.small), batch)

    parted = {name: float(cost.detach()) for name, cost in costs.items()}
    assert {name: cost for name, cost in parted.items() if name != "lying inverted" and cost} == {}


def test_a_landmark_said_to_be_where_it_is_costs_less_than_elsewhere() -> None:
    batch = Pictures(shots=_shots(), shape=_SHAPE, seed=1).batch([0], step=0)
    network = _network()
    seen, laid = network(batch.films), network.laying(batch.small)
    column, row = (int(at) for at in batch.points[0, 0, :2])

    def cost(at: int) -> float:
        sure = torch.full_like(seen.spots, -12.0)
        sure[:, :, -1] = 0.0
        sure[0, 0, -1], sure[0, 0, at] = -12.0, 0.0
        return float(parts(seen._replace(spots=sure), laid, batch)["points"])

    assert cost(row * 48 + column) < cost((31 - row) * 48 + 47 - column)


class _Killed(Exception):
    pass


def test_a_fit_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    pictures, schedule = Pictures(shots=_shots(), shape=_SHAPE, seed=1), Schedule(steps=6, batch=2, every=2)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir(), broken.mkdir()

    def kill(_stage: str, done: int, _whole: int) -> None:
        if done == 5:
            raise _Killed

    straight, _ = fit(_network, pictures, schedule, folder=whole, progress=lambda *_: None)
    with pytest.raises(_Killed):
        fit(_network, pictures, schedule, folder=broken, progress=kill)
    seen: list[int] = []
    again, _ = fit(_network, pictures, schedule, folder=broken, progress=lambda _, done, __: seen.append(done))

    assert seen == [5, 6]
    for name, weight in straight.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], weight, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("wrong", [{"widths": 8}, {"depth": 0}, {"rows": 65}, {"neighbours": "8"}])
def test_a_network_that_a_manifest_describes_badly_is_refused(wrong: dict[str, int | str]) -> None:
    with pytest.raises(ConfigurationError):
        build("trunk", _SETTINGS | wrong, outputs=sum(map(len, HEADS.values())))


def test_a_curve_finds_the_probabilities_that_answers_were_drawn_from() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0.0, 2.0, 20_000)
    right = (rng.random(20_000) < 1.0 / (1.0 + np.exp(-(0.5 * logits - 1.0)))).astype(np.float64)

    found = curve(logits, right)

    assert (found.slope, found.shift) == pytest.approx((0.5, -1.0), abs=0.06)


def test_training_never_touches_a_seed_of_the_held_out_set() -> None:
    with pytest.raises(ValueError, match="seeds are below"):
        next(orders(Wanted(seed=1_000_000, count=1, nothing=0)))


def test_each_region_gets_its_own_lesions_by_turns() -> None:
    made = list(orders(Wanted(seed=5, count=200, nothing=0, forced=1.0)))

    by_region = {
        region: {one.lesions for one in made if one.region == region and one.lesions}
        for region in {one.region for one in made}
    }
    assert {region: len(lesions) for region, lesions in by_region.items()} == {"thorax": 2, "abdomen": 2, "trunk": 4}


def test_a_lesion_is_shown_on_an_animal_that_is_shown_without_it_too() -> None:
    made = list(orders(Wanted(seed=5, count=400, nothing=0, takes=2)))

    with_it, last = {one.seed for one in made if one.lesions}, {made[-1].seed}
    without = {one.seed for one in made if one.lesions == ()}
    assert len(with_it) > 30
    assert with_it - last == without - last


def test_films_of_one_animal_ask_about_its_lesion_and_are_taken_anew() -> None:
    made = list(orders(Wanted(seed=5, count=200, nothing=0, forced=1.0, takes=2)))

    for first, second in zip(made[::2], made[1::2], strict=True):
        assert (first.seed, first.lesions, first.view) == (second.seed, second.lesions, second.view)
        assert (first.take, second.take) == (0, 1)
        assert set(first.lesions or ()) <= {asked_of(second.region, turn=turn)[0] for turn in range(4)}


class _Tight(TrunkNetwork):
    """A network for which there is memory for so many films at once."""

    holds: int
    shown: list[int]

    def forward(self, film: torch.Tensor) -> Seen:
        if len(film) > self.holds:
            raise torch.OutOfMemoryError
        self.shown.append(len(film))
        return super().forward(film)


def _tight(holds: int, shown: list[int]) -> TrunkNetwork:
    network = _network()
    network.__class__ = _Tight
    network.holds, network.shown = holds, shown
    return network


def test_a_step_is_learnt_in_pieces_where_memory_does_not_hold_its_films(tmp_path: Path) -> None:
    shown: list[int] = []

    fit(
        lambda: _tight(2, shown), Pictures(shots=_shots(), shape=_SHAPE, seed=1), Schedule(steps=2, batch=4),
        folder=tmp_path, progress=lambda *_: None,
    )  # fmt: skip

    assert shown == [2] * 4


def test_a_network_too_large_for_a_single_film_says_that_memory_ran_out(tmp_path: Path) -> None:
    with pytest.raises(torch.OutOfMemoryError):
        fit(
            lambda: _tight(0, []), Pictures(shots=_shots(), shape=_SHAPE, seed=1), Schedule(steps=1, batch=4),
            folder=tmp_path, progress=lambda *_: None,
        )  # fmt: skip


def test_a_model_is_learnt_on_from_the_weights_of_its_parent(tmp_path: Path) -> None:
    parent = _network()

    learnt, _ = fit(
        lambda: copy.deepcopy(parent), Pictures(shots=_shots(), shape=_SHAPE, seed=1),
        Schedule(steps=1, batch=2, rate=1e-12), folder=tmp_path, progress=lambda *_: None,
    )  # fmt: skip

    for (name, weight), (_, begun) in zip(learnt.named_parameters(), parent.named_parameters(), strict=True):
        torch.testing.assert_close(weight, begun, msg=name)


def test_a_model_of_another_network_is_not_learnt_on(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="settings of today's network"):
        train(
            tmp_path / "out", seed=1, minutes=0.1, folder=tmp_path, progress=lambda *_: None, parent=untrained_trunk()
        )


def test_thresholds_leave_what_cannot_be_told_apart_undetermined() -> None:
    rng = np.random.default_rng(2)
    right = np.repeat([0.0, 1.0], 500)

    unsure = threshold(rng.normal(0.0, 1.0, 1000) + 0.5 * right, right, Curve())
    sure = threshold(rng.normal(0.0, 1.0, 1000) + 9.0 * right, right, Curve())

    assert unsure.absent_below < 0.3 < 0.8 < unsure.present_from
    assert sure.absent_below == pytest.approx(0.1)
    assert 0.7 < sure.present_from < 0.9
