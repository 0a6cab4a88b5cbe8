"""Comments inside compressed frames: JPEG, JPEG-LS and JPEG 2000 streams have room for text that no viewer shows."""

import struct

_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
_START_OF_SCAN, _START_OF_TILE = 0xFFDA, 0xFF90
_COMMENT, _COMMENT_2000 = 0xFFFE, 0xFF64
_APPLICATION = range(0xFFE0, 0xFFF0)
_COLOUR = {0xFFE0: b"JFIF\0", 0xFFE8: b"mrfx", 0xFFEE: b"Adobe"}
"""Application segments that decoders read: density, JPEG-LS colour transform, JPEG colour transform."""
_LONGEST_COLOUR = 16


def blanked(frame: bytearray) -> None:
    """Overwrite with zeros what the head of a frame carries beside the picture; lengths stay, so the picture does too.

    Parameters
    ----------
    frame
        A fragment of compressed pixels; one that begins in the middle of a frame is left as it is.
    """
    if frame.startswith(_JPEG_2000):
        _blank(frame, frame.find(_JPEG_2000) + 2, end=_START_OF_TILE)
    elif frame.startswith(_JPEG):
        _blank(frame, len(_JPEG), end=_START_OF_SCAN)


def _blank(frame: bytearray, at: int, *, end: int) -> None:
    while at + 4 <= len(frame):
        marker, length = struct.unpack_from(">HH", frame, at)
        if marker < 0xFF01 or marker == end or length < 2:
            return
        start, stop = at + 4, min(at + 2 + length, len(frame))
        if _is_text(marker, bytes(frame[start:stop])):
            start += 2 if marker == _COMMENT_2000 else 0  # says that text follows
            frame[start:stop] = bytes(max(stop - start, 0))
        at += 2 + length


def _is_text(marker: int, content: bytes) -> bool:
    if marker in {_COMMENT, _COMMENT_2000}:
        return True
    needed = content.startswith(_COLOUR.get(marker, b"\xff")) and len(content) <= _LONGEST_COLOUR
    return marker in _APPLICATION and not needed
