"""Structured reports: valid, unverified, about the right animal, and the same however often they are written."""

import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from tests.builders import SERIES_UID, SOP_UID, STUDY_UID, film_bytes
from tests.unit import results
from tests.unit.results import content, named

from vetflow.dicom import header
from vetflow.dicom.identity import SERIES_DESCRIPTION, ReportIdentity, to_bytes
from vetflow.dicom.report import report
from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import Assessment, ModelVersion, Verdict
from vetflow.domain.place import Box
from vetflow.domain.positioning import judge
from vetflow.domain.sight import Bounds, Field, Guess, Sight
from vetflow.domain.view import Region, View

MODEL = ModelVersion(name="positioning", version="1.2", digest="ab" * 32, calibration="temperature 1.3")
IDENTITY = ReportIdentity(
    digests=("cd" * 32,), use_case="positioning", made_at=datetime(2025, 1, 1, 10, tzinfo=UTC), software="0.1.0",
    caveats=("trained on synthetic radiographs",),
)  # fmt: skip
SIGHT = Sight(
    view=Guess(says=View.LATERAL, certainty=0.97), region=Guess(says=Region.THORAX, certainty=0.9),
    inverted=Guess(says=False, certainty=0.99), limbs_over=0.9, model=MODEL,
    field=Field(box=Box(left=-1, top=5, right=90, bottom=50), exposed=0.7, touching=("left", "top", "right")),
)  # fmt: skip


def judged(data: bytes, sight: Sight | None = SIGHT, *, abstained: str = "") -> Assessment:
    return judge(header.evidence(data), sight, Bounds(), abstained=abstained)


def written(data: bytes, assessment: Assessment | None = None) -> Dataset:
    document = report((header.read(data),), assessment or judged(data), identity=IDENTITY)
    return pydicom.dcmread(io.BytesIO(to_bytes(document)))


@pytest.mark.parametrize("case", ["findings", "nothing", "abstained", "no model", "bare header"])
def test_every_report_is_valid_by_dciodvfy(case: str, tmp_path: Path) -> None:
    bare = dict.fromkeys(
        ("PatientID", "PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber", "StudyDate", "StudyTime",
         "ReferringPhysicianName", "PatientOrientation", "ImagerPixelSpacing", "BreedRegistrationSequence",
         "ResponsiblePerson", "ResponsiblePersonRole", "ResponsibleOrganization", "PatientSexNeutered",
         "PatientBreedDescription", "PatientBreedCodeSequence", "AnatomicalOrientationType")
    )  # fmt: skip
    data = film_bytes(**bare) if case == "bare header" else film_bytes()
    assessment = {
        "nothing": Assessment(verdict=Verdict.NOTHING, findings=(), model=MODEL),
        "abstained": judged(data, None, abstained="species not on the model's card"),
        "no model": judged(data, None),
    }.get(case, judged(data))

    assert results.unexplained(written(data, assessment), tmp_path) == []


def test_dcmtk_shows_findings_algorithm_and_that_nobody_verified_it(tmp_path: Path) -> None:
    shown = results.run("dsrdump", "+Pl", results.filed(written(film_bytes()), tmp_path)).stdout

    for words in (
        SERIES_DESCRIPTION, "PRELIMINARY", "UNVERIFIED", "COMPLETE", "view-mismatch,99VETFLOW", '"Positioning"',
        '"Algorithm Name")="positioning"', '"Algorithm Version")="1.2"', f"weights SHA-256 {MODEL.digest}",
        "temperature 1.3", "trained on synthetic radiographs", '"Certainty of Finding")="97', "Present", "Absent",
        "not verified by a veterinarian", "POLYLINE",
    ):  # fmt: skip
        assert words in shown, words


def test_the_report_is_about_the_animal_of_the_film() -> None:
    film = header.read(film_bytes(PatientName="Döe^Rex", IssuerOfPatientID="CLINIC"))

    document = written(film_bytes(PatientName="Döe^Rex", IssuerOfPatientID="CLINIC"))

    for keyword in (
        "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientSexNeutered",
        "PatientSpeciesDescription", "PatientBreedDescription", "PatientWeight", "ResponsiblePerson",
        "ResponsiblePersonRole", "AccessionNumber", "StudyID", "StudyDate", "StudyTime", "StudyDescription",
        "StudyInstanceUID", "AnatomicalOrientationType",
    ):  # fmt: skip
        assert document[keyword].value == film[keyword].value, keyword
    assert document.SeriesInstanceUID != film.SeriesInstanceUID


def test_the_owner_is_named_only_where_the_film_named_one() -> None:
    data = film_bytes(ResponsiblePerson=None, ResponsiblePersonRole=None)

    document = written(data)

    assert document.ResponsiblePerson == ""
    assert "ResponsiblePersonRole" not in document


@pytest.mark.parametrize(
    "tags",
    [{"PatientSex": "MN"}, {"StudyDate": "2025.01.01"}, {"StudyTime": "noon"}, {"PatientName": "no\x7fname^^^^^^"},
     {"PatientOrientation": ["LE", ""]}, {"ImagerPixelSpacing": None}, {"PatientWeight": None}],
)  # fmt: skip
def test_what_equipment_writes_freely_does_not_stop_the_report(tags: dict[str, object]) -> None:
    document = written(film_bytes(**tags))

    assert document.CompletionFlag == "COMPLETE"


