"""The JSON of a result: always valid under the published schema, and nothing of the assessment lost on the way."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from vetflow.domain import quality
from vetflow.domain.coding import Code
from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import Assessment, Finding, Measurement, ModelVersion, Presence, Verdict
from vetflow.domain.place import Box, Landmark, Line, Mask, Side
from vetflow.domain.standing import SUGGESTION, Signature, Standing
from vetflow.rest import schema
from vetflow.rest.result import JudgedImage, ResultInput, result
from vetflow.rest.schema import SCHEMA_ID, Result

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/reference/result.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
IMAGE = JudgedImage(study_uid="1.2.1", series_uid="1.2.2", sop_class="1.2.3", sop_uid="1.2.4", rows=200, columns=300)
HEART = Code(value="80891009", scheme="SCT", meaning="Heart")
KIDNEY = Code(value="64033007", scheme="SCT", meaning="Kidney")
ANATOMY = Code(value="91723000", scheme="SCT", meaning="Anatomical Structure")
SCORE = Code(value="vhs", scheme="99VETFLOW", meaning="Vertebral heart score")
SIGNATURE = Signature(name="Roe^Ann", organization="Clinic", at=datetime(2025, 1, 2, tzinfo=UTC))
MEASURED = Measurement(
    name=SCORE, value=10.4, unit=Code(value="{vertebrae}", scheme="UCUM", meaning="vertebrae"),
    lines=(Line(name=SCORE, points=((1.5, 2.0), (30.0, 40.25))),),
)  # fmt: skip
FOUND = Finding(
    code=SCORE, presence=Presence.PRESENT, certainty=0.9, says="The heart is large.", source="picture", reason=ANATOMY,
    box=Box(left=10, top=20, right=30, bottom=40), measurements=(MEASURED,), site=HEART, side=Side.LEFT,
    points=(Landmark(name=HEART, at=(12.5, 22.5)),), label="T4",
)  # fmt: skip
TOLD = Finding(code=ANATOMY, presence=Presence.UNDETERMINED, says="No tag says so.", source="tags", image=1)
ASSESSMENT = Assessment(
    verdict=Verdict.FINDINGS, findings=(FOUND, TOLD), abstained="not sure of the view",
    model=ModelVersion(name="cardiac", version="3", digest="ab" * 32, calibration="temperature 1.3"),
)  # fmt: skip


def tracking_uid(identifier: str) -> str:
    return f"2.25.{sum(identifier.encode())}"


def asked(assessment: Assessment = ASSESSMENT, **changes: object) -> ResultInput:
    usual = ResultInput(
        case_id="case-7f3a2c91", use_case="cardiac", images=(IMAGE, replace(IMAGE, sop_uid="1.2.5", frames=5)),
        assessment=assessment, tracking_uid=tracking_uid, made_at=datetime(2025, 1, 1, 10, tzinfo=UTC),
        software="0.1.0", caveats=("trained on synthetic radiographs",),
    )  # fmt: skip
    return replace(usual, **changes)


def told(assessment: Assessment = ASSESSMENT, **changes: object) -> dict[str, Any]:
    """Return the JSON of a result, valid under the published schema."""
    values = json.loads(result(asked(assessment, **changes)))
    VALIDATOR.validate(values)
    return values


def code(of: Code) -> dict[str, str]:
    return {"value": of.value, "scheme": of.scheme, "meaning": of.meaning}


def mask(label: Code = HEART, *, filled: bool = True, image: int = 0) -> Mask:
    return Mask(label=label, category=ANATOMY, pixels=np.full((1, 2, 2), filled), side=Side.RIGHT, image=image)


def test_the_schema_is_a_schema_with_its_version_in_its_name() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)

    assert SCHEMA["$id"] == SCHEMA_ID
    assert SCHEMA_ID.endswith("/result-1.json")
    assert told()["$schema"] == SCHEMA_ID


def test_every_field_of_the_schema_says_what_it_means() -> None:
    objects = [SCHEMA, *(part for part in SCHEMA["$defs"].values() if part["type"] == "object")]

    assert [part["title"] for part in objects if not part.get("description")] == []
    silent = [name for part in objects for name, field in part["properties"].items() if not field.get("description")]
    assert silent == []


def test_a_finding_is_told_with_all_that_is_known_of_it() -> None:
    first, second = told()["findings"]

    assert first == {
        "code": code(SCORE), "presence": "present", "certainty": 0.9, "says": "The heart is large.",
        "source": "picture", "reason": code(ANATOMY), "site": code(HEART), "side": "left", "image": 0, "frame": None,
        "box": {"left": 10, "top": 20, "right": 30, "bottom": 40}, "label": "T4",
        "points": [{"name": code(HEART), "at": [12.5, 22.5]}],
        "measurements": [{
            "name": code(SCORE), "value": 10.4, "unit": code(MEASURED.unit),
            "lines": [{"name": code(SCORE), "points": [[1.5, 2.0], [30.0, 40.25]]}],
        }],
        "tracking_id": FOUND.tracking, "tracking_uid": tracking_uid(FOUND.tracking),
    }  # fmt: skip
    assert (second["image"], second["certainty"], second["box"], second["side"]) == (1, None, None, None)


def test_advice_is_told_in_one_line_unless_it_was_rejected() -> None:
    advice = Finding(code=quality.ADVICE, presence=Presence.PRESENT, says="Retake: rotated.", source="picture")
    rejected = Standing(edition=1, rejected=frozenset({advice.tracking}))

    given = replace(ASSESSMENT, findings=(advice, FOUND))

    assert told()["advice"] == ""
    assert told(given)["advice"] == "Retake: rotated."
    assert told(given, standing=rejected)["advice"] == ""


def test_the_result_says_who_made_it_of_what_and_when() -> None:
    values = told(revision=2)

    assert (values["case_id"], values["use_case"], values["revision"]) == ("case-7f3a2c91", "cardiac", 2)
    assert (values["made_at"], values["software"]) == ("2025-01-01T10:00:00Z", "0.1.0")
    assert (values["verdict"], values["abstained"]) == ("findings", "not sure of the view")
    assert values["model"] == {
        "name": "cardiac", "version": "3", "weights_sha256": "ab" * 32, "calibration": "temperature 1.3",
        "caveats": ["trained on synthetic radiographs"],
    }  # fmt: skip
    assert values["images"][1] == {
        "study_uid": "1.2.1", "series_uid": "1.2.2", "sop_class": "1.2.3", "sop_uid": "1.2.5",
        "rows": 200, "columns": 300, "frames": 5,
    }  # fmt: skip


def test_a_suggestion_is_no_signed_result() -> None:
    suggested, signed = told(), told(standing=Standing(edition=2, signature=SIGNATURE))

    assert (suggested["status"], suggested["edition"], suggested["signature"]) == ("suggestion", 0, None)
    assert (signed["status"], signed["edition"]) == ("signed", 2)
    assert signed["signature"] == {"name": "Roe^Ann", "organization": "Clinic", "at": "2025-01-02T00:00:00Z"}


def test_what_a_veterinarian_rejected_is_named_and_not_claimed() -> None:
    values = told(standing=Standing(edition=1, rejected=frozenset({FOUND.tracking})))

    assert [finding["code"]["value"] for finding in values["findings"]] == [ANATOMY.value]
    assert values["rejected"] == [
        {"code": code(SCORE), "tracking_id": FOUND.tracking, "tracking_uid": tracking_uid(FOUND.tracking)}
    ]
    assert values["verdict"] == "abstained"


def test_when_all_there_was_to_see_is_rejected_nothing_is_left_to_complain_of() -> None:
    judged = replace(ASSESSMENT, findings=(FOUND,), abstained="")

    values = told(judged, standing=Standing(edition=1, rejected=frozenset({FOUND.tracking})))

    assert values["verdict"] == "nothing_to_complain_of"


def test_two_findings_of_one_name_are_told_apart() -> None:
    low, high = replace(FOUND, box=Box(left=1, top=90, right=9, bottom=99)), FOUND

    findings = told(replace(ASSESSMENT, findings=(low, high)))["findings"]

    assert [finding["tracking_id"] for finding in findings] == [f"{FOUND.tracking} #2", FOUND.tracking]


def test_a_structure_is_told_with_the_segmentation_that_holds_it() -> None:
    masks = mask(), mask(KIDNEY, filled=False), mask(KIDNEY, image=1)

    values = told(replace(ASSESSMENT, masks=masks), segmentations={0: "2.25.7"})

    assert values["structures"] == [{
        "label": code(HEART), "category": code(ANATOMY), "side": "right", "image": 0, "segmentation_uid": "2.25.7",
        "tracking_id": "80891009 right", "tracking_uid": tracking_uid("80891009 right"),
    }]  # fmt: skip


def test_a_place_is_cut_at_the_edge_of_its_image_and_the_words_say_so() -> None:
    beyond = replace(FOUND, box=Box(left=-5, top=20, right=9000, bottom=40))

    finding = told(replace(ASSESSMENT, findings=(beyond,)))["findings"][0]

    assert finding["box"] == {"left": 0, "top": 20, "right": 300, "bottom": 40}
    assert "cut at the edge" in finding["says"]


def test_a_finding_of_no_image_is_refused() -> None:
    with pytest.raises(StudyRefused) as refused:
        result(asked(replace(ASSESSMENT, findings=(replace(TOLD, image=2),))))

    assert refused.value.reason == "report_impossible"


def test_writing_a_result_again_gives_the_same_text() -> None:
    assert result(asked()) == result(asked())


@pytest.mark.parametrize(
    "spoil",
    [{"owner": "Doe"}, {"status": "signed"}, {"edition": -1}, {"made_at": "2025-01-01T10:00:00"}, {"images": []},
     {"$schema": "https://github.com/vetflow/vetflow/schemas/result-2.json"}, {"case_id": "12345"}],
    ids=str,
)  # fmt: skip
def test_what_is_no_result_is_not_read_as_one(spoil: dict[str, Any]) -> None:
    values = {**told(), **spoil}

    with pytest.raises(ValidationError):
        Result.model_validate_json(json.dumps(values))


def test_an_error_does_not_repeat_the_uid_it_is_about() -> None:
    with pytest.raises(ValidationError) as error:
        result(asked(images=(IMAGE, replace(IMAGE, study_uid="1.2.Doe"))))

    assert "Doe" not in str(error.value)


WORDS = st.text(min_size=1, max_size=12)
CODES = st.builds(Code, value=WORDS, scheme=WORDS, meaning=WORDS)
PLACES = st.tuples(st.floats(0, 300), st.floats(0, 200))
LINES = st.builds(Line, name=CODES, points=st.lists(PLACES, min_size=2, max_size=4).map(tuple))
MEASUREMENTS = st.builds(
    Measurement, name=CODES, unit=CODES, value=st.floats(allow_nan=False, allow_infinity=False),
    lines=st.lists(LINES, max_size=2).map(tuple),
)  # fmt: skip
BOXES = st.builds(
    lambda left, top, width, height: Box(left=left, top=top, right=left + width, bottom=top + height),
    st.floats(0, 200), st.floats(0, 100), st.floats(1, 99), st.floats(1, 99),
)  # fmt: skip
FINDINGS = st.builds(
    Finding, code=CODES, presence=st.sampled_from(Presence), says=WORDS, source=st.sampled_from(["tags", "picture"]),
    certainty=st.none() | st.floats(0, 1), reason=st.none() | CODES, box=st.none() | BOXES,
    measurements=st.lists(MEASUREMENTS, max_size=2).map(tuple), site=st.none() | CODES,
    side=st.none() | st.sampled_from(Side), image=st.integers(0, 1), frame=st.none(), label=st.text(max_size=4),
    points=st.lists(st.builds(Landmark, name=CODES, at=PLACES), max_size=2).map(tuple),
)  # fmt: skip
MODELS = st.builds(ModelVersion, name=WORDS, version=WORDS, digest=WORDS, calibration=st.text(max_size=5))
SIGNATURES = st.builds(Signature, name=st.just("Roe^Ann"), organization=st.just("Clinic"), at=st.just(SIGNATURE.at))


@settings(max_examples=60, deadline=None)
@given(
    findings=st.lists(FINDINGS, max_size=3).map(tuple), model=st.none() | MODELS, verdict=st.sampled_from(Verdict),
    abstained=st.text(max_size=9), signature=st.none() | SIGNATURES, edition=st.integers(0, 9),
    revision=st.none() | st.integers(1, 9), caveats=st.lists(WORDS, max_size=2).map(tuple),
)  # fmt: skip
def test_any_result_is_valid_and_reads_back_as_it_was(
    findings: tuple[Finding, ...], model: ModelVersion | None, verdict: Verdict, abstained: str,
    signature: Signature | None, edition: int, revision: int | None, caveats: tuple[str, ...],
) -> None:  # fmt: skip
    assessment = Assessment(verdict=verdict, findings=findings, model=model, abstained=abstained)
    standing = replace(SUGGESTION, edition=edition, signature=signature)

    text = result(asked(assessment, standing=standing, revision=revision, caveats=caveats))

    VALIDATOR.validate(json.loads(text))
    back = Result.model_validate_json(text)
    assert back.model_dump_json(by_alias=True) == text
    assert [as_found(one) for one in back.findings] == list(findings)
    assert (back.verdict, back.abstained, back.edition, back.revision) == (verdict, abstained, edition, revision)
    assert (back.model.name if back.model else None) == (model.name if model else None)


def as_found(told: schema.Finding) -> Finding:
    """Return a finding of the domain from one that was read back."""
    return Finding(
        code=as_code(told.code), presence=told.presence, says=told.says, source=told.source, certainty=told.certainty,
        reason=told.reason and as_code(told.reason), box=told.box and Box(**told.box.model_dump()),
        measurements=tuple(map(as_measured, told.measurements)), site=told.site and as_code(told.site),
        side=told.side, points=tuple(Landmark(name=as_code(one.name), at=one.at) for one in told.points),
        image=told.image, frame=told.frame, label=told.label,
    )  # fmt: skip


def as_measured(told: schema.Measurement) -> Measurement:
    lines = tuple(Line(name=as_code(line.name), points=line.points) for line in told.lines)
    return Measurement(name=as_code(told.name), value=told.value, unit=as_code(told.unit), lines=lines)


def as_code(told: schema.Coded) -> Code:
    return Code(**told.model_dump())
