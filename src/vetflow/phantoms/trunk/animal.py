"""What kind of animal a phantom is: species, size, proportions."""

import math
from dataclasses import dataclass

import numpy as np

from vetflow.domain.signalment import Species
from vetflow.phantoms.trunk.ranges import Ranges, Span

_UNIT_MM = {Species.DOG: 6.6, Species.CAT: 6.8}
"""Length of a thoracic vertebra with its disc in an animal of 1 kg; it grows with the cube root of weight."""
_GIRTH = {Species.DOG: 8.2, Species.CAT: 7.8}
"""Geometric mean of depth and width of the chest, in units."""
_BONES = {Species.DOG: 1.0, Species.CAT: 0.72}


@dataclass(frozen=True, slots=True, kw_only=True)
class Animal:
    """Proportions of one animal; lengths in units where nothing else is said.

    Parameters
    ----------
    weight_kg
        Body weight.
    unit_mm
        Mean length of T4 to T8, each with its disc.
    depth, width
        Inner depth (below the vertebral bodies' centres) and width of the chest at its largest.
    loins
        Length of the lumbar vertebrae against the species' own.
    bones
        Thickness of ribs and limbs.
    fat
        0 is lean, 1 is obese.
    sag
        How far the abdomen hangs.
    ribs
        Pairs of ribs.
    """

    species: Species
    weight_kg: float
    unit_mm: float
    depth: float
    width: float
    loins: float
    bones: float
    fat: float
    sag: float
    ribs: int

    @property
    def cat(self) -> bool:
        """Whether it is one."""
        return self.species is Species.CAT


def animal(rng: np.random.Generator, ranges: Ranges, *, species: Species | None = None) -> Animal:
    """Return a random animal; three in ten are cats when no species is asked for."""
    kind = species or (Species.CAT if rng.random() < 0.3 else Species.DOG)
    cat = kind is Species.CAT
    weight = _log_draw(rng, ranges.cat_kg if cat else ranges.dog_kg)
    build = (ranges.cat_build if cat else ranges.dog_build).draw(rng)
    girth = _GIRTH[kind] * ranges.girth.draw(rng)
    fat = ranges.fat.draw(rng)
    return Animal(
        species=kind,
        weight_kg=weight,
        unit_mm=_UNIT_MM[kind] * weight ** (1 / 3) * (1.05 - 0.1 * fat),
        depth=girth * build**0.5,
        width=girth / build**0.5,
        loins=ranges.loins.draw(rng),
        bones=_BONES[kind] * ranges.bones.draw(rng),
        fat=fat,
        sag=ranges.sag.draw(rng),
        ribs=12 if rng.random() < 0.03 else 13,
    )


def _log_draw(rng: np.random.Generator, span: Span) -> float:
    return math.exp(rng.uniform(math.log(span.low), math.log(span.high)))
