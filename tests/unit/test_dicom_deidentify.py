"""De-identification: what goes, what stays, and that nothing planted survives."""

import io
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pydicom
import pytest
from pydicom.datadict import DicomDictionary, dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import ImplicitVRLittleEndian, JPEG2000Lossless
from tests.builders import (
    STUDY_UID,
    body,
    coded,
    encapsulated_bytes,
    film_bytes,
    film_dataset,
    jpeg2000_stream,
    part10,
    truncated_jpeg2000_film,
)

from vetflow.dicom import deidentify as profile
from vetflow.dicom import pixels
from vetflow.domain.errors import StudyRefused

KEY = b"a key of the site, 32 bytes long"
TEXT = {"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT", "DS", "IS", "UI"}
UNTOUCHED = {"SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"}
CANARY = "ZZOWNERZZ"


def planted(tag: int, vr: str) -> str:
    return f"{CANARY}{tag:08X}"[: 16 if vr in {"AE", "CS", "SH", "DS", "IS"} else 64]


def plant(dataset: Dataset, *, nested: int) -> None:
    """Put a canary into every text element of the dictionary, into private ones, and into the items of sequences."""
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        if tag >> 16 in {0, 2} or not keyword or tag >= 0x7FE00000 or keyword in UNTOUCHED:
            continue
        if vr in TEXT:
            raw(dataset, tag, vr, planted(tag, vr).encode())
        elif vr == "UN" or vr.startswith("O"):
            raw(dataset, tag, "OB", CANARY.encode() * 8)
        elif vr == "SQ":
            dataset.add(
                pydicom.DataElement(tag, "SQ", [coded(CANARY, "SCT", CANARY), few(nested if tag % 16 == 0 else 0)])
            )
    plant_private(dataset)


def few(nested: int) -> Dataset:
    """Return an item with a canary under one tag of each VR, and the like below it."""
    item = Dataset()
    for keyword in ("CodeMeaning", "TextValue", "PersonName", "ProtocolName", "PatientComments", "UID", "RescaleType"):
        tag = tag_for_keyword(keyword)
        raw(item, tag, dictionary_VR(tag), planted(tag, "CS").encode())
    if nested:
        plant_private(item)
        item.ConceptNameCodeSequence = [coded(CANARY, CANARY, CANARY)]
        item.ViewCodeSequence = [few(nested - 1)]
        item.SharedFunctionalGroupsSequence = [few(nested - 1)]
    return item


def raw(dataset: Dataset, tag: int, vr: str, value: bytes) -> None:
    value += b" " * (len(value) % 2)
    dataset[tag] = RawDataElement(BaseTag(tag), vr, len(value), value, 0, False, True)


def plant_private(dataset: Dataset) -> None:
    block = dataset.private_block(0x0019, CANARY, create=True)
    block.add_new(0x01, "LO", CANARY)
    block.add_new(0x02, "UN", CANARY.encode() + b" ")
    block.add_new(0x03, "SQ", [coded(CANARY, CANARY, CANARY)])


