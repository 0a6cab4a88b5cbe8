"""The light that films are shown in during training: curves, slopes, sharpness, grain, motion."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from vetflow.training.trunk.laying import Variety

Tensor = torch.Tensor
_KERNEL = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Lit:
    """A film in other light, shape (1, rows, columns), and whether it was blurred by motion."""

    film: Tensor
    moved: bool


def lit(film: Tensor, how: Variety, rng: np.random.Generator) -> Lit:
    """Return a film (1, rows, columns), 0 to 1, in other light."""
    moved = bool(rng.random() < how.moved)
    film = _shaken(film, rng) if moved else film
    return Lit(film=_relit(film, rng) if rng.random() < how.lit else film, moved=moved)


def _shaken(film: Tensor, rng: np.random.Generator) -> Tensor:
    """Return the film smeared along a line, as when the animal moved."""
    length, angle = rng.uniform(5.0, 15.0), rng.uniform(0.0, math.pi)
    kernel = torch.zeros(_KERNEL, _KERNEL)
    for share in np.linspace(-0.5, 0.5, 33):
        x, y = share * length * math.cos(angle), share * length * math.sin(angle)
        kernel[round(y) + _KERNEL // 2, round(x) + _KERNEL // 2] += 1.0
    return functional.conv2d(film[None], (kernel / kernel.sum())[None, None], padding=_KERNEL // 2)[0]


def _relit(film: Tensor, rng: np.random.Generator) -> Tensor:
    """Return the film with another curve, slope of light, sharpness and grain."""
    film = film.clamp(0.0, 1.0) ** math.exp(rng.uniform(-0.4, 0.4))
    if rng.random() < 0.5:
        bend = rng.uniform(-0.25, 0.25)
        film = film + bend * torch.sin(2.0 * math.pi * film) / (2.0 * math.pi)
    if rng.random() < 0.3:
        soft = functional.avg_pool2d(film, 3, 1, 1)
        film = soft if rng.random() < 0.6 else 2.0 * film - soft
    if rng.random() < 0.3:
        across = bool(rng.random() < 0.5)
        slope = torch.linspace(-1.0, 1.0, film.shape[-1 if across else -2]) * rng.uniform(-0.15, 0.15)
        film = film + (slope if across else slope[:, None])
    if rng.random() < 0.5:
        noise = torch.from_numpy(rng.standard_normal(film.shape, np.float32))
        film = film + noise * rng.uniform(0.0, 0.03)
    low, high = rng.uniform(-0.08, 0.08), rng.uniform(0.95, 1.12)
    return ((film - low) / (high - low)).clamp(0.0, 1.0)
