import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.trunk_sights import VERTEBRA, heart, look, sagittal, spine, unseen

from vetflow.domain import trunk
from vetflow.domain.cardiac import judge
from vetflow.domain.coding import Code
from vetflow.domain.finding import Assessment, Finding, Presence, Verdict
from vetflow.domain.look import Look
from vetflow.domain.sight import Guess
from vetflow.domain.signalment import Signalment, Species
from vetflow.domain.view import Region

BRITTANY = Code(value="12091005", scheme="SCT", meaning="Brittany spaniel dog breed")


def sized(*, long: float = 5.2, short: float = 4.5, atrium: float = 1.9, species: Species | None = Species.DOG) -> Look:
    return look(species, spots=spine() | heart(long=long, short=short, atrium=atrium))


def on(assessment: Assessment, code: Code = trunk.HEART_ENLARGED, image: int = 0) -> Finding:
    return next(one for one in assessment.findings if one.code == code and one.image == image)


def test_a_normal_heart_is_measured_and_not_enlarged() -> None:
    assessment = judge([look()])

    found = on(assessment)
    assert assessment.verdict is Verdict.NOTHING
    assert assessment.abstained == ""
    assert found.presence is Presence.ABSENT
    assert found.measurements[0].value == pytest.approx(9.7)
    assert on(assessment, trunk.ATRIUM_ENLARGED).measurements[0].value == pytest.approx(1.9)
    assert found.says == (
        "Suggested points: vertebral heart score 9.7 ± 0.4 v; within the range of dogs, 8.7 to 10.5 "
        "(Buchanan and Buecheler 1995: 9.7 ± 0.5, upper bound 10.5)."
    )


def test_both_axes_and_the_walk_along_the_spine_are_drawn() -> None:
    found = on(judge([look()]))

    lines = {line.name: line.points for line in found.measurements[0].lines}
    assert set(lines) == {trunk.LONG_AXIS, trunk.SHORT_AXIS, trunk.SPINE_WALK}
    assert math.dist(*lines[trunk.LONG_AXIS]) == pytest.approx(5.2 * VERTEBRA)
    assert math.dist(*lines[trunk.SHORT_AXIS]) == pytest.approx(4.5 * VERTEBRA)
    assert lines[trunk.SPINE_WALK][0] == spine()["T4"].at
    assert {point.name for point in found.points} >= {trunk.HEART_APEX, trunk.HEART_CRANIAL, trunk.HEART_CAUDAL}


@pytest.mark.parametrize(
    ("score", "presence"),
    [
        (10.0, Presence.ABSENT),
        (10.2, Presence.UNDETERMINED),
        (10.7, Presence.UNDETERMINED),
        (11.0, Presence.PRESENT),
        (8.0, Presence.ABSENT),
    ],
)
def test_a_heart_is_told_enlarged_or_not_only_past_the_limit_by_the_error(score: float, presence: Presence) -> None:
    found = on(judge([sized(long=5.2, short=score - 5.2)]))

    assert found.presence is presence


def test_a_heart_between_normal_and_enlarged_is_no_verdict() -> None:
    assessment = judge([sized(short=5.5)])

    assert assessment.verdict is Verdict.ABSTAINED
    assert "whether it is enlarged can't be told" in assessment.abstained
    assert "by no more than the measurement's own error" in on(assessment).says
    assert on(assessment).certainty is None


def test_a_heart_just_within_its_range_is_no_verdict_either() -> None:
    assessment = judge([sized(short=5.0)])

    assert assessment.verdict is Verdict.ABSTAINED
    assert "; within the range of dogs, 8.7 to 10.5" in on(assessment).says
    assert on(assessment).says.endswith("but no further from its limit than the measurement's own error.")
    assert on(assessment).certainty is None


def test_the_error_of_a_score_stands_beside_it_as_a_number() -> None:
    assessment = judge([look()])

    errors = {
        code: {one.name: one.value for one in on(assessment, code).measurements}[trunk.MARGIN]
        for code in (trunk.HEART_ENLARGED, trunk.ATRIUM_ENLARGED)
    }
    assert errors == {trunk.HEART_ENLARGED: 0.4, trunk.ATRIUM_ENLARGED: 0.2}


