"""The networks of trunk films: a small one that tells how a film lies, and one that looks at it the right way up.

A trunk is two to four times as long as it is wide. Laid with its head to the left it fills a rectangle, of which a
square would show but a third or a half; so the first network says where head and back are, and the second has one way
up to learn. A vertebra is found by two maps that are added: a coarse one of its own, which counts, and a fine one that
all vertebrae share, which knows what the front of a vertebra looks like.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

from vetflow.domain.errors import ConfigurationError
from vetflow.domain.trunk_sight import CUT, HEADS, HEART_POINTS, LESIONS, OUTLINES, POINTS, VERTEBRAE

Setting = int | str | Sequence[int]
AMOUNTS = ("rotation", "breath")
"""Numbers read off a film, each with its own uncertainty."""
SCALES = (10.0, 0.3)
"""What one unit of the network's answer means: degrees, share of a breath."""
LAYING = ("plane", "inverted", "head", "back")
"""Questions about how a film lies, asked of the small network; the other one is asked for the plane as well."""
ASKED = tuple(head for head in HEADS if head not in LAYING[1:])
"""Questions asked of a film that lies the right way up."""
LAYING_SIDE = 96
"""Side of the square that the small network is shown."""
_SIZES = [*(len(HEADS[head]) for head in ASKED), len(AMOUNTS), len(AMOUNTS), len(CUT), len(LESIONS)]
_FEW = 16
"""Channels of what is told of each place of the coarsest map."""
_COUNTED = 2
"""Level whose maps tell vertebrae apart: an eighth of the input's resolution."""


