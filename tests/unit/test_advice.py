"""Advice to the technologist, and what it rests on: how the animal lies on a film of the trunk."""

from dataclasses import replace

import pytest
from tests.trunk_sights import cut, evidence, sagittal, trunk_sight
from tests.unit.test_positioning import BOUNDS, SEEN

from vetflow.domain.advice import advice, unjudged
from vetflow.domain.coding import Code
from vetflow.domain.evidence import Claim, Exposure
from vetflow.domain.finding import Assessment, Finding, Presence, Verdict
from vetflow.domain.place import Side
from vetflow.domain.positioning import judge
from vetflow.domain.quality import (
    ADVICE,
    BREATH,
    FIELD,
    INVERSION,
    LIMBS,
    MOTION,
    POSITIONING,
    REGION_MISMATCH,
    ROTATION,
    VIEW_MISMATCH,
)
from vetflow.domain.sight import Guess
from vetflow.domain.trunk_sight import Amount
from vetflow.domain.view import Region, View

PLAIN = replace(SEEN, region=Guess(says=Region.TRUNK, certainty=0.9))


def judged(**changes: object) -> Assessment:
    """Return what is said of a side view that is sound but for these changes."""
    return judge(evidence(), PLAIN, BOUNDS, trunk=trunk_sight(**changes))


def frontal(*, mirrored: bool | None = False, **changes: object) -> Assessment:
    film = sagittal(**changes)
    plain = replace(PLAIN, view=Guess(says=View.SAGITTAL, certainty=0.95))
    return judge(replace(film.evidence, mirrored=mirrored), plain, BOUNDS, trunk=film.trunk)


def on(assessment: Assessment, code: Code) -> Finding:
    return next(one for one in assessment.findings if one.code == code)


def test_a_sound_film_needs_no_retake() -> None:
    assessment = judged()

    assert assessment.verdict is Verdict.NOTHING
    assert advice(assessment) == "no retake needed"
    assert on(assessment, ADVICE).presence is Presence.ABSENT


def test_a_rotated_film_with_a_part_cut_off_is_taken_again() -> None:
    assessment = frontal(rotation=Amount(value=14.2, error=4.0), cut=cut(thoracic_inlet=0.97))

    assert advice(assessment) == (
        "retake: rotated 14° (± 4°), sternum to the animal's left; thoracic inlet cut off"
    )  # fmt: skip
    assert on(assessment, ADVICE).presence is Presence.PRESENT
    assert on(assessment, ADVICE).reason == POSITIONING
    assert on(assessment, ADVICE).says.startswith("Retake: rotated 14°")


@pytest.mark.parametrize(
    ("value", "presence"), [(4.9, Presence.ABSENT), (8.0, Presence.UNDETERMINED), (8.1, Presence.PRESENT)]
)
@pytest.mark.parametrize("sign", [-1, 1])
def test_rotation_counts_past_its_limit_and_its_error(value: float, presence: Presence, sign: int) -> None:
    found = on(frontal(rotation=Amount(value=sign * value, error=3.0)), ROTATION)

    assert found.presence is presence
    assert found.measurements[0].value == pytest.approx(value)


def test_the_breastbone_turns_to_one_side_on_frontal_films_and_to_none_on_others() -> None:
    rotation = {"rotation": Amount(value=-20.0, error=4.0)}

    assert on(frontal(**rotation), ROTATION).side is Side.RIGHT
    assert on(frontal(rotation=Amount(value=20.0, error=4.0)), ROTATION).side is Side.LEFT
    assert on(judged(**rotation), ROTATION).side is None
    assert "sternum" not in advice(judged(**rotation))


@pytest.mark.parametrize(
    ("mirrored", "side", "says"),
    [
        (False, Side.LEFT, "sternum to the animal's left"),
        (True, Side.RIGHT, "sternum to the animal's right"),
        (None, None, "sternum to the right on the film, head up"),
    ],
)
def test_a_side_is_the_animals_only_where_the_tags_say_how_the_film_hangs(
    mirrored: bool | None, side: Side | None, says: str
) -> None:
    found = on(frontal(mirrored=mirrored, rotation=Amount(value=20.0, error=4.0)), ROTATION)

    assert found.side is side
    assert says in found.says


@pytest.mark.parametrize(
    ("mirrored", "says"),
    [
        (False, "Left wall cut off."),
        (True, "Right wall cut off."),
        (None, "Body wall on the right of the film, head up, cut off."),
    ],
)
def test_a_wall_is_the_animals_only_where_the_tags_say_how_the_film_hangs(mirrored: bool | None, says: str) -> None:
    assert on(frontal(mirrored=mirrored, cut={"left wall": 0.95, "right wall": 0.02}), FIELD).says == says


