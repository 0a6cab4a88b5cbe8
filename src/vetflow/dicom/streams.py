"""What a compressed frame says of itself: its size, and whether it is all there.

A decoder allocates what the stream declares, not what the header does, and some return grey for what is missing; so
both are looked at before a decoder sees a byte.
"""

import struct

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

JPEG = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1})
JPEG_LS = frozenset({JPEGLSLossless, JPEGLSNearLossless})
JPEG_2000 = frozenset({JPEG2000, JPEG2000Lossless, HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL})

_END = b"\xff\xd9"
_SOC_SIZ = b"\xff\x4f\xff\x51"
_SOT = 0xFF90
_START_OF_SCAN = 0xFFDA
_FRAME_MARKERS = frozenset({*range(0xFFC0, 0xFFD0)} - {0xFFC4, 0xFFC8, 0xFFCC}) | {0xFFF7}
"""SOF of JPEG, without DHT, JPG and DAC; and SOF55 of JPEG-LS."""


def declared_size(frame: bytes, syntax: UID) -> tuple[int, int] | None:
    """Return rows and columns that a frame's own header declares; None when the format has none (RLE).

    Raises
    ------
    ValueError
        The frame does not begin as its syntax wants.
    """
    try:
        if syntax in JPEG_2000:
            return _jpeg2000_size(frame)
        return _jpeg_size(frame) if syntax in JPEG | JPEG_LS else None
    except struct.error:
        raise ValueError("the frame ends inside its header") from None


def is_whole(frame: bytes, syntax: UID) -> bool:
    """Whether a frame ends where it says it does; True when the format can't tell (RLE)."""
    if syntax in JPEG_2000:
        try:
            return _ends_after_last_tile(frame)
        except struct.error:
            return False
    return syntax not in JPEG | JPEG_LS or _padded_end(frame)


def _jpeg2000_size(frame: bytes) -> tuple[int, int]:
    """Read SIZ (ISO 15444-1 A.5.1): image size less image offset."""
    at = _codestream(frame) + 8
    right, bottom, left, top = struct.unpack_from(">4I", frame, at)
    return bottom - top, right - left


def _codestream(frame: bytes) -> int:
    at = frame.find(_SOC_SIZ, 0, 512)
    if at < 0:
        raise ValueError("no JPEG 2000 codestream")
    return at


def _jpeg_size(frame: bytes) -> tuple[int, int]:
    if not frame.startswith(b"\xff\xd8"):
        raise ValueError("no JPEG stream")
    at = 2
    while True:
        marker, length = struct.unpack_from(">HH", frame, at)
        if marker in _FRAME_MARKERS:
            return struct.unpack_from(">HH", frame, at + 5)
        if marker < 0xFFC0 or marker == _START_OF_SCAN or length < 2:
            raise ValueError("no frame header before the scan")
        at += 2 + length


def _ends_after_last_tile(frame: bytes) -> bool:
    """Hop from tile-part to tile-part (SOT, ISO 15444-1 A.4.2); the last must be followed by EOC."""
    at = _first_tile(frame)
    while struct.unpack_from(">H", frame, at)[0] == _SOT:
        length = struct.unpack_from(">I", frame, at + 6)[0]
        if length == 0:
            return _padded_end(frame)
        if length < 14:
            return False
        at += length
    return frame[at : at + 2] == _END


def _first_tile(frame: bytes) -> int:
    at = _codestream(frame) + 2
    while (marker := struct.unpack_from(">H", frame, at)[0]) != _SOT:
        length = struct.unpack_from(">H", frame, at + 2)[0]
        if marker < 0xFF00 or length < 2:
            raise struct.error("no marker segment")
        at += 2 + length
    return at


def _padded_end(frame: bytes) -> bool:
    """Whether the end marker closes the frame; writers pad to even length with 00 and some with FF."""
    return frame.rstrip(b"\0\xff").endswith(_END)