@cache
def plants() -> bytes:
    film = film_dataset()
    kept = {keyword: film[keyword] for keyword in ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit")}
    plant(film, nested=2)
    film.update({element.tag: element for element in kept.values()})
    film.add_new(0x60000022, "LO", CANARY)
    film.add_new(0x60003000, "OW", CANARY.encode() * 2)
    film.add_new(0xFFFCFFFC, "OB", CANARY.encode() * 2)
    film.preamble = CANARY.encode().ljust(128, b"\0")
    return part10(film)


@pytest.mark.parametrize("syntax", ["explicit", "implicit"])
def test_nothing_planted_in_any_text_of_any_depth_survives(syntax: str) -> None:
    data = plants()
    if syntax == "implicit":
        again = pydicom.dcmread(io.BytesIO(data))
        again.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        file = io.BytesIO()
        again.save_as(file, implicit_vr=True, little_endian=True)
        data = file.getvalue()
    assert data.count(CANARY.encode()) > 3000

    clean = profile.deidentify(data, key=KEY).data

    left = pydicom.dcmread(io.BytesIO(clean))
    assert CANARY.encode() not in clean, [e.keyword for e in left.iterall() if CANARY in str(e.value)]


def test_owner_identifiers_that_the_standard_table_misses_are_removed() -> None:
    registration = Dataset()
    registration.BreedRegistrationNumber = "KC123456"
    registration.BreedRegistryCodeSequence = [coded("109200", "DCM", "American Kennel Club")]
    chip = Dataset()
    chip.PatientID, chip.TypeOfPatientID = "985112001234567", "RFID"
    film = film_bytes(
        BreedRegistrationSequence=[registration], OtherPatientIDsSequence=[chip], PatientComments="belongs to Jane Doe"
    )

    clean = profile.deidentify(film, key=KEY).data

    for name in (b"KC123456", b"985112001234567", b"Doe", b"Jane", b"Rex", b"ACC1", b"Thorax 2 views", b"Builder"):
        assert name in film
        assert name not in clean


def test_what_the_model_may_know_of_the_animal_stays() -> None:
    film = film_bytes(PatientBreedCodeSequence=[coded("62137007", "SCT", "somebody's words")])

    clean = pydicom.dcmread(io.BytesIO(profile.deidentify(film, key=KEY).data))

    assert (clean.PatientSex, clean.PatientSexNeutered, clean.PatientWeight) == ("M", "ALTERED", 28.5)
    assert (clean.PatientSpeciesDescription, clean.PatientBreedDescription) == ("Canine", "Labrador")
    assert clean.PatientSpeciesCodeSequence[0].CodeValue == "448771007"
    assert "retriever" in clean.PatientBreedCodeSequence[0].CodeMeaning
    assert (clean.BodyPartExamined, clean.ViewPosition, clean.ExposureIndex) == ("CHEST", "VD", 250)
    assert clean.ViewCodeSequence[0].CodeValue == "442441009"
    assert list(clean.ImagerPixelSpacing) == [0.14, 0.14]


def test_a_breed_that_is_no_breed_goes() -> None:
    film = film_bytes(PatientBreedDescription="Mrs Doe's darling", PatientSpeciesDescription="dog of Mrs Doe")

    clean = pydicom.dcmread(io.BytesIO(profile.deidentify(film, key=KEY).data))

    assert (clean.PatientBreedDescription, clean.PatientSpeciesDescription) == ("", "")


def test_the_outcome_says_how_it_was_deidentified() -> None:
    clean = pydicom.dcmread(io.BytesIO(profile.deidentify(film_bytes(), key=KEY).data))

    methods = [item.CodeValue for item in clean.DeidentificationMethodCodeSequence]
    assert clean.PatientIdentityRemoved == "YES"
    assert methods == ["113100", "113108"]
    assert clean.LongitudinalTemporalInformationModified == "REMOVED"
    assert clean.preamble == b"\0" * 128


def test_uids_are_replaced_the_same_way_wherever_they_stand() -> None:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.3.4.5"
    first = profile.deidentify(film_bytes(SourceImageSequence=[reference]), key=KEY)
    second = profile.deidentify(film_bytes(SOPInstanceUID="1.2.3.4.5"), key=KEY)

    one, two = (pydicom.dcmread(io.BytesIO(clean.data)) for clean in (first, second))

    assert one.StudyInstanceUID == two.StudyInstanceUID == first.replaced[STUDY_UID] != STUDY_UID
    assert one.SourceImageSequence[0].ReferencedSOPInstanceUID == two.SOPInstanceUID
    assert one.SourceImageSequence[0].ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.1.1"
    assert two.file_meta.MediaStorageSOPInstanceUID == two.SOPInstanceUID


def test_another_key_gives_other_uids_and_another_patient() -> None:
    one, two = (pydicom.dcmread(io.BytesIO(profile.deidentify(film_bytes(), key=key).data)) for key in (KEY, KEY[::-1]))

    assert one.StudyInstanceUID != two.StudyInstanceUID
    assert one.PatientID != two.PatientID != "A1"


@pytest.mark.parametrize("data", [film_bytes(), encapsulated_bytes(JPEG2000Lossless, jpeg2000_stream())])
def test_pixels_are_untouched(data: bytes) -> None:
    clean = profile.deidentify(data, key=KEY).data

    assert (pixels.decode(clean, largest=1 << 20) == body()).all()


def test_elements_behind_compressed_pixels_do_not_come_along() -> None:
    data = encapsulated_bytes(JPEG2000Lossless, jpeg2000_stream()) + b"\xfc\xff\xfc\xffOB\0\0\x0a\0\0\0" + b"ZZOWNERZZ "

    clean = profile.deidentify(data, key=KEY).data

    assert b"ZZOWNERZZ" not in clean


def test_a_film_whose_frames_end_early_is_refused() -> None:
    with pytest.raises(StudyRefused) as refused:
        profile.deidentify(truncated_jpeg2000_film()[:-40], key=KEY)

    assert refused.value.reason == "pixels_truncated"


def test_the_film_stays_a_valid_object(tmp_path: Path) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(profile.deidentify(film_bytes(), key=KEY).data)

    dciodvfy = shutil.which("dciodvfy") or Path(pydicom.__file__).parents[4] / "bin" / "dciodvfy"
    said = subprocess.run([dciodvfy, film], capture_output=True, text=True, timeout=60, check=False).stderr

    assert "Error" not in said


def test_a_file_with_any_byte_changed_is_cleaned_or_refused_never_worse() -> None:
    data = film_bytes(PatientComments="ZZOWNERZZ" * 40)

    for at in range(132, len(data) - 10240, 17):
        try:
            clean = profile.deidentify(data[:at] + b"\xff" + data[at + 1 :], key=KEY).data
        except StudyRefused:
            continue
        assert b"ZZOWNER" not in clean
