"""Text burned into pixels: which images may carry it, and how it is blackened where a site says that it stands."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import ExplicitVRBigEndian

from vetflow.dicom import claims, fields, pixels
from vetflow.dicom.header import Parsed, parse
from vetflow.domain.errors import StudyRefused

BURNED_IN = "burned_in_text"
"""Reason of a refusal: text may be burned into the pixels, and no mask fits."""

_CLASSES = "1.2.840.10008.5.1.4.1.1."
_PLAIN = frozenset({
    "1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1", "2", "2.1", "2.2", "4", "4.1", "12.1", "12.1.1", "12.2",
    "12.2.1", "13.1.1", "13.1.2", "20", "30", "66.4", "66.7", "128", "130", "481.1", "481.2",
})  # fmt: skip
"""CR, DX, mammography, intra-oral, CT, MR, XA, RF, tomosynthesis, NM, PET, segmentations, RT images and doses: what a
detector saw, or was computed. All others may be pictures of a screen or a camera, ultrasound above all."""

_CONVERTED = frozenset({"DV", "DI", "DF", "WSD", "SD", "SI", "DRW", "SYN"})
_SCREENS = ("SCREEN", "CAPTURE", "DOSE", "PROTOCOL", "REPORT")
_SUBSAMPLED = ("YBR_FULL_422", "YBR_PARTIAL_422", "YBR_PARTIAL_420")

Region = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom excluded."""

