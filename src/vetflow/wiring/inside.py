"""What the sandbox runs: decode a film, look at it, make a small picture of it for people."""

import codecs
from dataclasses import replace
from importlib import import_module

import numpy as np
from numpy.typing import NDArray
from pydicom.charset import python_encoding

from vetflow.adapters.runtime_torch import TorchRuntime
from vetflow.dicom import header, picture, pixels
from vetflow.domain.bundle import from_archive
from vetflow.vision import sighting
from vetflow.vision.filters import block_means

_PREVIEW = 960

# pydicom and Python look for these late, when the sandbox opens files no more; imported here, each child has them.
_DECODERS = tuple(map(import_module, ("gdcm", "jpeg_ls", "openjpeg", "rle")))
_CHARSETS = tuple(map(codecs.lookup, sorted({*python_encoding.values(), "cp437"})))  # the last one is for zip archives


def look(film: bytes, bundle: bytes, *, largest: int) -> dict[str, object]:
    """Return the sight of a film as JSON values, its preview as an 8-bit array, and preview pixels per film pixel.

    Parameters
    ----------
    film
        De-identified Part 10 bytes.
    bundle
        Archive of the model bundle.
    largest
        Bytes of decoded pixels above which nothing is decoded.
    """
    stored = pixels.decode(film, largest=largest)
    grey = pixels.greyscale(header.read(film))
    runtime = TorchRuntime(from_archive(bundle))
    sight = replace(runtime.look(stored, inverted=grey.inverted), threshold=runtime.sure)
    preview, scale = _preview(stored, inverted=grey.inverted)
    return {"sight": sighting.to_values(sight), "preview": preview, "scale": scale}


def _preview(stored: NDArray[np.generic], *, inverted: bool) -> tuple[NDArray[np.uint8], float]:
    step = max(1, -(-max(stored.shape) // _PREVIEW))
    rows, columns = (edge // step * step for edge in stored.shape)
    return picture.eight_bit(block_means(stored[:rows, :columns], step), inverted=inverted), 1.0 / step
