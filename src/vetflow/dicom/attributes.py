"""Elements as DICOM JSON and back, value for value, whatever equipment wrote into them (PS3.18 annex F).

pydicom's own translation turns numbers as text into numbers and fails on values that break the rules of their VR. Here
every text stays the text it was; DS and IS are strings, as the annex allows.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import cast

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS

from vetflow.dicom import fields, raw
from vetflow.dicom.raw import DEEPEST, Element

Json = Mapping[str, object]

CHARACTER_SET = BaseTag(0x00080005)
ASCII = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"})
TEXTS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_SINGLE = frozenset({"LT", "ST", "UR", "UT"})
_PARTS = ("Alphabetic", "Ideographic", "Phonetic")


def to_json(dataset: Dataset, tags: Iterable[BaseTag], *, charset: str = "", depth: int = 0) -> dict[str, object]:
    """Return some elements of a dataset as a DICOM JSON object; what can't be read is left out.

    Parameters
    ----------
    charset
        SpecificCharacterSet of the dataset around it, several joined by backslashes.
    """
    charset = charset_of(dataset) or charset
    held: dict[str, object] = {}
    for tag in tags:
        if not tag.is_private and dictionary_has_tag(tag):
            with suppress(*fields.UNREADABLE):
                held[f"{tag:08X}"] = _described(dataset, tag, charset, depth)
    return held


def from_json(held: Json, *, charset: str, original: str, like: Dataset) -> Iterator[Element]:
    """Yield the elements that :func:`to_json` described; what is no DICOM JSON is passed over.

    Parameters
    ----------
    charset, original
        SpecificCharacterSet of the dataset they go into, and of the one they came from.
    like
        The dataset they go into.
    """
    for name, described in held.items():
        with suppress(*fields.UNREADABLE):
            tag, facts = Tag(int(name, 16)), cast("Json", described)
            yield _element(tag, facts, charset=charset, original=original, like=like)


def charset_of(dataset: Dataset) -> str:
    """Return SpecificCharacterSet, several values joined by backslashes; empty when the dataset has none."""
    return raw.plain(dataset, CHARACTER_SET)


def charset_in(held: Json) -> str:
    """Return the SpecificCharacterSet that a DICOM JSON object holds, as :func:`charset_of` does."""
    facts = cast("Json", held.get(f"{CHARACTER_SET:08X}", {}))
    return "\\".join(map(str, cast("Iterable[object]", facts.get("Value", ()))))


def decoded(value: bytes, kind: str, charset: str) -> str:
    """Return text of a VR whose bytes depend on the character set; U+FFFD stands for what is no text."""
    delimiters = PN_DELIMS if kind == "PN" else TEXT_VR_DELIMS
    return decode_bytes(value, convert_encodings(charset.split("\\")), delimiters)


def _described(dataset: Dataset, tag: BaseTag, charset: str, depth: int) -> Json:
    kind = dictionary_VR(tag).partition(" ")[0]
    if kind == "SQ":
        items = (raw.items(dataset, tag) or ()) if depth < DEEPEST else ()
        inner = [to_json(item, item.keys(), charset=charset, depth=depth + 1) for item in items]
        return {"vr": kind, "Value": inner}
    value = raw.octets(dataset.get_item(tag, keep_deferred=True)).rstrip(b" \0")
    if not value:
        return {"vr": kind}
    if kind not in ASCII | TEXTS:
        return {"vr": kind, "Value": raw.numbers(dataset, tag)}
    text = value.decode("latin-1") if kind in ASCII else decoded(value, kind, charset)
    if "\ufffd" in text:
        return {"vr": "UN", "InlineBinary": base64.b64encode(value).decode()}
    parts = [text] if kind in _SINGLE else text.split("\\")
    return {"vr": kind, "Value": [_name(part) if kind == "PN" else part for part in parts]}


def _name(text: str) -> dict[str, str]:
    return dict(zip(_PARTS, text.split("=", 2), strict=False))


def _element(tag: BaseTag, facts: Json, *, charset: str, original: str, like: Dataset) -> Element:
    kind, values = dictionary_VR(tag).partition(" ")[0], cast("list[object]", facts.get("Value", []))
    if kind == "SQ":
        items = [raw.blank(like) for _ in values]
        for item, inner in zip(items, values, strict=True):
            for element in from_json(cast("Json", inner), charset=charset, original=original, like=item):
                item[element.tag] = element
        return DataElement(tag, kind, items)
    if kind not in ASCII | TEXTS:
        return DataElement(tag, kind, values)
    if "InlineBinary" in facts:
        value = base64.b64decode(str(facts["InlineBinary"]))
        if charset == original:
            return raw.element(tag, value, like)
        return DataElement(tag, kind, decoded(value, kind, original))
    parts = ["=".join(map(str, cast("Json", part).values())) if kind == "PN" else str(part) for part in values]
    return raw.text_element(tag, "\\".join(parts), like) if kind in ASCII else DataElement(tag, kind, parts)
