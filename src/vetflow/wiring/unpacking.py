"""Compressed pixels are decoded in the sandbox also where only a mask is to be laid over them."""

from collections.abc import Callable
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from vetflow.dicom import masks
from vetflow.settings import Settings

# Python looks for these late, when the sandbox opens files no more; imported here, each child has them.
_DECODERS = tuple(map(import_module, ("gdcm", "jpeg_ls", "openjpeg", "rle")))


def unpack(film: bytes, *, largest: int) -> NDArray[np.generic]:
    """Return the pixels of a film; runs in the sandbox.

    Parameters
    ----------
    film
        Part 10 bytes.
    largest
        Bytes of decoded pixels above which nothing is decoded.
    """
    return masks.decode(film, largest=largest)


def rules(settings: Settings) -> tuple[masks.PixelMaskRule, ...]:
    """Return the site's masks."""
    return tuple(masks.PixelMaskRule(**mask.model_dump()) for mask in settings.masks)


def decoder(settings: Settings) -> Callable[[bytes], NDArray[np.generic]]:
    """Return what decodes a film in a child without files, keys and network, within the site's limits."""
    from vetflow.adapters.sandbox import Function, Sandbox, nursery

    box = Sandbox(
        functions={"unpack": Function(target=f"{__name__}:unpack", crash="decoder_crashed")},
        nursery=nursery,
        seconds=settings.limits.sandbox_seconds,
        memory_mb=settings.limits.sandbox_memory_mb,
    )
    largest = {"largest": settings.limits.largest_film_pixels * 2}
    return lambda film: box.run("unpack", arrays={"film": film}, values=largest).array()
