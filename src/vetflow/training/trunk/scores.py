"""Figures of a trunk model from the records of its films, each with its 95 % interval and the bar it has to reach."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from vetflow.domain.trunk_sight import HEART_POINTS, LESIONS, VERTEBRAE
from vetflow.training.evaluation import calibration_error
from vetflow.training.trunk import statistics
from vetflow.training.trunk.cases import INSIDE
from vetflow.training.trunk.records import ABSENT, PRESENT, UNDETERMINED, Chance, Number, Record
from vetflow.training.trunk.statistics import Rows

Parts = Callable[[Record], Sequence[float] | None]
"""What a film contributes to a figure, None for nothing."""
ORGANS = ("heart", "diaphragm", "stomach", "liver", "kidneys", "bladder", "lung", "spleen")
COVERAGE = "coverage"
"""Share of films inside the card that the model does not abstain on."""
_SHOWN = ("view", "plane", "region")
_HALF = 0.5
"""Vertebrae that a label may lie off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A figure.

    Parameters
    ----------
    parts, figure
        What each film contributes, and the figure of all contributions.
    bar
        What a model is to reach; None when nothing is asked.
    """

    name: str
    parts: Parts
    figure: Callable[[Rows], float]
    higher_is_better: bool = True
    bar: float | None = None

    def rows(self, records: Iterable[Record]) -> Rows:
        """Return the contributions, shape (films that contribute, numbers)."""
        found = [parts for parts in map(self.parts, records) if parts is not None]
        return np.array(found, np.float64) if found else np.empty((0, 1))

    def reached(self, value: float) -> bool:
        """Whether a value reaches the bar."""
        if self.bar is None:
            return True
        return value >= self.bar if self.higher_is_better else value <= self.bar


def metrics(records: Sequence[Record]) -> Mapping[str, float]:
    """Return the figures that can be had from these films, by name."""
    found = {name: value(records, name) for name in METRICS}
    return {name: one for name, one in found.items() if not math.isnan(one)}


def value(records: Sequence[Record], name: str) -> float:
    """Return one figure, nan when these films don't give it."""
    rows = METRICS[name].rows(records)
    return METRICS[name].figure(rows) if len(rows) else math.nan


def films_of(records: Sequence[Record], name: str) -> tuple[Record, ...]:
    """Return the films that a figure is of: those inside the card are easy, and for `COVERAGE` alone."""
    return tuple(record for record in records if (record.group == INSIDE) is (name == COVERAGE))


def interval(records: Sequence[Record], name: str) -> tuple[float, float]:
    """Return the 95 % interval of a figure: Wilson's of a share of films, else films are drawn with replacement.

    Raises
    ------
    KeyError
        No figure has this name.
    ValueError
        No film contributes to it.
    """
    metric = METRICS[name]
    rows = metric.rows(records)
    if not len(rows):
        raise ValueError(f"no film contributes to {name}")
    if metric.figure is _share:
        return statistics.wilson(float(rows[:, 0].sum()), len(rows))
    return statistics.interval(rows, metric.figure)


def difference(ours: Sequence[Record], theirs: Sequence[Record], name: str) -> tuple[float, float, float]:
    """Return by how much our figure is above theirs, and its 95 % interval: the same films drawn for both.

    Raises
    ------
    KeyError
        No figure has this name.
    ValueError
        No film contributes to both.
    """
    metric, other = METRICS[name], {record.film: record for record in theirs}
    pairs = [(metric.parts(one), metric.parts(other[one.film])) for one in ours if one.film in other]
    both = np.array([(a, b) for a, b in pairs if a is not None and b is not None], np.float64)
    if not len(both):
        raise ValueError(f"no film contributes to {name} of both models")
    gap = partial(_gap, figure=metric.figure)
    return gap(both), *statistics.interval(both, gap)


def _gap(both: Rows, *, figure: Callable[[Rows], float]) -> float:
    return figure(both[:, 0]) - figure(both[:, 1])


