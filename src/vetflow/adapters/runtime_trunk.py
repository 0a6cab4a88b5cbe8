"""Looking at a trunk film with the network of a bundle, and saying how far to rely on what it sees."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from vetflow.adapters.runtime_torch import guess, loaded
from vetflow.adapters.trunk_frame import SQUARE
from vetflow.adapters.trunk_look import Raw, TrunkLooker
from vetflow.adapters.trunk_network import TrunkNetwork
from vetflow.domain.bundle import Bundle
from vetflow.domain.errors import ConfigurationError
from vetflow.domain.finding import ModelVersion
from vetflow.domain.place import Box, Fit
from vetflow.domain.sight import Guess
from vetflow.domain.trunk_card import PATH, TrunkCard, read_card
from vetflow.domain.trunk_sight import (
    CUT,
    HEADS,
    LESIONS,
    LESIONS_OF,
    OUTLINES,
    POINTS,
    VERTEBRAE,
    Amount,
    Likelihood,
    Outline,
    Spot,
    TrunkSight,
    shown_by,
)
from vetflow.domain.view import Region, View
from vetflow.vision.film import fitted

T = TypeVar("T")
_THERE = 0.5
_LEAST = 10
"""Pixels of the grid below which an outline is none."""
_LAPLACE = 3.0
"""Spreads of Laplace's law that hold 95 of 100 values: ln 20."""
_BOXES = {
    "volvulus": "stomach",
    "peritoneal": "peritoneal fluid",
    "pleural": "pleural fluid",
    "pneumothorax": "free air",
}
_CHESTS = frozenset({Region.THORAX, Region.TRUNK})


class TrunkRuntime:
    """A trunk model ready to look at films.

    Parameters
    ----------
    bundle
        Manifest, calibration and weights; the manifest's digest has been checked against the weights.

    Raises
    ------
    ConfigurationError
        The network isn't on the list, the weights don't fit it, or it answers other questions.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._manifest = bundle.manifest
        if {head: tuple(classes) for head, classes in self._manifest.heads.items()} != dict(HEADS):
            raise ConfigurationError("a trunk model answers the questions of vetflow.domain.trunk_sight")
        self._card: TrunkCard = read_card(bundle.files.get(PATH, b""))
        network = loaded(bundle)
        if not isinstance(network, TrunkNetwork):
            raise ConfigurationError("a trunk model has the network called trunk")
        self._looker = TrunkLooker(network)

    @property
    def model(self) -> ModelVersion:
        """Name, version and weights digest."""
        return self._manifest.model

    @property
    def sure(self) -> float:
        """Certainty below which the model abstains."""
        return self._manifest.sure

    def look(self, pixels: NDArray[np.generic], *, inverted: bool) -> TrunkSight:
        """Return what the model sees on a film; one that is sure to be shown inverted is looked at the right way round.

        Parameters
        ----------
        pixels
            Rows by columns, stored or modality values.
        inverted
            Whether low values are bright (MONOCHROME1).

        Raises
        ------
        StudyRefused
            ``model_output_invalid``: the network gave something that isn't a number.
        """
        square, fit = fitted(pixels, inverted=inverted, size=SQUARE)
        first = self._looker.first(square)
        swapped = self._guess("inverted", first, (False, True))
        if swapped.says and swapped.sure(self.sure):
            square, fit = fitted(pixels, inverted=not inverted, size=SQUARE)
            first = self._looker.first(square)
        sight = self._sight(self._looker.look(square, first), fit, swapped)
        return replace(sight, spots=_on_film(sight.spots, pixels.shape))

    def _sight(self, raw: Raw, fit: Fit, inverted: Guess[bool]) -> TrunkSight:
        plane = self._guess("plane", raw.heads, tuple(map(View, HEADS["plane"])))
        region = self._guess("region", raw.heads, tuple(map(Region, HEADS["region"])))
        lateral, chest = plane.says is View.LATERAL, region.says in _CHESTS
        over = self._guess("limbs_over", raw.heads, (False, True))
        return TrunkSight(
            film=self._guess("film", raw.heads, (False, True)),
            plane=plane,
            side=self._guess("side", raw.heads, tuple(map(View, HEADS["side"]))),
            region=region,
            inverted=inverted,
            head=self._guess("head", raw.heads, HEADS["head"]),
            limbs_over=_share(over) if lateral and chest else None,
            motion=_share(self._guess("motion", raw.heads, (False, True))),
            rotation=self._amount(raw, "rotation", self._card.rotation),
            breath=self._amount(raw, "breath", self._card.breath),
            cut={part: self._cut(raw, part) for part in shown_by(region.says, plane.says)},
            lesions={name: self._likelihood(raw, name, fit) for name in LESIONS_OF[region.says]},
            spots=self._spots(raw, fit, POINTS if lateral else VERTEBRAE),
            ribs=self._guess("ribs", raw.heads, tuple(map(int, HEADS["ribs"]))) if chest else None,
            outlines=self._outlines(raw),
            grid=_grid(fit, raw.outlines.shape[2]),
            oddness=raw.oddness,
            odd_from=self._card.odd_from,
            heart_score_error=self._card.heart_score_error,
            atrial_size_error=self._card.atrial_size_error,
            threshold=self.sure,
            model=self.model,
        )

    def _guess(self, head: str, heads: Mapping[str, NDArray[np.float64]], classes: tuple[T, ...]) -> Guess[T]:
        shares = np.asarray(special.softmax(heads[head] / self._manifest.temperatures[head], axis=1), np.float64)
        return guess(shares, classes)

    def _amount(self, raw: Raw, name: str, factor: float) -> Amount:
        value = raw.amounts[name]
        value = min(1.0, max(0.0, value)) if name == "breath" else value
        return Amount(value=value, error=_LAPLACE * factor * raw.spreads[name])

    def _cut(self, raw: Raw, part: str) -> float:
        return self._card.cut[part](float(raw.cut[:, CUT.index(part)].mean()))

    def _likelihood(self, raw: Raw, name: str, fit: Fit) -> Likelihood:
        logits, at = raw.lesions[:, LESIONS.index(name)], self._card.thresholds[name]
        curve = self._card.lesions[name]
        shares = [curve(float(one)) for one in logits]
        steady = not (min(shares) < at.absent_below and max(shares) >= at.present_from)
        return Likelihood(
            share=curve(float(logits.mean())), steady=steady, absent_below=at.absent_below,
            present_from=at.present_from, box=_box(raw.outlines[OUTLINES.index(_BOXES[name])], fit),
        )  # fmt: skip

    def _spots(self, raw: Raw, fit: Fit, names: tuple[str, ...]) -> Mapping[str, Spot]:
        unit = vertebra(raw.spots) / fit.scale[0]
        seen: dict[str, Spot] = {}
        for name, (x, y, mass, there) in zip(POINTS, raw.spots.tolist(), strict=True):
            certainty = self._card.spots(spot_logit(mass, there))
            if name in names and there >= _THERE:
                step = sum(certainty >= bound for bound in (0.5, 0.8, 0.95))
                seen[name] = Spot(at=fit.out((x, y)), error=self._card.spot_error[step] * unit, certainty=certainty)
        return seen

    def _outlines(self, raw: Raw) -> Mapping[str, Outline]:
        made: dict[str, Outline] = {}
        for name, shares in zip(OUTLINES, raw.outlines, strict=True):
            pixels = shares >= _THERE
            if int(pixels.sum()) >= _LEAST:
                made[name] = Outline(pixels=pixels, certainty=self._card.outlines[name](outline_logit(shares)))
        return made


def spot_logit(mass: float, there: float) -> float:
    """Return what a landmark's certainty is calibrated from: shares around its peak, and of its being on the film."""
    return float(special.logit(np.clip(mass * there, 1e-4, 1.0 - 1e-4)))


