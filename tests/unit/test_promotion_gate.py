"""The gate, with records made up by hand: worse beyond chance is refused, all else may pass."""

from dataclasses import replace

import numpy as np
from tests.trunk_answers import full, record, told

from vetflow.domain.promotion import LEAST_FILMS, Comparison, Gate
from vetflow.training.promotion import gated
from vetflow.training.trunk.cases import INSIDE
from vetflow.training.trunk.records import Answer, Number, Record
from vetflow.training.trunk.scores import METRICS


def films(seed: int, count: int = 200) -> tuple[Record, ...]:
    return tuple(full(str(number), np.random.default_rng([seed, number])) for number in range(count))


def turned(records: tuple[Record, ...], error: float) -> tuple[Record, ...]:
    """Return records whose rotation is off by an error."""
    return tuple(
        replace(one, rotation=replace(one.rotation, said=one.rotation.right + error)) for one in records if one.rotation
    )


def comparison(**changes: float | bool | str | None) -> Comparison:
    values = {"name": "sensitivity", "higher_is_better": True, "candidate": 0.9, "champion": 0.95, "low": 0.92,
              "high": 0.98, "gap": -0.05, "gap_low": -0.08, "gap_high": -0.02}  # fmt: skip
    return Comparison(**{**values, **changes})


def test_a_model_beside_itself_passes() -> None:
    gate = gated(films(1), films(1))

    assert gate.opens
    assert gate.comparisons and {one.gap for one in gate.comparisons} == {0.0}


def test_another_model_that_is_as_good_passes() -> None:
    answers = gated(films(2), films(1))

    assert [one.name for one in answers.worse] == []


def test_one_figure_that_is_clearly_worse_shuts_the_gate_and_is_named() -> None:
    gate = gated(turned(films(1), 12.0), turned(films(1), 2.0))

    assert not gate.opens
    assert {one.name for one in gate.worse} == {"rotation_mae", "rotation_lateral_mae"}
    assert any(reason.startswith("rotation_mae: the champion has 2.000") for reason in gate.reasons)


def test_a_figure_that_is_clearly_better_opens_it() -> None:
    assert gated(turned(films(1), 2.0), turned(films(1), 12.0)).opens


def test_a_figure_that_the_candidate_never_answers_shuts_it() -> None:
    mute = tuple(replace(one, heart_score=replace(one.heart_score, said=None)) for one in films(1) if one.heart_score)

    gate = gated(mute, films(1))

    silent = [one for one in gate.worse if one.candidate is None]
    assert [one.name for one in silent] == ["vhs_mae", "vhs_within_error"]
    assert "never answers" in silent[0].says
    assert "vhs_answered" in {one.name for one in gate.worse}


def test_a_figure_that_cannot_be_had_of_the_candidate_shuts_it_though_every_film_contributes() -> None:
    alarmed, quiet = (
        tuple(record(str(n), cut={"spine": told(False, share, says)}) for n in range(40))
        for share, says in ((0.9, "present"), (0.1, "absent"))
    )

    assert [(one.name, one.candidate) for one in gated(quiet, alarmed).worse] == [("inclusion_f1", None)]


def test_answers_to_films_that_the_champion_left_open_are_no_comparison() -> None:
    def asked(first: float | None, second: float | None) -> tuple[Record, ...]:
        numbers = [first] * 40 + [second] * 40
        return tuple(
            record(str(n), rotation=Number(right=0.0, said=said)) for n, said in enumerate(numbers)
        )  # fmt: skip

    gate = gated(asked(1.0, None), asked(None, 1.0))

    assert [one.name for one in gate.worse] == ["rotation_mae", "rotation_lateral_mae"]


def test_only_films_that_both_were_shown_count() -> None:
    good, bad = (tuple(record(str(n), classes={"plane": Answer(right=0, says=says, certainty=1.0)}) for n in numbers)
                 for says, numbers in ((0, range(60)), (1, range(60, 120))))  # fmt: skip

    gate = gated((*good, *bad), good)

    assert (gate.films, gate.opens) == (60, True)


def test_films_inside_the_card_are_easy_and_count_for_coverage_alone() -> None:
    def shown(off: float, doubt: str) -> tuple[Record, ...]:
        held_out = turned(films(1, 40), off)
        inside = [replace(one, film=f"in {one.film}", group=INSIDE, doubt=doubt) for one in turned(films(2, 400), 1.0)]
        return (*held_out, *inside)

    gate = gated(shown(9.0, "odd"), shown(1.0, ""))

    found = {one.name: one for one in gate.comparisons}
    assert (found["rotation_mae"].champion, found["rotation_mae"].candidate) == (1.0, 9.0)
    assert (found["coverage"].champion, found["coverage"].candidate) == (1.0, 0.0)
    assert found["answered"].candidate == 1.0
    assert {"rotation_mae", "coverage"} <= {one.name for one in gate.worse}


def test_one_that_never_abstains_is_refused_for_what_it_is_wrong_about() -> None:
    unsure = [n for n in range(200) if n % 5 == 0]

    def said(doubt: str) -> tuple[Record, ...]:
        answer = [Answer(right=0, says=int(n in unsure), certainty=0.9) for n in range(200)]
        return tuple(
            record(str(n), classes={"plane": answer[n]}, doubt=doubt if n in unsure else "") for n in range(200)
        )  # fmt: skip

    gate = gated(said(""), said("not sure"))

    assert [one.name for one in gate.worse] == ["wrong_and_sure"]


def test_one_that_gives_no_answer_to_films_that_the_champion_answers_is_refused() -> None:
    gate = gated(films(1)[:190], films(1))

    assert [one.name for one in gate.worse] == ["films_answered"]
    assert gate.reasons[0].startswith("films_answered: the champion has 1.000")
    assert gated(films(1), films(1)[:190]).opens


def test_the_comparison_tells_how_far_it_is() -> None:
    told: list[tuple[str, int, int]] = []

    gated(films(1, 40), films(1, 40), progress=lambda stage, done, whole: told.append((stage, done, whole)))

    assert told == [("compare", done, len(METRICS)) for done in range(1, len(METRICS) + 1)]


def test_few_films_tell_nothing() -> None:
    gate = gated(films(1, LEAST_FILMS - 1), films(1, LEAST_FILMS - 1))

    assert not gate.opens
    assert gate.reasons == ("29 films tell nothing; it takes 30 that both models answer",)
    assert not Gate(films=1000, comparisons=()).opens


def test_worse_takes_both_the_champions_interval_and_the_same_films() -> None:
    assert comparison().worse
    assert not comparison(candidate=0.93).worse
    assert not comparison(gap_high=0.01).worse


def test_of_an_error_more_is_worse() -> None:
    worse = comparison(higher_is_better=False, candidate=3.2, champion=2.0, low=1.8, high=2.2, gap=1.2, gap_low=0.9,
                       gap_high=1.4)  # fmt: skip

    assert worse.worse
    assert not replace(worse, candidate=1.0, gap=-1.0, gap_low=-1.2, gap_high=-0.9).worse
