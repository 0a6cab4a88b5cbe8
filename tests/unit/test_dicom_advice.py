"""Advice in the summary of a report: said whether or not a film is to be taken again, right after the verdict."""

from dataclasses import replace

import pytest
from tests.builders import film_dataset
from tests.unit import results
from tests.unit.results import EXPOSURE, HEART, IDENTITY, groups, named

from vetflow.dicom.report import report
from vetflow.domain import quality, trunk
from vetflow.domain.finding import Finding, Presence
from vetflow.domain.standing import Standing

AGAIN = Finding(
    code=quality.ADVICE, presence=Presence.PRESENT, says="Retake: rotated 14 degrees.", source="picture",
    reason=quality.POSITIONING,
)  # fmt: skip


def summary(*findings: Finding, standing: Standing | None = None) -> str:
    document = report((film_dataset(),), results.of(*findings), identity=IDENTITY, standing=standing or Standing())
    return named(groups(results.read_back(document))["summary"], "121106")[0].TextValue


@pytest.mark.parametrize("presence", Presence)
def test_advice_follows_the_verdict_whatever_it_advises(presence: Presence) -> None:
    words = summary(EXPOSURE, replace(AGAIN, presence=presence), HEART)

    assert words == (
        "There is something to look at. Retake: rotated 14 degrees. AI suggestion, not verified by a veterinarian. "
        "The film is overexposed."
    )


def test_a_healthy_animals_anatomy_is_nothing_to_look_at_and_no_health_either() -> None:
    bone = Finding(code=trunk.VERTEBRA, presence=Presence.PRESENT, says="T4 labelled.", source="picture", label="T4")
    air = replace(bone, code=trunk.PNEUMOTHORAX, label="")

    document = report((film_dataset(),), results.of(bone), identity=IDENTITY)

    (presence,) = named(groups(results.read_back(document))["summary"], "121052")
    assert presence.ConceptCodeSequence[0].CodeMeaning == "Undetermined"
    assert summary(bone).startswith("Anatomy was named, and not assessed for disease. AI suggestion")
    assert summary(bone, air).startswith("There is something to look at.")


def test_advice_that_a_veterinarian_rejected_is_named_and_not_given() -> None:
    words = summary(EXPOSURE, AGAIN, standing=Standing(edition=1, rejected=frozenset({AGAIN.tracking})))

    assert "Retake" not in words
    assert "Rejected by a veterinarian: Advice to the technologist." in words
