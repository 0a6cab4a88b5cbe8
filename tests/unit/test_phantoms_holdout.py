"""The held-out set is fixed, apart from training and wider than it."""

import hashlib
from dataclasses import replace
from importlib.resources import files
from itertools import islice

import pytest

from vetflow.domain.view import Region, View
from vetflow.phantoms.batch import plan
from vetflow.phantoms.holdout import FIRST_SEED, Group, holdout
from vetflow.phantoms.trunk.developing import trunk_film
from vetflow.phantoms.trunk.order import LATERAL, Order
from vetflow.phantoms.trunk.ranges import Span, training

TIMES = 1.5


def test_it_has_two_thousand_films_six_hundred_for_landmarks() -> None:
    orders = list(holdout().films())

    assert len(orders) == len({one.order.seed for one in orders}) == 2000
    landmarks = list(holdout().films("landmarks"))
    assert len(landmarks) == 600
    assert all(one.order.view in LATERAL and one.order.region is not Region.ABDOMEN for one in landmarks)


def test_every_span_reaches_outside_the_training_and_is_half_as_wide_again() -> None:
    assert holdout().ranges.unlike(training(), times=TIMES) == ()


def test_a_span_that_is_no_wider_is_told_by_its_name() -> None:
    narrow = replace(holdout().ranges, breath=training().breath)

    assert narrow.unlike(training(), times=TIMES) == ("breath",)


@pytest.mark.parametrize(
    ("span", "covers"), [((0.0, 1.5), True), ((-0.5, 1.0), True), ((0.0, 1.4), False), ((0.0, 1.0), False)]
)
def test_a_span_covers_another_only_if_it_is_wider_and_reaches_outside(span: tuple[float, float], covers: bool) -> None:
    low, high = span

    assert Span(low=low, high=high).covers(Span(low=0.0, high=1.0), times=TIMES) == covers


def test_its_seeds_lie_beyond_all_others() -> None:
    last = max(seed for seed, *_ in plan(999_999, 3))

    assert last < FIRST_SEED <= min(one.order.seed for one in holdout().films())
    with pytest.raises(ValueError, match="seeds are below 1000000"):
        next(plan(1_000_000, 1))


def test_a_group_may_not_start_among_the_seeds_of_others() -> None:
    with pytest.raises(ValueError, match="where the others end"):
        Group(
            name="x", count=1, first_seed=5, views=(View.VENTRODORSAL,), regions=(Region.THORAX,), foreign=0.0
        )  # fmt: skip


def test_about_half_of_it_has_noise_and_processing_that_training_never_sees() -> None:
    foreign = sum(one.foreign for one in holdout().films())

    assert 900 <= foreign <= 1100
    assert not hasattr(Order(seed=1, view=View.VENTRODORSAL, region=Region.THORAX), "foreign")


def test_a_part_of_it_is_always_the_same_part() -> None:
    few, more = (list(holdout().films("films", limit=limit)) for limit in (3, 5))

    assert few == more[:3]
    assert few == list(islice(holdout().films("films"), 3))


def test_its_digest_is_that_of_the_file() -> None:
    data = files("vetflow.phantoms").joinpath("holdout.toml").read_bytes()

    assert holdout().digest == hashlib.sha256(data).hexdigest()


def test_films_of_the_set_can_be_made() -> None:
    for one in holdout().films(limit=2):
        made = trunk_film(one.order, size=64, foreign=one.foreign)
        assert made.exposure.foreign == one.foreign
        assert made.film.pixels.std() > 0


def test_stretched_ranges_hold_no_animal_without_weight() -> None:
    usual, wide = training(), training().stretched(1.25)

    for usual_kg, wide_kg in ((usual.dog_kg, wide.dog_kg), (usual.cat_kg, wide.cat_kg)):
        assert 0.0 < wide_kg.low < usual_kg.low and wide_kg.high > usual_kg.high
        assert wide_kg.low * wide_kg.high == pytest.approx(usual_kg.low * usual_kg.high)
    assert wide.rotation.high == pytest.approx(1.25 * usual.rotation.high)
