"""The head of a stored file: a preamble of zeros and file meta information that depends on nothing but the instance."""

import struct

IMPLEMENTATION_UID = "2.25.53703775414183275243731827236149601346"
"""Implementation class UID of vetflow."""
_VERSION_NAME = "VETFLOW"


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
    return bytes(128) + b"DICM" + b"\x02\0\0\0UL\x04\0" + struct.pack("<L", len(group)) + group


def _short(element: int, vr: str, text: str) -> bytes:
    value = text.encode("ascii")
    value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", 2, element, vr.encode(), len(value)) + value
