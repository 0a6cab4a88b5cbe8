"""Figures from records, each against an answer that was counted by hand."""

import math

import numpy as np
import pytest
from tests.trunk_answers import full, record, told

from vetflow.domain.view import View
from vetflow.training.trunk.cases import INSIDE
from vetflow.training.trunk.records import SILENT, Answer, Number, Overlap, Place, from_json, to_json
from vetflow.training.trunk.scores import METRICS, difference, films_of, interval, metrics
from vetflow.training.trunk.statistics import wilson


def test_an_accuracy_counts_films_that_were_asked_and_silence_as_wrong() -> None:
    answers = [Answer(right=1, says=1, certainty=0.9), Answer(right=1, says=0, certainty=0.9),
               Answer(right=1, says=SILENT, certainty=0.0), Answer(right=0, says=0, certainty=0.9)]  # fmt: skip
    records = [record(str(n), classes={"ribs": answer}) for n, answer in enumerate(answers)]

    assert metrics([*records, record("not asked")])["ribs_accuracy"] == 0.5


def test_the_error_of_a_rotation_is_given_by_plane_too() -> None:
    lateral = record("1", rotation=Number(right=4.0, said=6.0))
    sagittal = record("2", view=View.VENTRODORSAL, rotation=Number(right=-4.0, said=2.0))

    found = metrics([lateral, sagittal])

    assert (found["rotation_mae"], found["rotation_lateral_mae"], found["rotation_sagittal_mae"]) == (4.0, 2.0, 6.0)


def test_inclusion_is_one_f1_over_all_parts_of_all_films() -> None:
    first = {"diaphragm": told(True, 0.9, "present"), "spine": told(False, 0.8, "present")}
    second = {"diaphragm": told(True, 0.1, "absent"), "spine": told(True, 0.7, "present")}

    assert metrics([record("1", cut=first), record("2", cut=second)])["inclusion_f1"] == pytest.approx(2 / 3)


def test_a_heart_that_is_shown_and_not_measured_is_told_apart_from_a_wrong_one() -> None:
    said = record("1", heart_shown=True, heart_score=Number(right=10.0, said=10.3, error=0.4))
    silent = record("2", heart_shown=True, heart_score=Number(right=10.0, said=None))
    hidden = record("3", heart_score=Number(right=10.0, said=None))

    found = metrics([said, silent, hidden])

    assert (found["vhs_mae"], found["vhs_answered"], found["vhs_within_error"]) == (pytest.approx(0.3), 0.5, 1.0)


def test_a_label_counts_when_its_point_lies_within_half_a_vertebra() -> None:
    spots = {
        "T4": Place(shown=True, off=0.5, certainty=0.9),
        "T5": Place(shown=True, off=0.51, certainty=0.9),
        "T6": Place(shown=True, off=None, certainty=0.0),
        "T7": Place(shown=False, off=0.1, certainty=0.9),
        "apex": Place(shown=True, off=0.2, certainty=0.9),
    }

    found = metrics([record(spots=spots)])

    assert (found["vertebra_labels"], found["vertebra_labels_right"]) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert found["apex_off"] == 0.2


def test_a_mean_over_organs_weighs_every_organ_of_every_film_alike() -> None:
    first = record("1", outlines={"heart": Overlap(dice=1.0, certainty=1.0), "liver": Overlap(dice=0.7, certainty=1.0)})
    second = record("2", outlines={"heart": Overlap(dice=0.4, certainty=1.0), "free air": Overlap(dice=0, certainty=0)})

    found = metrics([first, second])

    assert (found["dice_heart"], found["dice_liver"], found["dice_organs"]) == (0.7, 0.7, pytest.approx(0.7))


def test_undetermined_is_wrong_except_among_the_answered() -> None:
    ones = [told(True, 0.9, "present"), told(True, 0.5, "undetermined"), told(False, 0.1, "absent"),
            told(False, 0.9, "present"), told(False, 0.5, "undetermined")]  # fmt: skip
    records = [record(str(number), lesions={"pleural": one}) for number, one in enumerate(ones)]

    found = metrics(records)

    assert (found["pleural_sensitivity"], found["pleural_sensitivity_answered"]) == (0.5, 1.0)
    assert (found["pleural_specificity"], found["pleural_specificity_answered"]) == (pytest.approx(1 / 3), 0.5)
    assert found["pleural_undetermined"] == 0.4
    assert found["pleural_auroc"] == pytest.approx((0.5 + 1 + 1 + 0 + 1 + 0.5) / 6)


