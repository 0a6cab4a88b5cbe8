"""Trying a bundle on films: held-out ones, fresh phantoms or a folder of somebody's own, and its figures on them."""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vetflow.domain.bundle import Bundle
from vetflow.domain.errors import StudyRefused
from vetflow.phantoms.holdout import holdout
from vetflow.phantoms.truth import Film
from vetflow.training import folder_cases
from vetflow.training.dataset_folder import Decoder, Folder
from vetflow.training.evaluation import held_out
from vetflow.training.journal import PHANTOMS
from vetflow.training.pictures import Progress
from vetflow.training.trainings import GATE_SEED
from vetflow.training.trunk import scores
from vetflow.training.trunk.cases import listed
from vetflow.training.trunk.measuring import compare, measure_listed
from vetflow.training.trunk.records import Record
from vetflow.wiring.catalogue import Runtime
from vetflow.wiring.registry import trunk_runtime

WORKERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a model said of films.

    Parameters
    ----------
    records
        One a film that it was asked about.
    refused
        Why films can't be measured on, by name.
    elsewhere
        Films of body parts that the model is not made for; it was not asked.
    """

    records: tuple[Record, ...]
    refused: Mapping[str, str]
    elsewhere: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Films:
    """Films that bundles can be tried on; each of them gets the same ones.

    Parameters
    ----------
    name, digest
        What they are, and the SHA-256 that tells them from others.
    trial
        Tries a bundle.
    source
        Where they come from; no path, which may name somebody.
    """

    name: str
    digest: str
    trial: Callable[[Bundle, Progress], Trial]
    source: str = PHANTOMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """Which films that it has not seen a model is measured on when there is no folder.

    Parameters
    ----------
    limit
        Held-out films of each group at most; None for all. For models of the trunk.
    count, seed
        Fresh phantoms, and what they follow from; must not be the training's seed. For models of any body part.
    """

    limit: int | None = None
    count: int = 300
    seed: int = GATE_SEED


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure with its 95 % interval.

    Parameters
    ----------
    bar, reached
        What a model is to reach, and whether it does; None when nothing is asked.
    films
        How many films it is of.
    """

    name: str
    value: float
    low: float
    high: float
    bar: float | None
    reached: bool | None
    films: int


def figures(records: tuple[Record, ...], progress: Progress) -> tuple[Figure, ...]:
    """Return all figures that can be had from these films; of a held-out set, only coverage is from inside the card."""
    found: list[Figure] = []
    for done, name in enumerate(scores.METRICS, start=1):
        films = scores.films_of(records, name)
        value = scores.value(films, name)
        if not math.isnan(value):
            found.append(_figure(name, value, films))
        progress("figures", done, len(scores.METRICS))
    return tuple(found)


def _figure(name: str, value: float, records: tuple[Record, ...]) -> Figure:
    metric = scores.METRICS[name]
    low, high = scores.interval(records, name)
    reached = None if metric.bar is None else metric.reached(value)
    films = len(metric.rows(records))
    return Figure(name=name, value=value, low=low, high=high, bar=metric.bar, reached=reached, films=films)


def of_folder(folder: Folder, decode: Decoder) -> Films:
    """Return the films of a folder."""

    def trial(bundle: Bundle, progress: Progress) -> Trial:
        ask, refused = _asking(bundle), dict[str, str]()
        records: list[Record] = []
        elsewhere = 0
        for done, name in enumerate(folder.truths, start=1):
            try:
                film = folder.film(name, decode)
                if bundle.manifest.of_trunk and not folder_cases.of_trunk(film):
                    elsewhere += 1
                else:
                    records.append(ask(film))
            except StudyRefused as why:
                refused[name] = str(why)
            progress("measure", done, len(folder.truths))
        return Trial(records=tuple(records), refused=refused, elsewhere=elsewhere)

    return Films(name="folder", digest=folder.digest, trial=trial, source="a folder of the site")


def _asking(bundle: Bundle) -> Callable[[folder_cases.Labelled], Record]:
    if not bundle.manifest.of_trunk:
        plain = Runtime(bundle)
        return lambda film: folder_cases.record(film, plain.look(film.pixels, film.inverted))
    trunk = trunk_runtime(bundle)

    def ask(film: folder_cases.Labelled) -> Record:
        case = folder_cases.case(film)
        return compare(case, trunk.look(case.pixels, inverted=case.inverted))

    return ask


def of_holdout(cache: Path, unseen: Unseen) -> Films:
    """Return the held-out films of the trunk and films inside the card.

    Parameters
    ----------
    cache
        Folder that they are rendered into once.
    """

    def trial(bundle: Bundle, progress: Progress) -> Trial:
        look = trunk_runtime(bundle).look
        records = measure_listed(listed(limit=unseen.limit), look, folder=cache, workers=WORKERS, progress=progress)
        return Trial(records=records, refused={})

    return Films(name="held-out", digest=holdout().digest, trial=trial)


def of_phantoms(unseen: Unseen, *, progress: Progress) -> Films:
    """Return fresh phantoms of all body parts, for models that judge any."""
    films, digest = list[Film](), hashlib.sha256()
    for film in held_out(unseen.seed, unseen.count):
        films.append(film)
        digest.update(film.pixels.tobytes())
        progress("render", len(films), unseen.count)

    def trial(bundle: Bundle, progress: Progress) -> Trial:
        look, records = Runtime(bundle).look, list[Record]()
        for film in films:
            sight = look(film.pixels, film.photometric == "MONOCHROME1")
            records.append(folder_cases.plain_record(film.truth, sight, film=str(len(records))))
            progress("measure", len(records), unseen.count)
        return Trial(records=tuple(records), refused={})

    return Films(name="phantoms", digest=digest.hexdigest(), trial=trial)
