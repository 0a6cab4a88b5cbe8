"""Numbers that are nothing but numbers: text under a number's tag, and text spelt by a row of them, is told apart."""

import re

import numpy as np
from pydicom.datadict import dictionary_VR
from pydicom.tag import BaseTag

_WRITTEN = rb" *(?:[+-]?(?:\d{1,9}(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)? *"
_ALL_WRITTEN = re.compile(rb"%b(?:\\%b)*\0?" % (_WRITTEN, _WRITTEN))
"""At most nine digits before the point: a microchip or a telephone has more."""

_SPELT = re.compile(rb"[A-Za-z]{6}|[ -~]{12}")
_SIZES = {"US": 2, "SS": 2, "OW": 2, "UL": 4, "SL": 4, "FL": 4, "AT": 4, "FD": 8, "SV": 8, "UV": 8, "OV": 8}
_SPARE = {"US": 1, "OW": 1, "FL": 1, "FD": 4}
"""Low bytes that a long row of numbers can do without: half the depth of a table's shades, 2^-16 of a coordinate."""


_SHORTEST_TABLE = 32
"""A word of two or three numbers may rise by chance."""


def are_written(value: bytes) -> bool:
    """Whether a DS or IS value holds numbers only, none with more than nine digits before the point."""
    return _ALL_WRITTEN.fullmatch(value) is not None


def kind(tag: BaseTag, said: str | None) -> str:
    """Return the binary VR of an element: what the file says if the dictionary agrees; empty when it contradicts."""
    meant = dictionary_VR(tag).split(" or ")
    return said if said in meant else meant[0] if said in {None, "UN"} else ""


def unspelt(value: bytes, kind: str, *, table: bool, little: bool) -> bytes | None:
    """Return binary numbers if no run of their bytes reads as a word; coarser ones, or None, when one does.

    Parameters
    ----------
    kind
        VR, such as ``FL``.
    table
        A lookup table: rising or falling throughout it spells nothing even where its bytes are letters.
    little
        Byte order.
    """
    size = _SIZES.get(kind, 0)
    if not size or len(value) % size:
        return None
    if not _SPELT.search(value) or (table and _runs_one_way(value, f"{'<' if little else '>'}u{size}")):
        return value
    if kind not in _SPARE or not (table or kind in {"FL", "FD"}):
        return None
    coarse = np.frombuffer(value, np.uint8).reshape(-1, size).copy()
    coarse[:, : _SPARE[kind]] = 0
    return coarse.tobytes() if little else None


def _runs_one_way(value: bytes, kind: str) -> bool:
    shades = np.frombuffer(value, kind)
    rising, falling = shades[1:] >= shades[:-1], shades[1:] <= shades[:-1]
    return len(shades) >= _SHORTEST_TABLE and bool(rising.all() or falling.all())
