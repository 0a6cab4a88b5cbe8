"""De-identification: what goes, what stays, and that nothing planted survives."""

import io
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
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
from tests.unit import planted
from tests.unit.planted import CANARY

from vetflow.dicom import comments, pixels
from vetflow.dicom import deidentify as profile
from vetflow.dicom.descriptors import VOCABULARY
from vetflow.domain.errors import StudyRefused

KEY = b"a key of the site, 32 bytes long"
NAMES_THAT_ARE_WORDS = {
    "angel", "art", "back", "body", "bone", "bones", "buddy", "chance", "chip", "colon", "cross", "daisy", "dixon",
    "duke", "echo", "faith", "field", "foot", "fox", "frog", "gordon", "grace", "hand", "hart", "head", "heart", "hope",
    "jack", "jasmine", "king", "lad", "lady", "lee", "leg", "long", "lucky", "lung", "max", "may", "miles", "norberg",
    "patch", "paw", "pearl", "penny", "prince", "ray", "rex", "rich", "rose", "ruby", "sandy", "scout", "shadow",
    "short", "spot", "star", "sunny", "tail", "tse", "wing", "young",
}  # fmt: skip


def cleaned(data: bytes, *, key: bytes = KEY) -> Dataset:
    return pydicom.dcmread(io.BytesIO(profile.deidentify(data, key=key).data))


def methods(dataset: Dataset) -> list[str]:
    return [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence]


def implicit(data: bytes) -> bytes:
    again = pydicom.dcmread(io.BytesIO(data))
    again.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    file = io.BytesIO()
    again.save_as(file, implicit_vr=True, little_endian=True)
    return file.getvalue()


@pytest.mark.parametrize("syntax", ["explicit", "implicit"])
def test_nothing_planted_in_any_element_of_any_depth_survives(syntax: str) -> None:
    data = planted.film() if syntax == "explicit" else implicit(planted.film())
    assert data.count(CANARY.encode()) > 6000

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


def test_a_number_long_enough_to_be_a_microchip_or_a_telephone_goes_wherever_it_stands() -> None:
    film = film_dataset(SeriesNumber=None, ExposureIndex=None, BodyPartExamined="CHEST 0612345678")
    planted.raw(film, 0x00200011, "IS", b"985112001234")
    planted.raw(film, 0x00181411, "DS", b"985112001234567.0")

    clean = cleaned(part10(film))

    assert "SeriesNumber" not in clean
    assert "ExposureIndex" not in clean
    assert clean.BodyPartExamined == "CHEST"


def test_what_the_model_may_know_of_the_animal_stays() -> None:
    clean = cleaned(film_bytes(PatientBreedCodeSequence=[coded("62137007", "SCT", "somebody's words")]))

    assert (clean.PatientSex, clean.PatientSexNeutered, clean.PatientWeight) == ("M", "ALTERED", 28.5)
    assert (clean.PatientSpeciesDescription, clean.PatientBreedDescription) == ("CANINE", "LABRADOR")
    assert clean.PatientSpeciesCodeSequence[0].CodeValue == "448771007"
    assert "retriever" in clean.PatientBreedCodeSequence[0].CodeMeaning
    assert (clean.BodyPartExamined, clean.ViewPosition, clean.ExposureIndex) == ("CHEST", "VD", 250)
    assert clean.ViewCodeSequence[0].CodeValue == "442441009"
    assert list(clean.ImagerPixelSpacing) == [0.14, 0.14]


@pytest.mark.parametrize(
    ("age", "coarse"), [("012Y", "012Y"), ("018M", "001Y"), ("400D", "001Y"), ("051W", "011M"), ("009D", "000M"),
                        ("Rex", "")]
)  # fmt: skip
def test_ages_stay_in_whole_years_and_below_one_year_in_months(age: str, coarse: str) -> None:
    film = film_dataset()
    planted.raw(film, 0x00101010, "AS", age.encode())

    assert cleaned(part10(film)).PatientAge == coarse


@pytest.mark.parametrize(
    ("said", "stays"),
    [("Mrs Doe's darling", ""), ("King Charles", ""), ("Gordon", ""), ("Shepherd", ""), ("Maine Coon", "MAINE COON"),
     ("Gordon Setter", "GORDON SETTER"), ("domestic shorthair", "DOMESTIC SHORTHAIR"), ("dsh", "DSH")],
)  # fmt: skip
def test_a_breed_stays_unless_it_may_be_a_persons_name(said: str, stays: str) -> None:
    assert cleaned(film_bytes(PatientBreedDescription=said)).PatientBreedDescription == stays


@pytest.mark.parametrize(("said", "stays"), [("dog of Mrs Doe", ""), ("Gatto", "FELINE"), ("Guinea Pig", "GUINEA PIG")])
def test_a_species_stays_in_one_way_of_writing_it(said: str, stays: str) -> None:
    assert cleaned(film_bytes(PatientSpeciesDescription=said)).PatientSpeciesDescription == stays


