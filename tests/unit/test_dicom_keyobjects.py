"""Images to take again or to look at, as key objects."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from tests.builders import SOP_UID, film_dataset
from tests.unit import results
from tests.unit.results import ALL, EFFUSION, EXPOSURE, HEART, IDENTITY, SIGNATURE, named

from vetflow.dicom.identity import to_bytes
from vetflow.dicom.keyobjects import of_interest, quality_issues
from vetflow.domain import quality
from vetflow.domain.coding import Code
from vetflow.domain.finding import Finding, Presence
from vetflow.domain.standing import Standing
from vetflow.domain.trunk import VERTEBRA

OTHER_FILM = {"SOPInstanceUID": "2.25.201", "SeriesInstanceUID": "2.25.200"}
POSITIONING = Code(value="111209", scheme="DCM", meaning="Positioning")
MISPLACED = replace(EXPOSURE, reason=POSITIONING, says="The animal is rotated.", label="x")
FILMS = (film_dataset(), film_dataset(**OTHER_FILM))


def title(document: Dataset) -> str:
    return document.ConceptNameCodeSequence[0].CodeValue


def reasons(document: Dataset) -> list[str]:
    return [item.ConceptCodeSequence[0].CodeValue for item in named(document, "113011")]


def images(document: Dataset) -> list[str]:
    return [item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in named(document, "260753009")]


def words(document: Dataset) -> str:
    return named(document, "113012")[0].TextValue


def test_a_quality_problem_is_an_issue_with_its_reasons_and_says_that_nobody_verified_it() -> None:
    (document,) = quality_issues(FILMS, results.of(EXPOSURE, MISPLACED, EFFUSION), identity=IDENTITY)

    assert title(document) == "113010"
    assert reasons(document) == ["111209", "111212"]
    assert images(document) == [SOP_UID]
    assert words(document) == (
        "AI suggestion, not verified by a veterinarian. The film is overexposed. The animal is rotated."
    )


def test_images_with_other_reasons_are_in_a_document_of_their_own() -> None:
    findings = (replace(MISPLACED, image=1), EXPOSURE)

    first, second = quality_issues(FILMS, results.of(*findings), identity=IDENTITY)

    assert (reasons(first), images(first)) == (["111212"], [SOP_UID])
    assert (reasons(second), images(second)) == (["111209"], ["2.25.201"])
    assert first.SOPInstanceUID != second.SOPInstanceUID


def test_images_with_the_same_reasons_share_a_document() -> None:
    findings = (EXPOSURE, replace(EXPOSURE, image=1))

    (document,) = quality_issues(FILMS, results.of(*findings), identity=IDENTITY)

    assert images(document) == [SOP_UID, "2.25.201"]


def test_only_a_person_rejects_an_image_and_is_named_as_the_observer() -> None:
    (document,) = quality_issues(FILMS, results.of(EXPOSURE), identity=IDENTITY, rejected_by=SIGNATURE)

    assert title(document) == "113001"
    assert named(document, "121008")[0].PersonName == "Müller^Ada"
    assert words(document) == "The film is overexposed."
    assert "AI suggestion" not in str(document)


@pytest.mark.parametrize(
    "finding",
    [EFFUSION, replace(EXPOSURE, presence=Presence.ABSENT), replace(EXPOSURE, presence=Presence.UNDETERMINED)],
)
def test_there_is_no_quality_issue_without_a_problem_of_quality(finding: object) -> None:
    assert quality_issues(FILMS, results.of(finding), identity=IDENTITY) == ()


def test_a_rejected_problem_is_no_issue() -> None:
    standing = Standing(edition=1, rejected=frozenset({EXPOSURE.tracking}))

    assert quality_issues(FILMS, results.of(EXPOSURE), identity=IDENTITY, standing=standing) == ()


def test_images_on_which_something_was_found_are_of_interest_for_the_reason_in_words() -> None:
    document = of_interest(FILMS, results.of(replace(EFFUSION, image=1), EXPOSURE), identity=IDENTITY)

    assert document is not None
    assert title(document) == "113000"
    assert images(document) == ["2.25.201"]
    assert words(document).endswith("Fluid in the left pleural space.")


def test_nothing_is_of_interest_when_nothing_is_present() -> None:
    assert of_interest(FILMS, results.of(HEART, EXPOSURE), identity=IDENTITY) is None


def test_an_image_of_another_study_is_not_selected() -> None:
    prior = film_dataset(**OTHER_FILM, StudyInstanceUID="2.25.900")

    assert of_interest((film_dataset(), prior), results.of(replace(EFFUSION, image=1)), identity=IDENTITY) is None


@pytest.mark.parametrize("person", [None, SIGNATURE])
def test_key_objects_are_valid_by_dciodvfy_and_dcmtk(person: object, tmp_path: Path) -> None:
    issues = quality_issues(FILMS, results.of(EXPOSURE, MISPLACED), identity=IDENTITY, rejected_by=person)
    interest = of_interest(FILMS, ALL, identity=IDENTITY)

    for document in (*issues, interest):
        shown = results.run("dsrdump", "+Pl", results.filed(document, tmp_path))
        assert results.unexplained(document, tmp_path) == []
        assert shown.returncode == 0
        assert "Key Object Selection Document" in shown.stdout


def test_writing_key_objects_again_gives_the_same_bytes() -> None:
    once, again = (to_bytes(of_interest(FILMS, ALL, identity=IDENTITY)) for _ in range(2))

    assert once == again


def test_advice_stands_first_in_the_words_of_a_quality_issue_and_once() -> None:
    again = Finding(
        code=quality.ADVICE, presence=Presence.PRESENT, says="Retake: the animal is rotated.", source="picture",
        reason=POSITIONING,
    )  # fmt: skip

    (document,) = quality_issues(FILMS, results.of(MISPLACED, again), identity=IDENTITY)

    assert reasons(document) == ["111209"]
    assert words(document) == (
        "AI suggestion, not verified by a veterinarian. Retake: the animal is rotated. The animal is rotated."
    )


def test_advice_not_to_retake_stands_in_an_issue_and_makes_none() -> None:
    fine = Finding(code=quality.ADVICE, presence=Presence.ABSENT, says="No retake needed.", source="tags")

    (document,) = quality_issues(FILMS, results.of(EXPOSURE, fine), identity=IDENTITY)

    assert words(document).endswith("No retake needed. The film is overexposed.")
    assert quality_issues(FILMS, results.of(fine), identity=IDENTITY) == ()


def test_advice_on_another_image_is_not_given_to_this_one() -> None:
    other = Finding(code=quality.ADVICE, presence=Presence.ABSENT, says="No retake.", source="tags", image=1)

    (document,) = quality_issues(FILMS, results.of(EXPOSURE, other), identity=IDENTITY)

    assert "No retake." not in words(document)


def test_a_labelled_vertebra_makes_no_image_one_of_interest() -> None:
    labelled = Finding(code=VERTEBRA, presence=Presence.PRESENT, says="T4.", source="picture", label="T4")

    assert of_interest(FILMS, results.of(labelled), identity=IDENTITY) is None
