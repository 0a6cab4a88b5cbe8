"""Films with what is true drawn in green and what the model says in orange, as PNGs."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from vetflow.domain.labelling import POINT_SURE
from vetflow.domain.trunk_sight import HEART_POINTS, OUTLINES, VERTEBRAE, TrunkSight
from vetflow.training.trunk.cases import Case, Listed, kept
from vetflow.training.trunk.figures import png
from vetflow.training.trunk.measuring import Look
from vetflow.training.trunk.records import PRESENT, UNDETERMINED, Record
from vetflow.vision.outlining import spread

Pixels = NDArray[np.generic]
_TRUE, _SAID = "#30e060", "#ff9020"
_ACROSS = 5
_GREYS, _EDGES = 1024, 400
"""Pixels of a film's longer side to which grey values, and outlines, are thinned out for drawing."""
_DRAWN = ("heart", "diaphragm", "liver", "stomach", "kidneys", "bladder")

Badness = Callable[[Record], float | None]
"""How bad the answer to one film is, None when it wasn't asked."""


def _cardiac(record: Record) -> float | None:
    number = record.heart_score
    return None if number is None or number.said is None else abs(number.said - number.right)


def _anatomy(record: Record) -> float | None:
    dices = [one.dice for name, one in record.outlines.items() if name in _DRAWN]
    return 1.0 - float(np.mean(dices)) if dices else None


def _triage(record: Record) -> float | None:
    """How certain it was of the wrong answer."""
    gaps = [abs(one.share - float(one.right)) for one in record.lesions.values() if one.says != UNDETERMINED]
    return max(gaps, default=None)


def _positioning(record: Record) -> float | None:
    wrong = record.classes["plane"].says != record.classes["plane"].right if "plane" in record.classes else False
    turned = record.rotation
    return None if turned is None or turned.said is None else abs(turned.said - turned.right) + 90.0 * wrong


WORST: Mapping[str, Badness] = {
    "positioning": _positioning,
    "cardiac": _cardiac,
    "anatomy": _anatomy,
    "triage": _triage,
}
"""What makes a case a bad one, by use case."""


def worst(records: Sequence[Record], badness: Badness, *, count: int = 10) -> tuple[Record, ...]:
    """Return the films with the worst answers, the worst first."""
    ranked = [(bad, record) for record in records if (bad := badness(record)) is not None]
    return tuple(record for _, record in sorted(ranked, key=lambda pair: -pair[0])[:count])


def shown(records: Sequence[Record], films: Mapping[str, Listed], look: Look, *, folder: Path) -> bytes:
    """Return a sheet of films looked at once more, each titled with what it is and what was said."""
    rows = -(-len(records) // _ACROSS)
    figure = Figure(figsize=(3.6 * _ACROSS, 3.6 * rows), layout="tight")
    places: list[Axes] = list(np.array(figure.subplots(rows, _ACROSS, squeeze=False)).flat)
    for axes in places:
        axes.set_axis_off()
    for axes, record in zip(places, records, strict=False):
        film = kept(folder, films[record.film])
        _draw(axes, film, look(film.pixels, inverted=film.inverted), title=_title(record))
    return png(figure)


def one_film(pixels: Pixels, sight: TrunkSight, *, inverted: bool, title: str) -> bytes:
    """Return one film with the points and outlines of the model."""
    figure = Figure(figsize=(10, 10 * pixels.shape[0] / pixels.shape[1] + 0.4), layout="tight")
    axes = figure.subplots()
    _grey(axes, pixels, inverted=inverted)
    _draw_said(axes, sight, shape=pixels.shape, named=True)
    axes.set_title(title)
    axes.set_axis_off()
    return png(figure)


def _title(record: Record) -> str:
    lines = [f"{record.film} {record.view.value}, {record.region.value}"]
    if record.heart_score and record.heart_score.said is not None:
        lines.append(f"VHS {record.heart_score.right:.1f}, said {record.heart_score.said:.1f}")
    if record.rotation and record.rotation.said is not None:
        lines.append(f"rotation {record.rotation.right:.0f}, said {record.rotation.said:.0f}")
    said = [f"{name} {one.share:.2f}" for name, one in record.lesions.items() if one.right or one.says == PRESENT]
    there = [name for name, one in record.lesions.items() if one.right]
    lines.append(f"emergencies said: {', '.join(said) or 'none'}; true: {', '.join(there) or 'none'}")
    return "\n".join((*lines, record.doubt)) if record.doubt else "\n".join(lines)


def _draw(axes: Axes, film: Case, sight: TrunkSight, *, title: str) -> None:
    _grey(axes, film.pixels, inverted=film.inverted)
    for name in _DRAWN if film.outlines is not None else ():
        assert film.outlines is not None  # noqa: S101  # just asked
        _outline(axes, (film.outlines >> np.uint16(OUTLINES.index(name))) & 1 == 1, _TRUE)
    spots = [one.at for one in film.right.spots.values() if one.shown]
    if spots:
        axes.scatter(*zip(*spots, strict=True), s=8, color=_TRUE, marker="o")
    _draw_said(axes, sight, shape=film.pixels.shape, named=False)
    axes.set_title(title, fontsize=7)


def _draw_said(axes: Axes, sight: TrunkSight, *, shape: tuple[int, ...], named: bool) -> None:
    for name in _DRAWN:
        if name in sight.outlines:
            said = spread(sight.outlines[name].pixels, sight.grid, rows=shape[0], columns=shape[1])
            _outline(axes, said[0], _SAID)
    for name in (*VERTEBRAE, *HEART_POINTS):
        spot = sight.spots.get(name)
        if spot is None or spot.certainty < POINT_SURE:
            continue
        axes.plot(*spot.at, marker="+", color=_SAID, markersize=8 if named else 4)
        if named:
            axes.annotate(name, spot.at, color=_SAID, fontsize=8, xytext=(3, 3), textcoords="offset points")
    heart = sight.heart
    if heart is not None:
        for first, last in ((heart.carina, heart.apex), heart.widest, (heart.carina, heart.atrium)):
            axes.plot((first[0], last[0]), (first[1], last[1]), color=_SAID, linewidth=0.8)


def _grey(axes: Axes, pixels: Pixels, *, inverted: bool) -> None:
    step = max(1, max(pixels.shape) // _GREYS)
    thin = pixels[::step, ::step].astype(np.float32)
    low, high = (float(value) for value in np.percentile(thin, [1.0, 99.0]))
    grey = np.clip((thin - low) / max(high - low, 1e-6), 0.0, 1.0)
    axes.imshow(1.0 - grey if inverted else grey, cmap="gray", extent=(0, pixels.shape[1], pixels.shape[0], 0))


def _outline(axes: Axes, mask: NDArray[np.bool_], colour: str) -> None:
    step = max(1, max(mask.shape) // _EDGES)
    thin = mask[::step, ::step].astype(np.float32)
    if thin.any() and not thin.all():
        axes.contour(thin, levels=[0.5], colors=colour, linewidths=0.7, extent=(0, mask.shape[1], 0, mask.shape[0]))
