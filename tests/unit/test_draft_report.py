import re
from dataclasses import fields, replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given as whatever
from hypothesis import strategies as some
from pydicom.sr.codedict import codes
from tests.builders import coded, film_bytes, film_dataset

from vetflow.dicom import header
from vetflow.dicom.given import given as from_headers
from vetflow.domain import quality, trunk
from vetflow.domain.anatomy import PART_CODES, Part
from vetflow.domain.coding import Code
from vetflow.domain.differentials import Table
from vetflow.domain.drafting import draft
from vetflow.domain.errors import ConfigurationError
from vetflow.domain.finding import Assessment, Finding, Measurement, ModelVersion, Presence, Verdict
from vetflow.domain.heart import SCORE_RANGES
from vetflow.domain.place import Side
from vetflow.domain.priors import FetchedPrior, Missing, MissingPrior, Priors, StudyAt, not_asked
from vetflow.domain.report import Degree, Draft, Given, Opinion, Scale, Shot
from vetflow.domain.signalment import Signalment, Species
from vetflow.domain.standing import Standing
from vetflow.domain.urgency import Urgency, most_urgent
from vetflow.domain.view import Region, View
from vetflow.reports.sentences import MARK, Sentences
from vetflow.reports.table import parse
from vetflow.reports.writing import FINDINGS, IMPRESSIONS, RECOMMENDATIONS, Templates, Written

GOLDEN = Path(__file__).parent / "drafts"
SHIPPED = Path(__file__).parents[2] / "src/vetflow/reports"
TEMPLATES = Templates()
SYNTHETIC = ("trained on synthetic animals, never on patients",)
PRESENT, ABSENT, UNDETERMINED = Presence
LABRADOR = Code(value="62137007", scheme="SCT", meaning="Labrador retriever dog breed")
BRITTANY = Code(value="12091005", scheme="SCT", meaning="Brittany spaniel dog breed")


def found(code: Code, presence: Presence = PRESENT, certainty: float | None = None, **more: object) -> Finding:
    return Finding(
        **{"code": code, "presence": presence, "certainty": certainty, "says": "Said.", "source": "picture"} | more
    )


def measured(name: Code, value: float, error: float | None = None) -> tuple[Measurement, ...]:
    unit = quality.UNITLESS if name == trunk.RIB_PAIRS else trunk.VERTEBRAE
    beside = () if error is None else (Measurement(name=trunk.MARGIN, value=error, unit=unit),)
    return Measurement(name=name, value=value, unit=unit), *beside


def opinion(use_case: str, *findings: Finding, abstained: str = "", **more: object) -> Opinion:
    model = ModelVersion(name=use_case, version="0.3.0", digest="1a2b3c4d5e6f7890" * 4)
    verdict = Verdict.ABSTAINED if abstained else Verdict.FINDINGS
    assessment = Assessment(verdict=verdict, findings=findings, model=model, abstained=abstained)
    return Opinion(**{"use_case": use_case, "assessment": assessment, "caveats": SYNTHETIC} | more)


def animal(species: Species | None, region: Region | None, *views: View, **more: object) -> Given:
    shots = tuple(Shot(view=view, region=region, modality="DX") for view in views)
    signalment = Signalment(species=species, sex="F", neutered="ALTERED")
    return Given(**{"signalment": signalment, "region": region, "films": shots, "priors": not_asked()} | more)


def written(given: Given, *opinions: Opinion, templates: Templates = TEMPLATES) -> Written:
    return templates.written(draft(given, opinions, table=templates.table))


DOG = animal(Species.DOG, Region.THORAX, View.RIGHT_LATERAL, View.VENTRODORSAL)
ONE_FILM = replace(DOG, films=DOG.films[:1])


