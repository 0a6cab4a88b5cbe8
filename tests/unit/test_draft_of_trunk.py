"""What judges of trunk films say, as a draft report's words."""

from collections.abc import Sequence

from tests.trunk_sights import cut, heart, lesions, look, spine

from vetflow.domain import cardiac, labelling, positioning, triage
from vetflow.domain.drafting import draft
from vetflow.domain.finding import Assessment, ModelVersion
from vetflow.domain.look import Look
from vetflow.domain.place import Box
from vetflow.domain.report import Draft, Given, Opinion, Shot
from vetflow.domain.sight import Bounds, Field, Guess, Sight
from vetflow.domain.signalment import Signalment, Species
from vetflow.domain.urgency import Urgency
from vetflow.domain.view import Region, View
from vetflow.reports.writing import Templates
from vetflow.vision.outlining import spread

TEMPLATES = Templates()
SHOT = Shot(view=View.LEFT_LATERAL, region=Region.TRUNK, modality="DX")
BLOATED = look(
    lesions=lesions(volvulus=0.97), spots=spine("T6") | heart(short=5.5), cut=cut(hips=0.95)
)  # fmt: skip


def drafted(looks: Sequence[Look], *opinions: tuple[str, Assessment], species: Species = Species.DOG) -> Draft:
    given = Given(signalment=Signalment(species=species), region=Region.TRUNK, films=(SHOT,) * len(looks))
    said = [
        Opinion(use_case=name, assessment=assessment, urgency=triage.urgency(assessment))
        for name, assessment in opinions
    ]
    return draft(given, said, table=TEMPLATES.table)


def words(looks: Sequence[Look], *opinions: tuple[str, Assessment], species: Species = Species.DOG) -> str:
    return TEMPLATES.written(drafted(looks, *opinions, species=species)).text


def test_an_urgency_is_said_once_as_the_priority() -> None:
    text = words([BLOATED], ("triage", triage.judge([BLOATED])))

    assert "Suggested priority: now, for gastric dilatation-volvulus." in text
    assert "How soon" not in text
    assert "how soon the study should be read" not in text


def test_nothing_found_lowers_no_priority_and_excludes_no_volvulus() -> None:
    seen = drafted([look()], ("triage", triage.judge([look()])))

    assert seen.priority.urgency is Urgency.ROUTINE
    assert not seen.priority.raised
    assert "This does not exclude it" in TEMPLATES.written(seen).text


def test_vertebrae_with_a_gap_are_not_said_to_be_labelled_throughout() -> None:
    text = words([BLOATED], ("anatomy", labelling.judge([BLOATED], spread=spread)))

    assert "Vertebrae C7 to T5, T7 to S1 labelled." in text


def test_ribs_on_several_films_are_said_once_and_outlines_not_at_all() -> None:
    films = [look(), look()]

    text = words(films, ("anatomy", labelling.judge(films, spread=spread)))

    assert "outlined" not in text
    assert text.count("13 pairs of ribs counted (images 1, 2).") == 1


def test_a_heart_that_is_large_on_one_film_is_not_absent_in_the_impression() -> None:
    films = [look(), look(spots=spine() | heart(short=6.0))]

    text = words(films, ("cardiac", cardiac.judge(films)))
    impression = text.split("IMPRESSION")[1]

    assert "Enlarged cardiac silhouette (image 2: 11.2 ± 0.4 v, reference 8.7 to 10.5 v)" in impression
    assert "No evidence of: enlarged cardiac silhouette" not in impression
    assert "9.7 ± 0.4 vertebrae" in text


def test_a_heart_within_its_error_of_the_limit_is_put_into_words() -> None:
    grey = [look(spots=spine() | heart(short=5.5))]

    text = words(grey, ("cardiac", cardiac.judge(grey)))

    assert "10.7 ± 0.4 v (VHS, reference 8.7 to 10.5 v), above the reference range by no more than" in text
    assert "Not assessed: enlarged cardiac silhouette" in text


def test_a_heart_just_within_its_range_is_not_said_to_be_within_it_without_more() -> None:
    grey = [look(spots=spine() | heart(short=5.0))]

    text = words(grey, ("cardiac", cardiac.judge(grey)))

    assert "within the reference range, but no further from its limit than the measurement's own error." in text
    assert "No evidence of: enlarged cardiac silhouette" not in text


def test_a_score_without_a_range_is_put_into_words() -> None:
    cat = [look(Species.CAT, spots=spine() | heart(long=4.0, short=3.4))]

    text = words(cat, ("cardiac", cardiac.judge(cat)), species=Species.CAT)

    assert "(VLAS, no reference for this animal); whether it is enlarged could not be assessed." in text


def test_advice_is_not_said_beside_the_problems_it_rests_on() -> None:
    plain = Sight(
        view=Guess(says=View.LATERAL, certainty=0.97),
        region=Guess(says=Region.TRUNK, certainty=0.93),
        inverted=Guess(says=False, certainty=0.99),
        field=Field(box=Box(left=0, top=0, right=400, bottom=300), exposed=1.0),
        model=ModelVersion(name="positioning", version="1", digest="ab" * 32),
    )

    text = words(
        [BLOATED], ("positioning", positioning.judge(BLOATED.evidence, plain, Bounds(), trunk=BLOATED.trunk))
    )  # fmt: skip

    assert "Hips cut off." in text
    assert "etake" not in text
    assert "Consider repeating image 1." in text
