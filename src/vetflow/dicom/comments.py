"""Text in compressed frames that no viewer shows: comments of JPEG, JPEG-LS and JPEG 2000, and what follows the end."""

import struct

_JPEG, _JPEG_2000, _END = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\xff\xd9"
_FILL = 0xFFFF
_START_OF_SCAN, _START_OF_TILE = 0xFFDA, 0xFF90
_COMMENT, _COMMENT_2000 = 0xFFFE, 0xFF64
_APPLICATION = range(0xFFE0, 0xFFF0)
_COLOUR = {0xFFE0: b"JFIF\0", 0xFFE8: b"mrfx", 0xFFEE: b"Adobe"}
"""Application segments that decoders read: density, JPEG-LS colour transform, JPEG colour transform."""
_LONGEST_COLOUR = 16


def blanked(frame: bytearray) -> None:
    """Overwrite with zeros what stands beside the picture in a frame's head and behind its end; lengths stay.

    Parameters
    ----------
    frame
        A fragment of compressed pixels; one that begins in the middle of a frame is left as it is.
    """
    if frame.startswith(_JPEG_2000):
        head = _blank(frame, 2, end=_START_OF_TILE)
    elif frame.startswith(_JPEG):
        head = _blank(frame, 2, end=_START_OF_SCAN)
    else:
        return
    end = frame.rfind(_END, head)  # compressed data can't hold these two bytes; the head's numbers can
    if end >= 0:
        frame[end + 2 :] = bytes(len(frame) - end - 2)


def _blank(frame: bytearray, at: int, *, end: int) -> int:
    """Blank the segments up to a marker and return where they end."""
    while at + 4 <= len(frame):
        marker, length = struct.unpack_from(">HH", frame, at)
        if marker == _FILL:  # its second byte may be the first of a marker (ISO 10918-1 B.1.1.2)
            at += 1
            continue
        if marker < 0xFF01 or marker == end or length < 2:
            break
        start, stop = at + 4, min(at + 2 + length, len(frame))
        if _is_text(marker, bytes(frame[start:stop])):
            start += 2 if marker == _COMMENT_2000 else 0  # says that text follows
            frame[start:stop] = bytes(max(stop - start, 0))
        at += 2 + length
    return at


def _is_text(marker: int, content: bytes) -> bool:
    if marker in {_COMMENT, _COMMENT_2000}:
        return True
    needed = content.startswith(_COLOUR.get(marker, b"\xff")) and len(content) <= _LONGEST_COLOUR
    return marker in _APPLICATION and not needed
