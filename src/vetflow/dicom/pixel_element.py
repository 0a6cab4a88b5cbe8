"""The pixel element of a file as bytes: what belongs to the image and nothing that lies behind it."""

import struct
from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ImplicitVRLittleEndian

from vetflow.dicom import claims, comments, fields
from vetflow.dicom.header import Parsed
from vetflow.domain.errors import StudyRefused

Parts = tuple[bytes | memoryview, ...]
"""Head, value and padding, to be written one after the other; the value is not copied yet."""

_BIT_POSITION, _OVERLAY_DATA = 0x0102, 0x3000
_UNDEFINED = 0xFFFFFFFF
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


def own(data: bytes, parsed: Parsed) -> Parts:
    """Return the pixel element of a file with the file's own bytes; nothing when the header declares no pixels.

    Raises
    ------
    StudyRefused
        ``pixels_truncated`` when compressed frames end early.
    """
    declared = claims.declared_bytes(parsed.dataset)
    if not parsed.present or not declared:
        return ()
    if not parsed.encapsulated:
        pixels = memoryview(data)[parsed.start : parsed.start + min(parsed.present, declared)]
        return native(
            without_overlays(pixels, parsed), parsed.syntax, bits=fields.count(parsed.dataset, "BitsAllocated")
        )
    return struct.pack("<HH2s2xI", 0x7FE0, 0x0010, b"OB", _UNDEFINED), b"".join(_frames(data, parsed.start))


def without_overlays(pixels: bytes | memoryview, parsed: Parsed) -> bytes | memoryview:
    """Return native pixels without the overlays that old equipment keeps in their unused bits (PS3.5 8.1.2)."""
    header = parsed.dataset
    size, stored = fields.count(header, "BitsAllocated") // 8, fields.count(header, "BitsStored")
    if size not in {1, 2, 4} or not stored or not _has_embedded_overlay(header):
        return pixels
    lowest = max(fields.count(header, "HighBit", default=stored - 1) + 1 - stored, 0)
    kind = np.dtype(f"{'>' if parsed.syntax == ExplicitVRBigEndian else '<'}u{size}")
    values = np.frombuffer(pixels, kind, count=len(pixels) // size)
    return (values & kind.type(((1 << stored) - 1 << lowest) & (1 << 8 * size) - 1)).astype(kind).tobytes()


def _has_embedded_overlay(header: Dataset) -> bool:
    positions = [tag for tag in header.keys() if tag >> 24 == 0x60 and tag.element == _BIT_POSITION]  # noqa: SIM118
    return any(tag - _BIT_POSITION + _OVERLAY_DATA not in header for tag in positions)


def native(pixels: bytes | memoryview, syntax: UID, *, bits: int) -> Parts:
    """Return a pixel element with uncompressed pixels.

    Parameters
    ----------
    bits
        BitsAllocated.
    """
    padding = b"\0" * (len(pixels) % 2)
    length = len(pixels) + len(padding)
    if syntax == ImplicitVRLittleEndian:
        return struct.pack("<HHI", 0x7FE0, 0x0010, length), pixels, padding
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    kind = b"OW" if bits > 8 else b"OB"
    return struct.pack(f"{order}HH2s2xI", 0x7FE0, 0x0010, kind, length), pixels, padding


def _frames(data: bytes, start: int) -> Iterator[bytes | bytearray]:
    """Yield the items up to the sequence delimiter, nothing said in them beside the picture."""
    at = start
    while at + 8 <= len(data):
        tag, length = struct.unpack_from("<4sI", data, at)
        if tag == _END:
            yield _END + bytes(4)
            return
        if tag != _ITEM:
            break
        frame = bytearray(data[at + 8 : at + 8 + length])
        comments.blanked(frame)
        yield data[at : at + 8]
        yield frame
        at += 8 + length
    raise StudyRefused("pixels_truncated", "The compressed frames end early.")
