"""Making a trunk model's certainties hold, on phantoms of wider ranges than those that it has learnt from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize, special

from vetflow.adapters.runtime_trunk import outline_logit, spot_logit
from vetflow.adapters.trunk_frame import GRID, SQUARE
from vetflow.adapters.trunk_look import Raw, TrunkLooker
from vetflow.adapters.trunk_network import TrunkNetwork
from vetflow.domain.heart import HeartPoints, atrial_size, heart_score
from vetflow.domain.place import Point
from vetflow.domain.triage import ABSENT_SURE
from vetflow.domain.trunk_card import Curve, Threshold, TrunkCard
from vetflow.domain.trunk_sight import (
    CUT,
    HEADS,
    HEART_POINTS,
    LESIONS,
    LESIONS_OF,
    OUTLINES,
    POINTS,
    VERTEBRAE,
    shown_by,
)
from vetflow.domain.view import Region, View
from vetflow.training.calibration import temperature
from vetflow.training.heads import UNKNOWN
from vetflow.training.pictures import Progress
from vetflow.training.trunk.laying import STILL
from vetflow.training.trunk.pictures import Pictures, righted
from vetflow.training.trunk.shots import Shots

Floats = NDArray[np.float64]
_COLUMN = {head: place for place, head in enumerate(HEADS)}
_FROM_T4 = [POINTS.index(name) for name in VERTEBRAE[4:]]
_HEART = [POINTS.index(name) for name in HEART_POINTS]
_SURE = 0.8
_CAUGHT, _SPARED = 0.97, 0.95
"""Shares of animals with a lesion that are not to be called absent, and of those without that are not to be called
present; what lies between both can't be told."""
_LEAST = 0.5
"""Probability below which nothing is called present: it would be more likely not there."""
_USUAL = 0.995
"""Share of films that are not to count as odd."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checked:
    """A film that is calibrated on: what the network gave, and the right answers, places on the square.

    Parameters
    ----------
    points
        Shape (points, 3): column, row, shown.
    outlines
        Bits on the square's grid.
    """

    raw: Raw
    points: Floats
    outlines: NDArray[np.uint16]
    classes: NDArray[np.int64]
    amounts: NDArray[np.float32]
    cut: NDArray[np.int64]
    lesions: NDArray[np.int64]

    @property
    def film(self) -> bool:
        """Whether it is a film of a trunk."""
        return bool(self.classes[_COLUMN["film"]] == 1)

    def says(self, head: str) -> str:
        """Return the right class of a head."""
        return HEADS[head][int(self.classes[_COLUMN[head]])]

    @property
    def unit(self) -> float:
        """Mean length of T4 to T8, pixels of the square."""
        bodies = self.points[_FROM_T4[:6], :2]
        return float(np.hypot(*(bodies[1:] - bodies[:-1]).T).mean())


def keep_neighbours(network: TrunkNetwork, shots: Shots) -> None:
    """Put the features of films learnt from into the network's ``neighbours``, evenly from all."""
    pictures = Pictures(shots=shots, shape=network.shape, seed=0, variety=STILL)
    known = network.get_buffer("neighbours")
    fit = np.flatnonzero(shots.classes[:, _COLUMN["film"]] == 1)
    chosen = [int(index) for index in fit[np.linspace(0, len(fit) - 1, len(known)).astype(int)]]
    with torch.inference_mode():
        for start in range(0, len(chosen), 16):
            films = pictures.batch(chosen[start : start + 16], step=start).films
            known[start : start + len(films)] = network(films).features


def checked(network: TrunkNetwork, shots: Shots, *, progress: Progress) -> list[Checked]:
    """Return what the network says of films it has not learnt from, each looked at once."""
    looker, made = TrunkLooker(network), list[Checked]()
    for index in range(len(shots)):
        look = index % shots.looks.shape[1]
        film = torch.from_numpy(shots.looks[index, look].astype(np.float32) / 255.0)[None, None]
        square = righted(film, shots.inverted[index, look : look + 1])[0, 0].numpy()
        fit = shots.fits[index, look].astype(np.float64)
        at = shots.points[index, :, :2] * fit[:2] + fit[2:]
        shown = shots.points[index, :, 2]
        made.append(
            Checked(
                raw=looker.look(square, looker.first(square)),
                points=np.column_stack([at, shown]).astype(np.float64),
                outlines=_on_square(shots.outlines[index], fit),
                classes=shots.classes[index],
                amounts=shots.amounts[index],
                cut=shots.cut[index],
                lesions=shots.lesions[index],
            )
        )
        progress("calibrate", index + 1, len(shots))
    return made


