"""Elements as the bytes they are in a file, so that a value passes from one dataset to another undecoded."""

from typing import cast

from pydicom.charset import default_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from vetflow.dicom import fields

DEEPEST = 64
"""Levels of nested sequences that are followed."""

MOST_ITEMS = 200_000
"""Items of one object's sequences that are copied: more than a segmentation of a long CT has."""

_ITEM_TAGS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")

BLANKS = " \0"
"""What pads a value."""

Element = DataElement | RawDataElement


def blank(like: Dataset) -> Dataset:
    """Return an empty dataset that is written in the same encoding, so that bytes pass through."""
    clean = Dataset()
    clean.set_original_encoding(*like.original_encoding, default_encoding)
    return clean


def octets(found: Element) -> bytes:
    """Return an element's value as it stood in the file; empty when it can't be told any more."""
    if isinstance(found, RawDataElement):
        return found.value or b""
    try:
        return "\\".join(fields.values(found.value)).encode("latin-1", "replace")
    except fields.UNREADABLE:
        return b""


def plain(dataset: Dataset, tag: BaseTag) -> str:
    """Return a value as ASCII or Latin-1 text, empty when it is missing."""
    return octets(dataset.get_item(tag, keep_deferred=True)).decode("latin-1").strip(BLANKS) if tag in dataset else ""


def numbers(dataset: Dataset, tag: BaseTag) -> list[object]:
    """Return the values of an element of binary numbers; raises what pydicom does when they are damaged."""
    found: object = dataset[tag].value
    return list(cast("MultiValue[object]", found)) if isinstance(found, MultiValue) else [found]


def items(dataset: Dataset, tag: BaseTag, *, most: int = MOST_ITEMS) -> list[Dataset] | None:
    """Return the items of a sequence, None when it can't be read as one or holds more, at all depths, than ``most``."""
    found = dataset.get_item(tag, keep_deferred=True)
    if isinstance(found, RawDataElement) and max(map((found.value or b"").count, _ITEM_TAGS)) > most:
        return None
    try:
        value: object = dataset[tag].value
        return list(value) if isinstance(value, Sequence) and len(value) <= most else None
    except fields.UNREADABLE:
        return None


def nothing(tag: BaseTag, like: Dataset) -> Element:
    """Return an element of the dictionary's VR without a value."""
    kind = dictionary_VR(tag)
    return DataElement(tag, kind, []) if kind == "SQ" else element(tag, b"", like)


def text_element(tag: BaseTag, text: str, like: Dataset) -> RawDataElement:
    """Return an element whose text is ASCII or Latin-1."""
    return element(tag, text.encode("latin-1"), like)


def element(tag: BaseTag, value: bytes, like: Dataset, *, kind: str = "") -> RawDataElement:
    """Return an element for a dataset from its value's bytes; of the dictionary's VR unless another is given."""
    kind = kind or dictionary_VR(tag)
    value += (b"\0" if kind == "UI" else b" ") * (len(value) % 2)
    implicit, little = like.original_encoding
    return RawDataElement(tag, kind, len(value), value, 0, bool(implicit), bool(little))
