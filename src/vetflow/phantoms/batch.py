"""Many phantoms at once, as DICOM files beside a table of their truth."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import cast

import numpy as np
from pydicom.dataset import Dataset

from vetflow.domain.errors import ConfigurationError
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
_TRUTH, _KEPT = "truth.json", 50
"""Where the films' truth is kept, and the films after which it is written."""

Progress = Callable[[int, int], None]
"""Called with how many are done and how many there will be."""


def make(
    out: Path, *, count: int, seed: int, region: Region | None = None, progress: Progress | None = None
) -> tuple[Path, ...]:
    """Write films ``phantom-<seed>.dcm`` and ``truth.json`` and return the films' paths.

    A truth that the folder holds already stays beside the new one; it is written every 50 films and whenever the making
    ends, so that it covers what is there.

    Parameters
    ----------
    region
        None for a mix of all regions.

    Raises
    ------
    ConfigurationError
        The folder's ``truth.json`` is not one.
    ValueError
        The seed or the count is too high: its films would be held-out ones, or those of the next seed.
    """
    out.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    truths = _earlier(out / _TRUTH)
    try:
        for done, (one, view, part) in enumerate(plan(seed, count, region=region), start=1):
            path = out / f"phantom-{one}.dcm"
            made, truth = _trunk(one, view, part) if part in TRUNKS else _limb(one, view, part)
            made.save_as(path, enforce_file_format=True)
            truths[path.name] = truth
            paths.append(path)
            if done % _KEPT == 0:
                _write(out / _TRUTH, truths)
            if progress:
                progress(done, count)
    finally:
        if paths:
            _write(out / _TRUTH, truths)
    return tuple(paths)


def _earlier(path: Path) -> dict[str, object]:
    """Return the truth that a folder holds already, empty when there is none."""
    try:
        found: object = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ConfigurationError(f"{path} is not the truth of films, so none can be added; choose another folder")
    return cast("dict[str, object]", found)


def _write(path: Path, truths: Mapping[str, object]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(truths))
    part.replace(path)


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
