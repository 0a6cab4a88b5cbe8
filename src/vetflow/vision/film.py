"""A film made ready for a network, and the collimated field in it."""

import numpy as np
from numpy.typing import NDArray

from vetflow.domain.place import Box, Fit, Point
from vetflow.domain.sight import Field
from vetflow.vision.filters import Grey, Mask, block_means, blurred, largest, sampled, without_thin

Pixels = NDArray[np.generic]

_WORKING = 512
_FLAT = 0.05
_AIR = 0.5
_TOUCH = 0.10
_STRIP = 2
_DEPTH = 0.06
_ROUND = 0.5


def normalise(pixels: Pixels, *, inverted: bool, size: int) -> Grey:
    """Return a film as the network sees it, shape (1, size, size); see `fitted`."""
    return fitted(pixels, inverted=inverted, size=size)[0][None]


def fitted(pixels: Pixels, *, inverted: bool, size: int) -> tuple[Grey, Fit]:
    """Return a film as a network sees it, shape (size, size), 0 to 1, bone bright, and where its points lie there.

    Uniform borders are cropped, the rest is windowed between its 0.5th and 99.5th percentile, scaled to fit and
    padded with black; nothing of the exposed field is cut off. A film without any contrast becomes all black.

    Parameters
    ----------
    pixels
        Rows by columns of stored or modality values; what is not finite counts as darkest.
    inverted
        Whether low values are bright (MONOCHROME1).
    """
    grey, step = _reduced(_finite(pixels))
    grey = -grey if inverted else grey
    top, bottom, left, right = _exposed(grey)
    square, scale, offset = _fitted(_windowed(grey[top:bottom, left:right]), size)
    place = Fit(
        scale=(scale[0] / step, scale[1] / step), offset=(offset[0] - left * scale[0], offset[1] - top * scale[1])
    )
    return square, place


def field(pixels: Pixels, *, inverted: bool = False) -> Field:
    """Return the exposed field of a film and where the body runs out of it.

    Direct exposure that a display shows as black as a shutter can't be told from it: the field is then the smallest
    box that is sure to be exposed.

    Parameters
    ----------
    inverted
        Whether low values are bright, by tag or because the picture is shown so.
    """
    whole = _finite(pixels)
    grey, step = _reduced(-whole if inverted else whole)
    top, bottom, left, right = _exposed(grey)
    rows, columns = whole.shape
    box = Box(
        left=left * step, top=top * step, right=min(right * step, columns), bottom=min(bottom * step, rows)
    )  # fmt: skip
    inside = whole[int(box.top) : int(box.bottom), int(box.left) : int(box.right)]
    return Field(
        box=box,
        exposed=inside.size / whole.size,
        touching=_touching(grey[top:bottom, left:right]),
        saturated=_saturated(inside, low=float(whole.min()), high=float(whole.max())),
    )


def _finite(pixels: Pixels) -> Grey:
    if pixels.ndim != 2 or min(pixels.shape) < 1:
        raise ValueError("a film has rows and columns")
    values = pixels.astype(np.float32)
    known = np.isfinite(values)
    if known.all():
        return values
    low = float(values[known].min()) if known.any() else 0.0
    return np.where(known, values, np.float32(low))


