"""Fitting a network with several heads to pictures, for as long as there is time."""

import math
import os
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vetflow.training.heads import HEADS, SPREAD
from vetflow.training.pictures import Batch, Pictures, Progress

_WEIGHTS = {"view": 1.5, "region": 1.0, "inverted": 0.4, "head": 0.3, "limbs_over": 0.3}
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
    steps
        Steps to take instead of looking at the time, so that the result does not depend on the machine.
    """

    seconds: float
    batch: int = 16
    rate: float = 2e-3
    workers: int = 2
    steps: int | None = None

    def spent(self, *, seconds: float, steps: int) -> float:
        """Return the share of the fit that is behind."""
        return steps / self.steps if self.steps else seconds / self.seconds

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
    begun: float | None = None
    history: list[list[float]] = []
    for step, (epoch, inputs, right) in enumerate(batches(pictures, schedule, seed=seed)):
        begun = begun or time.monotonic()
        spent = schedule.spent(seconds=time.monotonic() - begun, steps=step)
        if spent >= 1.0:
            break
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate * _rate(spent)
        if epoch == len(history):
            history.append([])
        history[-1].append(_step(network, optimiser, inputs, right))
        progress("fit", int(spent * 1000), 1000)
    network.eval()
    return [sum(losses) / len(losses) for losses in history]


def _step(network: nn.Module, optimiser: torch.optim.Optimizer, inputs: torch.Tensor, right: torch.Tensor) -> float:
    optimiser.zero_grad(set_to_none=True)
    cost = loss(network(inputs.contiguous(memory_format=torch.channels_last)), right)
    cost.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimiser.step()
    return float(cost.detach())


def _rate(spent: float) -> float:
    """Warm up over the first twentieth, then fall along a cosine."""
    return min(1.0, spent / 0.05 + 0.02) * 0.5 * (1.0 + math.cos(math.pi * spent))


def batches(pictures: Pictures, schedule: Schedule, *, seed: int) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    """Yield epoch, inputs and right answers without end, in an order that follows from the seed."""
    plans = _plans(len(pictures), schedule.batch, seed)
    drawn = _drawn_here(pictures, plans) if schedule.workers == 0 else _drawn_elsewhere(pictures, plans, schedule)
    for epoch, (grey, right) in drawn:
        yield epoch, torch.from_numpy(grey), torch.from_numpy(right)


_Plan = tuple[int, list[int]]


def _plans(films: int, batch: int, seed: int) -> Iterator[_Plan]:
    for epoch in count():
        order = np.random.default_rng([seed, 8, epoch]).permutation(films)
        for start in range(0, max(films - batch, 0) + 1, batch):
            yield epoch, [int(index) for index in order[start : start + batch]]


def _drawn_here(pictures: Pictures, plans: Iterator[_Plan]) -> Iterator[tuple[int, Batch]]:
    for epoch, indices in plans:
        yield epoch, pictures.batch(indices, epoch=epoch)


def _drawn_elsewhere(pictures: Pictures, plans: Iterator[_Plan], schedule: Schedule) -> Iterator[tuple[int, Batch]]:
    # Spawned, not forked: a child forked after torch has started its threads may hang in the first of their locks.
    pool = ProcessPoolExecutor(
        schedule.workers, mp_context=get_context("spawn"), initializer=_keep, initargs=(pictures,)
    )
    waiting: deque[tuple[int, Future[Batch]]] = deque()
    try:
        for epoch, indices in plans:
            waiting.append((epoch, pool.submit(_draw, epoch, indices)))
            if len(waiting) > 2 * schedule.workers:
                first, drawn = waiting.popleft()
                yield first, drawn.result()
    finally:
        pool.shutdown(cancel_futures=True)


_kept: list[Pictures] = []
"""What a drawing process looks at; sent once, for it is large."""


def _keep(pictures: Pictures) -> None:
    _kept.append(pictures)


def _draw(epoch: int, indices: list[int]) -> Batch:
    return _kept[-1].batch(indices, epoch=epoch)
