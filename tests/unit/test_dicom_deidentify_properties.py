"""Any object, there and back: nothing planted is left in between, and everything points home again."""

import io
from collections.abc import Iterator
from datetime import date

import pydicom
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from tests.builders import coded, film_dataset
from tests.unit import planted
from tests.unit.planted import CANARY

from vetflow.dicom.deidentify import deidentify
from vetflow.dicom.reidentify import reidentify

KEY = b"a key of the site, 32 bytes long"
NAMES = {
    "": "Doe", "ISO_IR 100": "Müller", "ISO_IR 101": "Wałęsa", "ISO_IR 144": "Люкceмбypг", "ISO_IR 126": "Διονυσιος",
    "ISO_IR 192": "山田ß", "GB18030": "王小东",
}  # fmt: skip
TEXTS = {"AE", "CS", "DS", "IS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "AS"}
KEPT = {"SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SpecificCharacterSet"}
HOLDING = {"BurnedInAnnotation", "ConversionType", "ImageType"}
PLACES = {
    tag: kind
    for tag, (kind, _, _, retired, keyword) in DicomDictionary.items()
    if keyword
    and not retired
    and keyword not in KEPT | HOLDING
    and 0x00080000 <= tag < 0x50000000
    and tag >> 16 != 0x28
}
TEXT_TAGS = sorted(tag for tag, kind in PLACES.items() if kind in TEXTS)
SEQUENCE_TAGS = sorted(tag for tag, kind in PLACES.items() if kind == "SQ")
UID_TAGS = sorted(tag for tag, kind in PLACES.items() if kind == "UI")
DATE_TAGS = sorted(tag for tag, kind in PLACES.items() if kind in {"DA", "DT"})

dates = st.dates(date(1930, 1, 1), date(2030, 1, 1)).map(lambda day: day.strftime("%Y%m%d"))
uids = st.integers(1, 10**12).map(lambda number: f"1.2.276.{number}")


@st.composite
def items(draw: st.DrawFn, depth: int = 3) -> Dataset:
    """Draw a dataset with planted texts, private elements, UIDs, dates and further datasets below it."""
    made = Dataset()
    for tag in draw(st.lists(st.sampled_from(TEXT_TAGS), max_size=6)):
        planted.raw(made, tag, PLACES[tag], draw(st.sampled_from(("", "x", "12"))).encode() + CANARY.encode())
    for tag in draw(st.lists(st.sampled_from(UID_TAGS), max_size=4)):
        planted.raw(made, tag, "UI", "\\".join(draw(st.lists(uids, min_size=1, max_size=3))).encode())
    for tag in draw(st.lists(st.sampled_from(DATE_TAGS), max_size=4)):
        planted.raw(made, tag, PLACES[tag], draw(dates).encode())
    if draw(st.booleans()):
        planted.plant_private(made)
    if depth:
        for tag in draw(st.lists(st.sampled_from(SEQUENCE_TAGS), max_size=3)):
            made.add_new(tag, "SQ", draw(st.lists(items(depth - 1), max_size=2)))
    return made


@st.composite
def content(draw: st.DrawFn, depth: int = 3) -> Dataset:
    """Draw a content item of a structured report."""
    made = Dataset()
    made.RelationshipType = "CONTAINS"
    made.ValueType = draw(st.sampled_from(("TEXT", "NUM", "PNAME", "UIDREF", "DATE", "CONTAINER", "SCOORD")))
    made.ConceptNameCodeSequence = [
        draw(st.sampled_from((coded("121071", "DCM", CANARY), coded(CANARY, "99X", CANARY))))
    ]
    made.TextValue, made.PersonName, made.UID, made.Date = CANARY, CANARY, draw(uids), draw(dates)
    made.GraphicData = [10.5, 20.25, 30, 40.125]
    if depth:
        made.ContentSequence = draw(st.lists(content(depth - 1), max_size=2))
    return made


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    """Draw a film or a report full of planted texts, in some charset and encoding."""
    charset = draw(st.sampled_from(sorted(NAMES)))
    named = {"PatientName": f"{NAMES[charset]}^Rex", "ResponsiblePerson": f"{NAMES[charset]}^Jane"}
    film = film_dataset(SpecificCharacterSet=charset or None, **named)
    film.StudyDate, film.AcquisitionDateTime, film.PatientBirthDate = draw(dates), draw(dates), draw(dates)
    film.PatientID, film.PatientComments = draw(st.sampled_from(("A1", "985112001234567", ""))), CANARY
    film.update(draw(items()))
    if draw(st.booleans()):
        film.SOPClassUID, film.Modality = "1.2.840.10008.5.1.4.1.1.88.34", "SR"
        film.ContentSequence = draw(st.lists(content(), max_size=2))
        del film.PixelData
    implicit = draw(st.booleans())
    film.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else film.file_meta.TransferSyntaxUID
    file = io.BytesIO()
    film.save_as(file, implicit_vr=implicit, little_endian=True, enforce_file_format=True)
    return file.getvalue()


def pairs(one: Dataset, other: Dataset) -> Iterator[tuple[pydicom.DataElement, pydicom.DataElement]]:
    """Yield the elements that two datasets both have, at all depths."""
    for element in one:
        if element.tag in other:
            yield element, other[element.tag]
            if element.VR == "SQ" and len(element.value) == len(other[element.tag].value):
                for inner, outer in zip(element.value, other[element.tag].value, strict=True):
                    yield from pairs(inner, outer)


def identity_of(dataset: Dataset) -> dict[int, object]:
    keywords = ("StudyDate", "StudyTime", "AccessionNumber", "StudyID", "StudyDescription", "ReferringPhysicianName")
    study = {dataset[keyword].tag: dataset[keyword].value for keyword in keywords if keyword in dataset}
    return study | {element.tag: element.value for element in dataset if element.tag.group == 0x10}


quickly = settings(max_examples=60, deadline=None, derandomize=True, database=None,
                   suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])  # fmt: skip


@quickly
@given(objects())
def test_nothing_planted_is_in_any_byte_of_the_deidentified_form(data: bytes) -> None:
    clean = deidentify(data, key=KEY).data

    assert CANARY.encode() not in clean
    for name in NAMES.values():
        assert name.encode() not in clean
    assert b"985112001234567" not in clean


@quickly
@given(objects())
def test_what_comes_back_points_at_the_original_everywhere(data: bytes) -> None:
    clean = deidentify(data, key=KEY)

    back, original = (pydicom.dcmread(io.BytesIO(each)) for each in (reidentify(clean.data, clean.identity), data))

    assert identity_of(back) == identity_of(original)
    for one, other in pairs(back, original):
        if one.VR in {"UI", "DA", "DT"} and one.value:
            assert one.value == other.value, one.keyword


@quickly
@given(objects())
def test_deidentifying_is_the_same_each_time_and_changes_nothing_more_the_second_time(data: bytes) -> None:
    once = deidentify(data, key=KEY)

    again, twice = deidentify(data, key=KEY), deidentify(once.data, key=KEY)

    assert again == once
    assert twice.data == once.data
