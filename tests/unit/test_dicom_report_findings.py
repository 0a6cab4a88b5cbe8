"""Any findings on any of several images: places, sites, numbers, tracking, and readers that others wrote."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from highdicom.sr import srread
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage
from tests.builders import SOP_UID, film_dataset, part10
from tests.unit import results
from tests.unit.results import ALL, EFFUSION, EXPOSURE, HEART, IDENTITY, groups, named

from vetflow.dicom import header
from vetflow.dicom.identity import to_bytes
from vetflow.dicom.report import report
from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import Assessment, Verdict
from vetflow.domain.place import Box, Side
from vetflow.domain.standing import Standing

OTHER_FILM = {"SOPInstanceUID": "2.25.201", "SeriesInstanceUID": "2.25.200"}


def written(assessment: Assessment = ALL, *sources: Dataset) -> Dataset:
    return results.read_back(report(sources or (film_dataset(),), assessment, identity=IDENTITY))


def meanings(group: Dataset, code: str) -> list[str]:
    return [item.ConceptCodeSequence[0].CodeMeaning for item in named(group, code)]


def ultrasound() -> Dataset:
    return film_dataset(SOPClassUID=SecondaryCaptureImageStorage, Modality="US", PatientOrientation=None)


@pytest.mark.parametrize(
    "sources",
    [
        (film_dataset(), film_dataset(**OTHER_FILM)),
        (results.ct_slice(), results.ct_slice(SOPInstanceUID="2.25.301")),
        (ultrasound(),),
    ],
    ids=["two films", "two slices", "another kind"],
)
def test_a_report_of_any_images_is_valid_by_dciodvfy(sources: tuple[Dataset, ...], tmp_path: Path) -> None:
    last = len(sources) - 1
    assessment = results.of(EFFUSION, replace(HEART, image=last), EXPOSURE)

    assert results.unexplained(report(sources, assessment, identity=IDENTITY), tmp_path) == []


def test_a_box_is_a_region_with_a_purpose_a_site_and_a_side() -> None:
    group = groups(written())[EFFUSION.tracking]

    (region,) = named(group, "111030")
    assert list(region.GraphicData) == [10, 20, 40, 20, 40, 50, 10, 50, 10, 20]
    assert meanings(group, "130400") == ["Bounded by"]
    assert meanings(group, "363698007") == ["Pleura"]
    assert meanings(group, "272741003") == ["Left"]
    assert meanings(group, "121052") == ["Present"]
    assert meanings(group, "121071") == ["Pleural effusion"]


@pytest.mark.parametrize(("side", "meaning"), [(Side.RIGHT, "Right"), (Side.BOTH, "Bilateral")])
def test_a_side_without_a_site_is_told_too(side: Side, meaning: str) -> None:
    finding = replace(EFFUSION, side=side, site=None)

    document = written(results.of(finding))

    assert meanings(groups(document)[finding.tracking], "272741003") == [meaning]


def test_a_number_is_inferred_from_the_lines_it_was_measured_along() -> None:
    group = groups(written())[HEART.tracking]

    (score,) = named(group, "vhs")
    value = score.MeasuredValueSequence[0]
    assert float(value.NumericValue) == pytest.approx(9.71)
    assert value.MeasurementUnitsCodeSequence[0].CodeValue == "{vertebrae}"
    assert [line.RelationshipType for line in score.ContentSequence] == ["INFERRED FROM"] * 2
    assert [list(line.GraphicData) for line in score.ContentSequence] == [[30.5, 20.25, 44, 52], [28, 40, 50, 31]]


def test_every_landmark_and_line_is_a_region_of_its_own_under_its_name() -> None:
    found = groups(written())

    shown = {
        name: (named(group, "111030")[0].GraphicType, meanings(group, "121071"))
        for name, group in found.items() if name.startswith(f"{HEART.tracking}/")
    }  # fmt: skip
    assert list(shown.values()) == [("POINT", ["Carina"]), ("POLYLINE", ["Long Axis"]), ("POLYLINE", ["Short Axis"])]


def test_numbers_of_a_finding_with_a_box_stay_in_its_region() -> None:
    boxed = replace(HEART, box=Box(left=20, top=15, right=55, bottom=60))

    group = groups(written(results.of(boxed)))[boxed.tracking]

    (score,) = named(group, "vhs")
    assert "ContentSequence" not in score
    assert len(named(group, "111030")) == 1


def test_groups_without_coordinates_come_before_those_with() -> None:
    document = written(results.of(EFFUSION, EXPOSURE, HEART))

    placed = [bool(named(group, "111030") or named(group, "vhs")) for group in groups(document).values()]
    assert placed == sorted(placed)
    assert not placed[0]


def test_the_summary_says_in_words_what_is_present() -> None:
    document = written()

    comment = named(groups(document)["summary"], "121106")[0].TextValue
    assert comment == (
        "There is something to look at. AI suggestion, not verified by a veterinarian. "
        "Fluid in the left pleural space. The film is overexposed."
    )


def test_a_box_partly_outside_is_cut_and_the_report_says_so() -> None:
    beyond = replace(EFFUSION, box=Box(left=-3, top=20, right=200, bottom=50))

    group = groups(written(results.of(beyond)))[beyond.tracking]

    assert list(named(group, "111030")[0].GraphicData) == [0, 20, 80, 20, 80, 50, 0, 50, 0, 20]
    assert "cut at the edge" in named(group, "121106")[0].TextValue


def test_a_place_wholly_outside_makes_a_finding_of_the_whole_image(tmp_path: Path) -> None:
    outside = replace(EFFUSION, box=Box(left=300, top=20, right=400, bottom=50))

    document = written(results.of(outside))

    group = groups(document)[outside.tracking]
    assert named(group, "111030") == []
    assert "lay outside the image" in named(group, "121106")[0].TextValue
    assert results.unexplained(document, tmp_path) == []


def test_findings_point_at_their_own_image_and_all_images_are_evidence() -> None:
    finding = replace(EFFUSION, image=1)

    document = written(results.of(finding), film_dataset(), film_dataset(**OTHER_FILM))

    region = named(document, "111030")[0]
    (study,) = document.CurrentRequestedProcedureEvidenceSequence
    evidence = [one.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for one in study.ReferencedSeriesSequence]
    assert region.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "2.25.201"
    assert evidence == [SOP_UID, "2.25.201"]


def test_an_image_of_another_study_is_other_evidence() -> None:
    prior = film_dataset(**OTHER_FILM, StudyInstanceUID="2.25.900")

    document = written(ALL, film_dataset(), prior)

    assert document.PertinentOtherEvidenceSequence[0].StudyInstanceUID == "2.25.900"


def test_an_image_that_came_twice_appears_once() -> None:
    document = written(results.of(replace(EFFUSION, image=1)), film_dataset(), film_dataset())

    (study,) = document.CurrentRequestedProcedureEvidenceSequence
    library = list(named(document, "111028")[0].ContentSequence[0].ContentSequence)
    assert len(study.ReferencedSeriesSequence[0].ReferencedSOPSequence) == 1
    assert len(library) == 1


def test_the_library_describes_films_and_the_slices_that_are_spoken_of() -> None:
    slices = [results.ct_slice(SOPInstanceUID=f"2.25.{number}") for number in range(300, 310)]

    document = written(results.of(replace(EFFUSION, image=4)), *slices)

    (entry,) = named(document, "111028")[0].ContentSequence[0].ContentSequence
    described = {item.ConceptNameCodeSequence[0].CodeMeaning for item in entry.ContentSequence}
    assert entry.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "2.25.304"
    assert {"Horizontal Pixel Spacing", "Slice Thickness", "Image Position (Patient) X"} <= described
    assert (
        len(document.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence)
        == 10
    )


@pytest.mark.parametrize(
    "tags", [{"SliceThickness": ""}, {"ImageOrientationPatient": None}, {"PixelSpacing": [0.5, "nan"]}]
)
def test_a_slice_that_lacks_what_describes_it_is_in_the_library_all_the_same(tags: dict[str, object]) -> None:
    document = written(ALL, results.ct_slice(**tags))

    (entry,) = named(document, "111028")[0].ContentSequence[0].ContentSequence
    assert len(entry.ContentSequence) == 4


@pytest.mark.parametrize("uid", ["abc", "", "2..25.77"])
def test_a_frame_of_reference_that_is_no_uid_is_left_out(uid: str, tmp_path: Path) -> None:
    source = header.read(part10(results.ct_slice()).replace(b"2.25.77\0", uid.ljust(8).encode()))

    document = report((source,), ALL, identity=IDENTITY)

    assert named(document, "112227") == []
    assert results.unexplained(document, tmp_path) == []


def test_a_long_private_code_is_written_whole(tmp_path: Path) -> None:
    finding = replace(EFFUSION, code=results.own("a-code-of-more-than-16", "Something"))
    standing = Standing(edition=1, rejected=frozenset({finding.tracking}))

    document = report((film_dataset(),), results.of(finding, HEART), identity=IDENTITY, standing=standing)

    (rejected,) = named(document, "rejected")
    assert rejected.ConceptCodeSequence[0].LongCodeValue == "a-code-of-more-than-16"
    assert results.unexplained(document, tmp_path) == []


def test_a_finding_of_an_image_that_the_case_does_not_have_is_refused() -> None:
    with pytest.raises(StudyRefused) as refused:
        report((film_dataset(),), results.of(replace(EFFUSION, image=1)), identity=IDENTITY)

    assert refused.value.reason == "report_impossible"


def tracking_uids(document: Dataset) -> dict[str, str]:
    return {name: named(group, "112040")[0].UID for name, group in groups(document).items()}


def test_a_finding_keeps_its_tracking_uid_in_every_revision_and_model() -> None:
    newer = replace(ALL, model=replace(results.MODEL, version="2", digest="99" * 32))
    later = replace(IDENTITY, revision=2, digests=("ef" * 32, "cd" * 32))
    sources = (film_dataset(**OTHER_FILM), film_dataset())

    first, second = written(), results.read_back(report(sources, newer, identity=later))

    assert tracking_uids(second) == tracking_uids(first)
    assert second.SOPInstanceUID != first.SOPInstanceUID


def test_findings_on_films_judged_one_by_one_are_told_apart() -> None:
    alone = replace(IDENTITY, revision=None)
    uids = [
        tracking_uids(report((source,), ALL, identity=alone))[EFFUSION.tracking]
        for source in (film_dataset(), film_dataset(**OTHER_FILM))
    ]

    assert uids[0] != uids[1]


def test_findings_of_another_use_case_or_study_are_told_apart() -> None:
    triage = tracking_uids(report((film_dataset(),), ALL, identity=replace(IDENTITY, use_case="triage")))
    elsewhere = tracking_uids(written(ALL, film_dataset(StudyInstanceUID="2.25.900")))

    assert len({found[EFFUSION.tracking] for found in (triage, elsewhere, tracking_uids(written()))}) == 3


def test_two_findings_of_one_kind_have_identifiers_of_their_own() -> None:
    second = replace(EFFUSION, box=Box(left=50, top=30, right=60, bottom=44))

    found = tracking_uids(written(results.of(second, EFFUSION)))

    assert {EFFUSION.tracking, f"{EFFUSION.tracking} #2"} <= found.keys()
    assert len(set(found.values())) == len(found)


def test_the_same_case_gives_the_same_bytes_from_several_images_too() -> None:
    sources = (film_dataset(), film_dataset(**OTHER_FILM))

    once, again = (to_bytes(report(sources, ALL, identity=IDENTITY)) for _ in range(2))

    assert once == again


def test_highdicom_reads_every_finding_back(tmp_path: Path) -> None:
    path = results.filed(report((film_dataset(),), ALL, identity=IDENTITY), tmp_path)

    content = srread(path).content

    boxed = [
        group for group in content.get_planar_roi_measurement_groups() if group.tracking_identifier == EFFUSION.tracking
    ]
    whole = content.get_image_measurement_groups(tracking_uid=tracking_uids(written())[HEART.tracking])
    assert boxed[0].finding_sites[0].laterality.meaning == "Left"
    assert boxed[0].get_measurements()[0].value == pytest.approx(87)
    assert [coordinates.value.shape for coordinates in whole[0].get_measurements()[0].referenced_coordinates] == [
        (2, 2)
    ] * 2


def test_dcmqi_reads_every_finding_number_and_presence(tmp_path: Path) -> None:
    path, out = results.filed(report((film_dataset(),), ALL, identity=IDENTITY), tmp_path), tmp_path / "out.json"

    done = results.run("tid1500reader", "--inputDICOM", path, "--outputMetadata", out)

    assert done.returncode == 0, done.stderr
    found = {group["TrackingIdentifier"]: group for group in json.loads(out.read_text())["Measurements"]}
    said = found[HEART.tracking]["qualitativeEvaluations"]
    presence = {one["conceptCode"]["CodeMeaning"]: one["conceptValue"] for one in said}
    assert found.keys() == groups(written()).keys()
    assert presence["Presence of property"]["CodeMeaning"] == "Absent"
    assert [float(item["value"]) for item in found[HEART.tracking]["measurementItems"]] == [9.71, 90.0]


def test_dcmtk_shows_a_report_of_several_films(tmp_path: Path) -> None:
    document = report((film_dataset(), film_dataset(**OTHER_FILM)), ALL, identity=IDENTITY)

    done = results.run("dsrdump", "+Pl", results.filed(document, tmp_path))

    complaints = [line for line in done.stderr.splitlines() if "Specific Character Set: ISO_IR 192" not in line]
    assert (done.returncode, complaints) == (0, [])
    for words in ("Pleural effusion", "Vertebral heart score", "inferred from SCOORD", "(POINT,", '"Left"'):
        assert words in done.stdout, words


@pytest.mark.parametrize("verdict", [Verdict.NOTHING, Verdict.ABSTAINED])
def test_a_report_of_several_films_says_nothing_found_or_not_judged(verdict: Verdict, tmp_path: Path) -> None:
    assessment = Assessment(verdict=verdict, findings=(), model=None, abstained="too dark")

    document = report((film_dataset(), film_dataset(**OTHER_FILM)), assessment, identity=IDENTITY)

    assert len(groups(document)) == 1
    assert results.unexplained(document, tmp_path) == []