def test_certainty_is_the_chance_that_the_true_score_lies_on_that_side() -> None:
    at_its_error = on(judge([sized(short=5.7001)]))
    below_by_its_error = on(judge([sized(short=4.8999)]))

    assert at_its_error.certainty == pytest.approx(0.975, abs=1e-3)
    assert below_by_its_error.presence is Presence.ABSENT
    assert below_by_its_error.certainty == pytest.approx(0.975, abs=1e-3)


@given(some.floats(6.0, 14.0), some.floats(6.0, 14.0))
def test_a_larger_heart_is_never_called_less_enlarged(one: float, other: float) -> None:
    order = (Presence.ABSENT, Presence.UNDETERMINED, Presence.PRESENT)

    smaller, larger = (order.index(on(judge([sized(short=score - 5.2)])).presence) for score in sorted((one, other)))

    assert smaller <= larger


def test_a_breed_with_a_range_of_its_own_is_held_to_that() -> None:
    film = sized(short=5.75)
    film = replace(film, trunk=replace(film.trunk, heart_score_error=0.04)) if film.trunk else film
    brittany = replace(film.evidence, signalment=Signalment(species=Species.DOG, breed=BRITTANY))

    found = on(judge([replace(film, evidence=brittany)]))

    assert on(judge([film])).presence is Presence.PRESENT
    assert found.presence is Presence.ABSENT
    assert "the range of its breed, 10.2 to 11.0" in found.says


@pytest.mark.parametrize(
    ("species", "code", "words"),
    [
        (Species.CAT, trunk.ATRIUM_ENLARGED, "no reference range for a cat"),
        (Species.RABBIT, trunk.HEART_ENLARGED, "no reference range for a rabbit"),
        (None, trunk.HEART_ENLARGED, "no reference range for an animal of unknown species"),
    ],
)
def test_without_a_range_it_is_measured_and_not_judged(species: Species | None, code: Code, words: str) -> None:
    found = on(judge([sized(species=species)]), code)

    assert found.presence is Presence.UNDETERMINED
    assert found.measurements[0].value > 0
    assert words in found.says


def test_a_cat_without_a_range_for_its_atrium_still_gets_a_verdict() -> None:
    assert judge([sized(long=4.0, short=3.4, species=Species.CAT)]).verdict is Verdict.NOTHING


def test_nothing_is_measured_on_frontal_films_and_it_is_said() -> None:
    assessment = judge([sagittal()])

    assert assessment.findings == ()
    assert assessment.verdict is Verdict.ABSTAINED
    assert assessment.abstained == "the heart is measured on side views only"


def test_a_frontal_film_beside_a_side_view_is_no_reason_to_abstain() -> None:
    assert judge([sagittal(), look()]).abstained == ""


def test_one_large_heart_decides_over_all_side_views() -> None:
    assessment = judge([look(), sized(short=6.0)])

    assert assessment.verdict is Verdict.FINDINGS
    assert [on(assessment, image=image).presence for image in (0, 1)] == [Presence.ABSENT, Presence.PRESENT]


@pytest.mark.parametrize(
    ("film", "why"),
    [
        (look(oddness=0.9), "unlike the films"),
        (look(film=Guess(says=False, certainty=0.99)), "does not look like"),
        (look(region=Guess(says=Region.ABDOMEN, certainty=0.97)), "not a film of the chest"),
        (look(region=Guess(says=Region.THORAX, certainty=0.5)), "which part of the body"),
        (look(spots=spine()), "landmarks of the heart"),
        (look(spots=spine() | heart(certainty=0.4)), "landmarks of the heart"),
        (look(spots=spine("T4") | heart()), "too few vertebrae"),
        (look(spots=spine("T8") | heart()), "too few vertebrae"),
        (look(spots=spine(certainty=0.3) | heart()), "too few vertebrae"),
        (unseen("the picture bears text"), "the picture bears text"),
    ],
)
def test_a_film_that_can_not_be_measured_says_why(film: Look, why: str) -> None:
    assessment = judge([film])

    assert assessment.findings == ()
    assert assessment.verdict is Verdict.ABSTAINED
    assert why in assessment.abstained


def test_a_film_that_could_not_be_measured_does_not_stop_the_others() -> None:
    assessment = judge([unseen("it can't be decoded"), look()])

    assert [finding.image for finding in assessment.findings] == [1, 1]
    assert assessment.abstained == "it can't be decoded (1 of 2 films)"
