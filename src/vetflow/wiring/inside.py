"""What the sandbox runs: decode a film, let models look at it, make a small picture of it for people."""

import codecs
from importlib import import_module

import numpy as np
import torch
from numpy.typing import NDArray
from pydicom.charset import python_encoding

from vetflow.adapters.runtime_torch import TorchRuntime
from vetflow.adapters.runtime_trunk import TrunkRuntime
from vetflow.dicom import header, picture, pixels
from vetflow.domain.bundle import Bundle, from_archive
from vetflow.vision import sighting, trunk_sighting
from vetflow.vision.answers import Json
from vetflow.vision.filters import block_means

_PREVIEW = 960

# pydicom and Python look for these late, when the sandbox opens files no more; imported here, each child has them.
_DECODERS = tuple(map(import_module, ("gdcm", "jpeg_ls", "openjpeg", "rle")))
_CHARSETS = tuple(map(codecs.lookup, sorted({*python_encoding.values(), "cp437"})))  # the last one is for zip archives

# torch asks the kernel's files what processor this is, once; where none opens, it takes its slowest code and fails on
# weights of half precision.
_PROCESSOR = torch.backends.cpu.get_cpu_capability()


def look(film: bytes, *, largest: int, **bundles: bytes) -> dict[str, object]:
    """Return what each model sees on a film, decoded once, its preview, and preview pixels per film pixel.

    Parameters
    ----------
    film
        De-identified Part 10 bytes.
    largest
        Bytes of decoded pixels above which nothing is decoded.
    bundles
        Archives of model bundles by any name; ``sights`` are JSON values by the same names.
    """
    stored = pixels.decode(film, largest=largest)
    inverted = pixels.greyscale(header.read(film)).inverted
    sights = {name: _sight(from_archive(bundle), stored, inverted=inverted) for name, bundle in bundles.items()}
    preview, scale = _preview(stored, inverted=inverted)
    return {"sights": sights, "preview": preview, "scale": scale}


def _sight(bundle: Bundle, stored: NDArray[np.generic], *, inverted: bool) -> dict[str, Json]:
    if bundle.manifest.of_trunk:
        return trunk_sighting.to_values(TrunkRuntime(bundle).look(stored, inverted=inverted))
    return sighting.to_values(TorchRuntime(bundle).look(stored, inverted=inverted))


def _preview(stored: NDArray[np.generic], *, inverted: bool) -> tuple[NDArray[np.uint8], float]:
    step = max(1, -(-max(stored.shape) // _PREVIEW))
    rows, columns = (edge // step * step for edge in stored.shape)
    return picture.eight_bit(block_means(stored[:rows, :columns], step), inverted=inverted), 1.0 / step
