"""Marks on a small picture of an image, given in the image's own pixels: boxes, points, lines and outlines."""

import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from vetflow.domain.clipping import Extent
from vetflow.domain.place import Box, Line, Point

_WIDTH = 2
_RADIUS = 5
_LETTERS = 13
_HALO = 2
_BLACK = "#000000"
_SPELT = str.maketrans({
    **dict.fromkeys("\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}", "-"),
    "×": "x", "≥": ">=", "≤": "<=", "→": "->", "≈": "~", "•": "-", "ß": "ss", "ø": "o", "ł": "l",
})  # fmt: skip
_HAS = "±°µ·‘’“”"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pen:
    """Draws on a picture of an image.

    Parameters
    ----------
    picture
        RGB; drawn upon in place.
    across, down
        Pixels of the picture per column and per row of the image.
    """

    picture: Image.Image
    across: float
    down: float

    @property
    def extent(self) -> Extent:
        """Size of the image, as much of it as the picture shows."""
        columns, rows = self.picture.width / self.across, self.picture.height / self.down
        return Extent(columns=max(1, round(columns)), rows=max(1, round(rows)))

    def box(self, box: Box, colour: str) -> None:
        """Draw a box, its lines inside its edges."""
        (left, top), (right, bottom) = self._at((box.left, box.top)), self._at((box.right, box.bottom))
        if right - left > 1 and bottom - top > 1:
            ImageDraw.Draw(self.picture).rectangle((left, top, right - 1, bottom - 1), outline=colour, width=_WIDTH)

    def point(self, at: Point, colour: str) -> None:
        """Draw a ring around a point, which itself stays to be seen."""
        column, row = (int(edge) for edge in self._at(at))
        ring = (column - _RADIUS, row - _RADIUS, column + _RADIUS, row + _RADIUS)
        ImageDraw.Draw(self.picture).ellipse(ring, outline=colour, width=_WIDTH)

    def line(self, line: Line, colour: str) -> None:
        """Draw an open polyline."""
        ImageDraw.Draw(self.picture).line([self._at(point) for point in line.points], fill=colour, width=_WIDTH)

    def outline(self, mask: NDArray[np.bool_], colour: str) -> None:
        """Draw the inner edge of a mask of the image's own matrix, rows × columns."""
        shown = mask[: self.extent.rows, : self.extent.columns].astype(np.uint8) * 255
        shape = Image.fromarray(shown).resize(self.picture.size, Image.Resampling.NEAREST)
        self.picture.paste(
            colour, mask=ImageChops.difference(shape, shape.filter(ImageFilter.MinFilter(2 * _WIDTH + 1)))
        )

    def text(self, words: str, at: Point, colour: str) -> None:
        """Write beside a point, with a halo that keeps it readable on bone and on air, and inside the picture."""
        words, font, pen = legible(words), ImageFont.load_default(_LETTERS), ImageDraw.Draw(self.picture)
        column, row = self._at(at)
        left = min(column + _RADIUS, self.picture.width - pen.textlength(words, font) - _HALO)
        top = min(row + _RADIUS, self.picture.height - _LETTERS - _HALO)
        pen.text(
            (max(left, _HALO), max(top, _HALO)), words, fill=colour, font=font, stroke_width=_HALO, stroke_fill=_BLACK
        )

    def _at(self, point: Point) -> Point:
        return point[0] * self.across, point[1] * self.down


def legible(text: str) -> str:
    """Return a text in letters that Pillow's own font has: without accents, signs spelt out, the rest as ``?``."""
    return "".join(map(_letter, text.translate(_SPELT)))


def _letter(letter: str) -> str:
    if letter.isascii() or letter in _HAS:
        return letter
    parts = unicodedata.normalize("NFKD", letter).replace("\N{FRACTION SLASH}", "/")
    bare = "".join(part for part in parts if part.isascii())
    return bare or ("" if unicodedata.combining(letter) else "?")