def outline_logit(shares: NDArray[np.float32]) -> float:
    """Return what an outline's certainty is calibrated from: the Dice that its own probabilities lead to expect."""
    inside = shares >= _THERE
    expected = 2.0 * float(shares[inside].sum()) / max(float(inside.sum()) + float(shares.sum()), 1e-6)
    return float(special.logit(np.clip(expected, 1e-4, 1.0 - 1e-4)))


def vertebra(spots: NDArray[np.float64]) -> float:
    """Return the usual distance from one vertebra to the next, in the unit of the landmarks; 1 where none is seen."""
    bodies = spots[: len(VERTEBRAE)]
    both = (bodies[1:, 3] >= _THERE) & (bodies[:-1, 3] >= _THERE)
    steps = np.hypot(*(bodies[1:, :2] - bodies[:-1, :2]).T)[both]
    return max(float(np.median(steps)), 1.0) if len(steps) else 1.0


def _on_film(spots: Mapping[str, Spot], shape: tuple[int, ...]) -> Mapping[str, Spot]:
    """Return landmarks without those that the network put beside the film, into the black that squares it up."""
    rows, columns = shape
    return {name: spot for name, spot in spots.items() if 0 <= spot.at[0] <= columns and 0 <= spot.at[1] <= rows}


def _share(guess: Guess[bool]) -> float:
    return guess.certainty if guess.says else 1.0 - guess.certainty


def _grid(fit: Fit, side: int) -> Fit:
    factor = side / SQUARE
    return Fit(
        scale=(fit.scale[0] * factor, fit.scale[1] * factor), offset=(fit.offset[0] * factor, fit.offset[1] * factor)
    )


def _box(shares: NDArray[np.float32], fit: Fit) -> Box | None:
    rows, columns = np.nonzero(shares >= _THERE)
    if len(rows) < _LEAST:
        return None
    grid = _grid(fit, shares.shape[0])
    left, top = grid.out((float(columns.min()), float(rows.min())))
    right, bottom = grid.out((float(columns.max()) + 1.0, float(rows.max()) + 1.0))
    return Box(left=left, top=top, right=right, bottom=bottom)
