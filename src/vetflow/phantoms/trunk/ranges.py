"""How far synthetic animals and films may differ from each other: data, shared by training and the held-out set."""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Values from `low` to `high`, drawn evenly."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError("a span has a low and a higher end")

    def draw(self, rng: np.random.Generator) -> float:
        """Return one value."""
        return float(rng.uniform(self.low, self.high))

    def stretched(self, times: float) -> "Span":
        """Return a span around the same middle, so many times as wide."""
        middle, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        return Span(low=middle - times * half, high=middle + times * half)

    def stretched_evenly(self, times: float) -> "Span":
        """Return a span so many times as wide in its logarithm, of values above nothing."""
        even = Span(low=math.log(self.low), high=math.log(self.high)).stretched(times)
        return Span(low=math.exp(even.low), high=math.exp(even.high))

    def covers(self, other: "Span", *, times: float) -> bool:
        """Whether this span reaches outside the other and is at least so many times as wide."""
        outside = self.low < other.low or self.high > other.high
        return outside and self.high - self.low >= times * (other.high - other.low) - 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """Spans of everything that varies.

    Lengths are in units (mean length of T4 to T8), angles in degrees, where nothing else is said.

    Parameters
    ----------
    dog_kg, cat_kg
        Weight; drawn evenly in its logarithm.
    dog_build, cat_build
        Depth of the chest over its width: barrel-shaped is low, deep is high.
    girth
        Geometric mean of depth and width of the chest against the species' own.
    loins
        Length of the lumbar vertebrae against the species' own.
    bones
        Thickness of ribs and limbs against the species' own.
    fat
        Fat under the skin and in the abdomen: 0 is lean, 1 is obese.
    sag
        How far the abdomen hangs.
    dog_vhs, cat_vhs
        Vertebral heart score of normal animals; `large_heart` is added where the heart is enlarged.
    dog_vlas, cat_vlas
        Left atrial size of normal animals; `large_atrium` is added where the atrium is enlarged.
    tilt
        Angle between the heart's long axis and the perpendicular to the spine.
    breath
        0 is full expiration, 1 full inspiration.
    spine
        Curvature of the back against the usual one.
    rotation
        About the long axis, against a true lateral, ventrodorsal or dorsoventral view.
    lean
        Of the long axis against the table.
    turn
        In the plane of the film.
    reach
        How far the forelimbs are pulled: 0 lies over the heart, 1 is far forward.
    lung
        Density of aerated lung against water.
    gas
        Share of stomach and bowel that holds gas.
    bladder
        Length.
    volvulus
        Rotation of the stomach in dilatation and volvulus.
    peritoneal_ml_kg, pleural_ml_kg
        Volume of an effusion.
    free_air_ml_kg
        Volume of a pneumothorax.
    margin
        Air between body and edge of the field, share of the body's extent; negative cuts the body.
    cut
        How deep a badly set edge cuts into the body, share of its extent.
    deviation
        Deviation index (IEC 62494-1), 10·log10 of dose over target.
    contrast
        What bone attenuates beyond the tissue it lies in, over what water attenuates.
    scatter
        Scattered over all radiation at the detector.
    grain
        Relative quantum noise at the target dose, behind the animal.
    blur
        Of the detector and of motion, mm.
    detail
        Strength of multi-band processing; 0 is none.
    """

    dog_kg: Span
    cat_kg: Span
    dog_build: Span
    cat_build: Span
    girth: Span
    loins: Span
    bones: Span
    fat: Span
    sag: Span
    dog_vhs: Span
    cat_vhs: Span
    large_heart: Span
    dog_vlas: Span
    cat_vlas: Span
    large_atrium: Span
    tilt: Span
    breath: Span
    spine: Span
    rotation: Span
    lean: Span
    turn: Span
    reach: Span
    lung: Span
    gas: Span
    bladder: Span
    volvulus: Span
    peritoneal_ml_kg: Span
    pleural_ml_kg: Span
    free_air_ml_kg: Span
    margin: Span
    cut: Span
    deviation: Span
    contrast: Span
    scatter: Span
    grain: Span
    blur: Span
    detail: Span

    @classmethod
    def of(cls, table: Mapping[str, Sequence[float]]) -> "Ranges":
        """Return the ranges of a TOML table: each span by its name, as low and high.

        Raises
        ------
        TypeError
            A span is missing, or there is one too many.
        """
        return cls(**{name: Span(low=low, high=high) for name, (low, high) in table.items()})

    def stretched(self, times: float) -> "Ranges":
        """Return all spans stretched, weights in their logarithm, as they are drawn."""
        weights = {name: getattr(self, name).stretched_evenly(times) for name in ("dog_kg", "cat_kg")}
        return Ranges(**({one.name: getattr(self, one.name).stretched(times) for one in fields(self)} | weights))

    def unlike(self, other: "Ranges", *, times: float) -> tuple[str, ...]:
        """Return the names of spans that don't reach outside the other's, or aren't so many times as wide."""
        return tuple(
            field.name
            for field in fields(self)
            if not getattr(self, field.name).covers(getattr(other, field.name), times=times)
        )


@cache
def training() -> Ranges:
    """Return what models learn from (``training.toml``)."""
    text = files("vetflow.phantoms").joinpath("training.toml").read_text(encoding="utf-8")
    return Ranges.of(tomllib.loads(text)["ranges"])
