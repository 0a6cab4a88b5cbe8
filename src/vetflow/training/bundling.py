"""From a fitted network to a bundle: weights, manifest, card, and an example with its answer."""

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

import monai
import numpy as np
import torch
from safetensors.torch import save

from vetflow.adapters.runtime_torch import TorchRuntime
from vetflow.domain.bundle import CARD, METADATA, WEIGHTS, Bundle, read_manifest
from vetflow.domain.sight import Sight
from vetflow.domain.view import Region, View
from vetflow.phantoms.films import film
from vetflow.training.card import card
from vetflow.training.evaluation import Evaluation
from vetflow.training.heads import HEADS
from vetflow.vision.sighting import to_values

NAME = "positioning"
VERSION = "0.1.0"
_GOLDEN_SEED = 4711
_GOLDEN_SIDE = 256
_SCHEMA = "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A fitted network and all that is known of how it came about.

    Parameters
    ----------
    weights
        State of the network.
    losses
        Mean loss of each epoch.
    """

    network: str
    settings: Mapping[str, int | str | tuple[int, ...]]
    size: int
    weights: Mapping[str, torch.Tensor]
    temperatures: Mapping[str, float]
    sure: float
    seed: int = 0
    films: int = 0
    dataset: str = ""
    losses: tuple[float, ...] = field(default=())

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(weight.numel() for weight in self.weights.values())


def bundled(draft: Draft, evaluation: Evaluation | None) -> Bundle:
    """Return the bundle of a draft; without figures it is good for measuring only and has no example."""
    weights = save({name: weight.contiguous() for name, weight in draft.weights.items()})
    metadata = json.dumps(_metadata(draft, weights, evaluation), indent=2).encode() + b"\n"
    files = {METADATA: metadata, WEIGHTS: weights, CARD: b"Not measured yet.\n"}
    if evaluation is None:
        return Bundle(files=files)
    made = {"films": draft.films, "seed": draft.seed, "digest": draft.dataset, "epochs": len(draft.losses)}
    written = card(read_manifest(metadata), evaluation, {**made, "parameters": draft.parameters})
    files[CARD] = written.encode()
    runtime = TorchRuntime(Bundle(files=files))
    return Bundle(files={**files, **golden(lambda pixels, inverted: runtime.look(pixels, inverted=inverted))})


def golden(look: Callable[[np.ndarray, bool], Sight]) -> Mapping[str, bytes]:
    """Return an example film, synthetic, and what the model says of it."""
    made = film(_GOLDEN_SEED, view=View.RIGHT_LATERAL, region=Region.THORAX, size=_GOLDEN_SIDE)
    inverted = made.photometric == "MONOCHROME1"
    held = io.BytesIO()
    np.save(held, made.pixels, allow_pickle=False)
    answer = {"inverted": inverted, "sight": to_values(look(made.pixels, inverted))}
    return {"golden/film.npy": held.getvalue(), "golden/sight.json": json.dumps(answer, indent=2).encode() + b"\n"}


def about(name: str, version: str) -> dict[str, object]:
    """Return the part of a manifest that all bundles trained here share."""
    return {
        "schema": _SCHEMA,
        "version": version,
        "changelog": {version: "first version, trained on synthetic radiographs"},
        "monai_version": monai.__version__,
        "pytorch_version": torch.__version__.partition("+")[0],
        "numpy_version": np.__version__,
        "required_packages_version": {},
        "name": name,
        "description": "Trained on synthetic radiographs only; proves geometry and plumbing, not diagnosis.",
        "authors": "vetflow",
        "copyright": "Apache-2.0; bone meshes of dm_control, Apache-2.0, used for training only",
        "data_type": "synthetic radiographs",
    }


def _metadata(draft: Draft, weights: bytes, evaluation: Evaluation | None) -> dict[str, object]:
    return {
        **about(NAME, VERSION),
        "task": "Telling view, region and greyscale of a small-animal radiograph",
        "intended_use": "Checking positioning and tags of dog and cat radiographs; a person decides.",
        "network_data_format": _data_format(draft),
        "vetflow": _own(draft, weights, evaluation),
    }


def _own(draft: Draft, weights: bytes, evaluation: Evaluation | None) -> dict[str, object]:
    """Return what vetflow itself reads, and what it tells people."""
    return {
        "use_case": "positioning",
        "network": {"name": draft.network, "settings": dict(draft.settings)},
        "size": draft.size,
        "heads": {head: list(classes) for head, classes in HEADS.items()},
        "temperatures": dict(draft.temperatures),
        "sure": draft.sure,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "species": {
            "dog": "phantoms are one dog's bones in other proportions",
            "cat": "with caution: phantoms of a small, long-loined, short-legged build only",
        },
        "views": list(HEADS["view"]),
        "regions": list(HEADS["region"]),
        "training": {
            "seed": draft.seed,
            "films": draft.films,
            "dataset_sha256": draft.dataset,
            "epochs": len(draft.losses),
            "parameters": draft.parameters,
            "last_loss": draft.losses[-1] if draft.losses else None,
        },
        "measured": asdict(evaluation) if evaluation else None,
    }


def _data_format(draft: Draft) -> dict[str, object]:
    outputs = sum(len(classes) for classes in HEADS.values())
    names = [f"{head}:{one}" for head, classes in HEADS.items() for one in classes]
    image = {
        "type": "image",
        "format": "radiograph",
        "modality": "DX",
        "num_channels": 1,
        "spatial_shape": [draft.size, draft.size],
        "dtype": "float32",
        "value_range": [0, 1],
        "is_patch_data": False,
        "channel_def": {"0": "grey, bone bright"},
    }
    pred: dict[str, object] = {
        "type": "probabilities",
        "format": "classes",
        "num_channels": outputs,
        "spatial_shape": [],
        "dtype": "float32",
        "value_range": [],
        "is_patch_data": False,
        "channel_def": {str(index): name for index, name in enumerate(names)},
    }
    return {"inputs": {"image": image}, "outputs": {"pred": pred}}