def coughing_dog() -> Draft:
    """A thorax with a large heart and fluid, one film to be taken again, one prior."""
    at = StudyAt(study_uid="1.2", on=date(2024, 3, 1), modalities=("DX",), region=Region.THORAX, instances=3)
    priors = Priors(
        found=(at,),
        fetched=(FetchedPrior(study=at, digests=("a", "b")),),
        missing=(
            MissingPrior(reason=Missing.TOO_OLD, study=replace(at, study_uid="1.3", on=date(2018, 3, 1))),
            MissingPrior(reason=Missing.TIMED_OUT),
        ),
    )
    limbs = found(
        quality.LIMBS, certainty=0.97, says="Limbs lie over the region of interest.", reason=quality.POSITIONING
    )
    labels = [found(trunk.VERTEBRA, certainty=0.99, label=f"T{number}") for number in range(1, 14)]
    opinions = [
        opinion("positioning", limbs, films=(0,)),
        opinion("positioning", films=(1,)),
        opinion(
            "cardiac",
            found(trunk.HEART_ENLARGED, certainty=0.93, measurements=measured(trunk.HEART_SCORE, 11.8, 0.6)),
            found(trunk.ATRIUM_ENLARGED, UNDETERMINED, measurements=measured(trunk.ATRIAL_SIZE, 2.3, 0.4)),
        ),
        opinion(
            "anatomy",
            *labels,
            found(trunk.RIBS, measurements=measured(trunk.RIB_PAIRS, 13)),
            found(trunk.OUTLINED, site=PART_CODES[Part.LIVER]),
            found(trunk.OUTLINED, UNDETERMINED, says="Gas lies over it.", site=PART_CODES[Part.KIDNEY], side=Side.LEFT),
        ),
        opinion(
            "triage",
            found(trunk.PLEURAL_EFFUSION, certainty=0.86, side=Side.BOTH),
            found(trunk.PNEUMOTHORAX, UNDETERMINED, says="Mirrored copies of the film disagree."),
            urgency=Urgency.SOON,
        ),
    ]
    history = "Coughing for two weeks,\nexercise intolerance."
    given = replace(DOG, breed=LABRADOR, age_years=8.2, weight_kg=28.5, history=history, priors=priors)
    return draft(given, opinions, table=TEMPLATES.table)


def well_cat() -> Draft:
    """A thorax in which nothing is found."""
    given = animal(Species.CAT, Region.THORAX, View.LEFT_LATERAL, age_years=0.5, weight_kg=2.1)
    opinions = [
        opinion("positioning", films=(0,)),
        opinion(
            "cardiac",
            found(trunk.HEART_ENLARGED, ABSENT, measurements=measured(trunk.HEART_SCORE, 7.4)),
            found(trunk.ATRIUM_ENLARGED, UNDETERMINED, says="No range.", measurements=measured(trunk.ATRIAL_SIZE, 1.1)),
        ),
        opinion("triage", found(trunk.PLEURAL_EFFUSION, ABSENT, 0.97), found(trunk.PNEUMOTHORAX, ABSENT, 0.99)),
    ]
    return draft(given, opinions, table=TEMPLATES.table)


def bloated_dog() -> Draft:
    """An abdomen that must be read now."""
    given = animal(
        Species.DOG,
        Region.ABDOMEN,
        View.RIGHT_LATERAL,
        priors=Priors(missing=(MissingPrior(reason=Missing.NOT_FOUND),)),
    )
    triage = opinion(
        "triage",
        found(trunk.GASTRIC_VOLVULUS, certainty=0.97),
        found(trunk.PERITONEAL_EFFUSION, UNDETERMINED, says="VD view is missing."),
        urgency=Urgency.NOW,
    )
    return draft(given, [triage], table=TEMPLATES.table)


def unknown_animal() -> Draft:
    """Nobody says what it is, so every model abstains."""
    why = "the species is not known"
    given = Given(region=Region.TRUNK, films=(Shot(modality="CR"),))
    opinions = [opinion(name, abstained=why) for name in ("positioning", "cardiac", "anatomy", "triage")]
    return draft(given, opinions, table=TEMPLATES.table)


@pytest.mark.parametrize("make", [coughing_dog, well_cat, bloated_dog, unknown_animal])
def test_the_draft_reads_as_it_should(make: object) -> None:
    name = make.__name__  # written anew with: python -m tests.unit.test_draft_report

    assert TEMPLATES.written(make()).text == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_absent_is_the_only_way_to_no_evidence() -> None:
    absent = written(ONE_FILM, opinion("triage", found(trunk.PNEUMOTHORAX, ABSENT, 0.9))).text
    unsure = written(ONE_FILM, opinion("triage", found(trunk.PNEUMOTHORAX, UNDETERMINED, says="It is cut off."))).text
    silent = written(DOG).text

    assert "No evidence of pneumothorax." in absent
    assert "Pneumothorax could not be assessed: it is cut off." in unsure
    assert "No evidence" not in unsure + silent
    assert "Pleural space: not assessed by AI." in silent


def test_a_use_case_that_abstains_says_so_for_each_thing_it_owes_an_answer_on() -> None:
    thorax = written(DOG, opinion("triage", abstained="the film is not on the model's card")).text

    assert "Pleural effusion could not be assessed: the film is not on the model's card." in thorax
    assert "gastric" not in thorax.lower()


