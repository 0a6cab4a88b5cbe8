"""Films with the right answers, and what a model says set beside them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.trunk_answers import Knowing, blind, chance, truthful

from vetflow.domain.trunk_sight import Amount, Spot, TrunkSight
from vetflow.domain.view import Region, View
from vetflow.phantoms.holdout import FIRST_SEED, holdout
from vetflow.phantoms.negatives import Kind
from vetflow.phantoms.trunk.developing import trunk_film
from vetflow.phantoms.trunk.order import LATERAL, Lesion, Order
from vetflow.training.trunk.cases import INSIDE, Case, case, kept, listed
from vetflow.training.trunk.evaluating import SUBSETS, evaluate
from vetflow.training.trunk.measuring import compare, measure, measure_listed, verdict
from vetflow.training.trunk.records import Record
from vetflow.training.trunk.sayings import Saying, checks, saying
from vetflow.training.trunk.scores import metrics

ORDERS = (
    Order(seed=11, view=View.RIGHT_LATERAL, region=Region.THORAX, lesions=(Lesion.PLEURAL_EFFUSION,)),
    Order(seed=12, view=View.LEFT_LATERAL, region=Region.TRUNK, lesions=()),
    Order(seed=13, view=View.VENTRODORSAL, region=Region.ABDOMEN, lesions=(Lesion.VOLVULUS,)),
    Order(seed=14, view=View.DORSOVENTRAL, region=Region.THORAX, lesions=()),
)


def silent(stage: str, done: int, whole: int) -> None:
    """Progress that nobody looks at."""


@pytest.fixture(scope="module")
def films() -> tuple[Case, ...]:
    return tuple(
        case(trunk_film(order, size=256, foreign=order.seed == 14), film=str(order.seed), group=INSIDE)
        for order in ORDERS
    )  # fmt: skip


Erring = Callable[[TrunkSight], TrunkSight]


def measured(films: tuple[Case, ...], erring: Erring | None = None) -> tuple[Record, ...]:
    return measure(films, Knowing(films, erring), count=len(films), progress=silent)


def test_a_model_that_is_right_has_no_errors(films: tuple[Case, ...]) -> None:
    found = metrics(measured(films))

    for name in ("plane_accuracy", "side_accuracy", "region_accuracy", "inverted_accuracy", "head_accuracy",
                 "ribs_accuracy", "vertebra_labels", "pleural_sensitivity", "volvulus_sensitivity",
                 "pleural_specificity", "volvulus_specificity", "vhs_answered", "coverage"):  # fmt: skip
        assert found[name] == 1.0, name
    assert found["rotation_mae"] == pytest.approx(0.0)
    assert found["vhs_mae"] == pytest.approx(0.0, abs=1e-3)
    assert found["vlas_mae"] == pytest.approx(0.0, abs=1e-3)
    assert found["dice_organs"] == 1.0


def test_an_error_of_the_rotation_is_its_figure(films: tuple[Case, ...]) -> None:
    def turned(sight: TrunkSight) -> TrunkSight:
        sign = -1.0 if sight.plane.says is View.LATERAL else 1.0
        return replace(sight, rotation=Amount(value=sign * (sight.rotation.value + 2.5), error=1.0))

    assert metrics(measured(films, turned))["rotation_mae"] == pytest.approx(2.5)


def test_a_point_that_lies_a_vertebra_off_bears_the_wrong_label(films: tuple[Case, ...]) -> None:
    def shifted(sight: TrunkSight) -> TrunkSight:
        names = [name for name in sight.spots if name[0] in "CTLS" and name[1:].isdigit()]
        moved = dict(zip(names, [sight.spots[name] for name in names[1:]], strict=False))
        return replace(sight, spots={**sight.spots, **moved})

    found = metrics(measured(films, shifted))

    assert found["vertebra_labels"] < 0.1
    assert found["vhs_mae"] > 0.0  # the spine no longer starts at T4


def test_a_longer_heart_axis_is_a_larger_score(films: tuple[Case, ...]) -> None:
    def longer(sight: TrunkSight) -> TrunkSight:
        if sight.heart is None:
            return sight
        carina, apex = np.array(sight.heart.carina), np.array(sight.heart.apex)
        x, y = apex + 0.1 * (apex - carina)
        return replace(sight, spots={**sight.spots, "apex": Spot(at=(float(x), float(y)), error=1, certainty=1)})

    records = [one for one in measured(films, longer) if one.heart_score and one.heart_score.said]

    assert records
    for one in records:
        assert one.heart_score is not None and one.heart_score.said is not None
        assert 0.3 < one.heart_score.said - one.heart_score.right < 0.9


def test_points_that_are_not_sure_are_not_measured_with(films: tuple[Case, ...]) -> None:
    def unsure(sight: TrunkSight) -> TrunkSight:
        spots = sight.spots
        return replace(
            sight, spots=dict(spots) | ({"T5": replace(spots["T5"], certainty=0.4)} if "T5" in spots else {})
        )

    assert metrics(measured(films, unsure))["vhs_answered"] == 0.0


def test_a_film_that_is_doubted_is_undetermined_and_measures_no_heart(films: tuple[Case, ...]) -> None:
    def doubting(sight: TrunkSight) -> TrunkSight:
        return replace(sight, oddness=2.0, odd_from=1.0)

    found = metrics(measured(films, doubting))

    assert (found["coverage"], found["pleural_undetermined"], found["vhs_answered"]) == (0.0, 1.0, 0.0)
    assert found["plane_accuracy"] == 1.0


def test_a_part_that_is_missed_where_none_was_asked_is_an_error(films: tuple[Case, ...]) -> None:
    chest = films[0]
    record = compare(chest, replace(truthful(chest), cut={**truthful(chest).cut, "hips": 0.9, "left wall": 0.1}))

    assert record.cut["hips"].says == "present" and not record.cut["hips"].right
    assert "left wall" not in record.cut


def test_what_is_cut_off_is_asked_of_a_film_that_must_show_it(films: tuple[Case, ...]) -> None:
    for film, order in zip(films, ORDERS, strict=True):
        missing = {part.value for part in trunk_film(order, size=96).truth.missing}
        assert missing <= set(film.right.cut)


@pytest.mark.parametrize(("share", "says"), [(0.7, "present"), (0.69, "undetermined"), (0.3, "undetermined"),
                                             (0.29, "absent")])  # fmt: skip
def test_the_thresholds_decide(share: float, says: str) -> None:
    assert verdict(chance(share)) == says
    assert verdict(replace(chance(share), steady=False)) == "undetermined"


def test_the_set_is_the_held_out_one_and_films_inside_the_card() -> None:
    whole = list(listed())

    assert [len([one for one in whole if one.group == group]) for group in ("landmarks", "films", INSIDE)] == [
        600, 1400, 300
    ]  # fmt: skip
    inside = [one.order for one in whole if one.group == INSIDE]
    assert max(order.seed for order in inside) < FIRST_SEED
    assert len({one.order.seed for one in whole}) == 2300
    assert {order.view for order in inside} >= LATERAL
    assert len(list(listed(limit=2))) == 6


def test_a_film_is_rendered_once_and_read_the_next_time(tmp_path: Path) -> None:
    one = next(listed(limit=1))
    first = kept(tmp_path, one)
    (path,) = tmp_path.rglob("*.npz")
    before = path.stat().st_mtime_ns

    again = kept(tmp_path, one)

    assert path.stat().st_mtime_ns == before
    assert first.right == again.right and np.array_equal(first.pixels, again.pixels)
    assert max(first.pixels.shape) == 768 and first.outlines is not None
    assert metrics([compare(again, truthful(again))])["vertebra_labels"] == 1.0


def test_a_whole_evaluation_looks_at_films_strangers_spoilt_films_and_the_real_one(tmp_path: Path) -> None:
    stages: set[str] = set()

    found = evaluate(blind, folder=tmp_path, limit=1, workers=1, progress=lambda stage, done, whole: stages.add(stage))

    assert [record.group for record in found.records] == ["landmarks", "films", INSIDE]
    assert {kind.value for kind in Kind} <= {one.what for one in found.strangers}
    assert {one.films for one in found.checks} == {1}
    assert len(found.real) in {0, 8}
    assert {"measure", "strangers", "check: moved"} <= stages
    assert found.holdout == holdout().digest


def test_films_are_measured_alike_in_this_process_and_in_others(tmp_path: Path) -> None:
    ones = list(listed(limit=1))

    here = measure_listed(ones, blind, folder=tmp_path, workers=0, progress=silent)
    there = measure_listed(ones, blind, folder=tmp_path, workers=2, progress=silent)

    assert here == there


def test_what_is_said_of_a_strange_picture_is_told_in_plain_values(films: tuple[Case, ...]) -> None:
    film = films[1]
    said = saying("a film", replace(truthful(film), lesions={"volvulus": chance(0.8), "pleural": chance(0.5)}))

    assert isinstance(said, Saying) and said.alarms and said.present == ("volvulus",)
    assert said.heart_score == pytest.approx(film.right.heart_score, abs=1e-3)
    assert not replace(said, doubt="odd").alarms


def test_spoilt_films_are_looked_at_in_every_way(films: tuple[Case, ...]) -> None:
    found = {one.what: one for one in checks(films, Knowing(films), progress=silent)}

    whole = found["as they are"]
    assert (whole.films, whole.abstained, whole.plane, whole.inverted, whole.false_alarms) == (4, 0.0, 1.0, 0.0, 0.0)
    assert found["inverted"].abstained == found["turned by 90 degrees"].abstained == 1.0  # the fake knows no such film
    assert len(found) == 5


def test_subsets_part_the_films_by_group_and_noise(films: tuple[Case, ...]) -> None:
    records = measured(films)

    assert sum(map(SUBSETS["inside the card"], records)) == 4
    assert not any(map(SUBSETS["held-out"], records))
    held = [replace(one, group="films") for one in records]
    assert sum(map(SUBSETS["foreign noise"], held)) == 1 and sum(map(SUBSETS["usual noise"], held)) == 3
