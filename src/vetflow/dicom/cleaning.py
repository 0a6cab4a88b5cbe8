"""Datasets without owner and clinic, written anew element by element from the bytes of the old ones.

Values are looked at as bytes: pydicom would turn them into numbers, names and dates first, which takes longer and fails
on what equipment writes. What can't be read is lost in the copy and never a reason to refuse the whole.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from vetflow.dicom import codes, dates, descriptors, numbers, profile, raw
from vetflow.dicom.profile import Treatment
from vetflow.dicom.raw import BLANKS, DEEPEST, Element
from vetflow.dicom.uids import keyed, keyed_uid
from vetflow.domain.coding import Code, own

PLACEHOLDER = own("removed", "Removed by de-identification")
"""Stands for a code that no dictionary holds where there must be one."""

_LONGEST_TEXT = 1 << 16
NEW_UID = re.compile(r"2\.25\.[1-9]\d{0,38}")
"""Form of a UID that replaces another."""

_LABEL = re.compile(r"L[0-9A-F]{7}")
_CODE_VALUE, _SCHEME, _MEANING = (BaseTag(tag) for tag in (0x00080100, 0x00080102, 0x00080104))


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What was taken out of an object, in numbers: no value, and nothing of a private element but that it was there.

    Parameters
    ----------
    removed, cleaned, replaced
        How many values were left out, changed to words that may stay, or exchanged for a stand-in (UIDs, dates,
        texts), by DICOM keyword, or by tag where the dictionary has none.
    private
        Private elements left out.
    masked
        Rectangles blackened in each frame.
    """

    removed: Mapping[str, int]
    cleaned: Mapping[str, int]
    replaced: Mapping[str, int]
    private: int = 0
    masked: int = 0


