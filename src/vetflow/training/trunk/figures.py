"""Plots of a trunk model's figures, as PNGs."""

import io
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vetflow.domain.trunk_sight import HEADS, LESIONS
from vetflow.training.evaluation import Said, calibration_error, score
from vetflow.training.figures import confusion
from vetflow.training.trunk import statistics
from vetflow.training.trunk.records import SILENT, Number, Record

_CONFUSED = ("plane", "side", "region", "ribs", "limbs_over", "inverted")
_NUMBERS = {"heart_score": ("vertebral heart score", "v"), "atrial_size": ("left atrial size", "v")}


def plots(records: Sequence[Record]) -> Mapping[str, bytes]:
    """Return all plots that these films allow, by file name."""
    return dict(_plots(records))


def _plots(records: Sequence[Record]) -> Iterator[tuple[str, bytes]]:
    shares = {name: lesion_shares(records, name) for name in LESIONS}
    told = {name: (p, y) for name, (p, y) in shares.items() if len(y) and 0 < y.sum() < len(y)}
    if told:
        yield "roc.png", roc(told)
        yield "reliability.png", reliability(told)
    for of, (title, unit) in _NUMBERS.items():
        pairs = number_pairs(records, of)
        if len(pairs):
            yield f"agreement_{of}.png", agreement(pairs, title=title, unit=unit)
    pairs = number_pairs(records, "rotation")
    if len(pairs):
        lateral = np.array([record.lateral for record in records if _answered(record, "rotation")])
        yield "rotation.png", rotation(pairs, lateral)
    for head in _CONFUSED:
        said = [one for one in (_said(record, head) for record in records) if one is not None]
        if said:
            yield f"confusion_{head}.png", confusion(score(said, classes=len(HEADS[head]), sure=0.0), HEADS[head])


def lesion_shares(records: Sequence[Record], name: str) -> tuple[statistics.Array, statistics.Array]:
    """Return the probabilities of an emergency and whether it is there, films that are asked about it only."""
    asked = [record.lesions[name] for record in records if name in record.lesions]
    return np.array([one.share for one in asked]), np.array([float(one.right) for one in asked])


def number_pairs(records: Sequence[Record], of: str) -> statistics.Rows:
    """Return true and said values of a number, shape (films that were answered, 2)."""
    numbers = [number for record in records if (number := _answered(record, of)) is not None]
    return np.array([(number.right, number.said) for number in numbers]).reshape(-1, 2)


def _answered(record: Record, of: str) -> Number | None:
    number: Number | None = getattr(record, of)
    return None if number is None or number.said is None else number


def _said(record: Record, head: str) -> Said | None:
    answer = record.classes.get(head)
    if answer is None or answer.says == SILENT:
        return None
    return Said(right=answer.right, says=answer.says, certainty=answer.certainty, steady=answer.steady)


def roc(told: Mapping[str, tuple[statistics.Array, statistics.Array]]) -> bytes:
    """Return ROC curves of emergencies, each with its area."""
    figure = Figure(figsize=(5, 5), layout="tight")
    axes = figure.subplots()
    for name, (shares, there) in told.items():
        false, true = statistics.roc(shares, there)
        label = f"{name}: {statistics.auroc(shares, there):.3f} ({int(there.sum())} of {len(there)})"
        axes.plot(false, true, label=label)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.5)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", title="Area under the ROC curve")
    axes.legend(loc="lower right", fontsize=8)
    return png(figure)


def reliability(told: Mapping[str, tuple[statistics.Array, statistics.Array]]) -> bytes:
    """Return reliability diagrams: rates by tenths of certainty, and where a perfectly calibrated model's would lie."""
    figure = Figure(figsize=(3.4 * len(told), 3.8), layout="tight")
    for axes, (name, (shares, there)) in zip(_row(figure, len(told)), told.items(), strict=True):
        bins = statistics.reliability(shares, there)
        x = [one.share for one in bins]
        axes.fill_between(x, [one.low for one in bins], [one.high for one in bins], color="lightblue")
        axes.plot([0, 1], [0, 1], color="grey", linewidth=0.5)
        axes.plot(x, [one.rate for one in bins], "o-", color="black", markersize=4)
        for one in bins:
            axes.annotate(str(one.films), (one.share, one.rate), fontsize=6, xytext=(3, -8), textcoords="offset points")
        error, limit = calibration_error(shares, there > 0), statistics.calibration_limit(shares)
        axes.set(
            xlim=(0, 1), ylim=(0, 1), xlabel="said", ylabel="true", title=f"{name}: {error:.3f} (limit {limit:.3f})"
        )
    return png(figure)


def agreement(pairs: statistics.Rows, *, title: str, unit: str) -> bytes:
    """Return a plot after Bland and Altman: said less true against their mean, with the limits of agreement."""
    figure = Figure(figsize=(5.5, 4), layout="tight")
    axes = figure.subplots()
    gaps = pairs[:, 1] - pairs[:, 0]
    axes.scatter(pairs.mean(axis=1), gaps, s=8, alpha=0.6)
    for value, style in zip(statistics.agreement(gaps), ("-", "--", "--"), strict=True):
        axes.axhline(value, linestyle=style, color="black", linewidth=0.8)
        axes.annotate(f"{value:+.2f}", (0.995, value), xycoords=("axes fraction", "data"), ha="right", va="bottom")
    axes.set(xlabel=f"mean of true and said, {unit}", ylabel=f"said - true, {unit}", title=f"{title}, n = {len(pairs)}")
    return png(figure)


def rotation(pairs: statistics.Rows, lateral: np.ndarray) -> bytes:
    """Return said against true rotation; lateral films show it without a sign."""
    figure = Figure(figsize=(8, 4), layout="tight")
    for axes, (title, chosen) in zip(_row(figure, 2), (("lateral", lateral), ("VD, DV", ~lateral)), strict=True):
        mine = pairs[chosen]
        axes.scatter(mine[:, 0], mine[:, 1], s=8, alpha=0.6)
        ends = (float(mine[:, 0].min()), float(mine[:, 0].max())) if len(mine) else (0.0, 1.0)
        axes.plot(ends, ends, color="grey", linewidth=0.8)
        error = float(np.abs(mine[:, 1] - mine[:, 0]).mean()) if len(mine) else 0.0
        axes.set(xlabel="true, degrees", ylabel="said, degrees", title=f"{title}: off by {error:.1f}, n = {len(mine)}")
    return png(figure)


def _row(figure: Figure, count: int) -> Sequence[Axes]:
    return list(np.atleast_1d(np.array(figure.subplots(1, count, squeeze=False)[0])))


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG."""
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=90)
    return held.getvalue()
