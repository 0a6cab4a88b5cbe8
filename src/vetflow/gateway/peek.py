"""Who an instance says it is, read from its encoded bytes without building a data set.

A walk over the element headers up to (0020,000E): no recursion, no allocation that a sender could make grow, and a
bound on the number of headers. pydicom's reader builds an object per item and recurses per level, which a peer can
turn against a receiver.
"""

import struct
from dataclasses import dataclass

_LAST = 0x0020000E
_WANTED = {0x00080016: "sop_class", 0x00080018: "sop", 0x0020000D: "study", 0x0020000E: "series"}
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_MOST_HEADERS = 100_000
_IMPLICIT = "1.2.840.10008.1.2"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"


class UnreadableDataset(ValueError):
    """The bytes are not a data set of the transfer syntax they came in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """UIDs as the data set states them, unchecked; empty where absent."""

    sop_class: str = ""
    sop: str = ""
    study: str = ""
    series: str = ""


@dataclass(slots=True)
class _Walk:
    data: bytes | memoryview
    implicit: bool
    order: str
    position: int = 0
    headers: int = 0

    def header(self) -> tuple[int, bytes, int]:
        """Return tag, VR (empty in implicit encoding) and length, and move to the value."""
        self.headers += 1
        if self.headers > _MOST_HEADERS:
            raise UnreadableDataset("too many elements before the series UID")
        try:
            return self._header()
        except struct.error:
            raise UnreadableDataset("the data set ends inside an element") from None

    def _header(self) -> tuple[int, bytes, int]:
        group, element = struct.unpack_from(self.order + "HH", self.data, self.position)
        tag = group << 16 | element
        if self.implicit or group == 0xFFFE:
            (length,) = struct.unpack_from(self.order + "L", self.data, self.position + 4)
            self.position += 8
            return tag, b"", length
        vr = bytes(self.data[self.position + 4 : self.position + 6])
        if not (vr.isalpha() and vr.isupper()):
            raise UnreadableDataset("an element has no value representation")
        if vr in _LONG:
            (length,) = struct.unpack_from(self.order + "L", self.data, self.position + 8)
            self.position += 12
        else:
            (length,) = struct.unpack_from(self.order + "H", self.data, self.position + 6)
            self.position += 8
        return tag, vr, length

    def skip(self, length: int) -> None:
        self.position += length
        if self.position > len(self.data):
            raise UnreadableDataset("an element is longer than the data set")

    def value(self, length: int) -> str:
        start = self.position
        self.skip(length)
        return bytes(self.data[start : self.position]).rstrip(b"\0 ").decode("ascii", "replace")

    def skip_sequence(self, vr: bytes) -> None:
        """Pass a sequence of undefined length and all it holds; inside UN the encoding is implicit (PS3.5 6.2.2)."""
        before, self.implicit = self.implicit, self.implicit or vr == b"UN"
        depth = 1
        while depth:
            tag, _, length = self.header()
            if tag in {_ITEM_END, _SEQUENCE_END}:
                depth -= 1
            elif length == _UNDEFINED:
                depth += 1
            else:
                self.skip(length)
        self.implicit = before


def claimed(data: bytes | memoryview, transfer_syntax: str) -> Claimed:
    """Return the UIDs a data set claims; UnreadableDataset when it can't be walked.

    Parameters
    ----------
    data
        Encoded data set without file meta information.
    transfer_syntax
        The syntax it was negotiated in.
    """
    walk = _Walk(data, transfer_syntax == _IMPLICIT, ">" if transfer_syntax == _BIG_ENDIAN else "<")
    found: dict[str, str] = {}
    while walk.position < len(data):
        tag, vr, length = walk.header()
        if tag > _LAST:
            break
        if tag in _WANTED and length != _UNDEFINED:
            found[_WANTED[tag]] = walk.value(length)
        elif length == _UNDEFINED:
            walk.skip_sequence(vr)
        else:
            walk.skip(length)
    return Claimed(**found)
