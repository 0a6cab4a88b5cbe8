"""Fitting the trunk network, with checkpoints from which a fit that was killed goes on."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn

from vetflow.adapters.trunk_network import TrunkNetwork
from vetflow.training.pictures import Progress
from vetflow.training.trunk.losses import parts
from vetflow.training.trunk.pictures import Batch, Pictures

_SMOOTH = 0.998
"""Share of the running mean of weights that a step leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How to fit.

    Parameters
    ----------
    steps
        Steps to take; the learning rate falls to nothing at their end.
    batch
        Films a step; learnt from in pieces where the memory doesn't hold them all at once.
    rate
        Highest learning rate.
    every
        Steps between checkpoints.
    """

    steps: int
    batch: int = 16
    rate: float = 2e-3
    every: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where to compute and how.

    Parameters
    ----------
    name
        ``cuda``, ``mps`` or ``cpu``.
    low
        Lower precision to multiply in; None for single precision.
    """

    name: str
    low: torch.dtype | None

    @classmethod
    def best(cls) -> "Device":
        """Return the fastest there is: CUDA, Apple's, or the processor, in bfloat16 where that is in hardware."""
        if torch.cuda.is_available():
            return cls(name="cuda", low=torch.bfloat16 if torch.cuda.is_bf16_supported() else None)
        if torch.backends.mps.is_available():
            return cls(name="mps", low=None)
        return cls(name="cpu", low=torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else None)


@dataclass(slots=True, kw_only=True)
class _Fit:
    network: TrunkNetwork
    mean: TrunkNetwork
    optimiser: torch.optim.Optimizer
    step: int
    losses: dict[str, list[float]]
    at_once: int


def fit(
    make: Callable[[], TrunkNetwork], pictures: Pictures, schedule: Schedule, *, folder: Path, progress: Progress
) -> tuple[TrunkNetwork, dict[str, list[float]]]:
    """Return the fitted network, the running mean of its weights, and the losses every hundred steps, part by part.

    Parameters
    ----------
    make
        Builds the network with the weights to begin with; with the same ones each time, as `pictures.seed` is set.
    folder
        Holds the checkpoint; one that is there already is gone on from.
    """
    device, checkpoint = Device.best(), folder / "checkpoint.pt"
    state = _started(make, schedule, device, checkpoint, seed=pictures.seed)
    running: dict[str, list[float]] = {}
    for batch in _batches(pictures, schedule, start=state.step):
        costs = _step(state, batch, schedule, device)
        for name, cost in costs.items():
            running.setdefault(name, []).append(cost)
        state.step += 1
        progress("fit", state.step, schedule.steps)
        if state.step % 100 == 0:
            for name, values in running.items():
                state.losses.setdefault(name, []).append(float(np.mean(values)))
            running.clear()
        if state.step % schedule.every == 0 or state.step == schedule.steps:
            _keep(state, checkpoint)
    return state.mean.cpu().eval(), state.losses


def _started(
    make: Callable[[], TrunkNetwork], schedule: Schedule, device: Device, checkpoint: Path, *, seed: int
) -> _Fit:
    torch.manual_seed(seed)
    network, mean = make().to(device.name), make().to(device.name)
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # missing in torch's stubs
    mean.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), lr=schedule.rate, weight_decay=0.03)
    state = _Fit(network=network.train(), mean=mean.eval(), optimiser=optimiser, step=0, losses={},
                 at_once=schedule.batch)  # fmt: skip
    if checkpoint.exists():
        held = torch.load(checkpoint, weights_only=True, map_location=device.name)
        network.load_state_dict(held["network"])
        mean.load_state_dict(held["mean"])
        optimiser.load_state_dict(held["optimiser"])
        state.step, state.losses = held["step"], held["losses"]
    return state


def _keep(state: _Fit, checkpoint: Path) -> None:
    part = checkpoint.with_suffix(".part")
    torch.save(
        {
            "network": state.network.state_dict(),
            "mean": state.mean.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "step": state.step,
            "losses": state.losses,
        },
        part,
    )
    part.replace(checkpoint)


def _batches(pictures: Pictures, schedule: Schedule, *, start: int) -> Iterator[Batch]:
    """Yield the batches from a step on, the next one drawn while one is learnt from."""
    with ThreadPoolExecutor(1) as pool:
        waiting: list[Future[Batch]] = []
        for step in range(start, schedule.steps):
            waiting.append(
                pool.submit(
                    pictures.batch, _chosen(len(pictures.shots), schedule.batch, step, pictures.seed), step=step
                )
            )
            if len(waiting) > 2:
                yield waiting.pop(0).result()
        for drawn in waiting:
            yield drawn.result()


def _chosen(films: int, batch: int, step: int, seed: int) -> list[int]:
    """Return the films of a step: all of them in each epoch, in an order that follows from the seed."""
    a_round = max(1, films // batch)
    order = np.random.default_rng([seed, 33, step // a_round]).permutation(films)
    start = step % a_round * batch
    return [int(index) for index in order[start : start + batch]]


def _step(state: _Fit, batch: Batch, schedule: Schedule, device: Device) -> dict[str, float]:
    spent = state.step / schedule.steps
    for group in state.optimiser.param_groups:
        group["lr"] = schedule.rate * min(1.0, spent / 0.04 + 0.02) * 0.5 * (1.0 + math.cos(math.pi * spent))
    costs = _graded(state, batch.on(device.name), device)
    if not math.isfinite(costs["all"]):
        raise FloatingPointError(f"the loss is no number at step {state.step}; the last checkpoint is sound")
    nn.utils.clip_grad_norm_(state.network.parameters(), 5.0)
    state.optimiser.step()
    _average(state, share=min(_SMOOTH, (1 + state.step) / (10 + state.step)))
    return costs


def _graded(state: _Fit, batch: Batch, device: Device) -> dict[str, float]:
    """Return the losses of a batch, with gradients; in smaller pieces from the first time that memory runs out."""
    while True:
        state.optimiser.zero_grad(set_to_none=True)
        try:
            return _in_pieces(state, batch, device)
        except torch.OutOfMemoryError:
            if state.at_once == 1:
                raise
            state.at_once = max(1, state.at_once // 2)
            if device.name == "cuda":
                torch.cuda.empty_cache()


def _in_pieces(state: _Fit, batch: Batch, device: Device) -> dict[str, float]:
    whole: dict[str, float] = {}
    for start in range(0, len(batch), state.at_once):
        piece = batch.piece(start, start + state.at_once)
        with torch.autocast(device.name, device.low, enabled=device.low is not None):
            seen = state.network(piece.films.contiguous(memory_format=torch.channels_last))
            laid = cast("torch.Tensor", state.network.laying(piece.small.contiguous(memory_format=torch.channels_last)))
        costs, share = parts(seen, laid, piece), len(piece) / len(batch)
        total = torch.stack(list(costs.values())).sum()
        (share * total).backward()
        for name, cost in {**costs, "all": total}.items():
            whole[name] = whole.get(name, 0.0) + share * float(cost.detach())
    return whole


@torch.no_grad()
def _average(state: _Fit, *, share: float) -> None:
    for mean, now in zip(state.mean.state_dict().values(), state.network.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(now, 1.0 - share)
        else:
            mean.copy_(now)