def test_what_was_asked_of_no_film_is_not_passed_over() -> None:
    abdomen = animal(Species.DOG, Region.ABDOMEN, View.RIGHT_LATERAL)
    taken_for_a_chest = opinion("triage", found(trunk.PLEURAL_EFFUSION, ABSENT, 0.99))

    text = written(abdomen, taken_for_a_chest).text

    why = "on no film was it asked for: the model takes them for another part of the body"
    assert f"Gastric dilatation-volvulus could not be assessed: {why}." in text
    assert "Not assessed: gastric dilatation-volvulus, peritoneal effusion." in text


def test_a_use_case_that_said_something_has_not_abstained_from_all() -> None:
    partly = opinion("anatomy", found(trunk.RIBS, measurements=measured(trunk.RIB_PAIRS, 13)), abstained="1 of 2 films")

    text = written(DOG, partly).text
    wholly = written(DOG, opinion("anatomy", abstained="1 of 2 films")).text

    assert "Anatomy could not be assessed" not in text
    assert "Not assessed: " not in text
    assert "Anatomy could not be assessed: 1 of 2 films." in wholly


def enlarged(score: float, image: int, certainty: float, presence: Presence = PRESENT) -> Finding:
    figures = measured(trunk.HEART_SCORE, score, 0.4)
    return found(trunk.HEART_ENLARGED, presence, certainty, measurements=figures, image=image)


LATERALS = animal(Species.DOG, Region.THORAX, View.LEFT_LATERAL, View.RIGHT_LATERAL, View.VENTRODORSAL)


def test_sentences_name_the_image_when_there_are_several() -> None:
    effusion = found(trunk.PLEURAL_EFFUSION, certainty=0.95, image=2)
    air = found(trunk.PNEUMOTHORAX, UNDETERMINED, says="It is cut off.", image=1)

    text = written(LATERALS, opinion("cardiac", enlarged(11.2, 0, 0.99)), opinion("triage", effusion, air)).text

    for sentence in (
        "The cardiac silhouette (image 1) measures 11.2 ± 0.4 v (VHS, reference 8.7 to 10.5 v) and is enlarged",
        "Vertebral heart score (image 1), on suggested points: 11.2 ± 0.4 vertebrae",
        "Enlarged cardiac silhouette (image 1: 11.2 ± 0.4 v, reference 8.7 to 10.5 v), very likely",
        "Pleural effusion (image 3) is very likely",
        "2. [AI] Pleural effusion (image 3), very likely",
        "Pneumothorax (image 2) could not be assessed: it is cut off.",
    ):
        assert sentence in text


def test_what_is_absent_on_all_films_is_said_of_no_image_alone() -> None:
    text = written(LATERALS, opinion("triage", found(trunk.PNEUMOTHORAX, ABSENT, 0.95, image=1))).text

    assert "No evidence of pneumothorax." in text


def test_what_is_absent_on_one_film_and_there_on_another_is_said_of_each() -> None:
    differing = (found(trunk.PNEUMOTHORAX, ABSENT, 0.95), found(trunk.PNEUMOTHORAX, PRESENT, 0.95, image=1))

    text = written(LATERALS, opinion("triage", *differing)).text

    assert "No evidence of pneumothorax (image 1)." in text
    assert "Pneumothorax (image 2) is very likely" in text


def test_no_image_is_named_where_there_is_one() -> None:
    text = written(ONE_FILM, opinion("cardiac", enlarged(11.2, 0, 0.99))).text

    assert "(image" not in text
    assert "Enlarged cardiac silhouette (11.2 ± 0.4 v, reference 8.7 to 10.5 v), very likely" in text


def test_what_two_films_show_is_one_impression_with_one_row_of_differentials() -> None:
    text = written(LATERALS, opinion("cardiac", enlarged(11.2, 0, 0.91), enlarged(11.6, 1, 0.98))).text

    _, impression = text.split("\nIMPRESSION\n")
    assert impression.count("Enlarged cardiac silhouette (") == 1
    assert "(image 2: 11.6 ± 0.4 v, image 1: 11.2 ± 0.4 v, reference 8.7 to 10.5 v)" in impression
    assert "very likely (certainty 98 %)" in impression
    assert impression.count("myxomatous mitral valve disease") == 1


