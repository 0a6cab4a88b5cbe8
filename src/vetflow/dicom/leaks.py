"""What an object that passes for de-identified still tells: whatever de-identification would take out of it."""

import re
from collections.abc import Iterator

from vetflow.dicom import fields, masks, pixel_element, profile, raw
from vetflow.dicom.cleaning import Cleaner
from vetflow.dicom.deidentify import PSEUDONYM
from vetflow.dicom.descriptors import VOCABULARY
from vetflow.dicom.header import Parsed, parse
from vetflow.dicom.profile import Treatment
from vetflow.domain.errors import StudyRefused

_META = frozenset(range(0x00020000, 0x00020004)) | {0x00020010, 0x00020012, 0x00020013}
_UID = re.compile(r"\d+(?:\.\d+){2}")
_PATIENT, _SOP_UID, _MEDIA_UID = map(profile.tag, ("PatientID", "SOPInstanceUID", "MediaStorageSOPInstanceUID"))
_SAYING_NOTHING = VOCABULARY | {
    "dcm", "dicom", "film", "frame", "im", "image", "img", "instance", "report", "json", "se", "ser", "st",
}  # fmt: skip
_OWN_FOLDER = re.compile(r"study-[0-9a-f]{12}")


def found(data: bytes) -> list[str]:
    """Return what a file tells that a de-identified one would not, a short phrase each; nothing when it is clean.

    Values are not quoted. The file need not be one of ours.
    """
    try:
        parsed = parse(data, any_uid=True)
        cleaner = Cleaner(key=bytes(16), days=0, again=True)
        cleaner.copy(parsed.dataset)
        return [*_header(parsed, cleaner), *_meta(data, parsed), *_pixels(data, parsed)]
    except StudyRefused as refused:
        return [f"can't be read: {refused.reason}"]


def in_name(part: str) -> bool:
    """Whether a file's or folder's name may tell something: a UID, a name, or a number long enough to be somebody's."""
    tokens = re.findall(r"[^\W_]+", part)
    if _OWN_FOLDER.fullmatch(part):
        return False
    return _UID.search(part) is not None or not all(map(_says_nothing, tokens))


def _says_nothing(token: str) -> bool:
    letters = token.rstrip("0123456789").lower()
    return len(token) - len(letters) <= 8 and (not letters or letters in _SAYING_NOTHING)


def _header(parsed: Parsed, cleaner: Cleaner) -> Iterator[str]:
    changes, header = cleaner.changes(), parsed.dataset
    gone, other = dict(changes.removed), [*changes.cleaned, *changes.replaced]
    gone.pop("SpecificCharacterSet", None)
    if PSEUDONYM.fullmatch(raw.plain(header, _PATIENT)):
        gone.pop("PatientID", None)
    yield from (f"{keyword} should not be here" for keyword in gone)
    for keyword in other:
        uid = profile.treatment(profile.tag(keyword)) is Treatment.UID
        yield f"{keyword} is no replaced UID" if uid else f"{keyword} holds more than it may say"
    if changes.private:
        yield f"{changes.private} private elements"
    if fields.text(header, "PatientIdentityRemoved") != "YES":
        yield "PatientIdentityRemoved is not YES"
    dated = any(profile.treatment(tag) is Treatment.DATE for tag in cleaner.kept)
    if dated and fields.text(header, "LongitudinalTemporalInformationModified") != "MODIFIED":
        yield "dates that nothing says were moved"


def _meta(data: bytes, parsed: Parsed) -> Iterator[str]:
    meta = parsed.dataset.file_meta
    if any(data[:128]):
        yield "a preamble that is not empty"
    if not _META.issuperset(meta.keys()) or raw.plain(meta, _MEDIA_UID) != raw.plain(parsed.dataset, _SOP_UID):
        yield "file meta information of another object or application"


def _pixels(data: bytes, parsed: Parsed) -> Iterator[str]:
    if not parsed.present:
        return
    header = parsed.dataset
    ours = fields.text(header, "DeidentificationMethod").startswith("vetflow")
    if masks.may_carry_text(header) and not (ours and fields.text(header, "BurnedInAnnotation") == "NO"):
        yield "text may be burned into the pixels"
    held = b"".join(pixel_element.own(data, parsed)[1:])
    if data[parsed.start : parsed.start + len(held)] != held:
        yield "comments inside compressed frames" if parsed.encapsulated else "overlays inside the pixels"
    if any(data[parsed.start + len(held) :]):
        yield "something behind the pixels"