@pytest.mark.parametrize(
    ("said", "stays"),
    [("Thorax 2 views", "THORAX VIEWS"), ("Rex Doe: Thorax-LAT, rechts", "THORAX LAT"), ("Foot of Mrs Hand", ""),
     ("Max Scout head CT Wing", "CT"), ("ThoraxDoe", ""), ("Lung Chee-Hwa DV", "DV")],
)  # fmt: skip
def test_descriptions_keep_only_words_of_anatomy_view_and_technique(said: str, stays: str) -> None:
    clean = cleaned(film_bytes(SeriesDescription=said, StudyDescription=said, PatientComments=said))

    assert (clean.SeriesDescription, clean.StudyDescription) == (stays, stays)
    assert "PatientComments" not in clean


def test_no_word_of_the_vocabulary_is_a_name_that_people_or_animals_have() -> None:
    assert VOCABULARY.isdisjoint(NAMES_THAT_ARE_WORDS)


def test_dates_of_a_patient_move_by_the_same_days_and_times_stay() -> None:
    step = Dataset()
    step.PerformedProcedureStepStartDate = "20250103"
    first = profile.deidentify(
        film_bytes(AcquisitionDateTime="20250101101500.25+0100", SourceImageSequence=[step]), key=KEY
    )
    second = profile.deidentify(film_bytes(StudyInstanceUID="1.2.3", StudyDate="20250301"), key=KEY)

    one, two = (pydicom.dcmread(io.BytesIO(clean.data)) for clean in (first, second))

    days = first.identity.shift_days
    assert -profile.LONGEST_SHIFT <= days < 0
    assert days == second.identity.shift_days
    start = np.datetime64("2025-01-01")
    assert (np.datetime64(_iso(one.StudyDate)) - start).astype(int) == days
    assert (np.datetime64(_iso(two.StudyDate)) - start).astype(int) == days + 59
    assert (np.datetime64(_iso(one.SourceImageSequence[0].PerformedProcedureStepStartDate)) - start).astype(
        int
    ) == days + 2
    assert str(one.AcquisitionDateTime) == f"{one.StudyDate}101500.25+0100"
    assert one.StudyTime == "101500"
    assert (one.PatientBirthDate, one.LongitudinalTemporalInformationModified) == ("", "MODIFIED")


def _iso(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:]}"


def test_other_patients_move_by_other_days_and_a_study_without_patient_by_its_own() -> None:
    shifts = {
        profile.deidentify(film_bytes(**tags), key=KEY).identity.shift_days
        for tags in (
            {}, {"PatientID": "A2"}, {"IssuerOfPatientID": "X"}, {"PatientID": ""},
            {"PatientID": "", "StudyInstanceUID": "1.2.3"},
        )
    }  # fmt: skip

    assert len(shifts) == 5


def test_shifts_are_spread_evenly_over_ten_years() -> None:
    shifts = sorted(profile.shift_days(f"\0{number}", KEY) for number in range(4000))

    assert (shifts[0] >= 1, shifts[-1] <= 3650) == (True, True)
    assert [round(shifts[share * 400 - 1] / 365) for share in range(1, 11)] == pytest.approx(range(1, 11), abs=1)


@pytest.mark.parametrize("date", [b"Doe", b"20251301", b"2025-01-01", b"00010101", b"20250101\\Jane"])
def test_what_is_no_date_is_lost_and_the_study_is_not(date: bytes) -> None:
    film = film_dataset()
    planted.raw(film, 0x00080022, "DA", date)

    clean = profile.deidentify(part10(film), key=KEY).data

    assert date.split(b"\\")[-1] not in clean


def test_the_outcome_says_how_it_was_deidentified() -> None:
    clean = cleaned(film_bytes())

    assert clean.PatientIdentityRemoved == "YES"
    assert methods(clean) == ["113100", "113105", "113107", "113108"]
    assert clean.preamble == b"\0" * 128


def test_an_option_that_had_nothing_to_do_is_not_claimed() -> None:
    film = film_dataset()
    for keyword in [
        element.keyword for element in film if element.VR in {"DA", "TM"} or "Description" in element.keyword
    ]:
        delattr(film, keyword)
    for keyword in ("PatientSex", "PatientSexNeutered", "PatientWeight", "PatientSpeciesCodeSequence"):
        delattr(film, keyword)

    clean = cleaned(part10(film))

    assert methods(clean) == ["113100"]
    assert clean.LongitudinalTemporalInformationModified == "REMOVED"


