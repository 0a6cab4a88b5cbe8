"""Pictures of a film with what was found, for people: made from pixels alone, so no header text can get in.

Text burned into the pixels would show; a film whose header admits to some is left out of its own picture.
"""

import io
import textwrap
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vetflow.domain.finding import Assessment, Finding, Presence, Verdict
from vetflow.domain.place import Box

TITLE = "AI suggestion - not verified"
_MARGIN = 380
_PADDING = 14
_TEXT, _SMALL = 15, 13
_LETTERS = 46
_GROUND, _INK, _FAINT = "#101418", "#e8eaed", "#9aa0a6"
_COLOURS = {Presence.PRESENT: "#fbbc04", Presence.ABSENT: "#81c995", Presence.UNDETERMINED: "#9aa0a6"}
_MARKS = {Presence.PRESENT: "+", Presence.ABSENT: "-", Presence.UNDETERMINED: "?"}
_VERDICTS = {
    Verdict.FINDINGS: "Something to look at",
    Verdict.NOTHING: "Nothing to complain of",
    Verdict.ABSTAINED: "No judgement",
}


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


def thumbnail(
    pixels: NDArray[np.generic], assessment: Assessment, *, inverted: bool = False, width: int = 640
) -> bytes:
    """Return a PNG of a film, ``width`` pixels wide at most, with its findings beside it."""
    step = max(1, pixels.shape[1] // (2 * width))
    shades = Image.fromarray(eight_bit(pixels[::step, ::step], inverted=inverted))
    return _drawn(shades, assessment, scale=1 / step, width=width)


def overlay(preview: bytes, assessment: Assessment, *, scale: float, hidden: bool = False, width: int = 1200) -> bytes:
    """Return a PNG of a film's preview with boxes drawn in and findings beside it.

    Parameters
    ----------
    preview
        8-bit greyscale PNG of the film.
    scale
        Preview pixels per film pixel.
    hidden
        The header says that text is burned into the pixels (BurnedInAnnotation): leave the film out.
    width
        Width of the film in the picture at most, pixels.
    """
    with Image.open(io.BytesIO(preview)) as image:
        shades = image.convert("L")
    if hidden:
        shades = Image.new("L", shades.size, 24)
    return _drawn(shades, assessment, scale=scale, width=width, note="Not shown: text burned in" if hidden else "")


def _drawn(shades: Image.Image, assessment: Assessment, *, scale: float, width: int, note: str = "") -> bytes:
    ratio = min(1.0, width / shades.width)
    film = shades.resize((max(1, round(shades.width * ratio)), max(1, round(shades.height * ratio))))
    lines = list(_lines(assessment))
    height = max(film.height, 2 * _PADDING + sum(line[2] + 4 for line in lines))
    canvas = Image.new("RGB", (film.width + _MARGIN, height), _GROUND)
    canvas.paste(film, (0, 0))
    pen = ImageDraw.Draw(canvas)
    for finding in assessment.findings:
        if finding.box:
            pen.rectangle(_corners(finding.box, scale * ratio), outline=_COLOURS[finding.presence], width=2)
    pen.text((_PADDING, _PADDING), note, fill=_FAINT, font=ImageFont.load_default(_SMALL))
    _write(pen, lines, left=film.width + _PADDING)
    held = io.BytesIO()
    canvas.save(held, "PNG", compress_level=1)
    return held.getvalue()


def _write(pen: ImageDraw.ImageDraw, lines: list[tuple[str, str, int]], *, left: int) -> None:
    top = _PADDING
    for text, colour, size in lines:
        pen.text((left, top), text, fill=colour, font=ImageFont.load_default(size))
        top += size + 4


def _corners(box: Box, scale: float) -> tuple[float, float, float, float]:
    return box.left * scale, box.top * scale, box.right * scale - 1, box.bottom * scale - 1


def _lines(assessment: Assessment) -> Iterator[tuple[str, str, int]]:
    """Yield text, colour and size of every line beside the film."""
    yield TITLE, _COLOURS[Presence.PRESENT], _TEXT + 2
    yield _VERDICTS[assessment.verdict], _INK, _TEXT
    if assessment.abstained:
        yield from _wrapped(f"Abstained: {assessment.abstained}", _FAINT)
    if model := assessment.model:
        yield f"{model.name} {model.version}, weights {model.digest[:12]}", _FAINT, _SMALL
    for finding in assessment.findings:
        yield "", _INK, _SMALL // 2
        yield from _wrapped(f"{_MARKS[finding.presence]} {finding.says}{_sure(finding)}", _COLOURS[finding.presence])


def _wrapped(text: str, colour: str) -> Iterator[tuple[str, str, int]]:
    yield from ((line, colour, _SMALL) for line in textwrap.wrap(text, _LETTERS, subsequent_indent="  "))


def _sure(finding: Finding) -> str:
    return "" if finding.certainty is None else f" ({finding.certainty:.0%})"
