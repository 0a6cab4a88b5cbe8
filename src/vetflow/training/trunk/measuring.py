"""Showing films to a trunk model, and setting what it says beside what is right."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from vetflow.domain import cardiac, trunk
from vetflow.domain.evidence import TagEvidence
from vetflow.domain.look import Look as Judged
from vetflow.domain.sight import Guess
from vetflow.domain.signalment import Signalment
from vetflow.domain.trunk_sight import HEADS, OUTLINES, Likelihood, TrunkSight
from vetflow.domain.view import Region, View
from vetflow.phantoms.trunk.order import LATERAL
from vetflow.training.pictures import Progress
from vetflow.training.trunk.cases import Case, Listed, kept
from vetflow.training.trunk.records import (
    ABSENT,
    PRESENT,
    SILENT,
    UNDETERMINED,
    Answer,
    Chance,
    Number,
    Overlap,
    Place,
    Record,
)
from vetflow.vision.outlining import spread

LEAST_SHOWN = 0.001
"""Share of the film that a true outline covers at least to count as shown."""


class Look(Protocol):
    """What shows a film to a model, such as `vetflow.adapters.runtime_trunk.TrunkRuntime.look`."""

    def __call__(self, pixels: NDArray[np.generic], /, *, inverted: bool) -> TrunkSight:
        """Return what the model sees."""
        ...


def measure(films: Iterable[Case], look: Look, *, count: int, progress: Progress) -> tuple[Record, ...]:
    """Return what the model says of films, one after another."""
    records: list[Record] = []
    for film in films:
        records.append(compare(film, look(film.pixels, inverted=film.inverted)))
        progress("measure", len(records), count)
    return tuple(records)


def measure_listed(
    films: Iterable[Listed], look: Look, *, folder: Path, workers: int, progress: Progress
) -> tuple[Record, ...]:
    """Return what the model says of listed films, rendered where the folder doesn't hold them yet.

    Parameters
    ----------
    look
        Sent to each process, so a method of an object that can be, no function made on the spot.
    workers
        Processes that render and look; 0 for this one.
    """
    jobs = [(folder, film) for film in films]
    if not workers:
        return measure((kept(*job) for job in jobs), look, count=len(jobs), progress=progress)
    records: list[Record] = []
    # Spawned, not forked: a child forked after torch has started its threads may hang in the first of their locks.
    spawn = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_keep, initargs=(look,)) as pool:
        for record in pool.map(_measured, jobs, chunksize=4):
            records.append(record)
            progress("measure", len(records), len(jobs))
    return tuple(records)


_kept: list[Look] = []
"""What a measuring process looks with; sent once, for it is large."""


def _keep(look: Look) -> None:
    torch.set_num_threads(1)
    _kept.append(look)


def _measured(job: tuple[Path, Listed]) -> Record:
    film = kept(*job)
    return compare(film, _kept[-1](film.pixels, inverted=film.inverted))


def compare(film: Case, sight: TrunkSight) -> Record:
    """Return what the model saw on a film beside what is right."""
    right, score, atrium = film.right, *heart_scores(sight)
    return Record(
        film=film.film,
        group=film.group,
        foreign=film.foreign,
        view=right.view,
        region=right.region,
        species=right.species,
        doubt=sight.doubt,
        oddness=sight.oddness / sight.odd_from,
        classes={head: _answer(sight, head, number) for head, number in right.classes.items() if head in _ASKED},
        rotation=_rotation(film, sight),
        breath=_number(right.breath, sight.breath.value, sight.breath.error),
        cut=dict(_cut(film, sight)),
        lesions={name: _lesion(film, sight, name) for name in right.lesions},
        spots={name: _place(film, sight, name) for name in right.spots},
        heart_shown=right.heart_shown,
        heart_score=_number(right.heart_score, score, sight.heart_score_error),
        atrial_size=_number(right.atrial_size, atrium, sight.atrial_size_error),
        outlines=dict(_overlaps(film, sight)),
        motion=sight.motion,
    )


_ASKED = tuple(head for head in HEADS if head not in {"motion", "back"})


def _answer(sight: TrunkSight, head: str, right: int) -> Answer:
    if head == "limbs_over":
        share = sight.limbs_over
        says = SILENT if share is None else int(share >= 0.5)
        return Answer(right=right, says=says, certainty=0.0 if share is None else max(share, 1.0 - share))
    guess: Guess[bool] | Guess[View] | Guess[Region] | Guess[str] | Guess[int] | None = getattr(sight, head)
    if guess is None:
        return Answer(right=right, says=SILENT, certainty=0.0)
    says = int(guess.says) if isinstance(guess.says, bool) else HEADS[head].index(str(guess.says))
    return Answer(right=right, says=says, certainty=guess.certainty, steady=guess.steady)


def _number(right: float | None, said: float | None, error: float) -> Number | None:
    return None if right is None else Number(right=right, said=said, error=error)


def _rotation(film: Case, sight: TrunkSight) -> Number | None:
    """Lateral films show no sign of the rotation, whichever the model takes this one for."""
    value = abs(sight.rotation.value) if film.right.view in LATERAL else sight.rotation.value
    return _number(film.right.rotation, value, sight.rotation.error)


def _cut(film: Case, sight: TrunkSight) -> Iterator[tuple[str, Chance]]:
    """Yield the parts that the film must show, and those that the model wrongly misses."""
    for part in {**dict.fromkeys(film.right.cut), **dict.fromkeys(sight.cut)} if film.right.cut else ():
        share = sight.cut.get(part, 0.0)
        if part in film.right.cut or share >= 0.5:
            says = PRESENT if share >= 0.5 else ABSENT
            yield part, Chance(right=film.right.cut.get(part, False), share=share, says=says)


def _lesion(film: Case, sight: TrunkSight, name: str) -> Chance:
    there, seen = film.right.lesions[name], sight.lesions.get(name)
    amount = film.right.amounts.get(name) if there else None
    if seen is None:
        return Chance(right=there, share=0.0, says=UNDETERMINED, amount=amount)
    return Chance(
        right=there, share=seen.share, says=UNDETERMINED if sight.doubt else verdict(seen), amount=amount
    )  # fmt: skip


def verdict(seen: Likelihood) -> str:
    """Return what the shipped thresholds make of a likelihood."""
    if seen.steady and seen.share >= seen.present_from:
        return PRESENT
    return ABSENT if seen.steady and seen.share < seen.absent_below else UNDETERMINED


def _place(film: Case, sight: TrunkSight, name: str) -> Place:
    right, said = film.right.spots[name], sight.spots.get(name)
    if said is None:
        return Place(shown=right.shown, off=None, certainty=0.0)
    off = float(np.hypot(said.at[0] - right.at[0], said.at[1] - right.at[1])) / right.unit
    return Place(shown=right.shown, off=off, certainty=said.certainty)


def heart_scores(sight: TrunkSight) -> tuple[float | None, float | None]:
    """Return heart score and atrial size as `vetflow.domain.cardiac` measures them, None where it doesn't."""
    bare = TagEvidence(modality="DX", signalment=Signalment())
    said = cardiac.judge([Judged(evidence=bare, trunk=sight)])
    values = {one.name: one.value for finding in said.findings for one in finding.measurements}
    return values.get(trunk.HEART_SCORE), values.get(trunk.ATRIAL_SIZE)


def _overlaps(film: Case, sight: TrunkSight) -> Iterator[tuple[str, Overlap]]:
    if film.outlines is None:
        return
    for place, name in enumerate(OUTLINES):
        true = (film.outlines >> np.uint16(place)) & 1 == 1
        if true.mean() < LEAST_SHOWN:
            continue
        seen = sight.outlines.get(name)
        if seen is None:
            yield name, Overlap(dice=0.0, certainty=0.0)
        else:
            said = spread(seen.pixels, sight.grid, rows=true.shape[0], columns=true.shape[1])[0]
            yield name, Overlap(dice=_dice(true, said), certainty=seen.certainty)


def _dice(true: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    return 2.0 * float((true & said).sum()) / float(true.sum() + said.sum())
