"""Looking at films through a sandbox: bytes and a model go in, a checked sight and a preview come out."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vetflow.domain.bundle import from_archive
from vetflow.domain.errors import StudyRefused
from vetflow.domain.signalment import Species
from vetflow.ports import Champion, Seen
from vetflow.vision import sighting

_LARGEST_PREVIEW = 4096
_CAVEATS = ("not verified by a veterinarian",)


class Answer(Protocol):
    """What the sandbox gives back."""

    @property
    def arrays(self) -> Mapping[str, object]:
        """Arrays by name."""
        ...

    @property
    def values(self) -> Mapping[str, object]:
        """JSON values by name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxedReader:
    """A film reader whose work is done elsewhere.

    Parameters
    ----------
    run
        Runs the looking in the sandbox with the film's and the bundle's bytes.
    bundle
        Gives a bundle's archive by digest, checked.
    """

    run: Callable[[bytes, bytes], Answer]
    bundle: Callable[[str], bytes]

    def look(self, film: bytes, champion: Champion, *, species: Species | None) -> Seen:
        """Return what the champion sees on a de-identified film; StudyRefused when it can't be decoded."""
        archive = self.bundle(champion.bundle)
        answer = self.run(film, archive)
        values, scale = answer.values.get("sight"), answer.values.get("scale")
        if not isinstance(values, dict) or not isinstance(scale, float):
            raise StudyRefused("model_output_invalid", "the model gave something that is no answer")
        sight = sighting.from_values(cast("Mapping[str, object]", values), model=champion.model)
        manifest = from_archive(archive).manifest
        stranger = species is not None and species not in manifest.species
        return Seen(
            sight=None if stranger else sight,
            preview=_png(answer.arrays.get("preview")),
            scale=scale,
            caveats=(f"trained on {manifest.trained_on}", *_CAVEATS),
            abstained=f"the model is not meant for this species ({species})" if stranger else "",
        )


def _png(array: object) -> bytes:
    if not isinstance(array, np.ndarray):
        raise StudyRefused("model_output_invalid", "the sandbox gave no preview")
    grey = cast("NDArray[np.uint8]", array)
    if grey.dtype != np.uint8 or grey.ndim != 2 or max(grey.shape) > _LARGEST_PREVIEW:
        raise StudyRefused("model_output_invalid", "the sandbox gave a preview of another kind")
    held = io.BytesIO()
    Image.fromarray(grey).save(held, "PNG", compress_level=1)
    return held.getvalue()
