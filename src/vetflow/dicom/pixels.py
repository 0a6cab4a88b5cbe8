"""Pixels out of files: sizes checked before anything is allocated, one named decoder a syntax.

Decoders are C code fed with hostile bytes: call :func:`decode` in the sandbox.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from vetflow.dicom import claims, fields, streams
from vetflow.dicom.header import Parsed, parse
from vetflow.domain.errors import StudyRefused

NATIVE = frozenset({ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian})
PLUGINS: dict[UID, str] = {
    **dict.fromkeys(streams.JPEG, "gdcm"),
    **dict.fromkeys(streams.JPEG_2000, "pylibjpeg"),
    **dict.fromkeys(streams.JPEG_LS, "pyjpegls"),
    RLELossless: "pylibjpeg",
}
"""Never pylibjpeg-libjpeg: it decodes some JPEG Lossless wrongly and without a word (its issue 90)."""

_FAILED = (*fields.UNREADABLE, MemoryError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Greyscale:
    """How stored values become shades, as plain values.

    Parameters
    ----------
    slope, intercept
        Modality LUT (PS3.3 C.11.1): value = slope · stored + intercept.
    inverted
        MONOCHROME1: the lowest value is white.
    window
        First WindowCenter and WindowWidth, None when the header has none.
    """

    slope: float = 1.0
    intercept: float = 0.0
    inverted: bool = False
    window: tuple[float, float] | None = None


def greyscale(header: Dataset) -> Greyscale:
    """Return how stored values become shades; junk counts as absent."""
    centre, width = (_first(header, keyword) for keyword in ("WindowCenter", "WindowWidth"))
    return Greyscale(
        slope=fields.number(header, "RescaleSlope") or 1.0,
        intercept=fields.number(header, "RescaleIntercept") or 0.0,
        inverted=fields.text(header, "PhotometricInterpretation") == "MONOCHROME1",
        window=None if centre is None or not width or width <= 0 else (centre, width),
    )


def decode(data: bytes, *, largest: int) -> np.ndarray:
    """Return stored values, rows × columns, or frames × rows × columns when there are several.

    Parameters
    ----------
    largest
        Bytes of decoded pixels above which nothing is decoded.

    Returns
    -------
    np.ndarray
        uint8, uint16, uint32 or their signed kin, before any LUT. May be read-only: native pixels are not copied.

    Raises
    ------
    StudyRefused
        ``pixels_missing``, ``pixels_too_large``, ``pixels_truncated``, ``pixels_inconsistent``, ``not_greyscale``,
        ``transfer_syntax_unknown`` or ``decoder_failed``, and what reading the header refuses.
    """
    parsed = parse(data)
    _check(parsed, largest)
    if parsed.syntax in NATIVE:
        return _native(data, parsed)
    _check_frames(data, parsed)
    try:
        return pixel_array(BytesIO(data), raw=True, decoding_plugin=PLUGINS[parsed.syntax])
    except _FAILED:
        raise StudyRefused("decoder_failed", "The decoder gave up on the pixels.") from None


def _check(parsed: Parsed, largest: int) -> None:
    header, declared = parsed.dataset, claims.declared_bytes(parsed.dataset)
    if parsed.syntax not in NATIVE and parsed.syntax not in PLUGINS:
        raise StudyRefused("transfer_syntax_unknown", "No decoder is kept for this transfer syntax.")
    if not parsed.present or not declared:
        raise StudyRefused("pixels_missing", "The file holds no pixels.")
    if declared > largest:
        raise StudyRefused("pixels_too_large", "The header declares more pixels than this site accepts.")
    if parsed.encapsulated == (parsed.syntax in NATIVE):
        raise StudyRefused("pixels_inconsistent", "The pixels are not encoded as the transfer syntax says.")
    if not parsed.encapsulated and parsed.present < declared:
        raise StudyRefused("pixels_truncated", "The file holds fewer pixels than its header declares.")
    grey = fields.text(header, "PhotometricInterpretation") in {"MONOCHROME1", "MONOCHROME2"}
    if not grey or fields.count(header, "SamplesPerPixel") > 1:
        raise StudyRefused("not_greyscale", "Only greyscale films are looked at.")
    allocated, stored = fields.count(header, "BitsAllocated"), fields.count(header, "BitsStored")
    if allocated not in {8, 16, 32} or not 0 < stored <= allocated:
        raise StudyRefused("pixels_inconsistent", "The header's bit depths contradict each other.")


def _native(data: bytes, parsed: Parsed) -> np.ndarray:
    """Look at the file's own bytes: a film of 16 MB is not copied."""
    header = parsed.dataset
    rows, columns, frames = claims.size(header)
    order = ">" if parsed.syntax == ExplicitVRBigEndian else "<"
    signed = fields.count(header, "PixelRepresentation") == 1
    allocated = fields.count(header, "BitsAllocated")
    kind = np.dtype(f"{order}{'i' if signed else 'u'}{allocated // 8}")
    stored = np.frombuffer(data, kind, count=frames * rows * columns, offset=parsed.start)
    values = _within(stored.astype(kind.newbyteorder("="), copy=False), header, signed=signed)
    return values.reshape((rows, columns) if frames == 1 else (frames, rows, columns))


def _within(values: np.ndarray, header: Dataset, *, signed: bool) -> np.ndarray:
    """Drop what old equipment keeps in the bits outside BitsStored, such as overlays."""
    allocated, bits = fields.count(header, "BitsAllocated"), fields.count(header, "BitsStored")
    high = min(fields.count(header, "HighBit", default=bits - 1), allocated - 1)
    above, below = allocated - 1 - high, max(high + 1 - bits, 0)
    lowest, highest = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if not below and values.min() >= lowest and values.max() <= highest:
        return values
    return (values << above) >> (above + below)


def _check_frames(data: bytes, parsed: Parsed) -> None:
    rows, columns, frames = claims.size(parsed.dataset)
    count = 0
    try:
        for frame in _frames(data, parsed, frames):
            count += 1
            if streams.declared_size(frame, parsed.syntax) not in {None, (rows, columns)}:
                raise StudyRefused("pixels_inconsistent", "A compressed frame has another size than the header says.")
            if not streams.is_whole(frame, parsed.syntax):
                raise StudyRefused("pixels_truncated", "A compressed frame ends early.")
    except _FAILED:
        raise StudyRefused("decoder_failed", "The compressed frames are damaged.") from None
    if count != frames:
        raise StudyRefused("pixels_truncated", "The file holds fewer frames than its header declares.")


def _frames(data: bytes, parsed: Parsed, frames: int) -> Iterator[bytes]:
    return generate_frames(data[parsed.start :], number_of_frames=frames)


def _first(header: Dataset, keyword: str) -> float | None:
    try:
        found = float(next(iter(fields.texts(header, keyword)), ""))
    except ValueError:
        return None
    return found if math.isfinite(found) else None
