"""Pictures that are no film a model was made for, to learn abstention from and to measure it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from vetflow.domain.view import Region
from vetflow.phantoms.films import LIMB_VIEWS, film
from vetflow.phantoms.human import human_chest
from vetflow.phantoms.look import expose
from vetflow.phantoms.raster import Image
from vetflow.vision.filters import blurred

_SIDEWAYS = 0.25
"""Share of human chests seen from the side."""


class Kind(StrEnum):
    """What a picture is instead."""

    HUMAN_CHEST = "human_chest"
    PHOTO = "photo"
    """Textures, shapes and light as photographs have them."""
    NOISE = "noise"
    BLANK = "blank"
    LIMB = "limb"
    """A limb of a dog, which trunk models are not made for either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Negative:
    """A picture without a truth.

    Parameters
    ----------
    pixels
        Stored values, rows by columns.
    inverted
        Whether low values are bright (MONOCHROME1).
    """

    kind: Kind
    pixels: NDArray[np.uint16]
    inverted: bool


def negative(seed: int, kind: Kind, *, size: int = 512) -> Negative:
    """Return a picture of a kind; the same seed gives the same one.

    Raises
    ------
    ConfigurationError
        The bone meshes are not installed, and it is a limb.
    """
    return _MAKERS[kind](seed, size)


def _human(seed: int, size: int) -> Negative:
    rng = _rng(seed)
    made = expose(human_chest(rng, lateral=bool(rng.random() < _SIDEWAYS), size=size), rng)
    return Negative(kind=Kind.HUMAN_CHEST, pixels=made.pixels, inverted=made.photometric == "MONOCHROME1")


def _limb(seed: int, size: int) -> Negative:
    rng = _rng(seed)
    region = (Region.FORELIMB, Region.HINDLIMB)[int(rng.integers(2))]
    made = film(seed, view=LIMB_VIEWS[int(rng.integers(2))], region=region, size=size)
    return Negative(kind=Kind.LIMB, pixels=made.pixels, inverted=made.photometric == "MONOCHROME1")


def _photo(seed: int, size: int) -> Negative:
    """Make clouds of all sizes, a few shapes with edges and a slope of light."""
    rng = _rng(seed)
    rows, columns = size, round(size * rng.uniform(0.65, 1.0))
    grey = rng.uniform(0.2, 1.0) * _clouds(rng, (rows, columns))
    y, x = np.mgrid[0:rows, 0:columns] / size
    for _ in range(int(rng.integers(3, 14))):
        centre, radii, slant = rng.random(2), rng.uniform(0.03, 0.35, 2), rng.uniform(0.0, np.pi)
        along = (x - centre[0]) * np.cos(slant) + (y - centre[1]) * np.sin(slant)
        across = (y - centre[1]) * np.cos(slant) - (x - centre[0]) * np.sin(slant)
        power = 2.0 if rng.random() < 0.5 else 12.0  # ellipse or box
        within = np.abs(along / radii[0]) ** power + np.abs(across / radii[1]) ** power < 1.0
        grey = np.where(within, rng.random() + 0.3 * grey + rng.normal(0.0, 0.5) * along, grey)
    light = rng.normal(0.0, 0.5, 2)
    return _stored(Kind.PHOTO, blurred(grey * (1.0 + light[0] * x + light[1] * y), rng.uniform(0.3, 1.5)))


def _clouds(rng: np.random.Generator, shape: tuple[int, int]) -> Image:
    """Return noise whose power falls with frequency, as in pictures of the world."""
    spectrum = np.fft.rfft2(rng.standard_normal(shape))
    down, across = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    spectrum /= np.maximum(np.hypot(down, across), 1.0 / max(shape)) ** rng.uniform(0.8, 1.6)
    grey = np.fft.irfft2(spectrum, shape)
    return ((grey - grey.min()) / max(float(np.ptp(grey)), 1e-6)).astype(np.float32)


def _noise(seed: int, size: int) -> Negative:
    rng = _rng(seed)
    grey = rng.standard_normal((size, size))
    return _stored(Kind.NOISE, blurred(grey, rng.uniform(0.0, 6.0)) if rng.random() < 0.5 else grey)


def _blank(seed: int, size: int) -> Negative:
    """Make a film with nothing on it: even, or sloping a little, with the detector's own noise."""
    rng = _rng(seed)
    level, noise = rng.integers(0, 4000), rng.choice([0.0, 1.0, 8.0])
    slope = rng.choice([0.0, 60.0]) * np.linspace(0.0, 1.0, size)
    grey = level + slope[None] + noise * rng.standard_normal((size, size))
    return Negative(kind=Kind.BLANK, pixels=np.clip(grey, 0, 4095).astype(np.uint16), inverted=False)


def _stored(kind: Kind, grey: NDArray[np.floating]) -> Negative:
    low, high = float(grey.min()), float(grey.max())
    pixels = np.round((grey - low) / max(high - low, 1e-6) * 4095.0).astype(np.uint16)
    return Negative(kind=kind, pixels=pixels, inverted=False)


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 13])


_MAKERS: Mapping[Kind, Callable[[int, int], Negative]] = {
    Kind.HUMAN_CHEST: _human,
    Kind.PHOTO: _photo,
    Kind.NOISE: _noise,
    Kind.BLANK: _blank,
    Kind.LIMB: _limb,
}