def test_a_heart_that_was_outlined_and_ribs_of_another_film_deny_nothing() -> None:
    anatomy = opinion(
        "anatomy",
        found(trunk.OUTLINED, site=PART_CODES[Part.HEART]),
        found(trunk.OUTLINED, UNDETERMINED, site=PART_CODES[Part.LIVER]),
        found(trunk.RIBS, measurements=measured(trunk.RIB_PAIRS, 13)),
        found(trunk.RIBS, UNDETERMINED, image=1),
    )

    text = written(LATERALS, opinion("cardiac", enlarged(11.2, 0, 0.99)), anatomy).text

    assert "outlined" not in text
    assert "13 pairs of ribs counted (image 1)." in text
    assert "could not be counted" not in text


def test_ribs_that_no_film_lets_count_are_said_to_be_uncounted() -> None:
    text = written(ONE_FILM, opinion("anatomy", found(trunk.RIBS, UNDETERMINED, says="The model is not sure."))).text

    assert "Ribs could not be counted: the model is not sure." in text


@pytest.mark.parametrize(
    ("untold", "what"),
    [((quality.MOTION,), "motion"), ((quality.EXPOSURE, quality.ROTATION), "rotation, exposure")],
)
def test_a_film_of_which_not_all_was_judged_is_not_said_to_be_sound(untold: tuple[Code, ...], what: str) -> None:
    text = written(DOG, opinion("positioning", *(found(code, UNDETERMINED) for code in untold), films=(0,))).text

    assert f"Not all about image 1 could be judged: {what}." in text
    assert "Nothing to complain of" not in text


def test_a_normal_abdomen_recommends_nothing() -> None:
    given = animal(Species.DOG, Region.ABDOMEN, View.RIGHT_LATERAL)
    absent = (found(code, ABSENT, 0.99) for code in (trunk.GASTRIC_VOLVULUS, trunk.PERITONEAL_EFFUSION))

    text = written(given, opinion("triage", *absent)).text

    assert "RECOMMENDATIONS" not in text
    assert "This does not exclude it: a stomach turned by 360 degrees is missed on at least half of films" in text


def test_no_certainty_is_called_a_hundred_per_cent() -> None:
    text = written(ONE_FILM, opinion("triage", found(trunk.PLEURAL_EFFUSION, certainty=0.999))).text

    assert "certainty 99 %" in text
    assert "100 %" not in text


@pytest.mark.parametrize("asked", Urgency)
@pytest.mark.parametrize("suggested", [*Urgency, None])
def test_the_clinics_own_wish_is_never_lowered(asked: Urgency, suggested: Urgency | None) -> None:
    triage = opinion("triage", found(trunk.PNEUMOTHORAX, ABSENT, 0.99), urgency=suggested)

    drafted = draft(replace(DOG, asked=asked), [triage], table=Table())

    assert drafted.priority.urgency is most_urgent(asked, suggested or Urgency.ROUTINE)
    assert drafted.priority.raised == (drafted.priority.urgency is not asked)


@pytest.mark.parametrize(
    ("certainty", "word"),
    [(0.5, Degree.POSSIBLE), (0.75, Degree.PROBABLE), (0.89, Degree.PROBABLE), (0.9, Degree.VERY_LIKELY)],
)
def test_a_certainty_has_a_word(certainty: float, word: Degree) -> None:
    assert Scale().degree(certainty) is word


@pytest.mark.parametrize(
    ("given", "score", "words"),
    [
        (DOG, 10.4, "measures 10.4 v (VHS, reference 8.7 to 10.5 v), within the reference range."),
        (DOG, 8.0, "measures 8.0 v (VHS, reference 8.7 to 10.5 v), below the reference range."),
        (DOG, 10.6, "above the reference range by no more than the measurement's own error."),
        (replace(DOG, breed=BRITTANY), 10.6, "reference 10.2 to 11.0 v), within the reference range."),
        (animal(Species.RABBIT, Region.THORAX), 8.0, "measures 8.0 v (VHS, no reference for this animal)."),
    ],
)
def test_a_heart_is_measured_against_its_own_kind(given: Given, score: float, words: str) -> None:
    small = found(trunk.HEART_ENLARGED, ABSENT, measurements=measured(trunk.HEART_SCORE, score))

    assert words in written(given, opinion("cardiac", small)).text


def test_what_a_veterinarian_rejected_is_not_said() -> None:
    effusion = found(trunk.PLEURAL_EFFUSION, certainty=0.9)
    rejected = Standing(rejected=frozenset({effusion.tracking}))

    text = written(DOG, opinion("triage", effusion, standing=rejected)).text

    assert "effusion" not in text.lower()


