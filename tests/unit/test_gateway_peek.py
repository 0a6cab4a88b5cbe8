import io
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from tests.builders import SERIES_UID, SOP_UID, STUDY_UID, film_dataset

from vetflow.gateway.part10 import file_head
from vetflow.gateway.peek import Claimed, UnreadableDataset, claimed

DX = "1.2.840.10008.5.1.4.1.1.1.1"
FILM = Claimed(sop_class=DX, sop=SOP_UID, study=STUDY_UID, series=SERIES_UID)


def encoded(film: Dataset, syntax: str) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian = syntax != ExplicitVRBigEndian
    buffer.is_implicit_VR = syntax == ImplicitVRLittleEndian
    write_dataset(buffer, film)
    return buffer.getvalue()


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("undefined", [False, True])
def test_uids_are_found_past_nested_sequences_of_either_length(syntax: str, undefined: bool) -> None:
    inner, outer = Dataset(), Dataset()
    inner.StudyInstanceUID = "9.9.9"
    outer.PertinentOtherEvidenceSequence = [inner]
    film = film_dataset(ReferencedStudySequence=[outer, outer])
    film["ReferencedStudySequence"].is_undefined_length = undefined
    for item in film.ReferencedStudySequence:
        item.is_undefined_length_sequence_item = undefined

    assert claimed(encoded(film, syntax), syntax) == FILM


def test_a_private_sequence_kept_as_unknown_is_passed() -> None:
    data = encoded(film_dataset(), ExplicitVRLittleEndian)
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    implicit = struct.pack("<HHL", 0x0009, 0x1002, 4) + b"text"
    ends = struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    unknown = struct.pack("<HH2sHL", 0x0009, 0x1001, b"UN", 0, 0xFFFFFFFF) + item + implicit + ends

    assert claimed(unknown + data, ExplicitVRLittleEndian) == FILM


def test_what_is_absent_is_empty() -> None:
    film = film_dataset(StudyInstanceUID=None)

    assert claimed(encoded(film, ImplicitVRLittleEndian), ImplicitVRLittleEndian).study == ""


def test_ten_thousand_nested_levels_end_in_a_refusal_not_in_a_crash() -> None:
    opening = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF
    )

    with pytest.raises(UnreadableDataset):
        claimed(opening * 10_000, ExplicitVRLittleEndian)


def test_millions_of_empty_items_are_given_up_soon() -> None:
    sequence = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    empty = struct.pack("<HHL", 0xFFFE, 0xE000, 0) * 2_000_000
    began = time.monotonic()

    with pytest.raises(UnreadableDataset):
        claimed(sequence + empty, ExplicitVRLittleEndian)

    assert time.monotonic() - began < 5


@settings(max_examples=300)
@given(st.binary(max_size=300), st.sampled_from([ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]))
def test_any_bytes_are_read_or_refused(data: bytes, syntax: str) -> None:
    try:
        found = claimed(data, syntax)
    except UnreadableDataset:
        return
    assert isinstance(found, Claimed)


@settings(max_examples=100)
@given(st.integers(min_value=0, max_value=1500), st.integers(min_value=0, max_value=255))
def test_a_film_with_one_byte_changed_is_read_or_refused(place: int, byte: int) -> None:
    data = bytearray(encoded(film_dataset(), ExplicitVRLittleEndian))
    data[place] = byte
    try:
        found = claimed(bytes(data), ExplicitVRLittleEndian)
    except UnreadableDataset:
        return
    assert isinstance(found, Claimed)


def test_the_head_of_a_file_is_what_pydicom_reads() -> None:
    head = file_head(sop_class=DX, sop=SOP_UID, transfer_syntax=ExplicitVRLittleEndian)

    read = dcmread(io.BytesIO(head + encoded(film_dataset(), ExplicitVRLittleEndian)))

    assert read.preamble == bytes(128)
    assert read.file_meta.MediaStorageSOPInstanceUID == SOP_UID
    assert read.file_meta.MediaStorageSOPClassUID == DX
    assert read.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert read.SOPInstanceUID == SOP_UID
