"""The way back: a result made from a de-identified study is given the identity of the study it came from."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import cast

from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]  (its paths are untyped)
from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from vetflow.dicom import attributes, dates, fields, header, methods, profile, raw
from vetflow.dicom.attributes import CHARACTER_SET
from vetflow.dicom.raw import Element
from vetflow.domain.errors import StudyRefused
from vetflow.domain.privacy import Identity

_UTF8 = "ISO_IR 192"
_EVERY = 1 << 24
"""No reference may be passed over; the size of the header is the bound."""

_SOP_UID = profile.tag("SOPInstanceUID")
_OWN_DATES = frozenset(map(profile.tag, (
    "ContentDate", "ContributionDateTime", "DateOfSecondaryCapture", "InstanceCoercionDateTime", "InstanceCreationDate",
    "ObservationDateTime", "ParticipationDateTime", "PerformedProcedureStepEndDate", "PerformedProcedureStepStartDate",
    "PresentationCreationDate", "SeriesDate", "StructureSetDate", "VerificationDateTime",
)))  # fmt: skip
"""When a result was made, by the clock of whoever made it: not to be moved. Other dates it copied from its source."""


def reidentify(data: bytes, identity: Identity) -> bytes:
    """Return an object with the identity of the study it came from.

    Every UID that has an original is given back wherever it stands, dates move back, patient and study attributes are
    the original's, and the marks of de-identification are gone. UIDs and dates that a result made itself stay; so do
    words inside texts.

    Parameters
    ----------
    identity
        Of all instances of the study that the object refers to.

    Raises
    ------
    StudyRefused
        As :func:`vetflow.dicom.header.read`.
    """
    header.read(data)
    try:
        dataset = dcmread(BytesIO(data))
        _give_back(dataset, identity)
        file = BytesIO()
        dataset.save_as(file, enforce_file_format=True)
    except fields.UNREADABLE:
        raise StudyRefused("header_unreadable", "The object is damaged.") from None
    return file.getvalue()


def _give_back(dataset: Dataset, identity: Identity) -> None:
    held = cast("attributes.Json", json.loads(identity.attributes))
    own, original = attributes.charset_of(dataset), attributes.charset_in(held)
    charset = original if own in {"", original} else own if not original else _UTF8
    itself = raw.plain(dataset, _SOP_UID) in identity.uids
    back = _Back(identity=identity, itself=itself, charset="" if charset in {own, original} else own)
    back.walk(dataset)
    back.walk(dataset.file_meta)
    methods.unmark(dataset)
    _replace_identity(dataset, itself=itself)
    for element in attributes.from_json(held, charset=charset, original=original, like=dataset):
        dataset[element.tag] = element
    if charset:
        dataset[CHARACTER_SET] = raw.text_element(CHARACTER_SET, charset, dataset)
    # Texts lie in this charset now: what was not touched is written as it stood, damaged values too.
    encodings = convert_encodings(charset.split("\\")) if charset else default_encoding
    dataset.set_original_encoding(*dataset.original_encoding, encodings)


def _replace_identity(dataset: Dataset, *, itself: bool) -> None:
    """Take out whose study it was said to be; a result keeps the attributes it must have, empty."""
    needed = () if itself else profile.blank(animal=True)
    for tag in filter(profile.identifies, list(dataset.keys())):
        del dataset[tag]
        if tag in needed:
            dataset[tag] = raw.nothing(tag, dataset)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Back:
    """How one object goes back.

    Parameters
    ----------
    itself
        The object is an instance of the study, not a result made from it.
    charset
        That its texts are decoded from, because they are written in another one; empty when they stay.
    """

    identity: Identity
    itself: bool
    charset: str

    def walk(self, dataset: Dataset, depth: int = 0) -> None:
        """Change the elements of a dataset and of those below it."""
        for tag in list(dataset.keys()):
            found = dataset.get_item(tag, keep_deferred=True)
            kind = found.VR or (dictionary_VR(tag) if dictionary_has_tag(tag) else "")
            if kind == "SQ":
                for item in raw.items(dataset, tag, most=_EVERY) or () if depth < raw.DEEPEST else ():
                    self.walk(item, depth + 1)
            elif new := self._changed(found, kind):
                dataset[tag] = raw.element(tag, new, dataset, kind=kind) if isinstance(new, bytes) else new

    def _changed(self, found: Element, kind: str) -> bytes | DataElement | None:
        """Return an element's new value; None when it stays."""
        value = raw.octets(found)
        if kind == "UI":
            new = self._each(value, lambda uid: self.identity.uids.get(uid, uid))
        elif kind in {"DA", "DT"} and not found.tag.is_private and (self.itself or found.tag not in _OWN_DATES):
            new = self._each(value, lambda day: dates.moved(day, -self.identity.shift_days) or day)
        elif self.charset and kind in attributes.TEXTS and not (value.isascii() and b"\x1b" not in value):
            return DataElement(found.tag, kind, attributes.decoded(value, kind, self.charset))
        else:
            return None
        return new if new != value else None

    @staticmethod
    def _each(value: bytes, change: Callable[[str], str]) -> bytes:
        parts = value.decode("latin-1").split("\\")
        return "\\".join(change(part.strip(raw.BLANKS)) for part in parts).encode("latin-1")
