"""A sight on its way out of the sandbox."""

import json
from dataclasses import replace

import pytest

from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import ModelVersion
from vetflow.domain.place import Box
from vetflow.domain.sight import Field, Guess, Sight
from vetflow.domain.view import Region, View
from vetflow.vision import sighting

MODEL = ModelVersion(name="positioning", version="1", digest="ab" * 32)
SIGHT = Sight(
    view=Guess(says=View.LATERAL, certainty=0.97),
    region=Guess(says=Region.TRUNK, certainty=0.9, steady=False),
    inverted=Guess(says=True, certainty=0.99),
    field=Field(box=Box(left=1, top=2, right=30, bottom=40), exposed=0.9, touching=("left",), saturated=0.1),
    limbs_over=0.4,
    threshold=0.8,
    model=MODEL,
)


@pytest.mark.parametrize("sight", [SIGHT, replace(SIGHT, limbs_over=None)])
def test_a_sight_survives_the_way_through_json(sight: Sight) -> None:
    assert sighting.from_values(json.loads(json.dumps(sighting.to_values(sight))), model=MODEL) == sight


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("view", {"says": "sideways", "certainty": 0.9, "steady": True}),
        ("view", {"says": "lateral", "certainty": float("nan"), "steady": True}),
        ("region", {"says": "thorax", "certainty": 1.2, "steady": True}),
        ("inverted", {"says": True, "certainty": 0.9, "steady": "yes"}),
        ("box", [0, 0, 0, 0]),
        ("box", [0, 0, float("inf"), 1]),
        ("box", [0, 0, float("nan"), 1]),
        ("box", [0, 0, 10**400, 1]),
        ("box", "everything"),
        ("touching", ["left", "everywhere"]),
        ("touching", [["left"]]),
        ("view", {"says": ["lateral"], "certainty": 0.9, "steady": True}),
        ("inverted", {"says": True, "certainty": float("inf"), "steady": True}),
        ("exposed", float("nan")),
        ("saturated", float("-inf")),
        ("threshold", float("nan")),
        ("limbs_over", float("nan")),
        ("exposed", True),
        ("limbs_over", -0.1),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(key: str, value: object) -> None:
    values = {**sighting.to_values(SIGHT), key: value}

    with pytest.raises(StudyRefused) as refusal:
        sighting.from_values(values, model=MODEL)

    assert refusal.value.reason == "model_output_invalid"


def test_a_missing_answer_is_refused() -> None:
    with pytest.raises(StudyRefused):
        sighting.from_values({}, model=MODEL)