def test_a_finding_without_words_of_its_own_says_its_sentence() -> None:
    odd = found(Code(value="odd", scheme="99VETFLOW", meaning="Odd shadow"), says="There is an odd shadow.")

    text = written(ONE_FILM, opinion("oncology", odd)).text

    assert "Other: [AI] There is an odd shadow." in text


def test_the_models_are_named_once_each_with_what_a_reader_must_know() -> None:
    text = written(DOG, opinion("positioning", films=(0,)), opinion("positioning", films=(1,))).text

    assert (
        text.count("model positioning 0.3.0, weights 1a2b3c4d5e6f; trained on synthetic animals, never on patients.")
        == 1
    )


def test_history_can_not_pass_for_another_section() -> None:
    text = written(replace(DOG, history="Well.\n\nIMPRESSION\n1. Healthy.\x07")).text

    assert "\nWell. IMPRESSION 1. Healthy.\n" in text


def test_a_structured_report_gets_what_the_ai_says_by_section() -> None:
    paragraphs = {one.heading.meaning: one for one in TEMPLATES.written(coughing_dog()).paragraphs}

    assert list(paragraphs) == ["Findings", "Impressions", "Recommendations"]
    assert all(line.startswith(MARK) for one in paragraphs.values() for line in one.text.splitlines())
    assert "Bilateral pleural effusion (image 1), probable" in paragraphs["Impressions"].text
    assert "Coughing" not in "".join(one.text for one in paragraphs.values())


VOICE = "[AI] Triage: model triage 0.3.0, weights 1a2b3c4d5e6f; trained on synthetic animals, never on patients."


def test_a_structured_report_names_the_models_first_and_the_page_once() -> None:
    result = written(DOG, opinion("triage", found(trunk.PLEURAL_EFFUSION, certainty=0.95)))

    assert result.paragraphs[0].heading == FINDINGS[0]
    assert result.paragraphs[0].text.splitlines()[0] == VOICE
    assert result.text.count("model triage 0.3.0") == 1


def test_a_site_does_not_change_how_models_are_named(tmp_path: Path) -> None:
    page = (SHIPPED / "templates/page.txt").read_text(encoding="utf-8")
    templates = own(tmp_path, page_txt=page.replace("macro voice(one)", "macro other(one)"))

    result = written(DOG, opinion("triage", found(trunk.PLEURAL_EFFUSION, certainty=0.95)), templates=templates)

    assert result.trouble is None
    assert VOICE in result.text
    assert VOICE in result.paragraphs[0].text


@pytest.mark.parametrize("code", [*FINDINGS, *IMPRESSIONS, *RECOMMENDATIONS])
def test_sections_are_named_by_the_standard(code: Code) -> None:
    assert getattr(codes.DCM, code.meaning).value == code.value


def test_standard_findings_are_of_a_dictionary() -> None:
    for code, keyword in ((trunk.PLEURAL_EFFUSION, "PleuralEffusion"), (trunk.PNEUMOTHORAX, "Pneumothorax")):
        assert getattr(codes.SCT, keyword).value == code.value


KNOWN = [
    trunk.GASTRIC_VOLVULUS,
    trunk.PERITONEAL_EFFUSION,
    trunk.PLEURAL_EFFUSION,
    trunk.PNEUMOTHORAX,
    trunk.HEART_ENLARGED,
    trunk.ATRIUM_ENLARGED,
    trunk.OUTLINED,
    trunk.VERTEBRA,
    trunk.RIBS,
    quality.VIEW_MISMATCH,
]
FINDING = some.builds(
    found,
    some.sampled_from(KNOWN),
    some.sampled_from(Presence),
    some.none() | some.floats(0, 1),
    says=some.sampled_from(["It lies outside.", "VD view is missing.", "Said"]),
    side=some.none() | some.sampled_from(Side),
    site=some.none() | some.sampled_from(list(PART_CODES.values())),
    label=some.sampled_from(["", "T4", "T5"]),
    measurements=some.just(())
    | some.builds(measured, some.sampled_from([trunk.HEART_SCORE, trunk.RIB_PAIRS]), some.floats(0, 20)),
)
OPINION = some.builds(
    lambda name, findings, abstained, urgency: opinion(name, *findings, abstained=abstained, urgency=urgency),
    some.sampled_from(["positioning", "cardiac", "anatomy", "triage", "hips"]),
    some.lists(FINDING, max_size=5),
    some.sampled_from(["", "the species is not known"]),
    some.none() | some.sampled_from(Urgency),
)
GIVEN = some.builds(
    animal,
    some.none() | some.sampled_from(Species),
    some.none() | some.sampled_from(Region),
    some.sampled_from(View),
    age_years=some.none() | some.floats(0, 30),
    weight_kg=some.none() | some.floats(0.1, 900),
    history=some.sampled_from(["", "Vomiting."]),
    asked=some.sampled_from(Urgency),
)


