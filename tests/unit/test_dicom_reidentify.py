"""The way back: a result that comes home is about the study it was made from, and says nothing it did not say."""

import io
import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEG2000Lossless
from tests.builders import (
    SERIES_UID,
    SOP_UID,
    STUDY_UID,
    coded,
    encapsulated_bytes,
    film_dataset,
    jpeg2000_stream,
    part10,
)
from tests.unit import planted, results

from vetflow.dicom import header
from vetflow.dicom.capture import capture
from vetflow.dicom.deidentify import Deidentified, deidentify
from vetflow.dicom.identity import to_bytes
from vetflow.dicom.keyobjects import of_interest
from vetflow.dicom.presentation import presentations
from vetflow.dicom.reidentify import reidentify
from vetflow.dicom.report import report
from vetflow.dicom.segmentation import segmentations
from vetflow.domain.coding import Code
from vetflow.domain.errors import StudyRefused
from vetflow.domain.place import Mask
from vetflow.domain.privacy import Identity

KEY = b"a key of the site, 32 bytes long"
HEART = Code(value="80891009", scheme="SCT", meaning="Heart")
ANATOMY = Code(value="91723000", scheme="SCT", meaning="Anatomical Structure")
OWNER = {
    "PatientName": "Müller^Rex", "ResponsiblePerson": "Müller^Jörg=ミュラー", "IssuerOfPatientID": "CLINIC",
    "PatientComments": "belongs to J. Müller\r\nbites", "OtherPatientNames": ["Rexi", "Rexerl"],
}  # fmt: skip


def chipped(**tags: object) -> Dataset:
    """Return a film with identifiers in sequences and texts outside ASCII."""
    chip, registration = Dataset(), Dataset()
    chip.PatientID, chip.TypeOfPatientID = "985112001234567", "RFID"
    registration.BreedRegistrationNumber = "KC-Ö1"
    registration.BreedRegistryCodeSequence = [coded("109200", "DCM", "American Kennel Club")]
    sequences = {"OtherPatientIDsSequence": [chip], "BreedRegistrationSequence": [registration]}
    return film_dataset(**{**OWNER, **sequences, **tags})


FILM = part10(chipped())
CLEAN = deidentify(FILM, key=KEY)


def _report(source: Dataset) -> Dataset:
    return report((source,), results.ALL, identity=results.IDENTITY)


def _presentation(source: Dataset) -> Dataset:
    return presentations((source,), results.ALL, identity=results.IDENTITY)[0]


def _key_objects(source: Dataset) -> Dataset:
    document = of_interest((source,), results.ALL, identity=results.IDENTITY)
    assert document is not None
    return document


def _segmentation(source: Dataset) -> Dataset:
    pixels = np.zeros((1, 64, 80), bool)
    pixels[0, 10:30, 10:40] = True
    drawn = replace(results.ALL, masks=(Mask(label=HEART, category=ANATOMY, pixels=pixels),))
    return segmentations((source,), drawn, identity=results.IDENTITY)[0]


def _capture(source: Dataset) -> Dataset:
    return capture(source, np.zeros((40, 40, 3), np.uint8), results.ALL, identity=results.IDENTITY)


KINDS = (_report, _presentation, _key_objects, _segmentation, _capture)


def read(data: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(data))


def returned(made: Callable[[Dataset], Dataset], clean: Deidentified = CLEAN) -> tuple[Dataset, Dataset]:
    """Return a result made from the de-identified film, before and after it was given its identity."""
    data = to_bytes(made(header.read(clean.data)))
    return read(data), read(reidentify(data, clean.identity))


def identity_of(dataset: Dataset) -> dict[str, object]:
    return {element.keyword: element.value for element in dataset if element.tag.group == 0x10}


@pytest.mark.parametrize("made", KINDS)
def test_a_result_is_about_the_animal_and_study_of_its_film(made: Callable[[Dataset], Dataset]) -> None:
    film = read(FILM)

    _, back = returned(made)

    assert identity_of(back) == identity_of(film)
    assert back.StudyInstanceUID == STUDY_UID
    for keyword in ("AccessionNumber", "ReferringPhysicianName", "StudyDate", "StudyID", "StudyTime"):
        assert back[keyword].value == film[keyword].value
    assert back.get("StudyDescription", film.StudyDescription) == film.StudyDescription


@pytest.mark.parametrize("made", KINDS)
def test_every_reference_points_at_the_original_and_what_the_result_made_stays(
    made: Callable[[Dataset], Dataset],
) -> None:
    before, back = returned(made)

    data = to_bytes(back)
    assert SOP_UID.encode() in data
    assert [new for new in CLEAN.identity.uids if new.encode() in data] == []
    assert back.file_meta.MediaStorageSOPInstanceUID == back.SOPInstanceUID == before.SOPInstanceUID
    assert back.SeriesInstanceUID == before.SeriesInstanceUID


@pytest.mark.parametrize("made", KINDS)
def test_the_marks_of_deidentification_are_gone_and_the_result_says_when_it_was_made(
    made: Callable[[Dataset], Dataset],
) -> None:
    before, back = returned(made)

    for keyword in ("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence",
                    "LongitudinalTemporalInformationModified"):  # fmt: skip
        assert keyword not in back
    for keyword in ("InstanceCreationDate", "SeriesDate", "ContentDate"):
        assert back.get(keyword) == before.get(keyword)