def _on_square(bits: NDArray[np.uint16], fit: Floats) -> NDArray[np.uint16]:
    """Return outlines as they lie on the square's grid."""
    places = (np.arange(GRID) + 0.5) * (SQUARE / GRID)
    columns, rows = (np.floor((places - fit[2 + axis]) / fit[axis]).astype(int) for axis in (0, 1))
    last = bits.shape[0] - 1
    beyond = (np.clip(rows, 0, last) != rows)[:, None] | (np.clip(columns, 0, last) != columns)[None]
    return np.where(beyond, 0, bits[np.clip(rows, 0, last)][:, np.clip(columns, 0, last)]).astype(np.uint16)


def temperatures(films: Sequence[Checked]) -> Mapping[str, float]:
    """Return the temperature of each head that makes the right answers likeliest (Guo et al. 2017)."""
    found: dict[str, float] = {}
    for head in HEADS:
        asked = [one for one in films if one.classes[_COLUMN[head]] != UNKNOWN and head not in {"inverted", "motion"}]
        logits = np.array([one.raw.heads[head] for one in asked])
        right = np.array([one.classes[_COLUMN[head]] for one in asked], np.int64)
        found[head] = temperature(logits, right) if len(asked) else 1.0
    return found


def curve(logits: Floats, right: Floats, *, weak: float = 1e-3) -> Curve:
    """Return the slope and shift that make the right answers (0 to 1) likeliest; a steeper slope than is told costs."""
    if len(logits) < 10 or right.min() == right.max():
        return Curve()

    def cost(at: Floats) -> float:
        shown = np.clip(special.expit(np.exp(at[0]) * logits + at[1]), 1e-7, 1.0 - 1e-7)
        return -float((right * np.log(shown) + (1.0 - right) * np.log(1.0 - shown)).mean()) + weak * float(at[0] ** 2)

    found = np.asarray(optimize.minimize(cost, np.zeros(2), method="Nelder-Mead").x, np.float64)
    return Curve(slope=float(np.exp(found[0])), shift=float(found[1]))


def card(films: Sequence[Checked]) -> TrunkCard:
    """Return the calibration that films lead to."""
    trunks = [one for one in films if one.film]
    lesions = {name: curve(*_lesion(trunks, name)) for name in LESIONS}
    vhs, vlas = _scores(trunks)
    spots, error = _spots(trunks)
    odd = np.array([one.raw.oddness for one in trunks])
    return TrunkCard(
        lesions=lesions,
        thresholds={name: threshold(*_lesion(trunks, name), lesions[name]) for name in LESIONS},
        cut={part: curve(*_cut(trunks, part)) for part in CUT},
        spots=spots,
        spot_error=error,
        outlines={name: curve(*_dice(trunks, place)) for place, name in enumerate(OUTLINES)},
        rotation=_widen(trunks, "rotation", 0),
        breath=_widen(trunks, "breath", 1),
        heart_score_error=vhs,
        atrial_size_error=vlas,
        odd_from=float(np.quantile(odd, _USUAL)),
    )


def _lesion(films: Sequence[Checked], name: str) -> tuple[Floats, Floats]:
    place = LESIONS.index(name)
    asked = [one for one in films if name in LESIONS_OF[Region(one.says("region"))]]
    return (
        np.array([one.raw.lesions[:, place].mean() for one in asked]),
        np.array([one.lesions[place] for one in asked], np.float64),
    )


