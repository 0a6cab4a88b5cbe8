"""Looking at a film with a torch network built from a bundle; weights are safetensors, nothing is unpickled."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from vetflow.adapters.networks import build
from vetflow.domain.bundle import WEIGHTS, Bundle
from vetflow.domain.errors import ConfigurationError, StudyRefused
from vetflow.domain.finding import ModelVersion
from vetflow.domain.sight import Guess, Sight
from vetflow.domain.view import Region, View
from vetflow.vision.film import field, normalise

_HEADS = frozenset({"view", "region", "inverted"})
_CHESTS = frozenset({Region.THORAX, Region.TRUNK})
T = TypeVar("T")


class TorchRuntime:
    """A positioning model ready to look at films.

    Parameters
    ----------
    bundle
        Manifest and weights; the manifest's digest has been checked against the weights.

    Raises
    ------
    ConfigurationError
        The network isn't on the list, or the weights don't fit it.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._manifest = bundle.manifest
        if not set(self._manifest.heads) >= _HEADS:
            raise ConfigurationError(f"a positioning model needs the heads {', '.join(sorted(_HEADS))}")
        self._network = loaded(bundle)

    @property
    def model(self) -> ModelVersion:
        """Name, version and weights digest."""
        return self._manifest.model

    @property
    def sure(self) -> float:
        """Certainty below which the model abstains."""
        return self._manifest.sure

    def look(self, pixels: NDArray[np.generic], *, inverted: bool) -> Sight:
        """Return what the model sees on one film, and on its mirrored copies.

        A film that the model is sure to be shown inverted is looked at again the right way round.

        Parameters
        ----------
        pixels
            Rows by columns, stored or modality values.
        inverted
            Whether low values are bright (MONOCHROME1).

        Raises
        ------
        StudyRefused
            ``model_output_invalid``: the network gave something that isn't a probability.
        """
        shares = self._shares(normalise(pixels, inverted=inverted, size=self._manifest.size))
        swapped = guess(shares["inverted"], (False, True))
        low_is_bright = inverted != (swapped.says and swapped.sure(self.sure))
        if low_is_bright != inverted:
            shares = self._shares(normalise(pixels, inverted=low_is_bright, size=self._manifest.size))
        view = guess(shares["view"], tuple(View(name) for name in self._manifest.heads["view"]))
        region = guess(shares["region"], tuple(Region(name) for name in self._manifest.heads["region"]))
        asked = view.says.plane == "side" and region.says in _CHESTS and "limbs_over" in shares
        return Sight(
            view=view,
            region=region,
            inverted=swapped,
            field=field(pixels, inverted=low_is_bright),
            limbs_over=float(shares["limbs_over"].mean(axis=0)[1]) if asked else None,
            threshold=self.sure,
            model=self.model,
        )

    def _shares(self, grey: NDArray[np.float32]) -> Mapping[str, NDArray[np.float64]]:
        """Return each head's calibrated probabilities, shape (copies, classes); the first copy is the film itself."""
        film = torch.from_numpy(np.ascontiguousarray(grey))
        copies = torch.stack([film, film.flip(2), film.flip(1), film.flip(1, 2)])
        with torch.inference_mode():
            outputs = self._network(copies).double()
        if not bool(torch.isfinite(outputs).all()):
            raise StudyRefused("model_output_invalid")
        parts = torch.split(outputs, [len(classes) for classes in self._manifest.heads.values()], dim=1)
        return {
            head: torch.softmax(part / self._manifest.temperatures[head], dim=1).numpy()
            for head, part in zip(self._manifest.heads, parts, strict=True)
        }


def loaded(bundle: Bundle) -> nn.Module:
    """Return the network of a bundle with its weights; ConfigurationError when they don't fit."""
    manifest = bundle.manifest
    network = build(manifest.network, manifest.settings, outputs=manifest.outputs)
    try:
        network.load_state_dict(load(bundle.files[WEIGHTS]), strict=True)
    except (SafetensorError, RuntimeError) as error:
        raise ConfigurationError("the weights don't fit the network that the bundle names") from error
    return network.eval()


def guess(shares: NDArray[np.float64], classes: tuple[T, ...]) -> Guess[T]:
    """Return what copies of a film, shape (copies, classes), say together, steady where all say it."""
    best = shares.argmax(axis=1)
    mean = shares.mean(axis=0)
    top = int(mean.argmax())
    return Guess(says=classes[top], certainty=float(min(mean[top], 1.0)), steady=bool((best == top).all()))
