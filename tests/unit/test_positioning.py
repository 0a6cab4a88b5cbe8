"""Judging one film."""

from dataclasses import replace

import pytest

from vetflow.domain.evidence import Claim, Exposure, TagEvidence
from vetflow.domain.finding import Assessment, Finding, ModelVersion, Presence, Verdict
from vetflow.domain.place import Box
from vetflow.domain.positioning import deviation_index, judge
from vetflow.domain.quality import (
    EXPOSURE,
    FIELD,
    INVERSION,
    LIMBS,
    OVER_EXPOSED,
    POSITIONING,
    REGION_MISMATCH,
    SPECIES_MISMATCH,
    UNDER_EXPOSED,
    VIEW_MISMATCH,
)
from vetflow.domain.sight import Bounds, Field, Guess, Sight
from vetflow.domain.signalment import Signalment, Species
from vetflow.domain.view import Region, View

BOUNDS = Bounds(sure=0.8, deviation=1.0)

SOUND = TagEvidence(
    modality="DX",
    signalment=Signalment(species=Species.DOG),
    species=(Claim(field="PatientSpeciesDescription", says=Species.DOG),),
    regions=(Claim(field="BodyPartExamined", says=Region.THORAX),),
    views=(Claim(field="ViewPosition", says=View.LEFT_LATERAL),),
    exposure=Exposure(index=200.0, target=200.0, deviation=0.0),
)

SEEN = Sight(
    view=Guess(says=View.LATERAL, certainty=0.97),
    region=Guess(says=Region.THORAX, certainty=0.93),
    inverted=Guess(says=False, certainty=0.99),
    field=Field(box=Box(left=0, top=0, right=100, bottom=80), exposed=0.9, touching=("left", "right")),
    limbs_over=0.05,
    model=ModelVersion(name="positioning", version="1", digest="ab" * 32),
)


def problems(assessment: Assessment) -> dict[str, Finding]:
    return {f.code.value: f for f in assessment.findings if f.presence is Presence.PRESENT}


def test_a_film_that_agrees_with_its_tags_has_nothing_to_complain_of() -> None:
    assessment = judge(SOUND, SEEN, BOUNDS)

    assert assessment.verdict is Verdict.NOTHING
    assert {finding.presence for finding in assessment.findings} == {Presence.ABSENT}
    assert assessment.model == SEEN.model


def test_views_that_disagree_are_a_problem_from_the_tags_alone() -> None:
    views = (Claim(field="ViewPosition", says=View.SAGITTAL), Claim(field="SeriesDescription", says=View.LATERAL))

    assessment = judge(replace(SOUND, views=views), None, BOUNDS, abstained="the model abstained")

    found = problems(assessment)[VIEW_MISMATCH.value]
    assert assessment.verdict is Verdict.FINDINGS
    assert found.source == "tags"
    assert found.reason == POSITIONING
    assert "ViewPosition says frontal (AP or PA)" in found.says
    assert "SeriesDescription says lateral" in found.says


def test_a_sure_picture_contradicts_the_tags_with_its_certainty() -> None:
    frontal = replace(SEEN, view=Guess(says=View.VENTRODORSAL, certainty=0.95))

    found = problems(judge(SOUND, frontal, BOUNDS))[VIEW_MISMATCH.value]

    assert found.source == "picture"
    assert found.certainty == 0.95


@pytest.mark.parametrize(
    "view", [Guess(says=View.VENTRODORSAL, certainty=0.79), Guess(says=View.VENTRODORSAL, certainty=0.99, steady=False)]
)
def test_an_unsure_or_unsteady_picture_abstains_rather_than_guesses(view: Guess[View]) -> None:
    assessment = judge(SOUND, replace(SEEN, view=view), BOUNDS)

    assert assessment.verdict is Verdict.ABSTAINED
    assert "view" in assessment.abstained
    assert VIEW_MISMATCH.value not in problems(assessment)


def test_the_cards_stricter_threshold_holds_over_the_sites() -> None:
    frontal = replace(SEEN, view=Guess(says=View.VENTRODORSAL, certainty=0.9), threshold=0.95)

    assert judge(SOUND, frontal, BOUNDS).verdict is Verdict.ABSTAINED


def test_a_picture_of_another_body_part_is_a_problem() -> None:
    pelvis = replace(SEEN, region=Guess(says=Region.PELVIS, certainty=0.9))

    assert REGION_MISMATCH.value in problems(judge(SOUND, pelvis, BOUNDS))


def test_a_trunk_in_the_picture_does_not_contradict_thorax_in_the_tags() -> None:
    trunk = replace(SEEN, region=Guess(says=Region.TRUNK, certainty=0.9))

    assert judge(SOUND, trunk, BOUNDS).verdict is Verdict.NOTHING


def test_fields_that_name_two_species_are_a_problem() -> None:
    species = (*SOUND.species, Claim(field="StudyDescription", says=Species.CAT))

    assert SPECIES_MISMATCH.value in problems(judge(replace(SOUND, species=species), SEEN, BOUNDS))


@pytest.mark.parametrize(("deviation", "reason"), [(2.4, OVER_EXPOSED), (-3.0, UNDER_EXPOSED)])
def test_exposure_out_of_range_names_its_direction(deviation: float, reason: object) -> None:
    film = replace(SOUND, exposure=Exposure(deviation=deviation))

    found = problems(judge(film, SEEN, BOUNDS))[EXPOSURE.value]

    assert found.reason == reason
    assert found.measurements[0].value == deviation


def test_a_missing_deviation_index_is_undetermined_and_never_a_pass() -> None:
    assessment = judge(replace(SOUND, exposure=Exposure()), SEEN, BOUNDS)

    exposure = next(f for f in assessment.findings if f.code == EXPOSURE)
    assert exposure.presence is Presence.UNDETERMINED


def test_the_deviation_index_follows_from_both_indices() -> None:
    assert deviation_index(Exposure(index=200.0, target=100.0)) == pytest.approx(3.0103, abs=1e-4)
    assert deviation_index(Exposure(index=0.0, target=100.0)) is None
    assert deviation_index(Exposure(index=297.0, target=171.0, deviation=2.4)) == 2.4


def test_limbs_over_the_thorax_are_present_absent_or_untold() -> None:
    states = {
        value: next(f for f in judge(SOUND, replace(SEEN, limbs_over=value), BOUNDS).findings if f.code == LIMBS)
        for value in (0.9, 0.5, 0.1)
    }

    assert [states[value].presence for value in (0.9, 0.5, 0.1)] == [
        Presence.PRESENT,
        Presence.UNDETERMINED,
        Presence.ABSENT,
    ]


def test_a_body_that_leaves_the_field_on_three_sides_is_cut_off() -> None:
    cut = replace(SEEN, field=replace(SEEN.field, touching=("left", "right", "top")))

    assert FIELD.value in problems(judge(SOUND, cut, BOUNDS))


def test_an_inverted_greyscale_is_a_processing_problem() -> None:
    inverted = replace(SEEN, inverted=Guess(says=True, certainty=0.98))

    assert INVERSION.value in problems(judge(SOUND, inverted, BOUNDS))


def test_problems_come_before_what_is_fine() -> None:
    film = replace(SOUND, exposure=Exposure(deviation=5.0))

    assert judge(film, SEEN, BOUNDS).findings[0].presence is Presence.PRESENT