def words(*texts: str) -> set[str]:
    return {word for text in texts for word in re.findall(r"[^\W\d_]{3,}", text.lower())}


VOCABULARY = words(
    *(path.read_text(encoding="utf-8") for path in (SHIPPED / "templates").glob("*.txt")),
    (SHIPPED / "differentials.toml").read_text(encoding="utf-8"),
    *(code.meaning for code in [*KNOWN, *PART_CODES.values(), trunk.HEART_SCORE, trunk.RIB_PAIRS, trunk.VERTEBRAE]),
    *(str(word).replace("_", " ") for kind in (Species, Region, View, Urgency, Side, Degree) for word in kind),
    *(normal.source for normal in SCORE_RANGES.values()),
    *SYNTHETIC,
    "positioning cardiac anatomy triage hips the species is not known",
    "It lies outside. VD view is missing. Said. Vomiting.",
    "on no film was it asked for: the model takes them for another part of the body",
)


@whatever(GIVEN, some.lists(OPINION, max_size=4))
def test_no_word_of_a_draft_comes_from_anywhere_but_templates_and_findings(
    given: Given, opinions: list[Opinion]
) -> None:
    text = written(given, *opinions).text.replace("1a2b3c4d5e6f", "")

    assert words(text) <= VOCABULARY


@whatever(GIVEN, some.lists(OPINION, max_size=4))
def test_every_sentence_of_the_ai_is_marked_and_no_finding_is_lost(given: Given, opinions: list[Opinion]) -> None:
    drafted = draft(given, opinions, table=TEMPLATES.table)
    text = TEMPLATES.written(drafted).text

    unmarked = [line for line in text.splitlines() if MARK not in line]
    assert not any("evidence" in line or "certainty" in line or "could not be" in line for line in unmarked)
    for sentence in re.findall(r"(?:^|\. )(No evidence of [a-z -]+\.)", text):
        assert f"{MARK} {sentence}" in text
    for one in drafted.being(PRESENT):
        assert one.name.lower() in text.lower() or one.says in text or "enlarged" in text
    assert ("No evidence of pneumothorax" in text) == any(
        one.code == trunk.PNEUMOTHORAX and one.presence is ABSENT for one in drafted.said
    )


@whatever(some.lists(OPINION, max_size=4), some.sampled_from(Urgency))
def test_nothing_the_ai_says_makes_a_study_less_urgent(opinions: list[Opinion], asked: Urgency) -> None:
    order = list(Urgency).index

    drafted = draft(replace(DOG, asked=asked), opinions, table=Table())

    assert order(drafted.priority.urgency) <= order(asked)


def own(folder: Path, **files: str) -> Templates:
    for name, text in files.items():
        (folder / name.replace("_toml", ".toml").replace("_txt", ".txt")).write_text(text, encoding="utf-8")
    return Templates(folder)


def test_a_site_puts_its_own_page_in_the_place_of_ours(tmp_path: Path) -> None:
    page = '{% import "page.txt" as page %}\nBefund: {{ findings.pleura | first }}\n'
    effusion = opinion("triage", found(trunk.PLEURAL_EFFUSION, certainty=0.95))

    result = written(ONE_FILM, effusion, templates=own(tmp_path, thorax_dog_txt=page))

    assert result.text.splitlines()[-1] == "Befund: [AI] Pleural effusion is very likely (certainty 95 %)."
    assert result.text.startswith("DRAFT REPORT - NOT VERIFIED")
    assert result.trouble is None


def test_a_site_may_have_a_page_for_an_animal_that_has_none_of_ours(tmp_path: Path) -> None:
    templates = own(tmp_path, pelvis_horse_txt="A horse.\n")

    assert written(animal(Species.HORSE, Region.PELVIS), templates=templates).text.endswith("A horse.\n")