Decoder = Callable[[bytes], NDArray[np.generic]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelMaskRule:
    """Where a device burns text into its images.

    Parameters
    ----------
    manufacturer, model
        As the device writes them, case aside; an empty model means any.
    rows, columns
        Of the images it holds for.
    regions
        Rectangles as left, top, right, bottom in pixels, right and bottom excluded; none says that nothing is burned
        in.
    """

    manufacturer: str
    rows: int
    columns: int
    model: str = ""
    regions: tuple[Region, ...] = ()

    def fits(self, header: Dataset) -> bool:
        """Whether it holds for an image."""
        made_by, model = (fields.text(header, word).casefold() for word in ("Manufacturer", "ManufacturerModelName"))
        rows, columns, _ = claims.size(header)
        known = made_by == self.manufacturer.casefold() and self.model.casefold() in {"", model}
        return known and (rows, columns) == (self.rows, self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blackened:
    """Pixels of an image with nothing burned in any more, uncompressed.

    Parameters
    ----------
    samples, bits
        SamplesPerPixel and BitsAllocated.
    native
        They keep the file's own form; else three samples are RGB, pixel by pixel.
    """

    data: bytes
    samples: int
    bits: int
    native: bool


def may_carry_text(header: Dataset) -> bool:
    """Whether somebody's name may be burned into the pixels of an object.

    Films and slices that don't admit to it may not: their L and R markers are wanted. Secondary captures, ultrasound,
    photographs, digitised films and pictures of screens may, whatever they say.
    """
    if fields.text(header, "BurnedInAnnotation").upper() == "YES":
        return True
    if (
        fields.text(header, "SOPClassUID").removeprefix(_CLASSES) not in _PLAIN
        or fields.text(header, "ConversionType").upper() in _CONVERTED
    ):
        return True
    kinds = "\\".join(fields.texts(header, "ImageType")[2:]).upper()
    return any(word in kinds for word in _SCREENS)


def regions(header: Dataset, rules: Sequence[PixelMaskRule]) -> list[Region] | None:
    """Return the rectangles to blacken, None when no rule holds for the image."""
    fitting = [rule for rule in rules if rule.fits(header)]
    return [region for rule in fitting for region in rule.regions] if fitting else None


def decode(data: bytes, *, largest: int = 1 << 31) -> NDArray[np.generic]:
    """Return pixels as frames × rows × columns (× 3, as RGB); call it in the sandbox.

    Raises
    ------
    StudyRefused
        As :func:`vetflow.dicom.pixels.decode`.
    """
    parsed = parse(data, any_uid=True)
    if fields.count(parsed.dataset, "SamplesPerPixel", default=1) == 1 and not _palette(parsed.dataset):
        return pixels.decode(data, largest=largest)
    if claims.declared_bytes(parsed.dataset) > largest:
        raise StudyRefused("pixels_too_large", "The header declares more pixels than this site accepts.")
    plugin = pixels.PLUGINS.get(parsed.syntax, "")
    try:
        return pixel_array(BytesIO(data), decoding_plugin=plugin)
    except (*fields.UNREADABLE, MemoryError):
        raise StudyRefused("decoder_failed", "The decoder gave up on the pixels.") from None


def blackened(data: bytes, parsed: Parsed, places: Iterable[Region], *, decoder: Decoder) -> Blackened:
    """Return an image's pixels with rectangles blackened in all frames.

    Native pixels keep the file's own form; compressed and subsampled ones are decoded to grey, palette index or RGB.

    Raises
    ------
    StudyRefused
        ``pixels_truncated``, or ``burned_in_text`` for pixels of a depth that can't be painted; and what the decoder
        refuses.
    """
    header = parsed.dataset
    colours = fields.text(header, "PhotometricInterpretation")
    native = not parsed.encapsulated and colours not in _SUBSAMPLED
    held, frames = _native(data, parsed) if native else _decoded(decoder(data), header)
    black = _black(frames, colours if native or frames.shape[3] == 1 else "RGB")
    for left, top, right, bottom in places:
        frames[:, max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = black
    return Blackened(data=bytes(held), samples=frames.shape[3], bits=frames.itemsize * 8, native=native)


def _native(data: bytes, parsed: Parsed) -> tuple[bytearray, NDArray[np.generic]]:
    """Return a copy of the pixel bytes, and a view of it as frames × rows × columns × samples to paint in."""
    header, size = parsed.dataset, claims.declared_bytes(parsed.dataset)
    bits, samples = fields.count(header, "BitsAllocated"), fields.count(header, "SamplesPerPixel", default=1)
    if bits not in {8, 16, 32}:
        raise StudyRefused(BURNED_IN, "Pixels of this depth can't be masked.")
    if not size or parsed.present < size:
        raise StudyRefused("pixels_truncated", "The file holds fewer pixels than its header declares.")
    signed = "i" if fields.count(header, "PixelRepresentation") else "u"
    kind = np.dtype(f"{'>' if parsed.syntax == ExplicitVRBigEndian else '<'}{signed}{bits // 8}")
    held = bytearray(data[parsed.start : parsed.start + size])
    rows, columns, frames = claims.size(header)
    if fields.count(header, "PlanarConfiguration"):
        planes = np.frombuffer(held, kind).reshape(frames, samples, rows, columns)
        return held, np.moveaxis(planes, 1, 3)
    return held, np.frombuffer(held, kind).reshape(frames, rows, columns, samples)


def _decoded(values: NDArray[np.generic], header: Dataset) -> tuple[bytearray, NDArray[np.generic]]:
    rows, columns, frames = claims.size(header)
    kind = values.dtype.newbyteorder("<")
    held = bytearray(values.astype(kind).tobytes())
    return held, np.frombuffer(held, kind).reshape(frames, rows, columns, -1)


def _black(frames: NDArray[np.generic], colours: str) -> NDArray[np.generic]:
    """Return the darkest value there is: one from outside the image's own range would upset its window."""
    if colours.startswith("MONOCHROME"):
        darkest = frames.max() if colours == "MONOCHROME1" else frames.min()
        return np.array([darkest], frames.dtype)
    return np.array([0, 128, 128] if colours == "YBR_FULL" else [0] * frames.shape[3], frames.dtype)


def _palette(header: Dataset) -> bool:
    return fields.text(header, "PhotometricInterpretation") == "PALETTE COLOR"
