"""What a trunk model says of the real pictures there are: one film of a cat laid every way, and what is no film."""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray

from vetflow.domain.errors import ConfigurationError
from vetflow.training.evaluation import real_film
from vetflow.training.trunk.measuring import Look
from vetflow.training.trunk.sayings import Saying, saying

Pixels = NDArray[np.generic]
_OTHERS: Mapping[str, tuple[str, ...]] = {
    "photograph": tuple(f"dicom-cookies/image{number}.dcm" for number in range(1, 8)),
    "ultrasound": ("ultrasounds/GREYSCALE_IMAGE.dcm",),
    "human CT slice": ("humans/ctbrain1.dcm", "humans/ctbrain2.dcm"),
}
"""Pictures of the package deid-data that are no radiographs; it has none of a human chest."""


def film_pixels() -> Pixels | None:
    """Return the real film, bone bright, shape (rows, columns); None when deid-data isn't installed.

    Raises
    ------
    ConfigurationError
        It is another film than the one that is known.
    """
    path = real_film()
    if path is None:
        return None
    stored = pydicom.dcmread(path)
    if stored.PhotometricInterpretation != "MONOCHROME2":
        raise ConfigurationError("the real film is not the one that the evaluation knows")
    return stored.pixel_array


def laid(pixels: Pixels) -> Mapping[str, Pixels]:
    """Return a film laid eight ways."""
    dark = pixels.max() - pixels
    return {
        "as is": pixels, "mirrored": pixels[:, ::-1], "upside down": pixels[::-1],
        "turned by 90 degrees": np.rot90(pixels, -1), "turned by 180 degrees": np.rot90(pixels, 2),
        "turned by 270 degrees": np.rot90(pixels, 1), "inverted": dark, "inverted and mirrored": dark[:, ::-1],
    }  # fmt: skip


def real_sayings(look: Look) -> tuple[Saying, ...]:
    """Return what a model says of the real film laid every way; empty when it isn't installed."""
    pixels = film_pixels()
    if pixels is None:
        return ()
    return tuple(
        saying(name, look(np.ascontiguousarray(picture), inverted=False)) for name, picture in laid(pixels).items()
    )


def other_sayings(look: Look) -> tuple[Saying, ...]:
    """Return what a model says of real pictures that are no films; empty when deid-data isn't installed."""
    return tuple(saying(what, look(pixels, inverted=False)) for what, pixels in _others())


def _others() -> Iterator[tuple[str, Pixels]]:
    spec = find_spec("deid_data")
    if spec is None or spec.origin is None:
        return
    data = Path(spec.origin).parent / "data"
    for what, names in _OTHERS.items():
        for name in names:
            if (data / name).is_file():
                pixels = pydicom.dcmread(data / name).pixel_array
                yield what, pixels if pixels.ndim == 2 else pixels.mean(axis=2)
