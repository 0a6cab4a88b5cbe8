"""Phantoms rendered once and looked at anew in every epoch."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from vetflow.domain.view import Region, View
from vetflow.phantoms.batch import plan
from vetflow.phantoms.films import projection, turned
from vetflow.phantoms.look import expose
from vetflow.phantoms.truth import Projection
from vetflow.training.heads import answers, nothing
from vetflow.vision.film import normalise
from vetflow.vision.filters import Grey, transformed

Progress = Callable[[str, int, int], None]
"""Called with the stage, how much of it is done and how much there is."""

RENDERED = 208
"""Longer side of the cached projections, pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variety:
    """How far films may stray from the textbook; held-out films stray further.

    Parameters
    ----------
    turned
        Share of films turned by a quarter or a half.
    leaning
        Largest further rotation, degrees.
    squash
        Largest change of aspect.
    inverted
        Share of films shown with bone dark.
    nothing
        Share of pictures that aren't films.
    """

    turned: float = 0.45
    leaning: float = 12.0
    squash: float = 0.15
    inverted: float = 0.12
    nothing: float = 0.05


def rendered(count: int, *, seed: int, workers: int, progress: Progress) -> list[Projection]:
    """Return projections of `count` phantoms, views and regions drawn evenly; the same seed gives the same ones."""
    plans = list(plan(seed, count))
    made: list[Projection] = []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for one in pool.map(_render, plans, chunksize=8):
            made.append(one)
            progress("render", len(made), count)
    return made


def _render(item: tuple[int, View, Region]) -> Projection:
    seed, view, region = item
    made = projection(seed, view=view, region=region, size=RENDERED)
    # Half precision halves the cache; 0.1 mm of tissue can't be seen.
    return replace(made, bone=made.bone.astype(np.float16), soft=made.soft.astype(np.float16))


def digest(made: list[Projection]) -> str:
    """Return the SHA-256 over all projections and truths."""
    whole = hashlib.sha256()
    for one in made:
        whole.update(one.bone.tobytes())
        whole.update(one.soft.tobytes())
        whole.update(repr(one.truth).encode())
    return whole.hexdigest()


Batch = tuple[Grey, NDArray[np.int64]]
"""Network inputs, shape (n, 1, size, size), and the right class of each head, shape (n, heads)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Looks at projections.

    Parameters
    ----------
    made
        Projections; each is looked at once an epoch.
    size
        Side of the network's input.
    seed
        With epoch and index it decides the look, so that one is the same whenever it is asked for.
    """

    made: list[Projection]
    size: int
    seed: int
    variety: Variety

    def __len__(self) -> int:
        return len(self.made)

    def batch(self, indices: Sequence[int], *, epoch: int = 0) -> Batch:
        """Return the looks of some projections in an epoch."""
        looks = [self._look(index, epoch) for index in indices]
        return np.stack([grey[None] for grey, _ in looks]), np.array([right for _, right in looks], np.int64)

    def _look(self, index: int, epoch: int) -> tuple[Grey, tuple[int, ...]]:
        rng = np.random.default_rng([self.seed, epoch, index])
        if rng.random() < self.variety.nothing:
            return no_film(rng, self.size), nothing()
        return self._film(self.made[index], rng)

    def _film(self, made: Projection, rng: np.random.Generator) -> tuple[Grey, tuple[int, ...]]:
        quarters = int(rng.integers(1, 4)) if rng.random() < self.variety.turned else 0
        full = replace(made, bone=made.bone.astype(np.float32), soft=made.soft.astype(np.float32))
        shown = turned(full, quarters=quarters, mirrored=bool(rng.random() < 0.5))
        film = expose(shown, rng, inverted=self.variety.inverted)
        square = normalise(film.pixels, inverted=film.photometric == "MONOCHROME1", size=self.size)[0]
        return _leaned(square, rng, self.variety), answers(film.truth)


def _leaned(grey: Grey, rng: np.random.Generator, variety: Variety) -> Grey:
    if rng.random() < 0.4:
        return grey
    angle = np.radians(rng.uniform(-variety.leaning, variety.leaning))
    stretch = np.exp(rng.uniform(-variety.squash, variety.squash, 2))
    zoom = rng.uniform(0.92, 1.15)
    c, s = np.cos(angle), np.sin(angle)
    matrix = np.array([[c, -s], [s, c]]) * stretch[:, None] * zoom
    return transformed(grey, matrix)


def no_film(rng: np.random.Generator, size: int) -> Grey:
    """Return a picture that isn't a film: noise, a ramp, waves or boxes."""
    rows, columns = np.mgrid[0:size, 0:size] / size
    kind = int(rng.integers(4))
    if kind == 0:
        grain = int(rng.choice([1, 4, 16]))
        few = rng.random((size // grain + 1, size // grain + 1))
        grey = np.kron(few, np.ones((grain, grain)))[:size, :size]
    elif kind == 1:
        grey = rng.uniform() * rows + rng.uniform() * columns
    elif kind == 2:
        pitch = rng.uniform(2.0, 40.0, 2)
        grey = 0.5 + 0.5 * np.sin(pitch[0] * rows + rng.uniform(0.0, 6.0)) * np.sin(pitch[1] * columns)
    else:
        grey = np.zeros((size, size))
        for _ in range(int(rng.integers(1, 9))):
            at = rng.integers(0, size, 2)
            grey[at[0] : at[0] + size // 3, at[1] : at[1] + size // 3] += rng.random()
    return _spread(grey + rng.uniform(0.0, 0.1) * rng.standard_normal((size, size)))


def _spread(grey: NDArray[np.float64]) -> Grey:
    low, high = float(grey.min()), float(grey.max())
    return ((grey - low) / max(high - low, 1e-6)).astype(np.float32)