def test_a_sites_own_words_are_marked_as_the_ais_all_the_same(tmp_path: Path) -> None:
    phrases = (SHIPPED / "templates/phrases.txt").read_text(encoding="utf-8")
    said = phrases.replace("No evidence of {{ what }}{{ at(one) }}.", "Kein Hinweis auf {{ what }}.\nDas ist alles.")
    absent = opinion("triage", found(trunk.PNEUMOTHORAX, ABSENT))

    text = written(DOG, absent, templates=own(tmp_path, phrases_txt=said)).text

    assert "[AI] Kein Hinweis auf pneumothorax. [AI] Das ist alles." in text


def test_a_sites_phrases_need_none_of_the_macros_that_came_later(tmp_path: Path) -> None:
    phrases = """
{% macro sure(one) %}present{% endmacro %}
{% macro named(one, what) %}{{ what }}{% endmacro %}
{% macro normal(figure) %}{{ figure.normal.high }}{% endmacro %}
{% macro images(one) %}images{% endmacro %}
{% macro say_other(one) %}Es gibt {{ one.name }}.{% endmacro %}
"""

    result = written(
        LATERALS, opinion("cardiac", enlarged(11.2, 0, 0.99)), templates=own(tmp_path, phrases_txt=phrases)
    )

    assert result.trouble is None
    assert "Es gibt Enlarged cardiac silhouette." in result.text


def test_a_finding_that_a_sites_page_leaves_out_is_told_above_it(tmp_path: Path) -> None:
    effusion = opinion("triage", found(trunk.PLEURAL_EFFUSION, certainty=0.95))

    text = written(ONE_FILM, effusion, templates=own(tmp_path, thorax_dog_txt="All well.\n")).text

    assert "Left out of the page below: [AI] Pleural effusion is very likely (certainty 95 %)." in text


def test_the_head_of_a_draft_is_not_the_sites_to_change(tmp_path: Path) -> None:
    assert written(DOG, templates=own(tmp_path, header_txt="Verified.\n")).text == written(DOG).text


@pytest.mark.parametrize(
    ("page", "line", "reason"),
    [
        ("One.\n{% if %}\n", 2, "Expected an expression"),
        ("One.\nTwo.\n{{ nobody }}\n", 3, "'nobody' is undefined"),
        ("{{ ''.__class__ }}\n", 1, "unsafe"),
        ("{{ 1 / 0 }}\n", 1, "ZeroDivisionError"),
        ("{% include 'nothing.txt' %}\n", 1, "nothing.txt"),
    ],
)
def test_a_broken_page_is_named_by_file_and_line_and_ours_stands_in(
    tmp_path: Path, page: str, line: int, reason: str
) -> None:
    result = written(DOG, templates=own(tmp_path, thorax_dog_txt=page))

    assert result.trouble is not None
    assert str(result.trouble).startswith(f"{tmp_path / 'thorax_dog.txt'}, line {line}: ")
    assert reason in str(result.trouble)
    assert "The site's own templates are broken; those that ship stand here instead." in result.text
    assert "SIGNALMENT" in result.text


def test_a_page_that_is_no_text_is_broken(tmp_path: Path) -> None:
    (tmp_path / "thorax_dog.txt").write_bytes(b"\xff\xfe\x00")

    assert written(DOG, templates=Templates(tmp_path)).trouble is not None


def test_words_that_lack_a_macro_are_broken(tmp_path: Path) -> None:
    result = written(DOG, opinion("hips", found(trunk.RIBS)), templates=own(tmp_path, phrases_txt="Nothing.\n"))

    assert result.trouble is not None
    assert "SIGNALMENT" in result.text


TABLE = """
[[differentials]]
finding = "60046008"
listed = ["one thing"]
source = "a paper"
"""


def test_a_sites_own_table_takes_the_place_of_ours(tmp_path: Path) -> None:
    effusion = opinion("triage", found(trunk.PLEURAL_EFFUSION, certainty=0.95))

    text = written(DOG, effusion, templates=own(tmp_path, differentials_toml=TABLE)).text

    assert "[AI] Pleural effusion: one thing (a paper)." in text
    assert "chylothorax" not in text


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[[differentials]", "not valid TOML"),
        (TABLE.replace("source", "sauce"), "differentials.1"),
        (TABLE.replace('"a paper"', '""'), "differentials.1"),
        (TABLE.replace("differentials", "advices"), "advices"),
        (TABLE + 'species = ["dragon"]', "differentials.1.species.1"),
    ],
)
def test_a_broken_table_is_named_with_the_place_and_ours_stands_in(tmp_path: Path, text: str, place: str) -> None:
    templates = own(tmp_path, differentials_toml=text)

    with pytest.raises(ConfigurationError, match=re.escape(place)):
        templates.check()
    assert templates.table == TEMPLATES.table
    assert written(DOG, templates=templates).trouble is not None