def test_all_parts_that_are_surely_cut_off_are_named_in_one_finding() -> None:
    found = on(judged(cut=cut(hips=0.95, diaphragm=0.85, spine=0.5)), FIELD)

    assert found.presence is Presence.PRESENT
    assert found.says == "Diaphragm and hips cut off."
    assert found.certainty == 0.85


def test_a_part_that_may_be_cut_off_can_not_be_told() -> None:
    assessment = judged(cut=cut(hips=0.5))

    assert on(assessment, FIELD).presence is Presence.UNDETERMINED
    assert on(assessment, FIELD).says == "Can't tell whether the hips are cut off from the picture."
    assert advice(assessment) == "no retake needed as far as can be told; not judged: what is cut off"


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"diaphragm": 0.5}, "whether the diaphragm is cut off"),
        ({"diaphragm": 0.5, "spine": 0.5}, "whether the diaphragm and the spine are cut off"),
    ],
)
def test_parts_that_may_be_cut_off_are_named_in_a_sentence(parts: dict[str, float], says: str) -> None:
    assert says in on(judged(cut=cut(**parts)), FIELD).says


def test_no_part_is_called_cut_off_of_a_region_that_is_in_doubt() -> None:
    doubtful = Guess(says=Region.TRUNK, certainty=0.5)

    assessment = judged(region=doubtful, cut=cut(hips=0.95))

    assert on(assessment, FIELD).presence is Presence.ABSENT
    assert "as far as its outline shows" in on(assessment, FIELD).says
    assert on(assessment, ADVICE).presence is not Presence.PRESENT


@pytest.mark.parametrize(
    "change",
    [
        {"rotation": Amount(value=6.0, error=3.0)},
        {"motion": 0.5},
        {"cut": cut(hips=0.5)},
        {"limbs_over": 0.5},
        {"breath": Amount(value=0.4, error=0.3)},
        {"oddness": 0.9},
    ],
)
def test_whether_to_take_a_film_again_is_open_while_a_reason_for_it_is(change: dict[str, object]) -> None:
    assessment = judged(region=Guess(says=Region.THORAX, certainty=0.97), **change)

    assert on(assessment, ADVICE).presence is Presence.UNDETERMINED
    assert on(assessment, ADVICE).says.startswith("No retake needed as far as can be told; not judged: ")


def test_a_missing_deviation_index_alone_leaves_the_advice_as_it_is() -> None:
    assessment = judge(evidence(exposure=Exposure()), PLAIN, BOUNDS, trunk=trunk_sight())

    assert on(assessment, ADVICE).presence is Presence.ABSENT
    assert unjudged(assessment.findings) == ["exposure"]


def test_a_trunk_is_not_cut_off_because_its_outline_runs_out_of_the_field() -> None:
    plain = replace(PLAIN, field=replace(PLAIN.field, touching=("left", "right", "top")))

    assert on(judge(evidence(), plain, BOUNDS, trunk=trunk_sight()), FIELD).presence is Presence.ABSENT
    assert on(judge(evidence(), plain, BOUNDS), FIELD).presence is Presence.PRESENT


@pytest.mark.parametrize(
    ("region", "value", "presence"),
    [
        (Region.THORAX, 0.9, Presence.ABSENT),
        (Region.THORAX, 0.4, Presence.UNDETERMINED),
        (Region.THORAX, 0.1, Presence.PRESENT),
        (Region.ABDOMEN, 0.1, Presence.ABSENT),
        (Region.ABDOMEN, 0.6, Presence.UNDETERMINED),
        (Region.ABDOMEN, 0.9, Presence.PRESENT),
    ],
)
def test_a_chest_wants_inspiration_and_a_belly_expiration(region: Region, value: float, presence: Presence) -> None:
    seen = judged(region=Guess(says=region, certainty=0.97), breath=Amount(value=value, error=0.3))

    assert on(seen, BREATH).presence is presence


def test_a_film_of_both_has_no_right_moment() -> None:
    assert BREATH not in {one.code for one in judged(breath=Amount(value=0.0, error=0.1)).findings}


@pytest.mark.parametrize(
    ("share", "presence"), [(0.9, Presence.PRESENT), (0.5, Presence.UNDETERMINED), (0.1, Presence.ABSENT)]
)
def test_motion_is_present_absent_or_untold(share: float, presence: Presence) -> None:
    assert on(judged(motion=share), MOTION).presence is presence


def test_limbs_are_judged_by_the_model_that_knows_trunks() -> None:
    assert on(judged(limbs_over=0.95), LIMBS).presence is Presence.PRESENT
    assert LIMBS not in {one.code for one in judged(limbs_over=None).findings}


def test_the_trunk_models_word_stands_before_the_other_models() -> None:
    plain = replace(PLAIN, view=Guess(says=View.VENTRODORSAL, certainty=0.9), inverted=Guess(says=True, certainty=0.9))

    assessment = judge(evidence(), plain, BOUNDS, trunk=trunk_sight())

    assert on(assessment, VIEW_MISMATCH).presence is Presence.ABSENT
    assert on(assessment, INVERSION).presence is Presence.ABSENT
    assert assessment.model == plain.model