def _mean(rows: Rows) -> float:
    return float(rows[:, 0].mean())


def _share(rows: Rows) -> float:
    """Return the share of films of which something is so; each contributes 0 or 1."""
    return _mean(rows)


def _ratio(rows: Rows) -> float:
    whole = float(rows[:, 1].sum())
    return float(rows[:, 0].sum()) / whole if whole else math.nan


def _f1(rows: Rows) -> float:
    hit, extra, missed = (float(column) for column in rows.sum(axis=0))
    return 2 * hit / (2 * hit + extra + missed) if hit + extra + missed else math.nan


def _auroc(rows: Rows) -> float:
    return statistics.auroc(rows[:, 0], rows[:, 1])


def _ece(rows: Rows) -> float:
    return calibration_error(rows[:, 0], rows[:, 1] > 0)


def _right(record: Record, *, head: str) -> Sequence[float] | None:
    answer = record.classes.get(head)
    return None if answer is None else (float(answer.says == answer.right),)


def _off(record: Record, *, of: str, lateral: bool | None = None) -> Sequence[float] | None:
    number: Number | None = getattr(record, of)
    if number is None or number.said is None or lateral not in {None, record.lateral}:
        return None
    return (abs(number.said - number.right),)


def _within(record: Record, *, of: str) -> Sequence[float] | None:
    number: Number | None = getattr(record, of)
    if number is None or number.said is None:
        return None
    return (float(abs(number.said - number.right) <= number.error),)


def _answered(record: Record, *, of: str) -> Sequence[float] | None:
    number: Number | None = getattr(record, of)
    return (float(number.said is not None),) if number is not None and record.heart_shown else None


def _inclusion(record: Record) -> Sequence[float] | None:
    ones = record.cut.values()
    said = [(one.says == PRESENT, one.right) for one in ones]
    return tuple(float(said.count(pair)) for pair in ((True, True), (True, False), (False, True))) if said else None


def _labelled(record: Record) -> Sequence[float] | None:
    shown = [record.spots[name] for name in VERTEBRAE if name in record.spots and record.spots[name].shown]
    near = sum(one.off is not None and one.off <= _HALF for one in shown)
    return (float(near), float(len(shown))) if shown else None


def _labels_right(record: Record) -> Sequence[float] | None:
    offs = [record.spots[name].off for name in VERTEBRAE if name in record.spots]
    said = [off for off in offs if off is not None]
    return (float(sum(off <= _HALF for off in said)), float(len(said))) if said else None


def _heart_point(record: Record, *, name: str) -> Sequence[float] | None:
    spot = record.spots.get(name)
    return None if spot is None or spot.off is None or not spot.shown else (spot.off,)


def _dice(record: Record, *, name: str) -> Sequence[float] | None:
    overlap = record.outlines.get(name)
    return None if overlap is None else (overlap.dice,)


def _organs(record: Record) -> Sequence[float] | None:
    found = [record.outlines[name].dice for name in ORGANS if name in record.outlines]
    return (sum(found), float(len(found))) if found else None


def _shares(record: Record, *, name: str) -> Sequence[float] | None:
    one = record.lesions.get(name)
    return None if one is None else (one.share, float(one.right))


def _told(record: Record, *, name: str, there: bool, answered: bool) -> Sequence[float] | None:
    """Return whether the model says what is right; undetermined is wrong, or where answered left out."""
    one = record.lesions.get(name)
    if one is None or one.right is not there or (answered and one.says == UNDETERMINED):
        return None
    return (float(one.says == (PRESENT if there else ABSENT)),)


def _open(record: Record, *, name: str) -> Sequence[float] | None:
    one: Chance | None = record.lesions.get(name)
    return None if one is None else (float(one.says == UNDETERMINED),)


def _covered(record: Record) -> Sequence[float] | None:
    return (float(not record.doubt),) if record.group == INSIDE else None


def _covered_everywhere(record: Record) -> Sequence[float] | None:
    return (float(not record.doubt),)