@dataclass(slots=True, kw_only=True)
class Cleaner:
    """Copies what may stay, and keeps account of the rest.

    Parameters
    ----------
    key
        Original UIDs are replaced under it.
    days
        Added to every date.
    again
        The object was de-identified under this key before: its UIDs are replacements, its dates are moved already.
    uids
        UID → replacement, of all that the object names and the standard does not.
    removed, cleaned, replaced
        How many values were left out, changed to words that may stay, or exchanged for a stand-in, by tag.
    kept
        Tags of which a value stayed.
    """

    key: bytes
    days: int
    again: bool = False
    uids: dict[str, str] = field(default_factory=dict[str, str])
    removed: Counter[int] = field(default_factory=Counter[int])
    cleaned: Counter[int] = field(default_factory=Counter[int])
    replaced: Counter[int] = field(default_factory=Counter[int])
    kept: set[int] = field(default_factory=set[int])
    _items: int = 0

    def copy(self, dataset: Dataset, depth: int = 0) -> Dataset:
        """Return the part of a dataset that may stay; elements that go are not even decoded."""
        clean = raw.blank(dataset)
        # Before any sequence is looked into: that makes pydicom decode other elements, and their bytes are wanted.
        for found in [dataset.get_item(tag, keep_deferred=True) for tag in dataset.keys()]:  # noqa: SIM118  iterating decodes every element
            if element := self._element(dataset, found, depth):
                clean[found.tag] = element
                if element.value:
                    self.kept.add(found.tag)
        return clean

    def changes(self, *, masked: int = 0) -> Changes:
        """Return what was done so far, and that so many rectangles were blackened."""
        removed, cleaned, replaced = (
            {_name(tag): count for tag, count in counted.items() if count and not tag >> 16 & 1}
            for counted in (self.removed, self.cleaned, self.replaced)
        )
        private = sum(count for tag, count in self.removed.items() if tag >> 16 & 1)
        return Changes(removed=removed, cleaned=cleaned, replaced=replaced, private=private, masked=masked)

    def _element(self, dataset: Dataset, found: Element, depth: int) -> Element | None:
        treatment = profile.treatment(found.tag)
        if treatment is Treatment.SEQUENCE:
            return self._sequence(dataset, found.tag, depth)
        value = raw.octets(found)
        if treatment is Treatment.CODE and _CODE_VALUE in dataset:
            return None
        if treatment in {Treatment.REMOVE, Treatment.CODE} or (
            treatment is Treatment.FLAG and value.strip(b" \0") not in profile.FLAGS
        ):
            return self._gone(found.tag, value)
        if treatment is Treatment.EMPTY:
            self._gone(found.tag, value)
            return raw.nothing(found.tag, dataset)
        if treatment in {Treatment.WRITTEN_NUMBER, Treatment.NUMBER, Treatment.TABLE}:
            return self._number(dataset, found, treatment)
        return raw.text_element(found.tag, self._text(found.tag, value, treatment), dataset)

    def _gone(self, tag: BaseTag, value: bytes) -> None:
        if value.strip(b" \0"):
            self.removed[tag] += 1

    def _number(self, dataset: Dataset, found: Element, treatment: Treatment) -> Element | None:
        """Keep numbers that are some and spell nothing."""
        value = raw.octets(found)
        if treatment is Treatment.WRITTEN_NUMBER:
            kind, kept = dictionary_VR(found.tag), value if numbers.are_written(value) else None
        else:
            kind, little = numbers.kind(found.tag, found.VR), bool(dataset.original_encoding[1])
            kept = numbers.unspelt(value, kind, table=treatment is Treatment.TABLE, little=little)
        if kept is None:
            return self._gone(found.tag, value)
        self.cleaned[found.tag] += kept != value
        return raw.element(found.tag, kept, dataset, kind=kind)

    def _text(self, tag: BaseTag, value: bytes, treatment: Treatment) -> str:
        text = value[:_LONGEST_TEXT].decode("latin-1").strip(BLANKS)
        if treatment is Treatment.DESCRIPTION:
            new = descriptors.described(text)
        elif treatment is Treatment.DUMMY:
            new = f"{profile.REMOVED}^" if dictionary_VR(tag) == "PN" else profile.REMOVED
        else:
            values = (self._value(tag, each.strip(BLANKS), treatment) for each in text.split("\\"))
            new = "\\".join(values).rstrip("\\")
        new = new or profile.instead().get(tag, "")
        if new != text:
            exchanged = treatment in {Treatment.UID, Treatment.DATE, Treatment.DUMMY}
            ((self.replaced if exchanged else self.cleaned) if new else self.removed)[tag] += 1
        return new

    def _value(self, tag: BaseTag, value: str, treatment: Treatment) -> str:
        if treatment is Treatment.UID:
            return self._uid(value)
        if treatment is Treatment.WORDS:
            return profile.words()[tag](value)
        if treatment is Treatment.FLAG:
            return value
        if treatment is Treatment.DATE:
            return dates.moved(value, 0 if self.again else self.days)
        if treatment is Treatment.TIME:
            return dates.clock(value)
        return value if self.again and _LABEL.fullmatch(value) else f"L{keyed(value, self.key).hex()[:7].upper()}"

    def _uid(self, value: str) -> str:
        if not value or value in UID_dictionary:
            return value
        known = self.again and NEW_UID.fullmatch(value)
        return self.uids.setdefault(value, value if known else keyed_uid(value, self.key))

    def _sequence(self, dataset: Dataset, tag: BaseTag, depth: int) -> DataElement | None:
        found = raw.items(dataset, tag, most=raw.MOST_ITEMS - self._items) if depth < DEEPEST else None
        if found is None:
            self.removed[tag] += 1
            return None
        self._items += len(found)
        # An emptied item keeps its place: frames and their functional groups go together by number.
        kept = [item for item in (self._item(item, depth + 1) for item in found) if item is not None]
        if any(found) and not any(kept):
            kept = [coded(raw.blank(dataset), PLACEHOLDER)] if tag in profile.needing_code() else []
        return DataElement(tag, "SQ", kept) if kept or not found else None

    def _item(self, item: Dataset, depth: int) -> Dataset | None:
        """Copy an item; a code stays in the dictionary's words, with what modifies it, or goes."""
        if _CODE_VALUE not in item:
            return self.copy(item, depth)
        value, scheme, meaning = (raw.plain(item, tag) for tag in (_CODE_VALUE, _SCHEME, _MEANING))
        code = PLACEHOLDER if (value, scheme) == (PLACEHOLDER.value, PLACEHOLDER.scheme) else None
        code = code or codes.canonical(value, scheme)
        if code is None:
            return self._gone(_CODE_VALUE, b"code")
        self.cleaned[_MEANING] += (value, scheme, meaning) != (code.value, code.scheme, code.meaning)
        return coded(self.copy(item, depth), code)


def _name(tag: int) -> str:
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def coded(item: Dataset, code: Code) -> Dataset:
    """Return an item with a code written into it."""
    for tag, text in ((_CODE_VALUE, code.value), (_SCHEME, code.scheme), (_MEANING, code.meaning)):
        item[tag] = raw.text_element(tag, text, item)
    return item