def test_a_damaged_value_is_left_out_of_the_report() -> None:
    sound = film_bytes(PregnancyStatus=4)
    data = sound.replace(b"\x10\x00\xc0\x21US\x02\x00\x04\x00", b"\x10\x00\xc0\x21US\x03\x00\x04\x00\x00")

    document = written(data)

    assert "PregnancyStatus" in written(sound)
    assert "PregnancyStatus" not in document
    assert document.PatientID == "A1"


def test_writing_a_report_again_gives_the_same_bytes() -> None:
    data = film_bytes()

    once, again = (to_bytes(report((header.read(data),), judged(data), identity=IDENTITY)) for _ in range(2))

    assert once == again


@pytest.mark.parametrize(
    "other",
    [replace(IDENTITY, digests=("ee" * 32,)), replace(IDENTITY, use_case="triage"), replace(IDENTITY, revision=2)],
)
def test_another_film_use_case_or_revision_is_another_report(other: ReportIdentity) -> None:
    data = film_bytes()

    one, two = (report((header.read(data),), judged(data), identity=identity) for identity in (IDENTITY, other))

    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert one.SeriesInstanceUID != two.SeriesInstanceUID


def test_another_model_is_another_report_and_a_later_moment_is_not() -> None:
    data = film_bytes()
    source, assessment = header.read(data), judged(data)
    retrained = replace(assessment, model=replace(MODEL, digest="ef" * 32))
    later = replace(IDENTITY, made_at=datetime(2025, 1, 2, tzinfo=UTC))

    first = report((source,), assessment, identity=IDENTITY)

    assert report((source,), retrained, identity=IDENTITY).SOPInstanceUID != first.SOPInstanceUID
    assert report((source,), assessment, identity=later).SOPInstanceUID == first.SOPInstanceUID


def test_every_reference_points_at_the_film() -> None:
    document = written(film_bytes())

    evidence = document.CurrentRequestedProcedureEvidenceSequence[0]
    images = {
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in content(document) if "ReferencedSOPSequence" in item
    }  # fmt: skip
    assert images == {SOP_UID}
    assert (evidence.StudyInstanceUID, evidence.ReferencedSeriesSequence[0].SeriesInstanceUID) == (
        STUDY_UID,
        SERIES_UID,
    )


def test_a_box_is_a_closed_polyline_inside_the_image() -> None:
    document = written(film_bytes())

    regions = named(document, "111030")

    assert [list(region.GraphicData) for region in regions] == [[0, 5, 80, 5, 80, 50, 0, 50, 0, 5]]
    assert {region.GraphicType for region in regions} == {"POLYLINE"}


def test_certainty_is_written_only_where_there_is_one() -> None:
    data = film_bytes()
    assessment = judged(data)

    certain = [float(item.MeasuredValueSequence[0].NumericValue) for item in named(written(data), "111012")]

    assert certain == [pytest.approx(100 * f.certainty) for f in assessment.findings if f.certainty is not None]


def test_what_rests_on_tags_alone_is_not_put_down_to_the_model() -> None:
    document = written(film_bytes())

    authors = {}
    for group in named(document, "125007"):
        about = named(group, "112039")[0].TextValue
        authors[re.sub(r"-\d+$", "", about)] = named(group, "111001")[0].TextValue

    assert authors["exposure"] == authors["species-mismatch"] == "vetflow rules"
    assert authors["limbs-over"] == authors["inversion"] == "positioning"


@pytest.mark.parametrize(
    ("verdict", "presence", "words"),
    [(Verdict.NOTHING, "Absent", "Nothing to complain of."), (Verdict.ABSTAINED, "Undetermined", "No judgement.")],
)
def test_nothing_to_complain_of_and_no_judgement_are_reports_too(verdict: Verdict, presence: str, words: str) -> None:
    why = "the picture is too dark" if verdict is Verdict.ABSTAINED else ""
    assessment = Assessment(verdict=verdict, findings=(), model=None, abstained=why)

    document = written(film_bytes(), assessment)

    group = named(document, "125007")
    comment = named(document, "121106")[0].TextValue
    assert len(group) == 1
    assert comment.startswith(words)
    assert why in comment
    assert presence in [item.ConceptCodeSequence[0].CodeMeaning for item in named(document, "121052")]


def test_a_class_that_reports_cannot_refer_to_is_refused() -> None:
    data = film_bytes(SOPClassUID="1.2.3.4.5")

    with pytest.raises(StudyRefused) as refused:
        report((header.read(data),), judged(data), identity=IDENTITY)

    assert refused.value.reason == "report_impossible"


def test_the_file_begins_with_zeros() -> None:
    assert to_bytes(report((header.read(film_bytes()),), judged(film_bytes()), identity=IDENTITY))[:132] == (
        bytes(128) + b"DICM"
    )
