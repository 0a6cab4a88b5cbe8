"""Vertebral heart score and left atrial size: pure geometry on the points of one lateral film, and what is normal."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vetflow.domain.place import Point
from vetflow.domain.signalment import Species

START = "T4"
"""Both scores are laid along the spine from the cranial edge of this vertebra."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartPoints:
    """Landmarks of the heart on a lateral film, pixels.

    Parameters
    ----------
    carina
        Ventral border of the carina.
    apex
        Apex of the heart.
    widest
        The two ends of the short axis, perpendicular to the long one.
    atrium
        Caudal end of the left atrium, where it meets the dorsal border of the caudal vena cava.
    """

    carina: Point
    apex: Point
    widest: tuple[Point, Point]
    atrium: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What healthy animals have, in vertebrae.

    Parameters
    ----------
    low, high
        Reference interval; ``low`` is None where only an upper bound is published.
    source
        Where it is published.
    """

    low: float | None
    high: float
    source: str


def in_vertebrae(length: float, cranial_edges: Sequence[Point]) -> float | None:
    """Return a length in vertebrae, laid caudally from the first edge; None when the spine shown is too short.

    Parameters
    ----------
    length
        Pixels.
    cranial_edges
        Midpoints of the cranial edges of T4, T5, … without a gap, pixels; the last may be a caudal edge.

    Notes
    -----
    A vertebra counts with the disc space behind it, and the last one in part (Buchanan & Bücheler 1995).
    """
    walked = 0.0
    for count, (here, there) in enumerate(itertools.pairwise(cranial_edges)):
        step = math.dist(here, there)
        if step <= 0:
            return None
        if walked + step >= length:
            return count + (length - walked) / step
        walked += step
    return None


def heart_score(heart: HeartPoints, cranial_edges: Sequence[Point]) -> float | None:
    """Return the vertebral heart score, long and short axis together; None when the spine shown is too short."""
    long_axis = in_vertebrae(math.dist(heart.carina, heart.apex), cranial_edges)
    short_axis = in_vertebrae(math.dist(*heart.widest), cranial_edges)
    return None if long_axis is None or short_axis is None else long_axis + short_axis


def atrial_size(heart: HeartPoints, cranial_edges: Sequence[Point]) -> float | None:
    """Return the vertebral left atrial size (VLAS); None when the spine shown is too short."""
    return in_vertebrae(math.dist(heart.carina, heart.atrium), cranial_edges)


_BUCHANAN = "Buchanan and Buecheler 1995"
_CLINICIANS_BRIEF = "Clinician's Brief, vertebral heart score"
SCORE_RANGES: Mapping[Species, Range] = {
    Species.DOG: Range(low=8.7, high=10.5, source=f"{_BUCHANAN}: 9.7 ± 0.5, upper bound 10.5"),
    Species.CAT: Range(low=6.7, high=8.1, source=f"{_CLINICIANS_BRIEF}: lateral 6.7 to 8.1"),
}
"""Vertebral heart score on lateral films, by species; low of the dog is the mean less two deviations."""

SCORE_RANGES_BY_BREED: Mapping[str, Range] = {
    "12091005": Range(low=10.2, high=11.0, source=f"{_CLINICIANS_BRIEF}: Brittany 10.6 ± 0.2"),
}
"""The same for breeds with a range of their own, by SNOMED code of CID 7480: mean and two deviations."""

ATRIAL_RANGES: Mapping[Species, Range] = {
    Species.DOG: Range(low=1.4, high=2.2, source="Veterinary Radiology and Ultrasound 2020, 80 healthy dogs"),
}
"""Vertebral left atrial size; none is published for cats."""


def enlarged(value: float, normal: Range, *, error: float) -> bool:
    """Whether a score is past its range by more than the measurement's own error.

    Parameters
    ----------
    error
        Half the width of the measurement's 95 % interval, vertebrae.
    """
    return value - error > normal.high
