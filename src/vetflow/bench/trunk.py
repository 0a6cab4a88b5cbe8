"""One large film judged by all use cases of the trunk, beside the same use cases each on its own."""

import os
import statistics
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch

from vetflow.bench.rows import Row, sync_row
from vetflow.dicom import header
from vetflow.domain import cardiac, labelling, positioning, triage
from vetflow.domain.bundle import Bundle, from_folder
from vetflow.domain.clipping import Extent
from vetflow.domain.errors import ConfigurationError
from vetflow.domain.evidence import TagEvidence
from vetflow.domain.finding import Assessment
from vetflow.domain.look import Look
from vetflow.domain.sight import Bounds
from vetflow.domain.use_cases import MODELS
from vetflow.domain.view import Region, View
from vetflow.phantoms.dicom import dataset
from vetflow.phantoms.trunk.developing import trunk_film
from vetflow.phantoms.trunk.order import Order
from vetflow.settings import Limits
from vetflow.vision import sighting, trunk_sighting
from vetflow.vision.outlining import spread
from vetflow.wiring import inside
from vetflow.wiring.catalogue import shipped

_SIDE, _DRAWN = 3072, 1024
"""Pixels of the film, and of the phantom that is enlarged to it: drawing the large one would take longer than all."""
_RUNS = 7
_BAR_SECONDS = 1.5
_PLAIN, _TRUNK = "positioning", "trunk"
_JUDGES: Mapping[str, Callable[[Look], Assessment]] = {
    "positioning": lambda look: positioning.judge(look.evidence, look.plain, Bounds(), trunk=look.trunk),
    "cardiac": lambda look: cardiac.judge((look,)),
    "anatomy": lambda look: labelling.judge((look,), spread=spread),
    "triage": lambda look: triage.judge((look,)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A film and the models that look at it, as the sandbox gets them."""

    film: bytes
    evidence: TagEvidence
    bundles: Mapping[str, Bundle]
    archives: Mapping[str, bytes]

    def look(self, names: Sequence[str]) -> Look:
        """Decode, prepare and infer as the sandbox does, and read its answer as its caller does."""
        archives = {name: self.archives[name] for name in names}
        answer = inside.look(self.film, largest=_SIDE * _SIDE * 2, **archives)
        seen = cast("Mapping[str, Mapping[str, object]]", answer["sights"])
        models = {name: self.bundles[name].manifest.model for name in names}
        extent = Extent(columns=_SIDE, rows=_SIDE)
        plain = sighting.from_values(seen[_PLAIN], model=models[_PLAIN]) if _PLAIN in seen else None
        trunk = trunk_sighting.from_values(seen[_TRUNK], model=models[_TRUNK], extent=extent)
        return Look(evidence=self.evidence, plain=plain, trunk=trunk)

    def shared(self) -> None:
        """Judge by all use cases what was seen once."""
        look = self.look((_PLAIN, _TRUNK))
        for judge in _JUDGES.values():
            judge(look)

    def apart(self) -> None:
        """Let each use case decode and look for itself."""
        for use_case, judge in _JUDGES.items():
            judge(self.look(MODELS[use_case]))


def measure(folder: Path, tell: Callable[[str], None], *, runs: int = _RUNS) -> list[Row]:
    """Return how long a film of 3072 × 3072 pixels takes from its bytes to four judgements.

    Raises
    ------
    ConfigurationError
        The trunk model does not ship with this version.
    """
    folders = {name: shipped(name) for name in (_PLAIN, _TRUNK)}
    if missing := [name for name, place in folders.items() if not place.is_dir()]:
        raise ConfigurationError(f"no model {missing[0]} ships with this version of vetflow")
    work = _work({name: from_folder(place) for name, place in folders.items()}, folder)
    tell(f"{runs} times all use cases together, and each on its own")
    cores = os.cpu_count() or 1
    # As the worker gives its sandboxes: more threads than that wait for each other busily when another case runs too.
    threads = max(1, cores // Limits().concurrent_cases)
    with _threads(threads):
        ours, apart = _in_turn(work.shared, work.apart, runs)
    what = f"a film of {_SIDE}² to four judgements, threads as in the sandbox: {threads} of {cores} cores"
    return [
        sync_row(folder),
        Row(what=f"{what}, median", ours=statistics.median(ours), peer=statistics.median(apart), unit="s", runs=runs,
            peer_name="the same use cases one by one, nothing shared"),
        Row(what=f"{what}, slowest", ours=max(ours), peer=_BAR_SECONDS, peer_name="bar", unit="s", runs=runs),
    ]  # fmt: skip


@contextmanager
def _threads(count: int) -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _in_turn(ours: Callable[[], None], peer: Callable[[], None], runs: int) -> tuple[list[float], list[float]]:
    """Return the seconds of each, a first round left out: tables are read and memory is taken then."""
    taken = [(_seconds(ours), _seconds(peer)) for _ in range(runs + 1)][1:]
    return [mine for mine, _ in taken], [theirs for _, theirs in taken]


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _work(bundles: Mapping[str, Bundle], folder: Path) -> _Work:
    film = _film(folder)
    archives = {name: bundle.archive() for name, bundle in bundles.items()}
    return _Work(film=film, evidence=header.evidence(film), bundles=bundles, archives=archives)


def _film(folder: Path) -> bytes:
    """Return a side view of a phantom's whole trunk, each pixel drawn enlarged to a block of nine."""
    film = trunk_film(Order(seed=7, view=View.LEFT_LATERAL, region=Region.TRUNK), size=_DRAWN).film
    rows, columns = film.pixels.shape
    square = np.pad(film.pixels, ((0, _DRAWN - rows), (0, _DRAWN - columns)), mode="edge")
    times = _SIDE // _DRAWN
    pixels = square.repeat(times, axis=0).repeat(times, axis=1)
    path = folder / "film.dcm"
    dataset(replace(film, pixels=pixels, pixel_mm=film.pixel_mm / times), seed=7).save_as(
        path, enforce_file_format=True
    )
    return path.read_bytes()
