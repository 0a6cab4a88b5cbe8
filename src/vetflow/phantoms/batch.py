"""Many phantoms at once, as DICOM files beside a table of their truth."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from vetflow.domain.signalment import Species
from vetflow.domain.view import Region, View
from vetflow.phantoms.dicom import dataset
from vetflow.phantoms.films import REGIONS, film, views_of
from vetflow.phantoms.holdout import FIRST_SEED
from vetflow.phantoms.trunk.developing import trunk_film
from vetflow.phantoms.trunk.order import REGIONS as TRUNKS
from vetflow.phantoms.trunk.order import Order
from vetflow.phantoms.trunk.truth import runs
from vetflow.phantoms.truth import Truth

_SIZE = 1024
"""Pixels of a film's longer side."""
_SEEDS = 1_000_000
"""Films that a batch's seed has room for."""

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there will be."""


def make(
    out: Path, *, count: int, seed: int, region: Region | None = None, progress: Progress | None = None
) -> tuple[Path, ...]:
    """Write films ``phantom-<seed>.dcm`` and ``truth.json`` and return the films' paths.

    Parameters
    ----------
    region
        None for a mix of all regions.

    Raises
    ------
    ValueError
        The seed or the count is too high: its films would be held-out ones, or those of the next seed.
    """
    out.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    truths: dict[str, object] = {}
    for done, (one, view, part) in enumerate(plan(seed, count, region=region), start=1):
        path = out / f"phantom-{one}.dcm"
        made, truths[path.name] = _trunk(one, view, part) if part in TRUNKS else _limb(one, view, part)
        made.save_as(path, enforce_file_format=True)
        paths.append(path)
        if progress:
            progress(done, count)
    (out / "truth.json").write_text(json.dumps(truths))
    return tuple(paths)


def _trunk(seed: int, view: View, region: Region) -> tuple[Dataset, dict[str, object]]:
    made = trunk_film(Order(seed=seed, view=view, region=region), size=_SIZE)
    masks = {name: runs(mask) for name, mask in made.masks.items()}
    truth = told(made.film.truth) | {
        "trunk": asdict(made.truth), "exposure": asdict(made.exposure), "marker": made.film.marker,
        "shape": made.film.pixels.shape, "masks": masks,
    }  # fmt: skip
    return dataset(made.film, seed=seed, species=made.truth.species), truth


def _limb(seed: int, view: View, region: Region) -> tuple[Dataset, dict[str, object]]:
    made = film(seed, view=view, region=region, size=_SIZE)
    species = Species.CAT if made.truth.catlike else Species.DOG
    return dataset(made, seed=seed, species=species), told(made.truth)


def plan(seed: int, count: int, *, region: Region | None = None) -> Iterator[tuple[int, View, Region]]:
    """Yield seed, view and region of `count` films; regions and views are drawn evenly.

    Raises
    ------
    ValueError
        As in `make`.
    """
    if count > _SEEDS or seed < 0 or (seed + 1) * _SEEDS > FIRST_SEED:
        raise ValueError(f"seeds are below {FIRST_SEED // _SEEDS}, and films {_SEEDS} a seed at most")
    rng = np.random.default_rng([seed, 5])
    for index in range(count):
        part = region or REGIONS[int(rng.integers(len(REGIONS)))]
        views = views_of(part)
        yield seed * _SEEDS + index, views[int(rng.integers(len(views)))], part


def told(truth: Truth) -> dict[str, object]:
    """Return a truth as plain values for JSON."""
    return asdict(truth)
