"""The network of trunk films: one encoder, maps at half the input's resolution, and answers about the whole film."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from vetflow.domain.errors import ConfigurationError
from vetflow.domain.trunk_sight import CUT, HEADS, LESIONS, OUTLINES, POINTS

Setting = int | str | Sequence[int]
AMOUNTS = ("rotation", "breath")
"""Numbers read off a film, each with its own uncertainty."""
SCALES = (10.0, 0.3)
"""What one unit of the network's answer means: degrees, share of a breath."""
_SIZES = [*map(len, HEADS.values()), len(AMOUNTS), len(AMOUNTS), len(CUT), len(LESIONS)]


_FEW = 16
"""Channels of what is told of each place of the coarsest map."""


class Seen(NamedTuple):
    """What the network gives, for n films.

    Parameters
    ----------
    spots
        Log-probabilities of each point over all pixels of the map, and last that it is not on the film: shape
        (n, points, rows × columns + 1).
    outlines
        Logits, shape (n, outlines, rows, columns).
    answers
        Shape (n, answers), to be parted by `parted`.
    features
        Of unit length, shape (n, features).
    """

    spots: torch.Tensor
    outlines: torch.Tensor
    answers: torch.Tensor
    features: torch.Tensor


class Answers(NamedTuple):
    """The answers about whole films, part by part.

    Parameters
    ----------
    heads
        Logits by head, shape (n, classes).
    amounts, spreads
        Values in units of `SCALES` and the logarithms of their spreads, shape (n, amounts).
    cut, lesions
        Logits, shape (n, names).
    """

    heads: Mapping[str, torch.Tensor]
    amounts: torch.Tensor
    spreads: torch.Tensor
    cut: torch.Tensor
    lesions: torch.Tensor


def parted(answers: torch.Tensor) -> Answers:
    """Return the parts of what the network answers, shape (n, answers)."""
    *heads, amounts, spreads, cut, lesions = torch.split(answers, _SIZES, dim=1)
    named = dict(zip(HEADS, heads, strict=True))
    return Answers(heads=named, amounts=amounts, spreads=spreads, cut=cut, lesions=lesions)


class _Block(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, width: int, wider: int, *, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, wider, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(wider)
        self.second = nn.Conv2d(wider, wider, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(wider)
        around = width == wider and stride == 1
        self.around = nn.Identity() if around else nn.Conv2d(width, wider, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = functional.relu(self.first_norm(self.first(x)), inplace=True)
        return functional.relu(self.second_norm(self.second(inner)) + self.around(x), inplace=True)


class _Widely(nn.Module):
    """Lets every place of the coarsest map look at all others, once: where a vertebra is depends on the whole film."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(side * side, width) * 0.02)
        self.layer = nn.TransformerEncoderLayer(
            width, nhead=8, dim_feedforward=2 * width, dropout=0.0, batch_first=True, norm_first=True
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape[2:]
        seen = self.layer(x.flatten(2).transpose(1, 2) + self.places)
        return seen.transpose(1, 2).unflatten(2, (rows, columns))


class TrunkNetwork(nn.Module):
    """See the module.

    Parameters
    ----------
    widths
        Channels of the stages; each halves the resolution.
    depth
        Channels of the maps.
    side
        Side of the input, pixels; a multiple of 2 to the power of the number of stages.
    neighbours
        Films learnt from whose features are kept, to tell what is unlike them.
    """

    def __init__(self, *, widths: Sequence[int], depth: int, side: int, neighbours: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, widths[0], 5, 2, 2, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)
        )
        self.stages = nn.ModuleList(_stage(a, b) for a, b in itertools.pairwise(widths))
        self.widely = _Widely(widths[-1], side // 2 ** len(widths))
        self.across = nn.ModuleList(nn.Conv2d(width, depth, 1) for width in widths)
        self.up = nn.ModuleList(_smooth(depth) for _ in widths)
        self.maps = nn.Conv2d(depth, len(POINTS) + len(OUTLINES), 1)
        self.coarsely, self.finely = nn.Conv2d(widths[-1], _FEW, 1), nn.Conv2d(depth, _FEW, 1)
        cells = (side // 2 ** len(widths)) ** 2
        told = 2 * (widths[-1] + depth) + 2 * _FEW * cells
        self.whole = nn.Sequential(nn.Linear(told, 192), nn.ReLU(), nn.Dropout(0.1))
        self.answers = nn.Linear(192, sum(_SIZES))
        self.gone = nn.Linear(192, len(POINTS))
        self.register_buffer("neighbours", torch.zeros(neighbours, widths[-1]))

    def forward(self, film: torch.Tensor) -> Seen:
        """Return what is seen on films, shape (n, 1, side, side), 0 to 1."""
        levels = [self.stem(film - 0.5)]
        for stage in self.stages:
            levels.append(stage(levels[-1]))
        levels[-1] = self.widely(levels[-1])
        fine = self._fine(levels)
        maps = self.maps(fine).float()
        coarse = levels[-1]
        whole = self.whole(torch.cat([*self._told(coarse, fine)], dim=1))
        places = torch.cat([maps[:, : len(POINTS)].flatten(2), self.gone(whole).float()[..., None]], dim=2)
        return Seen(
            spots=torch.log_softmax(places, dim=2),
            outlines=maps[:, len(POINTS) :],
            answers=self.answers(whole).float(),
            features=functional.normalize(coarse.float().mean((2, 3)), dim=1),
        )

    def _told(self, coarse: torch.Tensor, fine: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield what the answers about a whole film rest on: what there is anywhere, and what is where."""
        for level in (coarse, fine):
            yield level.mean((2, 3))
            yield level.amax((2, 3))
        yield self.coarsely(coarse).flatten(1)
        yield self.finely(functional.adaptive_max_pool2d(fine, coarse.shape[2:])).flatten(1)

    def _fine(self, levels: list[torch.Tensor]) -> torch.Tensor:
        """Return the finest map, put together from the coarsest up."""
        fine = self.up[-1](self.across[-1](levels[-1]))
        for place in range(len(levels) - 2, -1, -1):
            wider = functional.interpolate(fine, scale_factor=2.0, mode="nearest")
            fine = self.up[place](wider + self.across[place](levels[place]))
        return fine


def _stage(width: int, wider: int) -> nn.Module:
    return _Block(width, wider, stride=2)


def _smooth(depth: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(depth, depth, 3, 1, 1, bias=False), nn.BatchNorm2d(depth), nn.ReLU(inplace=True))


def trunk(settings: Mapping[str, Setting], outputs: int) -> nn.Module:
    """Return a fresh network as a manifest describes it; ConfigurationError when it is no good."""
    widths, numbers = settings.get("widths"), [settings.get(key) for key in ("depth", "side", "neighbours")]
    if isinstance(widths, int | str) or widths is None or not 3 <= len(widths) <= 6 or max(widths) > 512:
        raise ConfigurationError("the network's widths must be three to six whole numbers up to 512")
    depth, side, neighbours = (number if isinstance(number, int) and 8 <= number <= 8192 else 0 for number in numbers)
    if not (depth and side and neighbours):
        raise ConfigurationError("the network's depth, side and neighbours must be whole numbers from 8 to 8192")
    if side % 2 ** len(widths) or outputs != sum(map(len, HEADS.values())):
        raise ConfigurationError("the network's side or its heads don't fit it")
    return TrunkNetwork(widths=[int(width) for width in widths], depth=depth, side=side, neighbours=neighbours)
