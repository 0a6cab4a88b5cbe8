"""What a trunk phantom is asked to be; with the seed it decides everything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from vetflow.domain.signalment import Species
from vetflow.domain.view import Region, View
from vetflow.phantoms.trunk.ranges import Ranges, Span, training

VIEWS = (View.LEFT_LATERAL, View.RIGHT_LATERAL, View.VENTRODORSAL, View.DORSOVENTRAL)
REGIONS = (Region.THORAX, Region.ABDOMEN, Region.TRUNK)
LATERAL = frozenset({View.LEFT_LATERAL, View.RIGHT_LATERAL})


_OF_A_TAKE = 20
"""First part of a film's random numbers that is drawn anew for each film of an animal: how it lies, field, exposure."""


class Lesion(StrEnum):
    """What may be wrong with a phantom; each has a severity in a unit of its own."""

    VOLVULUS = "gastric_dilatation_volvulus"
    """Rotation of the stomach, degrees."""
    PERITONEAL_EFFUSION = "peritoneal_effusion"
    """Millilitres per kilogram."""
    PLEURAL_EFFUSION = "pleural_effusion"
    """Millilitres per kilogram."""
    PNEUMOTHORAX = "pneumothorax"
    """Millilitres of air per kilogram."""
    LARGE_HEART = "enlarged_heart"
    """Vertebrae above the upper end of the usual score."""
    LARGE_ATRIUM = "enlarged_left_atrium"
    """Vertebrae above the upper end of the usual size."""


_SHARES = {
    Lesion.VOLVULUS: 0.14,
    Lesion.PERITONEAL_EFFUSION: 0.13,
    Lesion.PLEURAL_EFFUSION: 0.13,
    Lesion.PNEUMOTHORAX: 0.1,
    Lesion.LARGE_HEART: 0.2,
    Lesion.LARGE_ATRIUM: 0.14,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A phantom to be made; the same order gives the same film.

    Parameters
    ----------
    view
        One of `VIEWS`.
    region
        One of `REGIONS`: what the film is framed for.
    species
        None for a draw.
    lesions
        What is wrong; None for a draw, empty for a healthy animal.
    take
        Number of the film among those of the same animal: for each it is laid, framed and exposed anew.
    """

    seed: int
    view: View
    region: Region
    ranges: Ranges = field(default_factory=training)
    species: Species | None = None
    lesions: tuple[Lesion, ...] | None = None
    take: int = 0

    def __post_init__(self) -> None:
        if self.view not in VIEWS or self.region not in REGIONS:
            raise ValueError(f"no trunk phantom of {self.region} in a {self.view} view")
        if {Lesion.PLEURAL_EFFUSION, Lesion.PNEUMOTHORAX} <= set(self.lesions or ()):
            raise ValueError("no trunk phantom has fluid and air around its lungs")

    def rng(self, part: int) -> np.random.Generator:
        """Return the random numbers of one part, so that drawing more for one part moves no other."""
        anew = [self.take] if self.take and part >= _OF_A_TAKE else []
        return np.random.default_rng([self.seed, 11, part, *anew])

    def severities(self) -> Mapping[Lesion, float]:
        """Return what is wrong and how much; cats' hearts grow less (`scene`)."""
        rng = self.rng(0)
        chance = {lesion: float(rng.random()) < share for lesion, share in _SHARES.items()}
        drawn = {lesion: span.draw(rng) for lesion, span in self._spans().items()}
        if self.lesions is not None:
            return {lesion: drawn[lesion] for lesion in self.lesions}
        if chance[Lesion.PLEURAL_EFFUSION]:
            chance[Lesion.PNEUMOTHORAX] = False
        return {lesion: drawn[lesion] for lesion, there in chance.items() if there}

    def _spans(self) -> Mapping[Lesion, Span]:
        ranges = self.ranges
        return {
            Lesion.VOLVULUS: ranges.volvulus,
            Lesion.PERITONEAL_EFFUSION: ranges.peritoneal_ml_kg,
            Lesion.PLEURAL_EFFUSION: ranges.pleural_ml_kg,
            Lesion.PNEUMOTHORAX: ranges.free_air_ml_kg,
            Lesion.LARGE_HEART: ranges.large_heart,
            Lesion.LARGE_ATRIUM: ranges.large_atrium,
        }
