"""Films as the network is shown them in training: laid and lit anew each time, answers moved along."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from vetflow.adapters.trunk_frame import cut_out, shown
from vetflow.adapters.trunk_network import LAYING, LAYING_SIDE
from vetflow.domain.trunk_sight import OUTLINES
from vetflow.training.heads import UNKNOWN
from vetflow.training.trunk.laying import COLUMN, Variety, lay
from vetflow.training.trunk.lighting import lit
from vetflow.training.trunk.shots import Shots

Tensor = torch.Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Films and the right answers; n films.

    Parameters
    ----------
    films
        Shape (n, 1, rows, columns), head to the left.
    small
        The same films as they may come, shape (n, 1, `LAYING_SIDE`, `LAYING_SIDE`).
    outlines
        Shape (n, outlines, rows / 2, columns / 2), 0 or 1.
    points
        Shape (n, points, 3): column, row, shown; pixels of the maps from their corner.
    placed
        Whether places are asked for, shape (n,).
    lying
        Classes of `LAYING` for the small pictures, shape (n, questions).
    classes, amounts, cut, lesions
        As in `Shots`.
    """

    films: Tensor
    small: Tensor
    lying: Tensor
    outlines: Tensor
    points: Tensor
    placed: Tensor
    classes: Tensor
    amounts: Tensor
    cut: Tensor
    lesions: Tensor

    def __len__(self) -> int:
        return len(self.films)

    def piece(self, start: int, stop: int) -> "Batch":
        """Return some of the films."""
        return Batch(**{one.name: getattr(self, one.name)[start:stop] for one in fields(self)})

    def on(self, device: str) -> "Batch":
        """Return the batch where the network is."""
        return Batch(**{one.name: getattr(self, one.name).to(device) for one in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Films to be shown.

    Parameters
    ----------
    shape
        Rows and columns of the network's input.
    seed
        With step it decides how films are shown, so that a batch is the same whenever it is asked for.
    """

    shots: Shots
    shape: tuple[int, int]
    seed: int
    variety: Variety = field(default_factory=Variety)

    def batch(self, indices: Sequence[int], *, step: int) -> Batch:
        """Return some films as they are shown at a step."""
        rng = np.random.default_rng([self.seed, 32, step])
        chosen, shots = list(indices), self.shots
        laid = [lay(shots, index, self.variety, rng, shape=self.shape) for index in chosen]
        looks = [one.look for one in laid]
        matrices, small = _stacked([one.matrix for one in laid]), _stacked([one.small for one in laid])
        fits = torch.from_numpy(shots.fits[chosen, looks])
        classes = torch.tensor(np.stack([one.classes for one in laid]))
        lying = torch.tensor(np.stack([one.lying for one in laid]))
        films = torch.from_numpy(shots.looks[chosen, looks]).float()[:, None] / 255.0
        bends = torch.tensor(np.array([one.bend for one in laid]), dtype=torch.float32)
        fields = torch.tensor(np.array([one.field for one in laid]), dtype=torch.float32)
        bright = _cropped(righted(films, shots.inverted[chosen, looks]), fields)
        return Batch(
            films=_told(cut_out(bright, matrices, self.shape, bends=bends), classes, self.variety, rng),
            small=_swapped(cut_out(films, small, (LAYING_SIDE, LAYING_SIDE)), lying, self.variety, rng),
            lying=lying,
            outlines=self._outlines(chosen, _into_phantom(matrices, fits), _on_phantom(fields, fits), bends),
            points=_moved(torch.from_numpy(shots.points[chosen]), fits, matrices, fields, bends, self.shape),
            placed=torch.tensor([one.placed for one in laid]),
            classes=classes,
            amounts=torch.tensor(np.stack([one.amounts for one in laid])),
            cut=torch.tensor(np.stack([one.cut for one in laid])),
            lesions=torch.tensor(np.stack([one.lesions for one in laid])),
        )

    def _outlines(self, chosen: list[int], matrices: Tensor, fields: Tensor, bends: Tensor) -> Tensor:
        bits = _cropped(torch.from_numpy(self.shots.outlines[chosen].astype(np.float32))[:, None], fields)
        half = (self.shape[0] // 2, self.shape[1] // 2)
        coarse = (bends[:, ::2] + bends[:, 1::2]) / 2.0
        whole = cut_out(bits, matrices, half, mode="nearest", scale=2.0, bends=coarse).to(torch.int32)
        return torch.cat([(whole >> place) & 1 for place in range(len(OUTLINES))], dim=1).float()


def _stacked(matrices: list[NDArray[np.float64]]) -> Tensor:
    return torch.tensor(np.stack(matrices), dtype=torch.float32)


def righted(films: Tensor, inverted: NDArray[np.int64]) -> Tensor:
    """Return films with bone bright; the black that squares a film up stays black."""
    made = films.clone()
    for film, dark in zip(made, inverted, strict=True):
        if dark == 1:
            (left, top), (right, bottom) = (corner.astype(int) for corner in shown(film[0].numpy()))
            film[:, top:bottom, left:right] = 1.0 - film[:, top:bottom, left:right]
    return made


def _told(films: Tensor, classes: Tensor, how: Variety, rng: np.random.Generator) -> Tensor:
    """Return films in other light; their classes then say which were blurred by motion."""
    seen: list[Tensor] = []
    for film, told in zip(films, classes, strict=True):
        one = lit(film, how, rng)
        if one.moved or int(told[COLUMN["film"]]) == 1:
            told[COLUMN["motion"]] = int(one.moved)
        seen.append(one.film)
    return torch.stack(seen)


def _swapped(films: Tensor, lying: Tensor, how: Variety, rng: np.random.Generator) -> Tensor:
    """Return small pictures in other light, some with bone dark, as the answers then say."""
    seen: list[Tensor] = []
    place = LAYING.index("inverted")
    for film, told in zip(films, lying, strict=True):
        dark = bool(rng.random() < how.swapped)
        if dark and int(told[place]) != UNKNOWN:
            told[place] = 1 - told[place]
        one = lit(film, replace(how, moved=0.0), rng).film
        seen.append(1.0 - one if dark else one)
    return torch.stack(seen)


def _cropped(films: Tensor, fields: Tensor) -> Tensor:
    """Return films (n, 1, rows, columns) dark beyond their fields, shape (n, 2, 2): corners as column and row."""
    places = [torch.arange(edge, dtype=torch.float32) + 0.5 for edge in (films.shape[3], films.shape[2])]
    across, down = ((at >= fields[:, :1, axis]) & (at <= fields[:, 1:, axis]) for axis, at in enumerate(places))
    return films * (down[:, None, :, None] & across[:, None, None, :])


def _on_phantom(fields: Tensor, fits: Tensor) -> Tensor:
    return (fields - fits[:, None, 2:]) / fits[:, None, :2]


def _into_phantom(matrices: Tensor, fits: Tensor) -> Tensor:
    """Return maps that go on from the look to the phantom it was developed from."""
    moved = matrices.clone()
    moved[:, :, 2] -= fits[:, 2:]
    return moved / fits[:, :2, None]


def _moved(
    points: Tensor, fits: Tensor, matrices: Tensor, fields: Tensor, bends: Tensor, shape: tuple[int, int]
) -> Tensor:
    """Return points (n, points, 3) of the phantom on the maps; those outside of field or map are not shown."""
    look = points[..., :2] * fits[:, None, :2] + fits[:, None, 2:]
    linear = matrices[:, :, :2]
    off = (look - matrices[:, None, :, 2]).transpose(1, 2)
    at = cast("Tensor", torch.linalg.solve(linear, off)).transpose(1, 2)
    columns = at[..., 0].long().clamp(0, shape[1] - 1)
    at = torch.stack([at[..., 0], at[..., 1] - torch.gather(bends, 1, columns)], dim=2)
    inside = ((at >= 0) & (at < torch.tensor(shape[::-1]))).all(dim=2)
    inside &= ((look >= fields[:, :1]) & (look <= fields[:, 1:])).all(dim=2)
    return torch.cat([at / 2.0, (points[..., 2] * inside)[..., None]], dim=2)