def threshold(logits: Floats, right: Floats, told: Curve) -> Threshold:
    """Return thresholds that pass `_CAUGHT` and `_SPARED`; where one value does for both, there is nothing between."""
    shares = np.array([told(float(logit)) for logit in logits])
    if right.min() == right.max():
        return Threshold()
    absent = float(np.quantile(shares[right == 1], 1.0 - _CAUGHT))
    present = max(float(np.quantile(shares[right == 0], _SPARED)), _LEAST)
    if absent >= present:
        absent = present = float(np.clip(0.5, present, absent))
    absent = min(absent, 1.0 - ABSENT_SURE)
    return Threshold(absent_below=round(absent, 4), present_from=round(present, 4))


def _cut(films: Sequence[Checked], part: str) -> tuple[Floats, Floats]:
    place = CUT.index(part)
    asked = [one for one in films if part in shown_by(Region(one.says("region")), View(one.says("plane")))]
    return (
        np.array([one.raw.cut[:, place].mean() for one in asked]),
        np.array([one.cut[place] for one in asked], np.float64),
    )


def _spots(films: Sequence[Checked]) -> tuple[Curve, tuple[float, float, float, float]]:
    """Return certainty and errors of landmarks; one that the film doesn't show is never right."""
    logits, off = list[float](), list[float]()
    for one in films:
        for spot, truth in zip(one.raw.spots, one.points, strict=True):
            if spot[3] >= 0.5:
                logits.append(spot_logit(float(spot[2]), float(spot[3])))
                off.append(float(np.hypot(*(spot[:2] - truth[:2]))) / one.unit if truth[2] > 0 else np.inf)
    errors, told = np.array(off), curve(np.array(logits), (np.array(off) <= 0.5).astype(np.float64))
    certainty = np.array([told(value) for value in logits])
    bounds = np.digitize(certainty, (0.5, 0.8, 0.95))
    first, second, third, last = (_held(errors[(bounds == step) & np.isfinite(errors)]) for step in range(4))
    return told, (first, second, third, last)


def _held(errors: Floats) -> float:
    """Return what 95 of 100 errors stay below; two vertebrae where there are too few to say."""
    return round(float(np.quantile(errors, 0.95)), 4) if len(errors) >= 20 else 2.0


def _dice(films: Sequence[Checked], place: int) -> tuple[Floats, Floats]:
    logits, dice = list[float](), list[float]()
    for one in films:
        shares, truth = one.raw.outlines[place], (one.outlines >> place) & 1 == 1
        said = shares >= 0.5
        if said.sum() >= 10:
            logits.append(outline_logit(shares))
            dice.append(2.0 * float((said & truth).sum()) / float(said.sum() + truth.sum()))
    return np.array(logits), np.array(dice)


def _widen(films: Sequence[Checked], name: str, place: int) -> float:
    """Return what the network's own spread must be multiplied by so that three of it hold 95 of 100 values."""
    off = [
        abs(one.raw.amounts[name] - float(one.amounts[place])) / (3.0 * one.raw.spreads[name])
        for one in films
        if np.isfinite(one.amounts[place])
    ]
    return round(float(np.quantile(off, 0.95)), 4)


def _scores(films: Sequence[Checked]) -> tuple[float, float]:
    """Return half the widths of the 95 % intervals of heart score and atrial size, vertebrae."""
    off: tuple[list[float], list[float]] = ([], [])
    for one in films:
        asked = [*_FROM_T4[:9], *_HEART]
        if (one.points[asked, 2] > 0).all() and (one.raw.spots[asked, 3] >= 0.5).all():
            for score, errors in zip((heart_score, atrial_size), off, strict=True):
                said, right = (score(*_measured(spots)) for spots in (one.raw.spots, one.points))
                if said is not None and right is not None:
                    errors.append(abs(said - right))
    vhs, vlas = (round(float(np.quantile(errors, 0.95)), 3) if len(errors) >= 20 else 1.0 for errors in off)
    return vhs, vlas


def _measured(spots: Floats) -> tuple[HeartPoints, list[Point]]:
    carina, apex, first, last, atrium = ((float(x), float(y)) for x, y in spots[_HEART, :2])
    return (
        HeartPoints(carina=carina, apex=apex, widest=(first, last), atrium=atrium),
        [(float(x), float(y)) for x, y in spots[_FROM_T4, :2]],
    )
