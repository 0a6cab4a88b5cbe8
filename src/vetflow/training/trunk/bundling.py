"""From a fitted trunk network to a bundle: weights, manifest, calibration, card, and an example with its answer."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from safetensors.torch import save

from vetflow.adapters.runtime_trunk import TrunkRuntime
from vetflow.adapters.trunk_frame import SQUARE
from vetflow.domain.bundle import CARD, METADATA, WEIGHTS, Bundle
from vetflow.domain.trunk_card import PATH, TrunkCard
from vetflow.domain.trunk_sight import HEADS, OUTLINES, POINTS
from vetflow.domain.view import Region, View
from vetflow.phantoms.trunk.developing import trunk_film
from vetflow.phantoms.trunk.order import Order
from vetflow.training.bundling import about

NAME, VERSION = "trunk", "0.1.0"
SURE = 0.8
"""Certainty below which the model abstains."""
_GOLDEN_SEED, _GOLDEN_SIDE = 4712, 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A fitted network and all that is known of how it came about.

    Parameters
    ----------
    weights
        State of the network, neighbours included.
    films
        Phantoms learnt from; ``looks`` were developed of each.
    parent
        SHA-256 of the weights that were learnt on; empty when the fit began from nothing.
    last_loss
        Mean over the last hundred steps.
    """

    settings: Mapping[str, int | str | tuple[int, ...]]
    weights: Mapping[str, torch.Tensor]
    temperatures: Mapping[str, float]
    card: TrunkCard
    sure: float = SURE
    seed: int = 0
    films: int = 0
    looks: int = 0
    steps: int = 0
    dataset: str = ""
    parent: str = ""
    last_loss: float | None = None

    @property
    def parameters(self) -> int:
        """Number of weights, kept neighbours not counted."""
        return sum(weight.numel() for name, weight in self.weights.items() if name != "neighbours")


def bundled(
    draft: Draft,
    *,
    card: str = "Not measured yet.\n",
    measured: Mapping[str, object] | None = None,
    pictures: Mapping[str, bytes] | None = None,
) -> Bundle:
    """Return the bundle of a draft.

    Parameters
    ----------
    card
        Markdown for people.
    measured
        Figures; a bundle without them is good for measuring only.
    pictures
        PNG files by path within the bundle, for the card.
    """
    weights = save({name: _halved(weight).contiguous() for name, weight in draft.weights.items()})
    metadata = json.dumps(_metadata(draft, weights, measured), indent=2).encode() + b"\n"
    files = {METADATA: metadata, WEIGHTS: weights, CARD: card.encode(), PATH: draft.card.to_bytes()}
    return Bundle(files={**files, **(pictures or {}), **(golden(Bundle(files=files)) if measured else {})})


def _halved(weight: torch.Tensor) -> torch.Tensor:
    """Return weights in half precision: they were learnt in less, and the file is half as long."""
    return weight.half() if weight.dtype is torch.float32 else weight


def golden(bundle: Bundle) -> Mapping[str, bytes]:
    """Return an example film, synthetic, and what the model says of it: view, and the landmarks it sees."""
    order = Order(seed=_GOLDEN_SEED, view=View.RIGHT_LATERAL, region=Region.THORAX)
    film = trunk_film(order, size=_GOLDEN_SIDE).film
    inverted = film.photometric == "MONOCHROME1"
    sight = TrunkRuntime(bundle).look(film.pixels, inverted=inverted)
    held = io.BytesIO()
    np.save(held, film.pixels, allow_pickle=False)
    answer = {
        "inverted": inverted,
        "plane": sight.plane.says,
        "region": sight.region.says,
        "spots": {name: [round(edge, 2) for edge in spot.at] for name, spot in sight.spots.items()},
    }
    return {"golden/film.npy": held.getvalue(), "golden/sight.json": json.dumps(answer, indent=2).encode() + b"\n"}


def _metadata(draft: Draft, weights: bytes, measured: Mapping[str, object] | None) -> dict[str, object]:
    return {
        **about(NAME, VERSION),
        "task": "Positioning, heart, anatomy and emergencies on radiographs of the trunk of dogs and cats",
        "intended_use": "Suggestions on lateral, ventrodorsal and dorsoventral films of the trunk; a person decides.",
        "network_data_format": _data_format(draft),
        "vetflow": {
            "use_cases": ["cardiac", "anatomy", "triage", "positioning"],
            "network": {"name": NAME, "settings": dict(draft.settings)},
            "size": draft.settings["columns"],
            "heads": {head: list(classes) for head, classes in HEADS.items()},
            "temperatures": dict(draft.temperatures),
            "sure": draft.sure,
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
            "species": {
                "dog": "phantoms are one dog's bones in other proportions",
                "cat": "with caution: phantoms of a small, long-loined build with the same dog's bones",
            },
            "views": list(HEADS["side"]),
            "regions": list(HEADS["region"]),
            "training": {
                "seed": draft.seed,
                "films": draft.films,
                "looks": draft.looks,
                "dataset_sha256": draft.dataset,
                "steps": draft.steps,
                "parent_sha256": draft.parent or None,
                "parameters": draft.parameters,
                "last_loss": draft.last_loss,
            },
            "measured": measured,
        },
    }


def _data_format(draft: Draft) -> dict[str, object]:
    rows, columns = (int(str(draft.settings[edge])) for edge in ("rows", "columns"))
    image = {
        "type": "image", "format": "radiograph", "modality": "DX", "num_channels": 1, "spatial_shape": [rows, columns],
        "dtype": "float32", "value_range": [0, 1], "is_patch_data": False,
        "channel_def": {"0": f"grey, bone bright, head to the left, cut from a square of {SQUARE}"},
    }  # fmt: skip
    names = (*POINTS, *OUTLINES)
    maps: dict[str, object] = {
        "type": "probabilities", "format": "heatmaps", "num_channels": len(names),
        "spatial_shape": [rows // 2, columns // 2], "dtype": "float32", "value_range": [0, 1], "is_patch_data": False,
        "channel_def": {str(index): name for index, name in enumerate(names)},
    }  # fmt: skip
    return {"inputs": {"image": image}, "outputs": {"pred": maps}}