def test_uids_are_replaced_the_same_way_wherever_they_stand() -> None:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.3.4.5"
    first = profile.deidentify(film_bytes(SourceImageSequence=[reference]), key=KEY)
    second = profile.deidentify(film_bytes(SOPInstanceUID="1.2.3.4.5"), key=KEY)

    one, two = (pydicom.dcmread(io.BytesIO(clean.data)) for clean in (first, second))

    assert one.StudyInstanceUID == two.StudyInstanceUID == profile.study_uid(film_bytes(), key=KEY) != STUDY_UID
    assert first.identity.uids[one.StudyInstanceUID] == STUDY_UID
    assert one.SourceImageSequence[0].ReferencedSOPInstanceUID == two.SOPInstanceUID
    assert one.SourceImageSequence[0].ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.1.1"
    assert two.file_meta.MediaStorageSOPInstanceUID == two.SOPInstanceUID


def test_a_uid_that_breaks_the_rules_is_replaced_like_others() -> None:
    long = "1." * 32 + "1"

    done = profile.deidentify(film_bytes(StudyInstanceUID=long, FrameOfReferenceUID=f"{long}.Doe"), key=KEY)

    assert len(long) == 65
    assert {long, f"{long}.Doe"} <= set(done.identity.uids.values())
    assert long.encode() not in done.data


def test_another_key_gives_other_uids_and_another_patient() -> None:
    one, two = (cleaned(film_bytes(), key=key) for key in (KEY, KEY[::-1]))

    assert one.StudyInstanceUID != two.StudyInstanceUID
    assert one.PatientID != two.PatientID != "A1"


def test_what_was_deidentified_stays_as_it_is_and_a_new_name_in_it_goes() -> None:
    once = profile.deidentify(film_bytes(), key=KEY)
    named = pydicom.dcmread(io.BytesIO(once.data))
    named.PatientName, named.PatientID = "Doe^Rex", "A1"

    twice, renamed = (profile.deidentify(data, key=KEY) for data in (once.data, part10(named)))

    assert twice.data == once.data
    assert not twice.identity.uids
    assert b"Doe" not in renamed.data
    assert profile.study_uid(once.data, key=KEY).encode() in renamed.data


def test_marks_without_the_seal_of_the_key_are_not_believed() -> None:
    once = profile.deidentify(film_bytes(), key=KEY)

    other = profile.deidentify(once.data, key=KEY[::-1])

    assert profile.study_uid(once.data, key=KEY).encode() not in other.data


def test_the_account_of_changes_names_attributes_and_no_values() -> None:
    film = film_dataset(PatientComments="Mrs Doe")
    planted.plant_private(film)

    changes = profile.deidentify(part10(film), key=KEY).removed

    assert changes.removed["PatientComments"] == changes.removed["PatientName"] == 1
    assert changes.cleaned["StudyDescription"] == 1
    assert changes.replaced["StudyInstanceUID"] == changes.replaced["StudyDate"] == changes.replaced["PatientID"] == 1
    assert changes.private == 4
    assert "Doe" not in repr(changes)
    assert CANARY not in repr(changes)


@pytest.mark.parametrize("data", [film_bytes(), encapsulated_bytes(JPEG2000Lossless, jpeg2000_stream())])
def test_pixels_are_untouched(data: bytes) -> None:
    clean = profile.deidentify(data, key=KEY).data

    assert (pixels.decode(clean, largest=1 << 20) == body()).all()


def test_text_beside_the_picture_does_not_come_along() -> None:
    behind = (
        encapsulated_bytes(JPEG2000Lossless, jpeg2000_stream()) + b"\xfc\xff\xfc\xffOB\0\0\x0a\0\0\0" + b"ZZOWNERZZ "
    )
    inside = encapsulated_bytes(JPEG2000Lossless, planted.jpeg_comment(jpeg2000_stream(), CANARY.encode()))
    after = encapsulated_bytes(JPEG2000Lossless, jpeg2000_stream() + CANARY.encode())
    longer = film_bytes(PixelData=body().tobytes() + CANARY.encode() + b" ")

    for data in (behind, inside, after, longer):
        assert CANARY.encode() in data
        clean = profile.deidentify(data, key=KEY).data
        assert CANARY.encode() not in clean
        assert (pixels.decode(clean, largest=1 << 20) == body()).all()


def test_a_jpeg_comment_goes_also_behind_fill_bytes_and_all_else_in_the_frame_stays() -> None:
    head = b"\xff\xd8\xff\xdb\x00\x06\x00\xff\xd9\x01\xff\xff\xff"  # a table that holds the bytes of an end
    name, scan = CANARY[:8].encode(), b"\xff\xda\x00\x02\x12\xff\x00"
    whole = bytearray(head + b"\xfe\x00\x0a" + name + scan + b"\xff\xd9" + name)
    first = bytearray(head + b"\xfe\x00\x0a" + name + scan + name)

    comments.blanked(whole)
    comments.blanked(first)

    assert whole == head + b"\xfe\x00\x0a" + bytes(8) + scan + b"\xff\xd9" + bytes(8)
    assert first == head + b"\xfe\x00\x0a" + bytes(8) + scan + name


