"""Films without owner and clinic: the header is written anew, the pixels are copied byte for byte."""

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO

from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRBigEndian, ImplicitVRLittleEndian

from vetflow.dicom import codes, fields, profile
from vetflow.dicom.header import Parsed, parse
from vetflow.dicom.uids import derived_uid, keyed, keyed_uid
from vetflow.domain.coding import Code
from vetflow.domain.errors import StudyRefused

VERSION = "1"
"""Grows with every change of what stays and what goes."""

_IMPLEMENTATION = UID(derived_uid("vetflow", "implementation"))
_BASIC_PROFILE = Code(value="113100", scheme="DCM", meaning="Basic Application Confidentiality Profile")
_CHARACTERISTICS = Code(value="113108", scheme="DCM", meaning="Retain Patient Characteristics Option")
_EQUIPMENT = Code(value="109104", scheme="DCM", meaning="De-identifying Equipment")

_BINARY_NUMBERS = frozenset({"US", "SS", "UL", "SL", "FL", "FD", "SV", "UV", "AT"})
_WRITTEN_NUMBERS = frozenset({"DS", "IS"})
_LONGEST_NUMBERS = 64
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_LOOKUP_TABLES = frozenset({0x00283006, 0x7FE00001, 0x7FE00002})
"""LUTData and extended offset tables: numbers, however many."""
_REPEATING = frozenset({0x50, 0x60})
_CODE_VALUE = 0x00080100
_UNDEFINED = 0xFFFFFFFF
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deidentified:
    """A film without owner data.

    Parameters
    ----------
    data
        The whole file.
    replaced
        Pairs original UID → replacement, to be kept where owner data may be.
    """

    data: bytes
    replaced: Mapping[str, str]


def deidentify(data: bytes, *, key: bytes) -> Deidentified:
    """Return a film with the species, breed, sex and weight of its animal, and nobody's name.

    Conforms to the Basic Profile with Retain Patient Characteristics (PS3.15 annex E). The same UID or patient becomes
    the same replacement under one key. Text in the pixels stays: films with burned-in annotation are not for showing.

    Raises
    ------
    StudyRefused
        As :func:`vetflow.dicom.header.read`; ``pixels_truncated`` when compressed frames end early.
    """
    parsed = parse(data)
    cleaner = _Cleaner(key=key)
    try:
        clean = cleaner.cleaned(parsed.dataset)
        _complete(clean, parsed.dataset, key)
        clean.file_meta = _meta(clean, parsed)
        file = BytesIO()
        clean.save_as(file, enforce_file_format=True)
    except fields.UNREADABLE:
        raise StudyRefused("header_unreadable", "The header is damaged.") from None
    whole = b"".join((file.getbuffer(), *_pixel_element(data, parsed)))
    return Deidentified(data=whole, replaced=cleaner.replaced)


@dataclass(slots=True)
class _Cleaner:
    key: bytes
    replaced: dict[str, str] = field(default_factory=dict[str, str])

    def cleaned(self, dataset: Dataset) -> Dataset:
        """Copy what may stay; elements that go are not even decoded."""
        clean = Dataset()
        for tag in dataset.keys():  # noqa: SIM118  iterating a Dataset itself decodes every element
            if tag.is_private or tag.group >> 8 in _REPEATING or not dictionary_has_tag(tag):
                continue
            if tag not in profile.removed() and (element := self._element(dataset, tag)):
                clean.add(element)
        return clean

    def _element(self, dataset: Dataset, tag: int) -> DataElement | None:
        kind = dictionary_VR(tag)
        if kind == "SQ":
            return self._sequence(dataset, tag)
        if kind == "UI":
            return self._uids(dataset, tag)
        if tag in profile.allowed_words():
            return _words(dataset, tag, kind)
        numeric = kind in _WRITTEN_NUMBERS or kind.split(" ")[0] in _BINARY_NUMBERS
        return _numbers(dataset, tag, kind) if numeric or tag in _LOOKUP_TABLES else None

    def _sequence(self, dataset: Dataset, tag: int) -> DataElement | None:
        found: object = dataset[tag].value
        if not isinstance(found, Sequence):
            return None
        kept = [item for item in map(self._item, found) if item]
        return DataElement(tag, "SQ", kept) if kept or not found else None

    def _item(self, item: Dataset) -> Dataset | None:
        """Code items stay in the dictionary's words, or go."""
        if _CODE_VALUE not in item:
            return self.cleaned(item)
        code = codes.canonical(fields.text(item, "CodeValue"), fields.text(item, "CodingSchemeDesignator"))
        return as_item(code) if code else None

    def _uids(self, dataset: Dataset, tag: int) -> DataElement:
        return DataElement(tag, "UI", [self._uid(value) for value in _values(dataset, tag)])

    def _uid(self, value: str) -> str:
        if not value or value in UID_dictionary:
            return value
        return self.replaced.setdefault(value, keyed_uid(value, self.key))


