"""A model bundle with weights nobody trained: it answers, and its answers mean nothing."""

import torch

from vetflow.adapters.networks import build
from vetflow.domain.bundle import Bundle
from vetflow.training.bundling import Draft, bundled
from vetflow.training.heads import HEADS

SETTINGS = {"layers": (1, 1, 1, 1), "widths": (4, 4, 8, 8)}


def untrained(seed: int = 0, *, sure: float = 0.8) -> Bundle:
    torch.manual_seed(seed)
    network = build("small_resnet", SETTINGS, outputs=sum(len(classes) for classes in HEADS.values()))
    draft = Draft(
        network="small_resnet",
        settings=SETTINGS,
        size=64,
        weights=network.state_dict(),
        temperatures=dict.fromkeys(HEADS, 1.0),
        sure=sure,
    )
    return bundled(draft, None)
