"""Names of people in every place of a DICOM object, also where nobody would look for one."""

import struct
from functools import cache

from pydicom.datadict import DicomDictionary, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from tests.builders import coded, film_dataset, part10

CANARY = "ZZOWNERZZ"
_TEXT = frozenset(
    {"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT", "DS", "IS", "UI"}
)
_NUMBERS = frozenset({"US", "SS", "UL", "SL", "FL", "FD", "SV", "UV", "AT", "OW", "OV"})
_MEANT = frozenset({
    "BitsAllocated", "BitsStored", "BurnedInAnnotation", "Columns", "ConversionType", "HighBit", "ImageType",
    "PixelRepresentation", "Rows", "SamplesPerPixel", "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID",
    "SpecificCharacterSet", "StudyInstanceUID",
})  # fmt: skip
"""What an image is read by, and what holds it back as a whole."""


def plant(dataset: Dataset, *, nested: int) -> None:
    """Put a name into every element of the dictionary, into private ones, and into the items of sequences."""
    for tag, (kind, _, _, _, keyword) in DicomDictionary.items():
        if tag >> 16 in {0, 2} or not keyword or tag >= 0x7FE00000 or keyword in _MEANT:
            continue
        if kind == "SQ":
            dataset.add(DataElement(tag, "SQ", [coded(CANARY, "SCT", CANARY), item(nested if tag % 16 == 0 else 0)]))
        elif kind in _TEXT:
            raw(
                dataset,
                tag,
                kind,
                f"{CANARY}{tag:08X}"[: 16 if kind in {"AE", "CS", "SH", "DS", "IS"} else 64].encode(),
            )
        else:
            chosen = next((each for each in kind.split(" or ") if each in _NUMBERS), "OB")
            raw(dataset, tag, chosen, CANARY.encode() * 8)
    plant_private(dataset)


def item(nested: int) -> Dataset:
    """Return an item with a name under one tag of each kind, and the like below it."""
    made = Dataset()
    for keyword in ("CodeMeaning", "TextValue", "PersonName", "ProtocolName", "PatientComments", "UID", "RescaleType"):
        tag = tag_for_keyword(keyword)
        raw(made, tag, dictionary_VR(tag), CANARY.encode())
    raw(made, tag_for_keyword("GraphicData"), "FL", b"x" + CANARY.encode() * 7)
    if nested:
        plant_private(made)
        made.ConceptNameCodeSequence = [coded(CANARY, CANARY, CANARY)]
        made.ViewCodeSequence = [item(nested - 1)]
        made.ContentSequence = [item(nested - 1)]
        made.SharedFunctionalGroupsSequence = [item(nested - 1)]
    return made


def raw(dataset: Dataset, tag: int, kind: str, value: bytes) -> None:
    """Put bytes under a tag as a file would, whatever they are."""
    value += b" " * (len(value) % 2)
    dataset[tag] = RawDataElement(BaseTag(tag), kind, len(value), value, 0, False, True)


def plant_private(dataset: Dataset) -> None:
    block = dataset.private_block(0x0019, CANARY, create=True)
    block.add_new(0x01, "LO", CANARY)
    block.add_new(0x02, "UN", CANARY.encode() + b" ")
    block.add_new(0x03, "SQ", [coded(CANARY, CANARY, CANARY)])


@cache
def film() -> bytes:
    """Return a film that names somebody more than 3000 times."""
    made = film_dataset()
    kept = {keyword: made[keyword] for keyword in _MEANT if keyword in made}
    plant(made, nested=2)
    made.update({element.tag: element for element in kept.values()})
    made.add_new(0x60000022, "LO", CANARY)
    made.add_new(0x60003000, "OW", CANARY.encode() * 2)
    made.add_new(0xFFFCFFFC, "OB", CANARY.encode() * 2)
    made.preamble = CANARY.encode().ljust(128, b"\0")
    return part10(made)


def deep(levels: int, *, defined: bool) -> Dataset:
    """Return a dataset with a name at the bottom of that many nested sequences."""
    made = Dataset()
    made.PatientName = CANARY
    for _ in range(levels):
        outer = Dataset()
        outer.ReferencedSeriesSequence = [made]
        outer["ReferencedSeriesSequence"].is_undefined_length = not defined
        made = outer
    return made


def jpeg_comment(stream: bytes, text: bytes) -> bytes:
    """Return a JPEG 2000 codestream with a comment behind its SIZ segment."""
    (length,) = struct.unpack_from(">H", stream, 4)
    at = 4 + length
    return stream[:at] + struct.pack(">HHH", 0xFF64, len(text) + 4, 1) + text + stream[at:]
