"""What was seen of a trunk on its way out of the sandbox."""

import json
from dataclasses import fields

import numpy as np
import pytest
from tests.trunk_sights import COLUMNS, MODEL, ROWS, likelihood, sagittal, trunk_sight

from vetflow.domain.clipping import Extent
from vetflow.domain.errors import StudyRefused
from vetflow.domain.place import Box
from vetflow.domain.trunk_sight import LESIONS, TrunkSight
from vetflow.vision import trunk_sighting

EXTENT = Extent(columns=COLUMNS, rows=ROWS)
BOXED = {name: likelihood(0.7, steady=False, box=Box(left=1, top=2, right=30, bottom=40)) for name in LESIONS}
SPOT = [10.0, 20.0, 1.0, 0.9]
GUESS = {"says": "lateral", "certainty": 0.9, "steady": True}
LIKELY = {"share": 0.1, "steady": True, "absent_below": 0.2, "present_from": 0.6, "box": None}


def back(sight: TrunkSight, **changes: object) -> TrunkSight:
    values = json.loads(json.dumps({**trunk_sighting.to_values(sight), **changes}))
    return trunk_sighting.from_values(values, model=MODEL, extent=EXTENT)


@pytest.mark.parametrize(
    "sight",
    [
        trunk_sight(lesions=BOXED),
        sagittal().trunk,
        trunk_sight(ribs=None, limbs_over=None, spots={}, outlines={}, cut={}, lesions={}),
    ],
)
def test_it_survives_the_way_through_json(sight: TrunkSight) -> None:
    returned = back(sight)

    for field in fields(TrunkSight):
        if field.name != "outlines":
            assert getattr(returned, field.name) == getattr(sight, field.name)
    assert list(returned.outlines) == list(sight.outlines)
    for name, outline in sight.outlines.items():
        assert returned.outlines[name].certainty == outline.certainty
        assert returned.outlines[name].pixels.dtype == np.bool_
        assert (returned.outlines[name].pixels == outline.pixels).all()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("film", {"says": "yes", "certainty": 0.9, "steady": True}),
        ("film", {"says": 1, "certainty": 0.9, "steady": True}),
        ("plane", {**GUESS, "says": "oblique"}),
        ("plane", {**GUESS, "says": "left_lateral"}),
        ("plane", {**GUESS, "certainty": float("nan")}),
        ("side", GUESS),
        ("region", {**GUESS, "says": "pelvis"}),
        ("head", {**GUESS, "says": "up"}),
        ("ribs", {**GUESS, "says": 11}),
        ("ribs", {**GUESS, "says": 13.0}),
        ("ribs", {**GUESS, "says": True}),
        ("limbs_over", 1.5),
        ("motion", None),
        ("rotation", [float("inf"), 1.0]),
        ("rotation", [1.0, -1.0]),
        ("rotation", [1.0]),
        ("breath", [1.1, 0.1]),
        ("cut", {"tail": 0.1}),
        ("cut", {"spine": -0.1}),
        ("lesions", {"fracture": LIKELY}),
        ("lesions", {"pleural": {**LIKELY, "absent_below": 0.7}}),
        ("lesions", {"pleural": {**LIKELY, "box": [0, 0, 10_000, 10]}}),
        ("lesions", {"pleural": {**LIKELY, "box": [5, 5, 5, 5]}}),
        ("spots", {"T14": SPOT}),
        ("spots", {"T4": [10_000.0, *SPOT[1:]]}),
        ("spots", {"T4": [float("nan"), *SPOT[1:]]}),
        ("spots", {"T4": [10**400, *SPOT[1:]]}),
        ("spots", {"T4": [*SPOT[:2], -1.0, 0.9]}),
        ("spots", {"T4": SPOT[:3]}),
        ("spots", ["T4"]),
        ("outlines", {"tail": 0.9}),
        ("outlines", {"heart": 0.9}),
        ("drawn", {"rows": 1, "columns": 1, "bits": "AA=="}),
        ("drawn", {"rows": 0, "columns": 0, "bits": ""}),
        ("drawn", {"rows": 1 << 20, "columns": 1 << 20, "bits": ""}),
        ("drawn", {"rows": 40, "columns": 40, "bits": "not base64"}),
        ("drawn", {"rows": "40", "columns": 40, "bits": ""}),
        ("grid", [0.0, 0.1, 0.0, 0.0]),
        ("grid", [0.1, 0.1, float("inf"), 0.0]),
        ("oddness", float("nan")),
        ("odd_from", "never"),
        ("heart_score_error", -0.1),
        ("threshold", 2.0),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(key: str, value: object) -> None:
    with pytest.raises(StudyRefused) as refusal:
        back(trunk_sight(), **{key: value})

    assert refusal.value.reason == "model_output_invalid"


@pytest.mark.parametrize("key", trunk_sighting.to_values(trunk_sight()))
def test_a_missing_answer_is_refused(key: str) -> None:
    values = trunk_sighting.to_values(trunk_sight())
    del values[key]

    with pytest.raises(StudyRefused):
        trunk_sighting.from_values(values, model=MODEL, extent=EXTENT)


def test_a_point_beside_a_narrow_film_is_no_nonsense() -> None:
    narrow = Extent(columns=COLUMNS, rows=10)

    sight = trunk_sighting.from_values(trunk_sighting.to_values(trunk_sight()), model=MODEL, extent=narrow)

    assert sight.spots["apex"].at[1] > narrow.rows