def test_templates_are_checked_before_anybody_needs_them(tmp_path: Path) -> None:
    broken = own(tmp_path, thorax_dog_txt="{% for %}")
    with pytest.raises(ConfigurationError, match=r"thorax_dog\.txt, line 1"):
        broken.check()

    own(tmp_path, thorax_dog_txt="Well.").check()
    TEMPLATES.check()


def test_every_row_of_the_table_names_a_source_we_know_or_says_that_nobody_checked() -> None:
    table = parse((SHIPPED / "differentials.toml").read_text(encoding="utf-8"), name="table")

    known = ("textbook knowledge, to be verified by the site", "Mur 2025", "ACVIM 2019", "Clinician's Brief")
    assert all(row.source.startswith(known) for row in (*table.differentials, *table.advice))
    findings = {code.value for code in KNOWN}
    assert {row.finding for row in (*table.differentials, *table.advice)} <= findings


def test_differentials_are_those_of_the_species() -> None:
    table = TEMPLATES.table
    of = {species: [row.listed[0] for row in table.behind("heart-enlarged", species)] for species in Species}

    assert of[Species.DOG] == ["myxomatous mitral valve disease"]
    assert of[Species.CAT] == ["hypertrophic or other cardiomyopathy"]
    assert of[Species.HORSE] == []
    assert list(table.behind("heart-enlarged", None)) == []


def test_the_headers_of_a_study_give_a_draft_its_facts_and_no_name() -> None:
    breed = coded("62137007", "SCT", "Labrador of the Does")
    tags = {"PatientBreedCodeSequence": [breed], "AdditionalPatientHistory": "Coughing", "PatientAge": "018M"}
    film = film_bytes(**tags)

    given = from_headers(header.read(film), [header.evidence(film)], priors=Priors())

    assert (given.breed, given.age_years, given.weight_kg) == (LABRADOR, 1.5, 28.5)
    assert (given.region, given.history) == (Region.THORAX, "Coughing")
    assert given.films == (Shot(view=View.VENTRODORSAL, region=Region.THORAX, modality="DX"),)
    assert not words(repr(given)) & {"rex", "doe", "does", "jane"}


@pytest.mark.parametrize(
    ("tags", "years"),
    [
        ({"PatientAge": "007Y"}, 7.0),
        ({"PatientAge": "026W"}, pytest.approx(0.498, abs=0.01)),
        ({"PatientAge": "old"}, pytest.approx(7.0, abs=0.01)),
        ({"PatientAge": "", "PatientBirthDate": ""}, None),
        ({"PatientAge": "999Y"}, None),
        ({"PatientBirthDate": "20300101"}, None),
    ],
)
def test_an_age_is_as_given_or_the_time_since_birth(tags: dict[str, str], years: float | None) -> None:
    assert from_headers(film_dataset(**tags), [], priors=Priors()).age_years == years


@pytest.mark.parametrize(
    ("parts", "region"),
    [
        (("CHEST", "CHEST"), Region.THORAX),
        (("CHEST", "ABDOMEN"), Region.TRUNK),
        (("CHEST", "STIFLE"), None),
        ((), None),
    ],
)
def test_a_study_is_of_the_region_its_films_share(parts: tuple[str, ...], region: Region | None) -> None:
    plain = {"AnatomicRegionSequence": None, "StudyDescription": None, "SeriesDescription": None}
    films = [header.evidence(film_bytes(BodyPartExamined=part, **plain)) for part in parts]

    assert from_headers(film_dataset(), films, priors=Priors()).region == region


def test_a_history_is_not_printed_where_a_value_is() -> None:
    assert "Jane" not in repr(replace(DOG, history="Jane Doe says that he coughs."))


def test_every_list_of_sentences_reaches_the_page() -> None:
    page, head = ((SHIPPED / "templates" / name).read_text(encoding="utf-8") for name in ("report.txt", "header.txt"))
    page += head  # which names the models
    assert [one.name for one in fields(Sentences) if not re.search(rf"\bin {one.name}\b", page)] == []


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for make in (coughing_dog, well_cat, bloated_dog, unknown_animal):
        (GOLDEN / f"{make.__name__}.txt").write_text(TEMPLATES.written(make()).text, encoding="utf-8")
