"""What passes for de-identified is looked over: whatever still tells something is found, and nothing else is."""

import io
from collections.abc import Callable

import pydicom
import pytest
from dicomanonymizer.simpledicomanonymizer import anonymize_dataset
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, SecondaryCaptureImageStorage
from tests.builders import SOP_UID, encapsulated_bytes, film_bytes, film_dataset, jpeg2000_stream, part10
from tests.unit import planted
from tests.unit.planted import CANARY

from vetflow.dicom import leaks
from vetflow.dicom.deidentify import deidentify
from vetflow.dicom.masks import PixelMaskRule

KEY = b"a key of the site, 32 bytes long"


def clean(**tags: object) -> Dataset:
    """Return a de-identified film into which something crept afterwards."""
    film = pydicom.dcmread(io.BytesIO(deidentify(film_bytes(), key=KEY).data))
    for keyword, value in tags.items():
        setattr(film, keyword, value)
    return film


def _named_inside() -> Dataset:
    inside = Dataset()
    inside.PatientName = "Doe^Rex"
    return clean(ReferencedStudySequence=[inside])


def _private() -> Dataset:
    film = clean()
    planted.plant_private(film)
    return film


def _application() -> Dataset:
    film = clean()
    film.file_meta.SourceApplicationEntityTitle = "DOE_CLINIC"
    return film


def _of_another() -> Dataset:
    film = clean()
    film.file_meta.MediaStorageSOPInstanceUID = SOP_UID
    return film


def _preamble() -> Dataset:
    film = clean()
    film.preamble = CANARY.encode().ljust(128, b"\0")
    return film


def _unmarked() -> Dataset:
    film = clean()
    del film.PatientIdentityRemoved
    return film


@pytest.mark.parametrize(
    "data",
    [
        film_bytes(),
        planted.film(),
        encapsulated_bytes(JPEG2000Lossless, planted.jpeg_comment(jpeg2000_stream(), CANARY.encode())),
        part10(film_dataset(PatientID="")),
    ],
)
def test_what_vetflow_deidentified_is_clean(data: bytes) -> None:
    assert leaks.found(deidentify(data, key=KEY).data) == []


@pytest.mark.parametrize(
    ("made", "leak"),
    [
        (lambda: clean(PatientName="Doe^Rex"), "PatientName should not be here"),
        (lambda: clean(PatientID="A1"), "PatientID should not be here"),
        (lambda: clean(PatientBirthDate="20180101"), "PatientBirthDate should not be here"),
        (lambda: clean(SeriesDescription="Thorax of Rex"), "SeriesDescription holds more than it may say"),
        (lambda: clean(PatientAge="018M"), "PatientAge holds more than it may say"),
        (lambda: clean(FrameOfReferenceUID="1.2.3.4"), "FrameOfReferenceUID is no replaced UID"),
        (_named_inside, "ReferencedStudySequence should not be here"),
        (_private, "4 private elements"),
        (_application, "file meta information of another object or application"),
        (_preamble, "a preamble that is not empty"),
        (_unmarked, "PatientIdentityRemoved is not YES"),
        (lambda: clean(LongitudinalTemporalInformationModified="UNMODIFIED"), "dates that nothing says were moved"),
        (lambda: clean(BurnedInAnnotation="YES"), "text may be burned into the pixels"),
        (_of_another, "file meta information of another object or application"),
        (lambda: clean(DataSetTrailingPadding=b"ZZOWNERZ"), "something behind the pixels"),
    ],
)  # fmt: skip
def test_what_crept_in_is_found_and_not_quoted(made: Callable[[], Dataset], leak: str) -> None:
    file = io.BytesIO()
    made().save_as(file, enforce_file_format=False)

    found = leaks.found(file.getvalue())

    assert leak in found
    assert not any(word in " ".join(found) for word in ("Doe", "DOE", "Rex", "1.2.3", CANARY, "2018"))


def test_a_comment_inside_a_frame_is_found() -> None:
    film = clean()
    film.file_meta.TransferSyntaxUID = JPEG2000Lossless
    film.PixelData = pydicom.encaps.encapsulate([planted.jpeg_comment(jpeg2000_stream(), CANARY.encode())])
    film["PixelData"].VR, film["PixelData"].is_undefined_length = "OB", True

    assert leaks.found(part10(film)) == ["comments inside compressed frames"]


def test_a_masked_capture_is_clean_and_an_unmasked_one_a_risk() -> None:
    rule = PixelMaskRule(manufacturer="Builder", rows=64, columns=80, regions=((0, 0, 9, 9),))
    capture = film_bytes(SOPClassUID=SecondaryCaptureImageStorage)

    assert leaks.found(deidentify(capture, key=KEY, masks=(rule,)).data) == []
    assert "text may be burned into the pixels" in leaks.found(capture)


def test_what_another_tool_left_is_found() -> None:
    film = pydicom.dcmread(io.BytesIO(planted.film()))
    anonymize_dataset(film)

    found = leaks.found(part10(film))

    assert (
        "BreedRegistrationSequence should not be here" in found or "BreedRegistrationNumber should not be here" in found
    )
    assert "PatientIdentityRemoved is not YES" in found


def test_what_is_no_object_is_said_to_be_none() -> None:
    assert leaks.found(b"notes of Mrs Doe") == ["can't be read: not_dicom"]


@pytest.mark.parametrize(
    "name", ["study-0123456789ab", "0001.dcm", "IM000123", "thorax VD.dcm", "series 2", "img_3.dcm"]
)
def test_a_name_of_numbers_and_plain_words_tells_nothing(name: str) -> None:
    assert not leaks.in_name(name)


@pytest.mark.parametrize(
    "name",
    ["Doe_Rex.dcm", "1.2.840.113619.2.55", "CT.1.2.3.dcm", "985112001234567.dcm", "müller.dcm", "Wing", "A1B2C3"],
)
def test_a_name_with_a_uid_a_long_number_or_another_word_may_tell_something(name: str) -> None:
    assert leaks.in_name(name)
