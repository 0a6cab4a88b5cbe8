"""From millimetres of tissue to a film: exposure, scatter, noise, processing, shutters, markers."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from vetflow.domain.place import Box
from vetflow.phantoms.raster import Image
from vetflow.phantoms.truth import Film, Projection, Truth
from vetflow.vision.filters import blurred

_SIDES = frozenset({"LE", "RT"})
_TILES = 8
_BINS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """How a processed film is stored.

    Parameters
    ----------
    inverted
        Whether bone is shown dark.
    photometric
        ``MONOCHROME1`` or ``MONOCHROME2``.
    marker
        ``L``, ``R`` or empty.
    """

    inverted: bool
    photometric: str
    marker: str


def expose(made: Projection, rng: np.random.Generator, *, inverted: float = 0.12) -> Film:
    """Return a film of the projection with a random exposure and look; `inverted` is the share shown wrongly."""
    grey = develop(made, rng)
    how = Finish(
        inverted=bool(rng.random() < inverted),
        photometric="MONOCHROME1" if rng.random() < 0.25 else "MONOCHROME2",
        marker=str(rng.choice(["L", "R"])) if rng.random() < 0.6 else "",
    )
    return finished(grey, made, how, rng)


def finished(grey: Image, made: Projection, how: Finish, rng: np.random.Generator) -> Film:
    """Return grey values (0 to 1, bone bright) as a film."""
    shown = stamped(grey, how.marker, made, rng) if how.marker else grey
    bits = int(rng.choice([10, 12, 12, 14, 15, 16]))
    stored = 1.0 - shown if how.inverted != (how.photometric == "MONOCHROME1") else shown
    pixels = np.round(np.clip(stored, 0.0, 1.0) * float(2**bits - 1)).astype(np.uint16)
    return Film(
        pixels=pixels, bits=bits, photometric=how.photometric, pixel_mm=made.pixel_mm, marker=how.marker,
        truth=replace(made.truth, inverted=how.inverted),
    )  # fmt: skip


def develop(made: Projection, rng: np.random.Generator) -> Image:
    """Return grey values 0 to 1, bone bright, shutters drawn."""
    dose = _dose(made, rng)
    inside = inside_field(made)
    grey = lut(-np.log(dose), inside, rng)
    choice = rng.random()
    if choice < 0.40:
        grey = enhance_bands(grey, power=rng.uniform(0.45, 0.85), rng=rng)
    elif choice < 0.72:
        grey = equalise_locally(grey, limit=rng.uniform(1.5, 5.0), blend=rng.uniform(0.4, 1.0))
    return shuttered(grey, inside, rng)


def _dose(made: Projection, rng: np.random.Generator) -> Image:
    """Beer-Lambert transmission with scatter, blur and quantum noise."""
    small = float(np.percentile(made.soft, 98)) or 1.0
    water = rng.uniform(0.016, 0.026) if small > 60.0 else rng.uniform(0.024, 0.045)
    bone = water * rng.uniform(1.1, 2.6)
    through = np.exp(-(water * made.soft + bone * made.bone))
    wide = max(through.shape) * rng.uniform(0.03, 0.1)
    scatter = rng.uniform(0.0, 0.35)
    sharp = rng.uniform(0.0, 0.9)
    seen = blurred(through, sharp) * (1.0 - scatter) + blurred(through, wide) * scatter
    photons = 10.0 ** rng.uniform(3.4, 5.4) / max(float(np.mean(seen)), 1e-3)
    noisy = seen + np.sqrt(seen / photons) * rng.standard_normal(seen.shape)
    return np.clip(noisy, 1e-4, None).astype(np.float32)


def inside_field(made: Projection) -> NDArray[np.bool_]:
    """Return which pixels lie in the collimated field."""
    mask = np.zeros(made.bone.shape, np.bool_)
    box = made.truth.field
    mask[int(box.top) : int(box.bottom), int(box.left) : int(box.right)] = True
    return mask


def lut(density: Image, inside: NDArray[np.bool_], rng: np.random.Generator) -> Image:
    """Return optical densities as grey values 0 to 1, windowed by what is exposed, by a curve or a power."""
    values = density[inside][::3]
    low = float(np.percentile(values, rng.uniform(0.5, 12.0)))
    high = float(np.percentile(values, rng.uniform(98.5, 100.0)))
    scaled = np.clip((density - low) / max(high - low, 1e-3), 0.0, 1.0)
    if rng.random() < 0.5:
        slope, middle = rng.uniform(3.0, 7.0), rng.uniform(0.35, 0.6)
        ends = 1.0 / (1.0 + np.exp(slope * (middle - np.array([0.0, 1.0]))))
        curve = 1.0 / (1.0 + np.exp(slope * (middle - scaled)))
        return ((curve - ends[0]) / (ends[1] - ends[0])).astype(np.float32)
    return (scaled ** rng.uniform(0.5, 1.5)).astype(np.float32)


def enhance_bands(grey: Image, *, power: float, rng: np.random.Generator) -> Image:
    """Return grey values with weak detail lifted band by band, as multi-scale processing does (MUSICA-like)."""
    rest, sigma, bands = grey, 1.0, np.zeros(grey.shape)
    gains = rng.uniform(0.8, 1.6, 5)
    for gain in gains:
        coarse = blurred(rest, sigma)
        band = rest - coarse
        bands += gain * np.sign(band) * 0.2 * (np.abs(band) / 0.2) ** power
        rest, sigma = coarse, sigma * 2.0
    mixed = rng.uniform(0.4, 1.0) * (rest - rest.mean()) + rest.mean() + bands
    low, high = np.percentile(mixed[::2, ::2], [0.3, 99.7])
    return np.clip((mixed - low) / max(float(high - low), 1e-3), 0.0, 1.0).astype(np.float32)


def equalise_locally(grey: Image, *, limit: float, blend: float) -> Image:
    """Return contrast-limited adaptive equalisation (CLAHE) mixed with the original by `blend`."""
    rows, columns = map(int, grey.shape)
    values = np.minimum((np.clip(grey, 0.0, 1.0) * _BINS).astype(np.intp), _BINS - 1)
    tile_row = np.arange(rows) * _TILES // rows
    tile_column = np.arange(columns) * _TILES // columns
    tile = tile_row[:, None] * _TILES + tile_column[None]
    counts = np.bincount((tile * _BINS + values).ravel(), minlength=_TILES * _TILES * _BINS).astype(np.float64)
    shares = counts.reshape(_TILES * _TILES, _BINS)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1.0)
    clipped = np.minimum(shares, limit / _BINS)
    clipped += (1.0 - clipped.sum(axis=1, keepdims=True)) / _BINS
    curves = np.cumsum(clipped, axis=1).reshape(_TILES, _TILES, _BINS)
    return ((1.0 - blend) * grey + blend * _between(curves, values)).astype(np.float32)


def _between(curves: NDArray[np.float64], values: NDArray[np.intp]) -> NDArray[np.float64]:
    """Look each value up in the curves of its four nearest tiles and interpolate."""
    rows, columns = map(int, values.shape)
    y = np.clip((np.arange(rows) + 0.5) * _TILES / rows - 0.5, 0, _TILES - 1)
    x = np.clip((np.arange(columns) + 0.5) * _TILES / columns - 0.5, 0, _TILES - 1)
    top, left = np.minimum(y.astype(np.intp), _TILES - 2), np.minimum(x.astype(np.intp), _TILES - 2)
    down, right = (y - top)[:, None], (x - left)[None]
    top, left = top[:, None], left[None]
    upper = curves[top, left, values] * (1 - right) + curves[top, left + 1, values] * right
    lower = curves[top + 1, left, values] * (1 - right) + curves[top + 1, left + 1, values] * right
    return upper * (1 - down) + lower * down


def shuttered(grey: Image, inside: NDArray[np.bool_], rng: np.random.Generator) -> Image:
    """Return the film with its unexposed border: under a black or grey shutter, or as it is (bright, softly edged)."""
    choice = rng.random()
    if choice < 0.15:
        return grey
    level = 0.0 if choice < 0.7 else rng.uniform(0.75, 1.0) if choice < 0.9 else rng.uniform(0.1, 0.6)
    edge = blurred(inside.astype(np.float32), rng.uniform(0.0, 1.2))
    outside = level + 0.01 * rng.standard_normal(grey.shape)
    shown = (grey * edge + outside * (1.0 - edge)).astype(np.float32)
    return _frame_lines(shown, rng) if rng.random() < 0.15 else shown


def _frame_lines(grey: Image, rng: np.random.Generator) -> Image:
    """Draw bright lines along the film's own border, as some detectors leave them."""
    inset = 1 + int(rng.integers(max(2, max(grey.shape) // 60)))
    framed = grey.copy()
    for row in (inset, -inset - 1):
        framed[row] = np.maximum(framed[row], rng.uniform(0.3, 1.0) * (rng.random() < 0.7))
    for column in (inset, -inset - 1):
        framed[:, column] = np.maximum(framed[:, column], rng.uniform(0.3, 1.0) * (rng.random() < 0.7))
    return framed


def stamped(grey: Image, letter: str, made: Projection, rng: np.random.Generator) -> Image:
    """Return the film with a lead marker where there is least body, on a plate or bare.

    Where the film shows the animal's left and right side by side, the marker lies on its own side.
    """
    drawn = _marker(letter, max(10, round(max(grey.shape) * rng.uniform(0.035, 0.075))), rng)
    height, width = map(int, drawn.shape)
    box = _own_side(made.truth, letter)
    spots = [
        (int(rng.uniform(box.top, max(box.top + 1, box.bottom - height))),
         int(rng.uniform(box.left, max(box.left + 1, box.right - width))))
        for _ in range(12)
    ]  # fmt: skip
    row, column = min(spots, key=lambda at: float(made.soft[at[0] : at[0] + height, at[1] : at[1] + width].sum()))
    marked = grey.copy()
    patch = marked[row : row + height, column : column + width]
    np.maximum(patch, drawn[: patch.shape[0], : patch.shape[1]], out=patch)
    return marked


def _own_side(truth: Truth, letter: str) -> Box:
    """Return the half of the field that a marker belongs to, or all of it."""
    right, bottom = truth.orientation
    box, own = truth.field, {"L": "LE", "R": "RT"}[letter]
    if right in _SIDES:
        middle = (box.left + box.right) / 2
        return replace(box, left=middle) if right == own else replace(box, right=middle)
    if bottom in _SIDES:
        middle = (box.top + box.bottom) / 2
        return replace(box, top=middle) if bottom == own else replace(box, bottom=middle)
    return box


def _marker(letter: str, height: int, rng: np.random.Generator) -> Image:
    """Return the letter as attenuation, one in six lying on its side or the wrong way round."""
    size = round(1.6 * height)
    sheet = Picture.new("L", (size, size))
    pen = ImageDraw.Draw(sheet)
    pen.text((size / 2, size / 2), letter, fill=255, font=ImageFont.load_default(height), anchor="mm")
    drawn = np.asarray(sheet, np.float32) / 255.0 * rng.uniform(0.8, 1.0)
    left, top, right, bottom = sheet.getbbox() or (0, 0, size, size)
    rim = max(2, height // 5)
    drawn = drawn[max(0, top - rim) : bottom + rim, max(0, left - rim) : right + rim]
    plate = rng.uniform(0.1, 0.6) if rng.random() < 0.5 else 0.0
    lying = np.rot90(drawn, int(rng.choice([0, 0, 0, 0, 0, 1, 2, 3])))
    return np.maximum(lying, np.float32(plate))