def _reduced(values: Grey) -> tuple[Grey, int]:
    """Average blocks so that the longer side is at most 512; noise goes with it."""
    step = max(1, -(-max(values.shape) // _WORKING))
    if step == 1:
        return values, 1
    rows, columns = (-(-edge // step) for edge in values.shape)
    padding = (rows * step - values.shape[0], columns * step - values.shape[1])
    padded = np.pad(values, ((0, padding[0]), (0, padding[1])), mode="edge")
    return block_means(padded, step), step


def _exposed(grey: Grey) -> tuple[int, int, int, int]:
    """Return top, bottom, left, right of what is left when flat rows and columns are taken off the edges."""
    low, high = np.percentile(grey, [0.5, 99.5])
    grey = blurred(grey, 1.0)
    flat = _FLAT * float(high - low)
    top, bottom, left, right = 0, grey.shape[0], 0, grey.shape[1]
    for _ in range(3):
        rows = _busy(grey[top:bottom, left:right], axis=1, flat=flat)
        columns = _busy(grey[top:bottom, left:right], axis=0, flat=flat)
        if rows is None or columns is None:
            break
        if rows == (0, bottom - top) and columns == (0, right - left):
            break
        top, bottom = top + rows[0], top + rows[1]
        left, right = left + columns[0], left + columns[1]
    return top, bottom, left, right


def _busy(grey: Grey, *, axis: int, flat: float) -> tuple[int, int] | None:
    low, high = np.percentile(grey, [3, 97], axis=axis)
    spread = high - low
    busy = np.flatnonzero(spread > flat)
    return (int(busy[0]), int(busy[-1]) + 1) if len(busy) else None


def _windowed(grey: Grey) -> Grey:
    low, high = (float(value) for value in np.percentile(grey, [0.5, 99.5]))
    if high <= low:
        return np.zeros_like(grey)
    return np.clip((grey - low) / (high - low), 0.0, 1.0).astype(np.float32)


def _fitted(grey: Grey, size: int) -> tuple[Grey, Point, Point]:
    """Return the square, and scale and offset by column and by row."""
    scale = size / max(grey.shape)
    if scale < 1.0:
        grey = blurred(grey, 0.35 / scale)
    height, width = (max(1, round(edge * scale)) for edge in grey.shape)
    drawn = sampled(grey, _centres(int(grey.shape[0]), height), _centres(int(grey.shape[1]), width))
    square = np.zeros((size, size), np.float32)
    top, left = (size - height) // 2, (size - width) // 2
    square[top : top + height, left : left + width] = drawn
    return square, (width / grey.shape[1], height / grey.shape[0]), (float(left), float(top))


def _centres(edge: int, count: int) -> NDArray[np.float64]:
    """Return where the centres of `count` even pixels lie along `edge` pixels."""
    return (np.arange(count, dtype=np.float64) + 0.5) * (edge / count) - 0.5


def _touching(grey: Grey) -> tuple[str, ...]:
    """Return the edges along which the body, the largest thing brighter than direct exposure, is cut.

    Borders have been taken off up to the body where direct exposure is as flat as a shutter: a round end then touches
    the border along a short piece that soon grows, a cut end along a long one that does not.
    """
    if float(grey.max()) <= float(grey.min()):
        return ()
    body = _body(grey)
    sides = {"left": body.T, "top": body, "right": body.T[::-1], "bottom": body[::-1]}
    return tuple(edge for edge, side in sides.items() if _cut(side))


def _cut(body: Mask) -> bool:
    """Whether a body is about as long along the first rows of its mask as it is somewhat further in."""
    at_edge = float(body[:_STRIP].any(axis=0).mean())
    deep = max(_STRIP, int(_DEPTH * body.shape[0]))
    further_in = float(body[deep : deep + _STRIP].any(axis=0).mean())
    return at_edge > _TOUCH and at_edge > _ROUND * further_in


def _body(grey: Grey) -> Mask:
    smooth = blurred(grey, 1.5)
    return largest(without_thin(smooth > _air_below(smooth), max(1, min(grey.shape) // 60)))


def _air_below(grey: Grey) -> float:
    """Return a value between direct exposure and body: some way from the darkest towards Otsu's threshold."""
    counts, edges = np.histogram(grey, bins=128)
    centres = (edges[:-1] + edges[1:]) / 2
    share = np.cumsum(counts) / counts.sum()
    mean = np.cumsum(counts * centres) / counts.sum()
    apart = (mean[-1] * share - mean) ** 2 / np.maximum(share * (1 - share), 1e-9)
    low = float(np.percentile(grey, 1.0))
    return low + _AIR * (float(centres[int(np.argmax(apart))]) - low)


def _saturated(inside: Grey, *, low: float, high: float) -> float:
    if high <= low:
        return 1.0
    return float(((inside <= low) | (inside >= high)).mean())