def _wrong_and_sure(record: Record) -> Sequence[float] | None:
    """Return whether the model answers and is wrong about what the film shows; abstaining is never wrong."""
    said = [record.classes[head] for head in _SHOWN if head in record.classes]
    return (float(not record.doubt and any(one.says != one.right for one in said)),) if said else None


def _steady_picture(record: Record) -> Sequence[float] | None:
    return (float(record.motion >= _HALF),)


def _all() -> Iterator[Metric]:
    yield from _positioning()
    yield from _cardiac()
    yield from _anatomy()
    for name in LESIONS:
        yield from _triage(name)
    yield Metric(name=COVERAGE, parts=_covered, figure=_share, bar=0.95)
    yield Metric(name="answered", parts=_covered_everywhere, figure=_share)
    yield _error("wrong_and_sure", _wrong_and_sure, None, figure=_share)


def _positioning() -> Iterator[Metric]:
    bars = {"plane": 0.99, "side": 0.99}
    for head in ("view", "plane", "side", "region", "inverted", "head", "limbs_over"):
        yield Metric(name=f"{head}_accuracy", parts=partial(_right, head=head), figure=_share, bar=bars.get(head))
    for name, lateral, bar in (("rotation_mae", None, 3.0), ("rotation_lateral_mae", True, None),
                               ("rotation_sagittal_mae", False, None)):  # fmt: skip
        yield _error(name, partial(_off, of="rotation", lateral=lateral), bar)
    yield Metric(name="inclusion_f1", parts=_inclusion, figure=_f1, bar=0.95)
    yield _error("breath_mae", partial(_off, of="breath"), None)
    yield _error("motion_false_alarms", _steady_picture, None, figure=_share)


def _cardiac() -> Iterator[Metric]:
    for name, of, bar in (("vhs", "heart_score", 0.25), ("vlas", "atrial_size", 0.15)):
        yield _error(f"{name}_mae", partial(_off, of=of), bar)
        yield Metric(name=f"{name}_within_error", parts=partial(_within, of=of), figure=_share)
        yield Metric(name=f"{name}_answered", parts=partial(_answered, of=of), figure=_share)
    for point in HEART_POINTS:
        yield _error(f"{point.replace(' ', '_')}_off", partial(_heart_point, name=point), None)


def _anatomy() -> Iterator[Metric]:
    yield Metric(name="vertebra_labels", parts=_labelled, figure=_ratio, bar=0.98)
    yield Metric(name="vertebra_labels_right", parts=_labels_right, figure=_ratio)
    yield Metric(name="ribs_accuracy", parts=partial(_right, head="ribs"), figure=_share)
    for organ in ORGANS:
        yield Metric(name=f"dice_{organ}", parts=partial(_dice, name=organ), figure=_mean, bar=0.9)
    yield Metric(name="dice_organs", parts=_organs, figure=_ratio, bar=0.9)


def _triage(name: str) -> Iterator[Metric]:
    bar = 0.98 if name == "volvulus" else 0.97
    yield Metric(name=f"{name}_auroc", parts=partial(_shares, name=name), figure=_auroc, bar=bar)
    yield _error(f"{name}_calibration_error", partial(_shares, name=name), None, figure=_ece)
    for word, there, asked in (("sensitivity", True, 0.95), ("specificity", False, 0.9)):
        told = partial(_told, name=name, there=there)
        yield Metric(name=f"{name}_{word}", parts=partial(told, answered=False), figure=_share, bar=asked)
        yield Metric(name=f"{name}_{word}_answered", parts=partial(told, answered=True), figure=_share)
    yield _error(f"{name}_undetermined", partial(_open, name=name), None, figure=_share)


def _error(name: str, parts: Parts, bar: float | None, *, figure: Callable[[Rows], float] = _mean) -> Metric:
    return Metric(name=name, parts=parts, figure=figure, higher_is_better=False, bar=bar)


METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _all()}
"""Every figure by name, in the order of the card."""