@pytest.mark.parametrize("syntax", ["explicit", "implicit"])
def test_an_overlay_drawn_in_the_unused_bits_of_the_pixels_goes(syntax: str) -> None:
    film = film_dataset(PixelData=(body() | 0x8000).tobytes())
    film.add_new(0x60000010, "US", 64)
    film.add_new(0x60000102, "US", 15)
    data = part10(film) if syntax == "explicit" else implicit(part10(film))

    clean = cleaned(data)

    assert clean.PixelData == body().tobytes()
    assert 0x60000010 not in clean


def test_a_film_whose_frames_end_early_is_refused() -> None:
    with pytest.raises(StudyRefused) as refused:
        profile.deidentify(truncated_jpeg2000_film()[:-40], key=KEY)

    assert refused.value.reason == "pixels_truncated"


def test_lookup_tables_stay_as_they_are_unless_they_spell_something() -> None:
    def with_table(entries: np.ndarray) -> bytes:
        table = Dataset()
        table.LUTDescriptor = [len(entries), 0, 16]
        table.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
        return part10(film_dataset(VOILUTSequence=[table]))

    rising = np.linspace(0, 65535, 4096).astype(np.uint16)
    wave = np.rint(20000 + 9000 * np.sin(np.linspace(0, 40, 4096)))
    spelling = np.frombuffer(b"Mrs Doe lives there; " * 40, "<u2")

    kept, coarse, gone = (cleaned(with_table(table)).VOILUTSequence[0].LUTData for table in (rising, wave, spelling))

    assert kept == rising.astype("<u2").tobytes()
    assert (np.frombuffer(coarse, "<u2") == wave.astype(np.uint16) & 0xFF00).all()
    assert b"Doe" not in gone


def test_forty_levels_of_sequences_are_cleaned_and_deeper_ones_end() -> None:
    for levels in (40, 80):
        for defined in (True, False):
            film = film_dataset(ReferencedSeriesSequence=[planted.deep(levels, defined=defined)])

            clean = profile.deidentify(part10(film), key=KEY).data

            assert CANARY.encode() not in clean


def test_values_that_cant_be_read_are_lost_and_the_film_is_not() -> None:
    film = film_dataset(SpecificCharacterSet="ISO_IR 999", PatientSex=None, BreedRegistrationSequence=None)
    for tag, kind, value in (
        (0x00100010, "PN", b"\xff\xfe\x81Doe"), (0x00181411, "DS", b"much"), (0x00101030, "DS", b"28,5 kg"),
        (0x00200013, "IS", b"one"), (0x00280034, "IS", b"\xff\xff"), (0x00082218, "LO", b"chest of Rex"),
        (0x00280106, "US", b"abc "), (0x00180015, "UN", b"CHEST"),
    ):  # fmt: skip
        planted.raw(film, tag, kind, value)

    clean = cleaned(part10(film))

    assert clean.BodyPartExamined == "CHEST"
    assert (clean.PatientSex, clean.PatientName) == ("", "")
    for keyword in ("ExposureIndex", "PatientWeight", "PixelAspectRatio", "AnatomicRegionSequence"):
        assert keyword not in clean


def test_a_sequence_of_more_items_than_any_object_needs_is_lost_without_being_read() -> None:
    film, items = film_bytes(), b"\xfe\xff\x00\xe0\x0a\0\0\0\x08\0\x60\0CS\x02\0DX" * 500_000
    at = film.index(b"\x08\0\x18\x22SQ")
    sequence = struct.pack("<HH2s2xI", 0x0008, 0x1115, b"SQ", len(items)) + items

    clean = profile.deidentify(film[:at] + sequence + film[at:], key=KEY)

    assert clean.removed.removed["ReferencedSeriesSequence"] == 1
    assert len(clean.data) < len(items)


def test_the_film_stays_a_valid_object(tmp_path: Path) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(profile.deidentify(film_bytes(), key=KEY).data)

    dciodvfy = shutil.which("dciodvfy") or Path(pydicom.__file__).parents[4] / "bin" / "dciodvfy"
    said = subprocess.run([dciodvfy, film], capture_output=True, text=True, timeout=60, check=False).stderr

    assert "Error" not in said


def test_a_file_with_any_byte_changed_is_cleaned_or_refused_never_worse() -> None:
    data = film_bytes(PatientComments=CANARY * 40)

    for at in range(132, len(data) - 10240, 17):
        try:
            clean = profile.deidentify(data[:at] + b"\xff" + data[at + 1 :], key=KEY).data
        except StudyRefused:
            continue
        assert b"ZZOWNER" not in clean
