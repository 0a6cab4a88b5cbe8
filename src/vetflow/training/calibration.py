"""Making certainty mean the share of right answers: one temperature a head."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special
from torch import nn

from vetflow.training.fitting import split
from vetflow.training.heads import HEADS
from vetflow.training.pictures import Pictures

LEAST = 0.8
"""The model abstains below this certainty even when less would do."""

_WANTED = 0.98


def outputs(network: nn.Module, pictures: Pictures, *, batch: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the network's outputs and the right classes of all pictures."""
    parts: list[torch.Tensor] = []
    right: list[torch.Tensor] = []
    with torch.inference_mode():
        for start in range(0, len(pictures), batch):
            grey, answer = pictures.batch(range(start, min(start + batch, len(pictures))))
            parts.append(network(torch.from_numpy(grey)))
            right.append(torch.from_numpy(answer))
    return torch.cat(parts), torch.cat(right)


def temperatures(logits: torch.Tensor, right: torch.Tensor) -> Mapping[str, float]:
    """Return the temperature of each head that makes the right answers likeliest (Guo et al. 2017)."""
    found: dict[str, float] = {}
    for column, (head, part) in enumerate(split(logits).items()):
        asked = right[:, column] >= 0
        logits_asked = part[asked].double().numpy()[:, None]
        found[head] = temperature(logits_asked, right[asked, column].numpy()) if bool(asked.any()) else 1.0
    return found


def temperature(logits: NDArray[np.float64], right: NDArray[np.int64]) -> float:
    """Return what to divide logits by so that certainty, as the product takes it from several copies, is likeliest.

    Parameters
    ----------
    logits
        Shape (films, copies, classes).
    right
        Classes, shape (films,).

    Notes
    -----
    An answer that is always right is no proof of certainty: of n films one more is taken to be wrong by one half (Platt
    1999), else the least temperature would do best.
    """
    doubt, rows = 1.0 / (len(right) + 2.0), np.arange(len(right))

    def cost(tried: float) -> float:
        shares = np.asarray(special.softmax(logits / tried, axis=2), np.float64).mean(axis=1)[rows, right]
        shares = np.clip(shares, 1e-12, 1.0 - 1e-12)
        return -float(((1.0 - doubt) * np.log(shares) + doubt * np.log(1.0 - shares)).mean())

    return round(min((10.0 ** (step / 100) for step in range(-100, 101)), key=cost), 4)


def threshold(logits: torch.Tensor, right: torch.Tensor, warmth: Mapping[str, float]) -> float:
    """Return the certainty from which view and region are right 98 times in 100, at least `LEAST`."""
    return max(LEAST, *(_threshold(logits, right, head, warmth[head]) for head in ("view", "region")))


def _threshold(logits: torch.Tensor, right: torch.Tensor, head: str, temperature: float) -> float:
    shares = torch.softmax(split(logits)[head] / temperature, dim=1)
    certainty, says = shares.max(dim=1)
    hit = says == right[:, list(HEADS).index(head)]
    for bound in _grid():
        kept = certainty >= bound
        if bool(kept.any()) and float(hit[kept].float().mean()) >= _WANTED:
            return bound
    return 0.95


def _grid() -> Sequence[float]:
    return [round(0.5 + 0.01 * step, 2) for step in range(46)]
