from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from vetflow.domain import trunk
from vetflow.domain.coding import Code
from vetflow.domain.finding import Assessment, Finding, ModelVersion, Presence, Verdict
from vetflow.domain.urgency import URGENCY
from vetflow.hl7.ack import fields
from vetflow.hl7.escape import clean, unescaped
from vetflow.hl7.oru import UNVERIFIED, Animal, OruInput, Route, oru

ANIMAL = Animal(
    id="A1",
    issuer="CLINIC",
    name="Doe^Rex^^Dr^Jr",
    birth_date="20180101",
    sex="M",
    species=Code(value="448771007", scheme="SCT", meaning="Canis lupus familiaris"),
    breed=Code(value="62137007", scheme="SCT", meaning="Labrador retriever dog breed"),
)
MISMATCH = Finding(
    code=Code(value="view-mismatch", scheme="99VETFLOW", meaning="View differs"),
    presence=Presence.PRESENT,
    says="ViewPosition says sagittal, SeriesDescription says lateral.",
    source="picture",
    certainty=0.914,
)
EXPOSURE = replace(MISMATCH, code=Code(value="exposure", scheme="99VETFLOW", meaning="Exposure"), certainty=None)
MODEL = ModelVersion(name="positioning", version="0.1.0", digest="ab" * 32)
MESSAGE = OruInput(
    message_id="vf-0123456789abcdef",
    made_at=datetime(2025, 1, 1, 10, 17, tzinfo=UTC),
    animal=ANIMAL,
    assessment=Assessment(verdict=Verdict.FINDINGS, findings=(MISMATCH, EXPOSURE), model=MODEL, abstained="unsure"),
    service=Code(value="positioning", scheme="99VETFLOW", meaning="AI check of a film"),
    route=Route(receiver="PIMS", receiver_facility="CLINIC"),
    accession="ACC1",
    study_time="20250101101500.123",
)


def lines(message: bytes) -> list[list[str]]:
    return [line.split("|") for line in message.decode().split("\r")[:-1]]


def test_the_message_says_who_what_when_and_that_nobody_verified_it() -> None:
    msh, pid, obr, *rest = lines(oru(MESSAGE))

    assert msh[8:12] == ["ORU^R01^ORU_R01", "vf-0123456789abcdef", "P", "2.5.1"]
    assert msh[17] == "UNICODE UTF-8"
    assert pid[3] == "A1^^^CLINIC^PI"
    assert pid[5] == "Doe^Rex^^Jr^Dr"
    assert pid[35] == "448771007^Canis lupus familiaris^SCT"
    assert pid[36] == "62137007^Labrador retriever dog breed^SCT"
    assert (obr[7], obr[18], obr[25]) == ("20250101101500", "ACC1", "R")
    assert [row[0] for row in rest] == ["OBX", "NTE", "OBX", "NTE", "OBX", "NTE", "OBX"]
    results = [row for row in rest if row[0] == "OBX"]
    assert {row[11] for row in results} == {"R"}
    assert {row[17] for row in results} == {f"positioning^0.1.0^99VETFLOW^{'ab' * 32}"}
    assert [row[9] for row in results] == ["", "0.91", "", ""]
    assert results[1][3] == "view-mismatch^View differs^99VETFLOW"
    assert results[1][5] == "52101004^Present^SCT"
    assert results[-1][5] == UNVERIFIED


@pytest.mark.parametrize(
    ("finding", "flag"),
    [
        (MISMATCH, "A"),
        (replace(MISMATCH, presence=Presence.ABSENT), ""),
        (replace(MISMATCH, code=trunk.VERTEBRA, label="T4"), ""),
        (replace(MISMATCH, code=trunk.RIBS), ""),
        (replace(MISMATCH, code=trunk.OUTLINED), ""),
        (replace(MISMATCH, code=URGENCY, label="now"), ""),
        (replace(MISMATCH, code=trunk.PNEUMOTHORAX), "A"),
    ],
)
def test_only_what_is_no_healthy_anatomy_is_flagged_as_abnormal(finding: Finding, flag: str) -> None:
    message = replace(MESSAGE, assessment=replace(MESSAGE.assessment, findings=(finding,)))

    (row,) = [row for row in lines(oru(message)) if row[0] == "OBX" and row[3].startswith(finding.code.value)]
    assert row[8] == flag


def test_hl7apy_finds_the_message_valid() -> None:
    assert parse_message(oru(MESSAGE).decode()).validate()


def test_the_same_input_gives_the_same_bytes() -> None:
    assert oru(MESSAGE) == oru(MESSAGE)


def test_a_message_without_findings_or_identity_is_still_valid() -> None:
    bare = replace(
        MESSAGE,
        animal=Animal(id=""),
        accession="",
        study_time="not a date",
        assessment=Assessment(verdict=Verdict.NOTHING, findings=(), model=None),
    )

    message = oru(bare)

    assert parse_message(message.decode()).validate()
    assert [row[0] for row in lines(message)] == ["MSH", "PID", "OBR", "OBX", "OBX"]


def test_a_breed_in_words_is_kept_as_text() -> None:
    words = replace(MESSAGE, animal=replace(ANIMAL, breed=None, breed_text="Labrador & mix"))

    assert lines(oru(words))[1][36] == "^Labrador \\T\\ mix"


@pytest.mark.parametrize("wrong", ["", "a" * 21, "a|b", "a\rb"])
def test_a_control_id_that_could_break_the_message_cannot_be_made(wrong: str) -> None:
    with pytest.raises(ValueError, match="control id"):
        replace(MESSAGE, message_id=wrong)


anything = st.text(alphabet=st.characters(codec=None), min_size=1, max_size=30)
nasty = st.text(alphabet="|^~\\&\r\n\x0b\x1cEFSTRX.0\ue000\ue001 ", min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(hostile=anything | nasty)
def test_no_value_becomes_structure_and_every_value_comes_back(hostile: str) -> None:
    message = replace(
        MESSAGE,
        accession=hostile,
        animal=replace(ANIMAL, id=hostile, issuer=hostile, breed=Code(value="1", scheme="SCT", meaning=hostile)),
        assessment=replace(MESSAGE.assessment, findings=(replace(MISMATCH, says=hostile), EXPOSURE)),
    )

    data = oru(message)

    parsed = parse_message(data.decode())
    assert [row[0] for row in lines(data)] == [row[0] for row in lines(oru(MESSAGE))]
    assert [child.name for child in parsed.children] == ["MSH", "ORU_R01_PATIENT_RESULT"]
    identifier = fields(data, "PID")[3].split("^")
    expected = clean(hostile)
    assert (unescaped(identifier[0]), unescaped(identifier[3])) == (expected, expected)
    assert unescaped(fields(data, "OBR")[18]) == expected


@settings(max_examples=40, deadline=None)
@given(name=anything | nasty)
def test_a_name_changes_no_segment_but_its_own(name: str) -> None:
    data = oru(replace(MESSAGE, animal=replace(ANIMAL, name=name)))

    mine, plain = lines(data), lines(oru(MESSAGE))
    assert mine[0] == plain[0]
    assert mine[2:] == plain[2:]
    assert mine[1][6:] == plain[1][6:]
