"""Many phantoms at once, as DICOM files beside a table of their truth."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from vetflow.domain.signalment import Species
from vetflow.domain.view import Region, View
from vetflow.phantoms.dicom import dataset
from vetflow.phantoms.films import REGIONS, film, views_of
from vetflow.phantoms.truth import Truth

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
    """
    out.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    truths: dict[str, object] = {}
    for done, (one, view, part) in enumerate(plan(seed, count, region=region), start=1):
        made = film(one, view=view, region=part, size=1024)
        path = out / f"phantom-{one}.dcm"
        species = Species.CAT if made.truth.catlike else Species.DOG
        dataset(made, seed=one, species=species).save_as(path, enforce_file_format=True)
        paths.append(path)
        truths[path.name] = told(made.truth)
        if progress:
            progress(done, count)
    (out / "truth.json").write_text(json.dumps(truths, indent=1))
    return tuple(paths)


def plan(seed: int, count: int, *, region: Region | None = None) -> Iterator[tuple[int, View, Region]]:
    """Yield seed, view and region of `count` films; regions and views are drawn evenly."""
    rng = np.random.default_rng([seed, 5])
    for index in range(count):
        part = region or REGIONS[int(rng.integers(len(REGIONS)))]
        views = views_of(part)
        yield seed * 1_000_000 + index, views[int(rng.integers(len(views)))], part


def told(truth: Truth) -> dict[str, object]:
    """Return a truth as plain values for JSON."""
    return asdict(truth)
