"""The head of a file: of a stored one, which depends on nothing but the instance, and of one that is brought."""

import struct

from vetflow.gateway.peek import UnreadableDataset

IMPLEMENTATION_UID = "2.25.53703775414183275243731827236149601346"
"""Implementation class UID of vetflow."""
_VERSION_NAME = "VETFLOW"
_PREAMBLE = 128
_MOST_ELEMENTS = 64


def file_head(*, sop_class: str, sop: str, transfer_syntax: str) -> bytes:
    """Return preamble, prefix and group 2 (PS3.10 section 7.1).

    Neither sender nor software version is in it, so the same instance has the same bytes whoever sends it again.
    """
    group = b"".join(
        (
            b"\x02\x00\x01\x00OB\0\0\x02\0\0\0\0\x01",
            _short(0x0002, "UI", sop_class),
            _short(0x0003, "UI", sop),
            _short(0x0010, "UI", transfer_syntax),
            _short(0x0012, "UI", IMPLEMENTATION_UID),
            _short(0x0013, "SH", _VERSION_NAME),
        )
    )
    return bytes(_PREAMBLE) + b"DICM" + b"\x02\0\0\0UL\x04\0" + struct.pack("<L", len(group)) + group


def opened(file: bytes | memoryview) -> tuple[str, int]:
    """Return the transfer syntax a file states and where its data set begins.

    Raises
    ------
    UnreadableDataset
        When it is not a DICOM file (PS3.10 section 7.1), or does not say in which transfer syntax it is.
    """
    if file[_PREAMBLE : _PREAMBLE + 4] != b"DICM":
        raise UnreadableDataset("the file has no DICM prefix")
    syntax, position = "", _PREAMBLE + 4
    try:
        for _ in range(_MOST_ELEMENTS):
            tag, value, following = _meta_element(file, position)
            if tag >> 16 != 2:
                break
            syntax = bytes(value).rstrip(b"\0 ").decode("ascii", "replace") if tag == 0x00020010 else syntax
            position = following
    except struct.error:
        raise UnreadableDataset("the file ends inside its meta information") from None
    if not syntax:
        raise UnreadableDataset("the file states no transfer syntax")
    return syntax, position


def _meta_element(file: bytes | memoryview, position: int) -> tuple[int, bytes | memoryview, int]:
    """Return tag, value and where the next element begins; the encoding is Explicit VR Little Endian."""
    group, element, vr = struct.unpack_from("<HH2s", file, position)
    if vr in {b"OB", b"UN", b"UT"}:
        (length,) = struct.unpack_from("<L", file, position + 8)
        start = position + 12
    else:
        (length,) = struct.unpack_from("<H", file, position + 6)
        start = position + 8
    return group << 16 | element, file[start : start + length], start + length


def _short(element: int, vr: str, text: str) -> bytes:
    value = text.encode("ascii")
    value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", 2, element, vr.encode(), len(value)) + value