def as_item(code: Code) -> Dataset:
    """Return a code as an item of a code sequence."""
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme
    item.CodeMeaning = code.meaning
    return item


def _words(dataset: Dataset, tag: int, kind: str) -> DataElement:
    allowed = profile.allowed_words()[tag]
    kept = [word for word in _values(dataset, tag) if allowed(word)]
    return DataElement(tag, kind, kept or profile.INSTEAD.get(tag, ""))


def _numbers(dataset: Dataset, tag: int, kind: str) -> DataElement | None:
    """Keep numbers that are some; a long run under a number's tag could spell anything."""
    if kind in _WRITTEN_NUMBERS:
        numbers = all(not value or _NUMBER.fullmatch(value) for value in _values(dataset, tag))
        return dataset[tag] if numbers else None
    raw = dataset.get_item(tag)
    short = raw.value is None or not isinstance(raw.value, bytes) or len(raw.value) <= _LONGEST_NUMBERS
    return dataset[tag] if short or tag in _LOOKUP_TABLES else None


def _values(dataset: Dataset, tag: int) -> list[str]:
    return fields.values(dataset[tag].value)


def _complete(clean: Dataset, source: Dataset, key: bytes) -> None:
    for keyword in profile.BLANK:
        setattr(clean, keyword, [] if keyword.endswith("Sequence") else "")
    patient = "\0".join(fields.text(source, keyword) for keyword in ("IssuerOfPatientID", "PatientID"))
    clean.PatientID = keyed(patient, key).hex()[:16] if patient != "\0" else ""
    clean.PatientIdentityRemoved = "YES"
    clean.DeidentificationMethod = f"vetflow {VERSION}"
    clean.DeidentificationMethodCodeSequence = [as_item(_BASIC_PROFILE), as_item(_CHARACTERISTICS)]
    clean.LongitudinalTemporalInformationModified = "REMOVED"
    equipment = Dataset()
    equipment.Manufacturer = "vetflow"
    equipment.PurposeOfReferenceCodeSequence = [as_item(_EQUIPMENT)]
    clean.ContributingEquipmentSequence = [equipment]


def _meta(clean: Dataset, parsed: Parsed) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = clean.SOPClassUID
    meta.MediaStorageSOPInstanceUID = clean.SOPInstanceUID
    meta.TransferSyntaxUID = parsed.syntax
    meta.ImplementationClassUID = _IMPLEMENTATION
    meta.ImplementationVersionName = "VETFLOW"
    return meta


def _pixel_element(data: bytes, parsed: Parsed) -> tuple[bytes | memoryview, ...]:
    """Return head, value and padding of the pixel element; the value is the file's own bytes, not copied yet."""
    if not parsed.present:
        return ()
    end = _encapsulated_end(data, parsed.start) if parsed.encapsulated else parsed.start + parsed.present
    pixels = memoryview(data)[parsed.start : end]
    padding = b"\0" * (len(pixels) % 2)
    length = _UNDEFINED if parsed.encapsulated else len(pixels) + len(padding)
    if parsed.syntax == ImplicitVRLittleEndian:
        return struct.pack("<HHI", 0x7FE0, 0x0010, length), pixels, padding
    wide = not parsed.encapsulated and fields.count(parsed.dataset, "BitsAllocated") > 8
    order = ">" if parsed.syntax == ExplicitVRBigEndian else "<"
    return struct.pack(f"{order}HH2s2xI", 0x7FE0, 0x0010, b"OW" if wide else b"OB", length), pixels, padding


def _encapsulated_end(data: bytes, start: int) -> int:
    """Return the offset behind the sequence delimiter, so that nothing behind the pixels comes along."""
    at = start
    for tag, length in _items(data, start):
        at += 8 + (length if tag == _ITEM else 0)
        if tag == _END:
            return at
    raise StudyRefused("pixels_truncated", "The compressed frames end early.")


def _items(data: bytes, start: int) -> Iterator[tuple[bytes, int]]:
    at = start
    while at + 8 <= len(data):
        tag, length = struct.unpack_from("<4sI", data, at)
        if tag not in {_ITEM, _END}:
            return
        yield tag, length
        at += 8 + length
