"""Model bundles with weights nobody trained: they answer, and their answers mean nothing."""

import torch

from vetflow.adapters.networks import build
from vetflow.domain import trunk_sight
from vetflow.domain.bundle import Bundle
from vetflow.domain.trunk_card import UNTRIED
from vetflow.training.bundling import Draft, bundled
from vetflow.training.heads import HEADS
from vetflow.training.trunk import bundling as trunk

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


TRUNK = {"widths": (8, 8, 16), "depth": 8, "rows": 64, "columns": 64, "neighbours": 8}


def untrained_trunk(seed: int = 0, *, sure: float = 0.8) -> Bundle:
    torch.manual_seed(seed)
    network = build("trunk", TRUNK, outputs=sum(map(len, trunk_sight.HEADS.values())))
    draft = trunk.Draft(
        settings=TRUNK,
        weights=network.state_dict(),
        temperatures=dict.fromkeys(trunk_sight.HEADS, 1.0),
        card=UNTRIED,
        sure=sure,
    )
    return trunk.bundled(draft)
