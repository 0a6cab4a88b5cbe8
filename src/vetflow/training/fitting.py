"""Fitting a network with several heads to pictures, for as long as there is time."""

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

from vetflow.training.heads import HEADS, SPREAD
from vetflow.training.pictures import Pictures, Progress

_WEIGHTS = {"view": 1.0, "region": 1.0, "inverted": 1.0, "head": 0.4, "limbs_over": 0.5}
_SMOOTHING = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How to fit.

    Parameters
    ----------
    seconds
        Time to spend; the learning rate falls to nothing at its end.
    batch
        Films a step.
    rate
        Highest learning rate.
    workers
        Processes that draw looks.
    """

    seconds: float
    batch: int = 32
    rate: float = 3e-3
    workers: int = 2

    @property
    def threads(self) -> int:
        """Cores left for the network while the workers draw looks."""
        return max(1, (os.cpu_count() or 1) - self.workers)


def split(logits: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the outputs of each head."""
    parts = torch.split(logits, [len(classes) for classes in HEADS.values()], dim=1)
    return dict(zip(HEADS, parts, strict=True))


def loss(logits: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return the weighted cross entropy of all heads; pictures that aren't films ask for even outputs."""
    total = logits.new_zeros(())
    for column, (head, outputs) in enumerate(split(logits).items()):
        wanted = right[:, column]
        asked = wanted >= 0
        if asked.any():
            term = functional.cross_entropy(outputs[asked], wanted[asked], label_smoothing=_SMOOTHING)
            total = total + _WEIGHTS[head] * term
        even = wanted == SPREAD
        if even.any():
            share = float(even.sum()) / len(wanted)
            total = total - _WEIGHTS[head] * share * functional.log_softmax(outputs[even], dim=1).mean()
    return total


def fit(network: nn.Module, pictures: Pictures, schedule: Schedule, *, seed: int, progress: Progress) -> list[float]:
    """Fit the network in place and return the mean loss of each epoch; a last, unfinished one included."""
    torch.manual_seed(seed)
    torch.set_num_threads(schedule.threads)
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # missing in torch's stubs
    optimiser = torch.optim.AdamW(network.parameters(), lr=schedule.rate, weight_decay=0.02)
    begun = time.monotonic()
    history: list[list[float]] = []
    for epoch, inputs, right in _batches(pictures, schedule, seed):
        spent = (time.monotonic() - begun) / schedule.seconds
        if spent >= 1.0:
            break
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate * _rate(spent)
        optimiser.zero_grad(set_to_none=True)
        step = loss(network(inputs.contiguous(memory_format=torch.channels_last)), right)
        step.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        if epoch == len(history):
            history.append([])
        history[-1].append(float(step.detach()))
        progress("fit", int(spent * 1000), 1000)
    network.eval()
    return [sum(losses) / len(losses) for losses in history]


def _rate(spent: float) -> float:
    """Warm up over the first twentieth, then fall along a cosine."""
    return min(1.0, spent / 0.05 + 0.02) * 0.5 * (1.0 + math.cos(math.pi * spent))


def _batches(pictures: Pictures, schedule: Schedule, seed: int) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    for epoch in count():
        pictures.epoch = epoch
        order = torch.Generator().manual_seed(seed * 10_000 + epoch)
        loader = DataLoader(
            pictures,
            batch_size=schedule.batch,
            shuffle=True,
            generator=order,
            drop_last=True,
            num_workers=schedule.workers,
        )
        for inputs, right in loader:
            yield epoch, inputs, right
