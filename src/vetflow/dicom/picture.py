"""Pictures of a film with what was found, for people: made from pixels alone, so no header text can get in.

Text burned into the pixels would show; a film whose header admits to some is left out of its own picture.
"""

import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vetflow.dicom.marks import Pen, legible
from vetflow.domain import clipping, tracking
from vetflow.domain.clipping import Extent
from vetflow.domain.finding import Assessment, Finding, Presence, Verdict, percent
from vetflow.domain.place import Line, Mask, Point
from vetflow.domain.standing import SUGGESTION, Standing
from vetflow.domain.upheld import Upheld, upheld

TITLE = "AI suggestion - not verified"
SIGNED_TITLE = "AI-assisted, signed by a veterinarian"
HIDDEN = "Not shown: text may be burned in"
_MARGIN = 380
_PADDING = 14
_TEXT, _SMALL = 15, 13
_LETTERS = 46
_GROUND, _INK, _FAINT, _STRUCTURE = "#101418", "#e8eaed", "#9aa0a6", "#8ab4f8"
_AMBER, _GREEN = "#fbbc04", "#81c995"
_COLOURS = {Presence.PRESENT: _AMBER, Presence.ABSENT: _GREEN, Presence.UNDETERMINED: _FAINT}
_MARKS = {Presence.PRESENT: "+", Presence.ABSENT: "-", Presence.UNDETERMINED: "?"}
_VERDICTS = {
    Verdict.FINDINGS: "Something to look at",
    Verdict.NOTHING: "Nothing to complain of",
    Verdict.ABSTAINED: "No judgement",
}
_DESCRIBED = "Anatomy named, not assessed for disease"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A small picture of one image of a case, before anything is drawn on it.

    Parameters
    ----------
    png
        8-bit greyscale PNG.
    scale
        Preview pixels per pixel of the image.
    aspect
        Height of the image's pixels over their width.
    image, frame
        Number of the image among those of the case, from 0; number of its frame, from 1, None for an image of one.
    hidden
        Text may be burned into the pixels: leave them out.
    extent
        Size of the image itself; None takes what the preview shows, which may lack a last row or column.
    """

    png: bytes
    scale: float
    aspect: float = 1.0
    image: int = 0
    frame: int | None = None
    hidden: bool = False
    extent: Extent | None = None

    def shows(self, finding: Finding) -> bool:
        """Whether a finding lies on this image."""
        return finding.image == self.image and finding.frame in {None, self.frame}

    def slice_of(self, mask: Mask) -> NDArray[np.bool_] | None:
        """Return what a mask covers of this image, rows × columns; None when it is a mask of another one."""
        if len(mask.pixels) == 1:
            return mask.pixels[0] if mask.image == self.image else None
        number = self.image if self.frame is None else self.frame - 1
        one_volume = self.frame is None and mask.image == 0
        return mask.pixels[number] if number < len(mask.pixels) and (one_volume or mask.image == self.image) else None


def eight_bit(pixels: NDArray[np.generic], *, inverted: bool) -> NDArray[np.uint8]:
    """Return a film as shades, bone bright: the middle 99 % of its values from black to white.

    Parameters
    ----------
    pixels
        Stored values, rows × columns.
    inverted
        MONOCHROME1: low values are bright.
    """
    values = pixels.astype(np.float32)
    low, high = (float(edge) for edge in np.percentile(values, [0.5, 99.5]))
    shades = np.clip((values - low) / max(high - low, 1e-6), 0.0, 1.0)
    return np.rint((1.0 - shades if inverted else shades) * 255).astype(np.uint8)


def overlay(preview: bytes, assessment: Assessment, *, scale: float, hidden: bool = False, width: int = 1200) -> bytes:
    """Return a PNG of a case's only film with what was found drawn in and told beside it; see :func:`drawing`."""
    return png(drawing(Preview(png=preview, scale=scale, hidden=hidden), assessment, width=width))


def png(picture: NDArray[np.uint8]) -> bytes:
    """Return a picture as a PNG."""
    held = io.BytesIO()
    Image.fromarray(picture).save(held, "PNG", compress_level=1)
    return held.getvalue()


def drawing(
    preview: Preview, assessment: Assessment, *, standing: Standing = SUGGESTION, width: int = 1200
) -> NDArray[np.uint8]:
    """Return an image with its findings and structures drawn in, all findings of the case in words beside it.

    A finding bears the same number in the image and in words. What a veterinarian rejected is named and not drawn.

    Parameters
    ----------
    width
        Width of the image in the picture at most, pixels; it is never enlarged.

    Returns
    -------
    NDArray[np.uint8]
        Rows × columns × red, green, blue.
    """
    film, ratio = _film(preview, width)
    pen = Pen(picture=film, across=preview.scale * ratio, down=preview.scale * ratio * preview.aspect)
    findings = list(_numbered(preview, assessment, standing, preview.extent or pen.extent))
    stands = upheld(assessment, standing)
    _draw_structures(pen, preview, stands)
    for number, finding, claimed in findings:
        if claimed and preview.shows(finding):
            _draw(pen, finding, str(number))
    lines = [*_head(assessment, standing, stands), *_lines(preview, findings)]
    return np.asarray(_beside(film, lines))


