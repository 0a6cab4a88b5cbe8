"""Films full of made-up names, and a search for those names that looks through encodings."""

import base64
import re
from collections.abc import Container, Iterator
from itertools import count

from pydicom.datadict import DicomDictionary, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from tests.builders import film_dataset

NAME = "ZZCANARY"
UID = "2.25.777000777"

_NEEDLES = tuple(text.encode(coding).lower() for text in (NAME, UID) for coding in ("ascii", "utf-16-le"))
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{12,}")
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{12,}")
_TEXTS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UI", "UR", "UT"})
_NUMBERS = frozenset({"AS", "DA", "DS", "DT", "IS", "TM"})
_FIRST, _LAST = 0x0008_0000, 0x5000_0000
_PICTURE = 0x0028
_MEANT = frozenset(
    {
        "AnatomicRegionSequence", "AnatomicalOrientationType", "BodyPartExamined", "ImageType", "Modality",
        "PatientOrientation", "PatientSpeciesCodeSequence", "PatientSpeciesDescription", "PresentationIntentType",
        "PresentationLUTShape", "SOPClassUID", "SpecificCharacterSet", "ViewCodeSequence", "ViewPosition",
    }
)  # fmt: skip
"""What a film is read by."""


class Planter:
    """Gives every element it plants a name or UID of its own."""

    def __init__(self) -> None:
        self._numbers = count()

    def plant(self, dataset: Dataset, tag: int, kind: str) -> None:
        dataset.add(DataElement(tag, kind, self._value(kind)))

    def item(self, *inside: Dataset) -> Dataset:
        """Return a sequence item that names somebody, and holds items that do."""
        item = Dataset()
        for keyword, kind in (("PatientName", "PN"), ("TextValue", "UT"), ("UID", "UI")):
            self.plant(item, tag_for_keyword(keyword), kind)
        if inside:
            item.ContentSequence = list(inside)
        return item

    def private(self, dataset: Dataset) -> None:
        """Plant in private elements, of kinds that say they are text and of kinds that don't."""
        block = dataset.private_block(0x0009, self._value("LO"), create=True)
        for place, kind in enumerate(("LO", "PN", "UT", "UI")):
            block.add_new(place, kind, self._value(kind))
        for place, kind in ((0x10, "UN"), (0x11, "OB")):
            block.add_new(place, kind, self._value("LO").ljust(16).encode())
        block.add_new(0x20, "SQ", [self.item(self.item())])

    def _value(self, kind: str) -> str:
        number = next(self._numbers)
        if kind == "UI":
            return f"{UID}{number:06d}"
        name = f"{NAME}{number:05d}"
        return {"PN": f"{name}^{name}=={name}", "UR": f"http://{name}"}.get(kind, name)


def named_film(planter: Planter) -> Dataset:
    """Return a good film with a name in every element of the dictionary that may hold text, and in each sequence.

    What says how to read film and pixels is left as it is.
    """
    film = film_dataset(rows=128, columns=160)
    for tag, kind in _places({*_TEXTS, "SQ"}):
        if kind == "SQ":
            film.add(DataElement(tag, "SQ", [planter.item(planter.item())]))
        else:
            planter.plant(film, tag, kind)
    planter.private(film)
    return film


def truncated_film(planter: Planter) -> Dataset:
    """Return a film full of names that declares more pixels than it holds."""
    film = named_film(planter)
    film.PixelData = film.PixelData[: len(film.PixelData) // 2]
    return film


def misplaced_names(planter: Planter) -> Dataset:
    """Return a film with names also where dates and numbers belong, in an encoding that does not tell the two apart."""
    film = named_film(planter)
    for tag, _ in _places(_NUMBERS):
        planter.plant(film, tag, "LO")
    film.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return film


def misread_film(planter: Planter) -> Dataset:
    """Return a film with names also where words say how to read its pixels."""
    film = misplaced_names(planter)
    for keyword in ("PhotometricInterpretation", "BurnedInAnnotation", "LossyImageCompression", "RescaleType"):
        planter.plant(film, tag_for_keyword(keyword), "LO")
    return film


def _places(kinds: Container[str]) -> Iterator[tuple[int, str]]:
    """Yield tags and kinds of the dictionary's elements, but for those a film and its pixels are read by."""
    for tag, (kind, _, _, _, keyword) in sorted(DicomDictionary.items()):
        if _FIRST <= tag < _LAST and tag >> 16 != _PICTURE and keyword not in _MEANT and kind in kinds:
            yield tag, kind


def names_somebody(data: bytes, *, depth: int = 2) -> bool:
    """Whether a planted name or UID is in there, plain, as UTF-16, or inside base64 or hexadecimal text."""
    low = data.lower()
    if any(needle in low for needle in _NEEDLES):
        return True
    return depth > 0 and any(names_somebody(inner, depth=depth - 1) for inner in _decoded(data))


def _decoded(data: bytes) -> Iterator[bytes]:
    for run in _HEXADECIMAL.findall(data):
        yield from (bytes.fromhex(run[start : start + (len(run) - start) // 2 * 2].decode()) for start in range(2))
    for run in _BASE64.findall(data):
        for start in range(4):
            whole = run[start : start + (len(run) - start) // 4 * 4]
            yield base64.b64decode(whole.replace(b"-", b"+").replace(b"_", b"/"))