class Seen(NamedTuple):
    """What the network gives, for n films.

    Parameters
    ----------
    spots
        Log-probabilities of each point over all pixels of the map, half the input's resolution, and last that it is
        not on the film: shape (n, points, rows × columns + 1).
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
        Logits by the names of `ASKED`, shape (n, classes).
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
    named = dict(zip(ASKED, heads, strict=True))
    return Answers(heads=named, amounts=amounts, spreads=spreads, cut=cut, lesions=lesions)


def lying(logits: torch.Tensor) -> Mapping[str, torch.Tensor]:
    """Return the logits by the names of `LAYING` of what the small network says, shape (n, answers)."""
    return dict(zip(LAYING, torch.split(logits, [len(HEADS[head]) for head in LAYING], dim=1), strict=True))


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

    def __init__(self, width: int, cells: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(cells, width) * 0.02)
        self.layer = nn.TransformerEncoderLayer(
            width, nhead=8, dim_feedforward=2 * width, dropout=0.0, batch_first=True, norm_first=True
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape[2:]
        seen = self.layer(x.flatten(2).transpose(1, 2) + self.places)
        return seen.transpose(1, 2).unflatten(2, (rows, columns))


class _Laying(nn.Module):
    """Tells how a film lies, from a small picture of it (n, 1, `LAYING_SIDE`, `LAYING_SIDE`)."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = nn.Sequential(
            _stem(16), _Block(16, 32, stride=2), _Block(32, 64, stride=2), _Block(64, 96, stride=2)
        )
        self.few = nn.Conv2d(96, _FEW, 1)
        self.answers = nn.Linear(96 + _FEW * (LAYING_SIDE // 16) ** 2, sum(len(HEADS[head]) for head in LAYING))

    def forward(self, film: torch.Tensor) -> torch.Tensor:
        seen = self.seen(film - 0.5)
        return self.answers(torch.cat([seen.mean((2, 3)), self.few(seen).flatten(1)], dim=1)).float()


class TrunkNetwork(nn.Module):
    """See the module.

    Parameters
    ----------
    widths
        Channels of the stages; each halves the resolution.
    depth
        Channels of the maps; the finest have half as many.
    shape
        Rows and columns of the input, multiples of 2 to the power of the number of stages.
    neighbours
        Films learnt from whose features are kept, to tell what is unlike them.
    """

    def __init__(self, *, widths: Sequence[int], depth: int, shape: tuple[int, int], neighbours: int) -> None:
        super().__init__()
        self.shape = shape
        self.laying = _Laying()
        self.stem = _stem(widths[0])
        self.stages = nn.ModuleList(
            _stage(a, b, deeper=place >= _COUNTED) for place, (a, b) in enumerate(itertools.pairwise(widths))
        )
        self.cells = (shape[0] // 2 ** len(widths), shape[1] // 2 ** len(widths))
        cells = self.cells[0] * self.cells[1]
        self.widely = _Widely(widths[-1], cells)
        fine = depth // 2
        self.across = nn.ModuleList(nn.Conv2d(width, depth if at else fine, 1) for at, width in enumerate(widths))
        self.up = nn.ModuleList(_smooth(depth if at else fine) for at in range(len(widths)))
        self.thinner = nn.Conv2d(depth, fine, 1)
        self.counted = nn.Conv2d(depth, len(POINTS), 1)
        self.maps = nn.Conv2d(fine, 1 + len(HEART_POINTS) + len(OUTLINES), 1)
        self.coarsely, self.finely = nn.Conv2d(widths[-1], _FEW, 1), nn.Conv2d(fine, _FEW, 1)
        told = 2 * (widths[-1] + fine + len(OUTLINES)) + 2 * _FEW * cells
        self.whole = nn.Sequential(nn.Linear(told, 192), nn.ReLU(), nn.Dropout(0.1))
        self.answers = nn.Linear(192, sum(_SIZES))
        self.gone = nn.Linear(192, len(POINTS))
        self.register_buffer("neighbours", torch.zeros(neighbours, widths[-1]))

    def forward(self, film: torch.Tensor) -> Seen:
        """Return what is seen on films, shape (n, 1, rows, columns), 0 to 1, head to the left and back up."""
        levels = [self.stem(film - 0.5)]
        for stage in self.stages:
            levels.append(stage(levels[-1]))
        levels[-1] = coarse = self.widely(levels[-1])
        fine, counted = self._fine(levels)
        maps = self.maps(fine).float()
        spots, outlines = _spots(counted.float(), maps), maps[:, -len(OUTLINES) :]
        whole = self.whole(torch.cat([*self._told(coarse, fine, torch.sigmoid(outlines))], dim=1))
        places = torch.cat([spots.flatten(2), self.gone(whole).float()[..., None]], dim=2)
        return Seen(
            spots=torch.log_softmax(places, dim=2),
            outlines=outlines,
            answers=self.answers(whole).float(),
            features=functional.normalize(coarse.float().mean((2, 3)), dim=1),
        )

    def _told(self, coarse: torch.Tensor, fine: torch.Tensor, outlines: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield what the answers about a whole film rest on: what there is anywhere, and what is where."""
        for level in (coarse, fine, outlines):
            yield level.mean((2, 3))
            yield level.amax((2, 3))
        yield self.coarsely(coarse).flatten(1)
        yield self.finely(functional.adaptive_max_pool2d(fine, self.cells)).flatten(1)

    def _fine(self, levels: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the finest map, put together from the coarsest up, and the points' own coarse maps."""
        fine = self.up[-1](self.across[-1](levels[-1]))
        counted = fine
        for place in range(len(levels) - 2, -1, -1):
            wider = functional.interpolate(fine if place else self.thinner(fine), scale_factor=2.0, mode="nearest")
            fine = self.up[place](wider + self.across[place](levels[place]))
            counted = fine if place == _COUNTED else counted
        return fine, self.counted(counted)


def _spots(counted: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Return the maps of all points: the coarse one of each, and the fine one of its kind."""
    own = functional.interpolate(counted, size=maps.shape[2:], mode="bilinear", align_corners=False)
    last = 1 + len(HEART_POINTS)
    return own + torch.cat([maps[:, :1].expand(-1, len(VERTEBRAE), -1, -1), maps[:, 1:last]], dim=1)


def _stem(width: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, width, 5, 2, 2, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True))


def _stage(width: int, wider: int, *, deeper: bool) -> nn.Module:
    first = _Block(width, wider, stride=2)
    return nn.Sequential(first, _Block(wider, wider, stride=1)) if deeper else first


def _smooth(depth: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(depth, depth, 3, 1, 1, bias=False), nn.BatchNorm2d(depth), nn.ReLU(inplace=True))


def trunk(settings: Mapping[str, Setting], outputs: int) -> TrunkNetwork:
    """Return a fresh network as a manifest describes it; ConfigurationError when it is no good."""
    widths, numbers = settings.get("widths"), [settings.get(key) for key in ("depth", "rows", "columns", "neighbours")]
    if isinstance(widths, int | str) or widths is None or not 3 <= len(widths) <= 6 or max(widths) > 512:
        raise ConfigurationError("the network's widths must be three to six whole numbers up to 512")
    depth, *shape, neighbours = (number if isinstance(number, int) and 8 <= number <= 8192 else 0 for number in numbers)
    if not (depth and all(shape) and neighbours):
        raise ConfigurationError("the network's depth, rows, columns and neighbours must be whole numbers, 8 to 8192")
    if any(edge % 2 ** len(widths) for edge in shape) or outputs != sum(map(len, HEADS.values())):
        raise ConfigurationError("the network's rows and columns or its heads don't fit it")
    rows, columns = shape
    return TrunkNetwork(
        widths=[int(width) for width in widths], depth=depth, shape=(rows, columns), neighbours=neighbours
    )