def _numbered(
    preview: Preview, assessment: Assessment, standing: Standing, extent: Extent
) -> Iterator[tuple[int, Finding, bool]]:
    """Yield number and finding, brought inside the image that is shown, and whether it is still claimed."""
    frames = replace(extent, frames=preview.frame or 1)
    named = zip(tracking.identifiers(assessment.findings), assessment.findings, strict=True)
    for number, (identifier, finding) in enumerate(named, 1):
        inside = clipping.inside(finding, frames) if preview.shows(finding) else finding
        yield number, inside, identifier not in standing.rejected


def _draw_structures(pen: Pen, preview: Preview, stands: Upheld) -> None:
    for _, mask in stands.structures:
        covered = preview.slice_of(mask)
        if covered is not None and covered.any():
            pen.outline(covered, _STRUCTURE)
            pen.text(mask.label.meaning, _top(covered), _STRUCTURE)


def _beside(film: Image.Image, lines: Sequence[tuple[str, str, int]]) -> Image.Image:
    height = max(film.height, 2 * _PADDING + sum(size + 4 for _, _, size in lines))
    canvas = Image.new("RGB", (film.width + _MARGIN, height), _GROUND)
    canvas.paste(film, (0, 0))
    pen, top = ImageDraw.Draw(canvas), _PADDING
    for text, colour, size in lines:
        pen.text((film.width + _PADDING, top), legible(text), fill=colour, font=ImageFont.load_default(size))
        top += size + 4
    return canvas


def _film(preview: Preview, width: int) -> tuple[Image.Image, float]:
    """Return the film as it will lie in the picture, and picture columns per preview column."""
    with Image.open(io.BytesIO(preview.png)) as image:
        shades = image.convert("L")
    ratio = min(1.0, width / shades.width)
    size = max(1, round(shades.width * ratio)), max(1, round(shades.height * ratio * preview.aspect))
    if not preview.hidden:
        return shades.resize(size).convert("RGB"), ratio
    blank = Image.new("RGB", size, (24, 24, 24))
    ImageDraw.Draw(blank).text((_PADDING, _PADDING), HIDDEN, fill=_FAINT, font=ImageFont.load_default(_SMALL))
    return blank, ratio


def _draw(pen: Pen, finding: Finding, number: str) -> None:
    colour = _COLOURS[finding.presence]
    if box := finding.box:
        pen.box(box, colour)
        pen.text(number, (box.left, box.top), colour)
    for point in finding.points:
        pen.point(point.at, colour)
        pen.text(f"{number} {finding.called(point)}", point.at, colour)
    for line in (line for measurement in finding.measurements for line in measurement.lines):
        pen.line(line, colour)
        pen.text(f"{number} {line.name.meaning}", _along(line), colour)


def _along(line: Line) -> Point:
    """Return a point a quarter along the first stretch: lines often cross in the middle and end at landmarks."""
    (left, top), (right, bottom) = line.points[:2]
    return left + (right - left) / 4, top + (bottom - top) / 4


def _top(covered: NDArray[np.bool_]) -> Point:
    row = int(covered.any(axis=1).argmax())
    return float(np.nonzero(covered[row])[0].mean()), float(row)


def _head(assessment: Assessment, standing: Standing, stands: Upheld) -> Iterator[tuple[str, str, int]]:
    """Yield text, colour and size of the first lines beside the film."""
    yield (SIGNED_TITLE, _GREEN, _TEXT + 2) if standing.signature else (TITLE, _AMBER, _TEXT + 2)
    yield _DESCRIBED if stands.described else _VERDICTS[stands.verdict], _INK, _TEXT
    if assessment.abstained:
        yield from _wrapped(f"Abstained: {assessment.abstained}", _FAINT)
    if model := assessment.model:
        yield f"{model.name} {model.version}, weights {model.digest[:12]}", _FAINT, _SMALL


def _lines(preview: Preview, findings: Iterable[tuple[int, Finding, bool]]) -> Iterator[tuple[str, str, int]]:
    for number, finding, claimed in findings:
        yield "", _INK, _SMALL // 2
        elsewhere = "" if finding.image == preview.image else f" (image {finding.image + 1})"
        if claimed:
            said = f"{number} {_MARKS[finding.presence]} {finding.says}{_sure(finding)}{elsewhere}"
            yield from _wrapped(said, _COLOURS[finding.presence])
        else:
            yield from _wrapped(f"{number}  Rejected by a veterinarian: {finding.code.meaning}{elsewhere}", _FAINT)


def _wrapped(text: str, colour: str) -> Iterator[tuple[str, str, int]]:
    yield from ((line, colour, _SMALL) for line in textwrap.wrap(text, _LETTERS, subsequent_indent="  "))


def _sure(finding: Finding) -> str:
    return "" if finding.certainty is None else f" ({percent(finding.certainty)})"
