"""Findings over their images: layers, words, and the image's own look, valid by tools that others wrote."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, EnhancedCTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from tests.builders import SOP_UID, film_dataset, part10
from tests.unit import results
from tests.unit.results import ALL, EFFUSION, EXPOSURE, HEART, IDENTITY, SIGNATURE

from vetflow.dicom import header
from vetflow.dicom.identity import to_bytes
from vetflow.dicom.presentation import presentations
from vetflow.dicom.report import report
from vetflow.domain.finding import Assessment, Presence, Verdict
from vetflow.domain.place import Box
from vetflow.domain.standing import SUGGESTION, Standing

OTHER_FILM = {"SOPInstanceUID": "2.25.201", "SeriesInstanceUID": "2.25.200"}
SIGNED = Standing(edition=1, signature=SIGNATURE)


def written(*sources: Dataset, assessment: Assessment = ALL, standing: Standing = SUGGESTION) -> tuple[Dataset, ...]:
    made = presentations(sources or (film_dataset(),), assessment, identity=IDENTITY, standing=standing)
    return tuple(results.read_back(document) for document in made)


def layers(document: Dataset) -> dict[str, Dataset]:
    return {item.GraphicLayer: item for item in document.GraphicAnnotationSequence}


def texts(document: Dataset) -> list[str]:
    return [
        text.UnformattedTextValue for item in document.GraphicAnnotationSequence for text in item.TextObjectSequence
    ]


def enhanced(frames: int = 3) -> Dataset:
    """Return an enhanced CT whose first frame has another window than the others."""
    image = results.ct_slice(SOPClassUID=EnhancedCTImageStorage, NumberOfFrames=frames)
    for keyword in ("WindowCenter", "WindowWidth", "RescaleIntercept", "RescaleSlope", "RescaleType"):
        del image[keyword]
    shared, rescale = Dataset(), Dataset()
    rescale.RescaleIntercept, rescale.RescaleSlope, rescale.RescaleType = "-1024", "1", "HU"
    shared.PixelValueTransformationSequence = Sequence([rescale])
    image.SharedFunctionalGroupsSequence = Sequence([shared])
    image.PerFrameFunctionalGroupsSequence = Sequence([framed("40" if frame else "-600") for frame in range(frames)])
    return image


def framed(centre: str) -> Dataset:
    group, window = Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = centre, "1500"
    group.FrameVOILUTSequence = Sequence([window])
    return group


@pytest.mark.parametrize(
    "sources",
    [
        (film_dataset(),),
        (film_dataset(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"),),
        (film_dataset(ImageLaterality="L"),),
        (film_dataset(), film_dataset(**OTHER_FILM)),
        (results.ct_slice(),),
        (results.many_frames(np.zeros((4, 64, 80), np.uint16)),),
        (enhanced(),),
    ],
    ids=["film", "inverted film", "left limb", "two films", "slice", "frames", "enhanced"],
)
@pytest.mark.parametrize("standing", [SUGGESTION, SIGNED], ids=["suggestion", "signed"])
def test_a_presentation_state_is_valid_by_dciodvfy_and_dcmtk(
    sources: tuple[Dataset, ...], standing: Standing, tmp_path: Path
) -> None:
    last = len(sources) - 1
    assessment = results.of(replace(EFFUSION, frame=1), replace(HEART, image=last), EXPOSURE)

    (document,) = written(*sources, assessment=assessment, standing=standing)

    checked = results.run("dcmpschk", results.filed(document, tmp_path))
    assert results.unexplained(document, tmp_path) == []
    assert checked.returncode == 0
    assert "Test passed" in checked.stderr


def test_each_kind_of_thing_has_a_layer_that_can_be_switched() -> None:
    absent = replace(EFFUSION, presence=Presence.ABSENT, label="right")

    (document,) = written(assessment=results.of(EFFUSION, HEART, absent))

    defined = {item.GraphicLayer: item.GraphicLayerOrder for item in document.GraphicLayerSequence}
    assert defined == {"AI ABSENT": 1, "AI FINDINGS": 2, "AI MEASUREMENTS": 3, "AI LANDMARKS": 4, "AI NOTE": 5}
    assert layers(document).keys() == defined.keys()


def test_only_layers_that_hold_something_are_named() -> None:
    (document,) = written(assessment=results.of(EFFUSION))

    assert [item.GraphicLayer for item in document.GraphicLayerSequence] == ["AI FINDINGS", "AI NOTE"]


def test_what_is_drawn_is_what_the_report_says() -> None:
    (document,) = written()

    said = results.read_back(report((film_dataset(),), ALL, identity=IDENTITY))
    regions = sorted(list(region.GraphicData) for region in results.named(said, "111030"))
    drawn = sorted(
        list(graphic.GraphicData)
        for item in document.GraphicAnnotationSequence for graphic in item.get("GraphicObjectSequence", ())
    )  # fmt: skip
    assert drawn == regions


def test_a_graphic_bears_the_tracking_uid_of_its_finding() -> None:
    (document,) = written()

    said = results.groups(report((film_dataset(),), ALL, identity=IDENTITY))
    (graphic,) = layers(document)["AI FINDINGS"].GraphicObjectSequence
    assert graphic.TrackingID == EFFUSION.tracking
    assert graphic.TrackingUID == results.named(said[EFFUSION.tracking], "112040")[0].UID


def test_words_tell_what_was_found_how_sure_that_is_and_that_nobody_verified_it() -> None:
    unsure = replace(EFFUSION, presence=Presence.UNDETERMINED, certainty=None, label="x")

    (document,) = written(assessment=results.of(EFFUSION, HEART, unsure))

    assert texts(document) == [
        "Pleural effusion, left 87%",
        "Undetermined: Pleural effusion, left",
        "Long Axis: Vertebral heart score 9.71 vertebrae",
        "Short Axis: Vertebral heart score 9.71 vertebrae",
        "Carina",
        "AI suggestion - not verified",
    ]


def test_vertebrae_are_told_apart_by_their_names_and_none_is_beyond_doubt() -> None:
    bones = (replace(HEART, label=label, measurements=(), certainty=None) for label in ("T4", "T5"))

    (document,) = written(assessment=results.of(replace(EFFUSION, certainty=1.0), *bones))

    assert texts(document)[:3] == ["Pleural effusion, left 99%", "T4", "T5"]


def test_a_signed_presentation_state_no_longer_calls_itself_unverified() -> None:
    (document,) = written(standing=SIGNED)

    assert texts(document)[-1] == "AI-assisted findings, signed"
    assert "not verified" not in str(document)
    assert document.SeriesDescription == "AI-assisted findings, signed"


def test_rejected_findings_are_not_drawn() -> None:
    standing = Standing(edition=1, rejected=frozenset({EFFUSION.tracking}))

    (document,) = written(standing=standing)

    assert "AI FINDINGS" not in layers(document)


@pytest.mark.parametrize(
    "assessment",
    [results.of(EXPOSURE), Assessment(verdict=Verdict.NOTHING, findings=(), model=None),
     results.of(replace(EFFUSION, box=Box(left=300, top=5, right=400, bottom=9)))],
    ids=["whole image", "nothing", "outside"],
)  # fmt: skip
def test_there_is_none_when_there_is_nothing_to_draw(assessment: Assessment) -> None:
    assert written(assessment=assessment) == ()


def test_colour_images_are_left_out() -> None:
    assert written(film_dataset(PhotometricInterpretation="RGB", SamplesPerPixel=3)) == ()


def test_the_window_and_values_are_the_image_own_zero_included() -> None:
    (document,) = written(results.ct_slice())

    (window,) = document.SoftcopyVOILUTSequence
    assert (window.WindowCenter, window.WindowWidth) == (0, 400)
    assert (document.RescaleIntercept, document.RescaleSlope, document.RescaleType) == (-1024, 1, "HU")


def test_alternative_windows_stay_alternatives_in_their_order() -> None:
    film = film_dataset(WindowCenter=["2048", "1000"], WindowWidth=["4096", "500"])

    (document,) = written(film)

    assert list(document.SoftcopyVOILUTSequence[0].WindowCenter) == [2048, 1000]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("signed", [0, 1])
def test_lookup_tables_are_carried_over_whole(syntax: UID, signed: int, tmp_path: Path) -> None:
    entries = np.array([0, 100, 50000, 65535], "<u2").tobytes()
    film = film_dataset(WindowCenter=None, WindowWidth=None, PixelRepresentation=signed, RescaleSlope=None)
    film.VOILUTSequence, film.ModalityLUTSequence = Sequence([table(entries)]), Sequence([table(entries)])
    film.ModalityLUTSequence[0].ModalityLUTType = "US"
    film.file_meta.TransferSyntaxUID = syntax

    (document,) = written(header.read(part10(film)))

    kept = (document.SoftcopyVOILUTSequence[0].VOILUTSequence[0], document.ModalityLUTSequence[0])
    assert [list(one.LUTDescriptor) for one in kept] == [[4, 0, 16]] * 2
    assert [bytes(one["LUTData"].value) for one in kept] == [entries] * 2
    assert "RescaleIntercept" not in document
    assert results.unexplained(document, tmp_path) == []


def table(entries: bytes) -> Dataset:
    made = Dataset()
    made.LUTDescriptor, made.LUTExplanation = [4, 0, 16], "NORMAL"
    made["LUTData"] = DataElement("LUTData", "OW", entries)
    return made


@pytest.mark.parametrize(
    "tags", [{"WindowWidth": "0"}, {"WindowCenter": ""}, {"WindowWidth": ["1", "2"]}, {"WindowWidth": None}]
)
def test_a_window_that_is_none_is_left_out(tags: dict[str, object]) -> None:
    (document,) = written(film_dataset(**tags))

    assert "SoftcopyVOILUTSequence" not in document


@pytest.mark.parametrize(("photometric", "shape"), [("MONOCHROME1", "INVERSE"), ("MONOCHROME2", "IDENTITY")])
def test_polarity_is_the_image_own(photometric: str, shape: str) -> None:
    (document,) = written(film_dataset(PhotometricInterpretation=photometric))

    assert document.PresentationLUTShape == shape


def test_films_that_differ_in_how_they_are_shown_have_a_presentation_state_each() -> None:
    inverted = film_dataset(**OTHER_FILM, PhotometricInterpretation="MONOCHROME1")
    small = film_dataset(SOPInstanceUID="2.25.202", rows=50, columns=66)
    alike = film_dataset(SOPInstanceUID="2.25.203")
    findings = [replace(EFFUSION, image=number) for number in range(4)]

    made = written(film_dataset(), inverted, small, alike, assessment=results.of(*findings))

    shown = [
        [
            image.ReferencedSOPInstanceUID
            for series in document.ReferencedSeriesSequence
            for image in series.ReferencedImageSequence
        ]
        for document in made
    ]
    assert shown == [[SOP_UID, "2.25.203"], ["2.25.201"], ["2.25.202"]]
    assert len({document.SOPInstanceUID for document in made}) == 3


def test_films_with_windows_of_their_own_keep_them_in_one_presentation_state() -> None:
    other = film_dataset(**OTHER_FILM, WindowCenter="900")

    (document,) = written(film_dataset(), other, assessment=results.of(EFFUSION, replace(EFFUSION, image=1)))

    windows = {
        item.ReferencedImageSequence[0].ReferencedSOPInstanceUID: item.WindowCenter
        for item in document.SoftcopyVOILUTSequence
    }
    assert windows == {SOP_UID: 2048, "2.25.201": 900}


def test_graphics_stand_on_their_own_frame_with_the_window_of_that_frame() -> None:
    findings = [replace(EFFUSION, frame=frame) for frame in (1, 3)]

    (document,) = written(enhanced(), assessment=results.of(*findings))

    (image,) = document.ReferencedSeriesSequence[0].ReferencedImageSequence
    drawn = [
        item.ReferencedImageSequence[0].ReferencedFrameNumber
        for item in document.GraphicAnnotationSequence if item.GraphicLayer == "AI FINDINGS"
    ]  # fmt: skip
    windows = {
        item.ReferencedImageSequence[0].ReferencedFrameNumber: item.WindowCenter
        for item in document.SoftcopyVOILUTSequence
    }
    assert list(image.ReferencedFrameNumber) == [1, 3]
    assert drawn == [1, 3]
    assert windows == {1: -600, 3: 40}
    assert document.RescaleIntercept == -1024


def test_it_is_about_the_animal_of_the_film_and_dated_by_its_identity() -> None:
    (document,) = written()

    made_at = IDENTITY.made_at.astimezone()
    assert (document.PatientID, document.PatientSpeciesDescription) == ("A1", "Canine")
    assert document.PresentationCreationDate == made_at.strftime("%Y%m%d")
    assert document.PresentationCreationTime.startswith(made_at.strftime("%H%M%S"))


def test_writing_it_again_gives_the_same_bytes_and_another_edition_another_object() -> None:
    once, again = (to_bytes(presentations((film_dataset(),), ALL, identity=IDENTITY)[0]) for _ in range(2))
    (later,) = written(standing=SIGNED)

    assert once == again
    assert later.SOPInstanceUID != written()[0].SOPInstanceUID
