"""The card says what was measured, good or bad."""

from dataclasses import replace

import numpy as np
import torch
from tests.trunk_answers import chance, full
from tests.trunk_sights import trunk_sight

from vetflow.domain.trunk_card import UNTRIED
from vetflow.domain.view import View
from vetflow.training.trunk.bundling import Draft
from vetflow.training.trunk.card import card
from vetflow.training.trunk.cases import INSIDE
from vetflow.training.trunk.evaluating import Evaluation
from vetflow.training.trunk.records import Number
from vetflow.training.trunk.sayings import Check, saying
from vetflow.training.trunk.scores import interval, metrics
from vetflow.training.trunk.shots import FORCED

MADE = Draft(
    settings={}, weights={"first": torch.zeros(2, 3), "neighbours": torch.zeros(9)}, temperatures={"plane": 1.25},
    card=UNTRIED, seed=7, films=4000, looks=3, dataset="cd" * 32,
)  # fmt: skip


def evaluation(*, inside_doubt: str = "") -> Evaluation:
    rng = np.random.default_rng(1)
    held = [full(str(number), rng, foreign=number % 2 == 0) for number in range(90)]
    inside = [full(f"in {number}", rng, group=INSIDE, doubt=inside_doubt) for number in range(10)]
    alarm = trunk_sight(lesions={"volvulus": chance(0.9)})
    return Evaluation(
        holdout="ab" * 32,
        records=(*held, *inside),
        strangers=(saying("photo", trunk_sight(oddness=1.0)), saying("photo", alarm)),
        checks=(Check(what="inverted", films=3, abstained=0.5, plane=1, inverted=1, moved=0, cut=0, false_alarms=0),),
        real=(saying("as is", alarm), saying("mirrored", trunk_sight(oddness=1.0))),
    )


def lines(text: str, start: str) -> list[list[str]]:
    """Return the cells of the table rows that begin with a cell."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [row for row in rows if row[0] == start]


def test_every_figure_stands_there_with_its_interval_and_whether_it_reached_its_bar() -> None:
    measured = evaluation()
    held = measured.of("held-out")

    (row,) = lines(card(MADE, measured), "vhs_mae")

    low, high = interval(held, "vhs_mae")
    value = metrics(held)["vhs_mae"]
    assert row[1:6] == ["≤ 0.25", f"{value:.3f}", "90", f"{low:.3f} to {high:.3f}", "yes"]
    assert row[-1] == f"{metrics(measured.of('inside the card'))['vhs_mae']:.3f} (10)"


def test_every_row_of_figures_has_as_many_cells_as_the_heading() -> None:
    text = card(MADE, evaluation())

    (heading,) = lines(text, "figure")
    assert heading[:6] == ["figure", "bar", "held-out", "films", "95 %", "reached"]
    for name in ("vhs_mae", "coverage", "wrong_and_sure"):
        assert [len(row) for row in lines(text, name)] == [len(heading)]


def test_the_card_says_how_the_films_it_learnt_from_differ_from_those_of_a_clinic() -> None:
    text = " ".join(card(MADE, evaluation()).split())

    assert f"In training {FORCED:.0%} of the animals are given an emergency" in text
    assert "come from the same generators as the ones that the model learnt to abstain on" in text


def test_a_bar_that_was_missed_is_said_to_be() -> None:
    (row,) = lines(card(MADE, evaluation()), "rotation_mae")

    assert row[5] == "**no**"


def test_abstention_inside_the_card_counts_against_it() -> None:
    (row,) = lines(card(MADE, evaluation(inside_doubt="unlike")), "coverage")

    assert row[-1] == "0.000 (10)"


def test_strangers_and_the_real_film_stand_there_with_what_would_have_alarmed() -> None:
    text = card(MADE, evaluation())

    assert lines(text, "photo") == [["photo", "2", "1", "1"]]
    assert lines(text, "the real film, laid every way")[0][1:] == ["2", "1", "1"]
    assert "volvulus 0.90 present" in lines(text, "as is")[0][-1]
    assert "unlike the films" in lines(text, "mirrored")[0][1]


def test_the_card_says_what_it_was_trained_on_and_which_set_it_was_measured_on() -> None:
    text = card(MADE, evaluation())

    assert text.startswith("# trunk 0.1.0\n")
    assert "synthetic radiographs only" in text and "ab" * 32 in text and "cd" * 32 in text
    assert "4000 phantoms of 3 films each (seed 7" in text and "; 6 parameters" in text and "plane 1.25" in text
    assert "below 0.80" in text


def test_a_number_that_is_always_the_same_is_seen_to_be_no_better_than_the_middle() -> None:
    measured = evaluation()
    guess = [
        replace(one, view=View.LEFT_LATERAL, rotation=Number(right=float(at % 3), said=1.0))
        for at, one in enumerate(measured.of("held-out"))
    ]

    (row,) = lines(card(MADE, replace(measured, records=tuple(guess))), "rotation, lateral films")

    assert row == ["rotation, lateral films", "90", "0.67", "0.67", ""]


def test_misses_are_told_by_severity() -> None:
    thirds = lines(card(MADE, evaluation()), "volvulus")

    severe = [row for row in thirds if row[1] in {"1", "2", "3"} and len(row) == 8]
    assert [row[1] for row in severe] == ["1", "2", "3"]
    assert sum(int(row[2]) for row in severe) == sum(int(cell) for row in severe for cell in row[5:])
