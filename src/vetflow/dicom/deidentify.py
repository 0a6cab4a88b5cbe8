"""Objects without owner and clinic: the header is written anew, the pixels are copied byte for byte or masked."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from vetflow.dicom import attributes, fields, methods, pixel_element, profile, raw
from vetflow.dicom.cleaning import Changes, Cleaner
from vetflow.dicom.header import Parsed, parse
from vetflow.dicom.masks import (
    BURNED_IN,
    Blackened,
    Decoder,
    PixelMaskRule,
    Region,
    blackened,
    decode,
    may_carry_text,
    regions,
)
from vetflow.dicom.uids import derived_uid, keyed, keyed_uid
from vetflow.domain.errors import StudyRefused
from vetflow.domain.privacy import Identity

VERSION = methods.VERSION
"""Grows with every change of what stays and what goes."""

PSEUDONYM = re.compile("[0-9a-f]{16}")
"""Form of a patient's new id."""

LONGEST_SHIFT = 3650
"""Days that dates move into the past at most."""

_IMPLEMENTATION = UID(derived_uid("vetflow", "implementation"))
_CLASS, _ISSUER, _PATIENT, _STUDY = map(
    profile.tag, ("SOPClassUID", "IssuerOfPatientID", "PatientID", "StudyInstanceUID")
)
_OFFSETS = tuple(map(profile.tag, ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")))
"""Of compressed frames only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deidentified:
    """An object without owner data.

    Parameters
    ----------
    data
        The whole file.
    identity
        What leads back, to be kept where owner data may be; empty for an object that was de-identified before.
    removed
        What was taken out.
    """

    data: bytes
    identity: Identity
    removed: Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """What a site has to de-identify with; as the arguments of :func:`deidentify`."""

    key: bytes
    masks: Sequence[PixelMaskRule]
    decoder: Decoder


def deidentify(
    data: bytes, *, key: bytes, masks: Sequence[PixelMaskRule] = (), decoder: Decoder = decode
) -> Deidentified:
    """Return an object with the species, breed, sex, age and weight of its animal, and nobody's name.

    Conforms to PS3.15 annex E as :mod:`vetflow.dicom.profile` says. Under one key the same UID becomes the same
    replacement, all dates of one patient move by the same days, and what was de-identified before stays as it is.

    Parameters
    ----------
    masks
        Where devices burn in text.
    decoder
        Decodes compressed pixels that must be masked; give one that works in the sandbox.

    Raises
    ------
    StudyRefused
        ``burned_in_text`` when the pixels may carry text and no mask fits; ``pixels_truncated`` when compressed frames
        end early; and as :func:`vetflow.dicom.header.read` and :func:`vetflow.dicom.masks.blackened`.
    """
    parsed = parse(data, any_uid=True)
    try:
        return _deidentified(data, parsed, _Site(key=key, masks=masks, decoder=decoder))
    except fields.UNREADABLE:
        raise StudyRefused("header_unreadable", "The header is damaged.") from None


def study_uid(data: bytes, *, key: bytes) -> str:
    """Return the UID that an object's study has in its de-identified form; refuses as :func:`deidentify` does."""
    source = parse(data, any_uid=True).dataset
    original = raw.plain(source, _STUDY)
    return original if methods.is_ours(source, key) else keyed_uid(original, key)


def shift_days(patient: str, key: bytes) -> int:
    """Return by how many days, 1 to 3650, a patient's dates move into the past: the same for all its studies."""
    return 1 + int.from_bytes(keyed(f"shift\0{patient}", key)[:8], "big") % LONGEST_SHIFT


def _deidentified(data: bytes, parsed: Parsed, site: _Site) -> Deidentified:
    source, again = parsed.dataset, methods.is_ours(parsed.dataset, site.key)
    patient = _patient(source)
    days = shift_days(patient or raw.plain(source, _STUDY), site.key)
    cleaner = Cleaner(key=site.key, days=-days, again=again)
    clean = cleaner.copy(source)
    identity = Identity() if again else _identity(source, cleaner)
    places = None if again else _places(parsed, site.masks)
    painted = blackened(data, parsed, places, decoder=site.decoder) if places and parsed.present else None
    if patient:
        _name_patient(clean, cleaner, keyed(patient, site.key).hex()[:16], was=raw.plain(source, _PATIENT))
    if not again:
        methods.mark(clean, cleaner, masked=painted is not None)
    _complete(clean)
    if places is not None:
        clean.BurnedInAnnotation = "NO"
    removed = cleaner.changes(masked=len(places or ()) if painted else 0)
    return Deidentified(data=_file(data, parsed, clean, painted), identity=identity, removed=removed)


def _name_patient(clean: Dataset, cleaner: Cleaner, pseudonym: str, *, was: str) -> None:
    new = was if cleaner.again and PSEUDONYM.fullmatch(was) else pseudonym
    clean[_PATIENT] = raw.text_element(_PATIENT, new, clean)
    cleaner.removed[_PATIENT] -= 1
    cleaner.replaced[_PATIENT] += new != was


def _patient(source: Dataset) -> str:
    number = raw.plain(source, _PATIENT)
    return f"{raw.plain(source, _ISSUER)}\0{number}" if number else ""


def _identity(source: Dataset, cleaner: Cleaner) -> Identity:
    held = attributes.to_json(source, filter(profile.identifies, list(source.keys())))
    uids = {replacement: original for original, replacement in cleaner.uids.items()}
    return Identity(uids=uids, shift_days=cleaner.days, attributes=json.dumps(held))


def _places(parsed: Parsed, rules: Sequence[PixelMaskRule]) -> list[Region] | None:
    found = regions(parsed.dataset, rules)
    if found is None and parsed.present and may_carry_text(parsed.dataset):
        raise StudyRefused(BURNED_IN, "Text may be burned into the pixels, and no mask is set for the device.")
    return found


def _complete(clean: Dataset) -> None:
    """Add what an object must have: empty where that is allowed."""
    animal = any(tag in clean for tag in profile.kind_of_animal())
    for tag in profile.blank(animal=animal):
        if tag not in clean:
            clean[tag] = raw.nothing(tag, clean)
    for tag in profile.named_equipment(raw.plain(clean, _CLASS)):
        if not raw.plain(clean, tag):
            clean[tag] = raw.text_element(tag, profile.REMOVED, clean)


def _file(data: bytes, parsed: Parsed, clean: Dataset, painted: Blackened | None) -> bytes:
    syntax = parsed.syntax
    if painted:
        syntax = ExplicitVRLittleEndian if parsed.encapsulated else syntax
        values = pixel_element.without_overlays(painted.data, parsed) if painted.native else painted.data
        pixels = pixel_element.native(values, syntax, bits=painted.bits)
        _describe(clean, painted)
    else:
        pixels = pixel_element.own(data, parsed)
    return b"".join((_header(clean, syntax), *pixels))


def _describe(clean: Dataset, painted: Blackened) -> None:
    """Say how pixels lie that were decoded."""
    if painted.native:
        return
    for tag in _OFFSETS:
        clean.pop(tag, None)
    clean.BitsAllocated = painted.bits
    if painted.samples == 3:
        clean.SamplesPerPixel, clean.PhotometricInterpretation, clean.PlanarConfiguration = 3, "RGB", 0


def _header(clean: Dataset, syntax: UID) -> memoryview:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = clean.SOPClassUID, clean.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID, meta.ImplementationVersionName = _IMPLEMENTATION, "VETFLOW"
    clean.file_meta = meta
    file = BytesIO()
    clean.save_as(file, enforce_file_format=True)
    return file.getbuffer()