def test_coverage_counts_films_inside_the_card_only() -> None:
    records = [record("1", group=INSIDE), record("2", group=INSIDE, doubt="odd"), record("3", doubt="odd")]

    found = metrics(records)

    assert (found["coverage"], found["answered"]) == (0.5, pytest.approx(1 / 3))


def test_what_no_film_was_asked_has_no_figure() -> None:
    assert "vhs_mae" not in metrics([record()])
    assert not any(math.isnan(value) for value in metrics([record()]).values())
    with pytest.raises(ValueError, match="no film contributes to vhs_mae"):
        interval([record()], "vhs_mae")


def test_an_interval_holds_its_figure_and_narrows_with_the_films() -> None:
    rng = np.random.default_rng(1)
    many = [full(str(number), rng) for number in range(400)]

    few, more = interval(many[:50], "vhs_mae"), interval(many, "vhs_mae")

    assert more[0] < metrics(many)["vhs_mae"] < more[1]
    assert more[1] - more[0] < few[1] - few[0]


def test_a_share_of_films_that_are_all_right_is_not_certain() -> None:
    right = [record(str(n), classes={"plane": Answer(right=0, says=0, certainty=1.0)}) for n in range(30)]

    assert interval(right, "plane_accuracy") == wilson(30, 30)
    assert interval(right, "plane_accuracy")[0] < 0.9


def test_an_error_that_happens_to_be_one_is_no_share() -> None:
    films = [record(str(n), rotation=Number(right=0.0, said=float(n < 4))) for n in range(30)]

    assert interval(films, "rotation_mae") != wilson(4, 30)


def test_abstaining_is_never_wrong_and_answering_wrongly_is() -> None:
    wrong, right = Answer(right=0, says=1, certainty=0.9), Answer(right=0, says=0, certainty=0.9)
    records = [
        record("1", classes={"plane": wrong, "region": right}),
        record("2", classes={"plane": right, "region": wrong}),
        record("3", classes={"view": wrong}),
        record("4", classes={"plane": wrong}, doubt="not sure"),
        record("5", classes={"plane": right, "region": right, "side": wrong}),
        record("6", classes={"ribs": wrong}),
    ]

    assert metrics(records)["wrong_and_sure"] == pytest.approx(3 / 5)
    assert not METRICS["wrong_and_sure"].higher_is_better


def test_only_coverage_is_of_films_inside_the_card() -> None:
    records = [record("1", group=INSIDE), record("2")]

    assert [one.film for one in films_of(records, "coverage")] == ["1"]
    assert [one.film for one in films_of(records, "answered")] == ["2"]


def test_the_same_films_tell_a_small_difference_that_two_intervals_do_not() -> None:
    rng = np.random.default_rng(2)
    errors = rng.exponential(4.0, 200)
    ours = [record(str(n), rotation=Number(right=0.0, said=float(e) + 0.1)) for n, e in enumerate(errors)]
    theirs = [record(str(n), rotation=Number(right=0.0, said=float(e))) for n, e in enumerate(errors)]

    gap, low, high = difference(ours, theirs[::-1], "rotation_mae")

    assert (gap, low, high) == (pytest.approx(0.1), pytest.approx(0.1), pytest.approx(0.1))
    assert interval(ours, "rotation_mae")[0] < metrics(theirs)["rotation_mae"]


def test_a_bar_is_reached_from_the_better_side() -> None:
    assert METRICS["vhs_mae"].reached(0.25) and not METRICS["vhs_mae"].reached(0.26)
    assert METRICS["side_accuracy"].reached(0.99) and not METRICS["side_accuracy"].reached(0.98)


def test_records_come_back_from_json_with_all_their_figures() -> None:
    rng = np.random.default_rng(3)
    records = tuple(full(str(number), rng) for number in range(5))

    again = from_json(to_json(records))

    assert again == records
    assert metrics(again) == metrics(records)