@pytest.mark.parametrize(
    ("tagged", "seen", "presence"),
    [
        (View.RIGHT_LATERAL, Guess(says=View.LEFT_LATERAL, certainty=0.97), Presence.PRESENT),
        (View.RIGHT_LATERAL, Guess(says=View.LEFT_LATERAL, certainty=0.6), Presence.ABSENT),
        (View.LATERAL, Guess(says=View.LEFT_LATERAL, certainty=0.97), Presence.ABSENT),
        (View.LEFT_LATERAL, Guess(says=View.LEFT_LATERAL, certainty=0.97), Presence.ABSENT),
        (View.OBLIQUE, Guess(says=View.LEFT_LATERAL, certainty=0.97), Presence.UNDETERMINED),
    ],
)
def test_a_side_contradicts_the_tags_only_when_it_is_sure(tagged: View, seen: Guess[View], presence: Presence) -> None:
    tags = evidence(views=(Claim(field="ViewPosition", says=tagged),))

    assert on(judge(tags, PLAIN, BOUNDS, trunk=trunk_sight(side=seen)), VIEW_MISMATCH).presence is presence


def test_a_dorsoventral_film_is_not_a_ventrodorsal_one() -> None:
    found = on(frontal(side=Guess(says=View.DORSOVENTRAL, certainty=0.97)), VIEW_MISMATCH)

    assert found.says == "The picture looks dorsoventral, but ViewPosition says ventrodorsal."


def test_a_trunk_model_in_doubt_is_not_heard_and_that_is_said() -> None:
    assessment = judged(oddness=0.9, rotation=Amount(value=30.0, error=1.0), limbs_over=0.99)

    assert on(assessment, ROTATION).presence is Presence.UNDETERMINED
    assert on(assessment, MOTION).presence is Presence.UNDETERMINED
    assert "unlike the films" in on(assessment, ROTATION).says
    assert "unlike the films" in on(assessment, MOTION).says
    assert on(assessment, LIMBS).presence is Presence.ABSENT


@pytest.mark.parametrize(("region", "asked"), [(Region.THORAX, True), (Region.ABDOMEN, True), (Region.TRUNK, False)])
def test_breathing_is_left_open_by_a_model_in_doubt_only_where_there_is_a_right_moment(
    region: Region, asked: bool
) -> None:
    plain = replace(PLAIN, region=Guess(says=region, certainty=0.9))

    findings = judge(evidence(), plain, BOUNDS, trunk=trunk_sight(oddness=0.9)).findings

    assert [one.presence for one in findings if one.code == BREATH] == [Presence.UNDETERMINED] * asked


def test_a_film_of_another_body_part_is_judged_as_before() -> None:
    tags = evidence(regions=(Claim(field="BodyPartExamined", says=Region.PELVIS),))
    pelvis = replace(PLAIN, region=Guess(says=Region.PELVIS, certainty=0.95))

    with_it = judge(tags, pelvis, BOUNDS, trunk=trunk_sight(film=Guess(says=False, certainty=0.99)))

    assert with_it == judge(tags, pelvis, BOUNDS)
    assert on(with_it, REGION_MISMATCH).presence is Presence.ABSENT


def test_a_film_that_was_not_judged_is_not_called_good() -> None:
    assessment = judge(evidence(), None, BOUNDS, abstained="the picture bears text")

    assert advice(assessment) == "not judged: the picture bears text"
    assert on(assessment, ADVICE).presence is Presence.UNDETERMINED


def test_wrong_tags_and_a_dark_greyscale_are_mended_without_a_retake() -> None:
    tags = evidence(views=(Claim(field="ViewPosition", says=View.VENTRODORSAL),))

    line = advice(judge(tags, PLAIN, BOUNDS, trunk=trunk_sight(inverted=Guess(says=True, certainty=0.99))))

    assert "process again: greyscale inverted" in line
    assert "check the tags: view" in line
    assert line.startswith("no retake needed")


@pytest.mark.parametrize(
    ("deviation", "line"),
    [
        (0.5, "no retake needed"),
        (2.0, "no retake needed; next time: less dose (deviation index +2.0)"),
        (-2.0, "no retake needed; next time: more dose (deviation index -2.0)"),
        (-4.0, "retake: the film is underexposed"),
        (None, "no retake needed as far as can be told; not judged: exposure"),
    ],
)
def test_only_a_film_that_is_far_too_light_is_taken_again_for_its_exposure(deviation: float | None, line: str) -> None:
    tags = evidence(exposure=Exposure(deviation=deviation))

    assert advice(judge(tags, PLAIN, BOUNDS, trunk=trunk_sight())).startswith(line)