def test_the_film_itself_comes_back_with_its_dates_series_and_place_in_every_sequence() -> None:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", SOP_UID
    film = chipped(SourceImageSequence=[reference], AcquisitionDateTime="20250101101500.5+0100", CurveDate=None)
    data = part10(film)

    clean = deidentify(data, key=KEY)
    back = read(reidentify(clean.data, clean.identity))

    assert identity_of(back) == identity_of(film)
    assert (back.SOPInstanceUID, back.SeriesInstanceUID) == (SOP_UID, SERIES_UID)
    assert back.SourceImageSequence[0].ReferencedSOPInstanceUID == SOP_UID
    assert back.file_meta.MediaStorageSOPInstanceUID == SOP_UID
    for keyword in ("StudyDate", "ContentDate", "AcquisitionDate", "AcquisitionDateTime"):
        assert back[keyword].value == film[keyword].value
    assert back.PixelData == film.PixelData
    assert "ContributingEquipmentSequence" not in back


@pytest.mark.parametrize(
    ("charset", "name"),
    [("", "Doe^Rex"), ("ISO_IR 100", "Müller^Rex"), ("ISO_IR 144", "Люкceмбypг^Рекс"), ("ISO_IR 192", "山田^太郎"),
     ("GB18030", "王^小东"), (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
     (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"), ("ISO_IR 999", "Doe^Rex")],
)  # fmt: skip
def test_names_come_back_in_whatever_charset_they_were_written(charset: object, name: str) -> None:
    film = film_dataset(SpecificCharacterSet=charset, PatientName=name, ResponsiblePerson=name)

    clean = deidentify(part10(film), key=KEY)
    itself = read(reidentify(clean.data, clean.identity))
    _, document = returned(_report, clean)

    assert (itself.PatientName, itself.ResponsiblePerson) == (name, name)
    assert itself.SpecificCharacterSet == charset
    assert (document.PatientName, document.ResponsiblePerson) == (name, name)


def test_a_result_in_another_charset_keeps_its_own_words() -> None:
    clean = deidentify(part10(film_dataset(SpecificCharacterSet="ISO_IR 144", PatientName="Рекс")), key=KEY)
    result = _report(header.read(clean.data))
    result.SpecificCharacterSet, result.SeriesDescription = "ISO_IR 100", "Für später"

    back = read(reidentify(to_bytes(result), clean.identity))

    assert back.SpecificCharacterSet == "ISO_IR 192"
    assert (back.PatientName, back.SeriesDescription) == ("Рекс", "Für später")


def test_values_that_break_the_rules_come_back_as_they_were() -> None:
    film = film_dataset(PatientName="D?e^Rex ", PatientID="A?1 ")
    for tag, kind, value in (
        (0x00101030, "DS", b"28,50 kg"),
        (0x00100030, "DA", b"spring 2018 "),
        (0x00101010, "AS", b"old "),
    ):
        planted.raw(film, tag, kind, value)
    data = part10(film).replace(b"D?e^Rex ", b"D\xf6e^Rex ").replace(b"A?1 ", b"A\xff1 ")

    clean = deidentify(data, key=KEY)
    back = reidentify(clean.data, clean.identity)

    for value in (b"28,50 kg", b"spring 2018 ", b"D\xf6e^Rex ", b"old ", b"A\xff1 "):
        assert value in back
        assert value not in clean.data


def test_numbers_come_back_digit_by_digit() -> None:
    film = film_dataset(PatientWeight="28.50", PatientSize="0.610", PregnancyStatus=4)

    clean = deidentify(part10(film), key=KEY)
    back = read(reidentify(clean.data, clean.identity))

    assert (back.PatientWeight.original_string, back.PatientSize.original_string) == ("28.50", "0.610")
    assert back.PregnancyStatus == 4


def test_what_a_film_lacked_is_not_made_up() -> None:
    film = film_dataset(**dict.fromkeys(("PatientID", "AccessionNumber", "ResponsiblePerson", "StudyDescription")))

    clean = deidentify(part10(film), key=KEY)
    itself = read(reidentify(clean.data, clean.identity))
    _, document = returned(_report, clean)

    assert not {"PatientID", "AccessionNumber", "ResponsiblePerson", "StudyDescription"} & set(itself.dir())
    assert (document.PatientID, document.AccessionNumber) == ("", "")


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_encodings_come_back_too(syntax: str) -> None:
    film = chipped()
    film.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    film.save_as(file, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=syntax != ExplicitVRBigEndian,
                 enforce_file_format=True)  # fmt: skip

    clean = deidentify(file.getvalue(), key=KEY)
    back = read(reidentify(clean.data, clean.identity))

    assert identity_of(back) == identity_of(chipped())
    assert back.StudyInstanceUID == STUDY_UID
    assert back.PixelData == film.PixelData


def test_a_compressed_film_comes_back_with_its_frames() -> None:
    clean = deidentify(encapsulated_bytes(JPEG2000Lossless, jpeg2000_stream(), **OWNER), key=KEY)

    back = read(reidentify(clean.data, clean.identity))

    assert back.file_meta.TransferSyntaxUID == JPEG2000Lossless
    assert str(back.PatientName) == OWNER["PatientName"]
    assert back.PixelData == read(clean.data).PixelData


def test_an_identity_without_anything_changes_no_reference() -> None:
    data = to_bytes(_report(header.read(CLEAN.data)))

    back = read(reidentify(data, Identity()))

    assert back.StudyInstanceUID == read(CLEAN.data).StudyInstanceUID


def test_the_identity_is_dicom_json_that_others_read() -> None:
    held = Dataset.from_json(json.loads(CLEAN.identity.attributes))

    assert held.PatientName == OWNER["PatientName"]
    assert held.OtherPatientIDsSequence[0].PatientID == "985112001234567"
    assert held.BreedRegistrationSequence[0].BreedRegistrationNumber == "KC-Ö1"


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(StudyRefused) as refused:
        reidentify(b"no DICOM", CLEAN.identity)

    assert refused.value.reason == "not_dicom"
