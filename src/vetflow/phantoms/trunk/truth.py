"""What is known of a trunk film without looking at it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vetflow.domain.heart import HeartPoints
from vetflow.domain.place import Box, Point
from vetflow.domain.signalment import Species
from vetflow.phantoms.trunk.framing import Extent, Part
from vetflow.phantoms.trunk.order import Lesion
from vetflow.phantoms.truth import Projection

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One vertebral body on the film; points as in `vetflow.domain.place`.

    Parameters
    ----------
    centre
        Of the body.
    cranial, caudal
        Ends of its end plates: dorsal and ventral on lateral films, left and right on others.
    shown
        Whether all of it lies in the collimated field.
    """

    centre: Point
    cranial: tuple[Point, Point]
    caudal: tuple[Point, Point]
    shown: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Severity:
    """Something wrong, how much, and where on the film.

    Parameters
    ----------
    amount
        In the lesion's own unit.
    box
        None where the film doesn't show it.
    """

    lesion: Lesion
    amount: float
    box: Box | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkTruth:
    """The exact truth of one trunk film, besides its `Truth`.

    Parameters
    ----------
    weight_kg, build
        Body weight; depth of the chest over its width.
    rotation, lean
        Degrees: about the long axis, positive when the breastbone has turned to the animal's left; against the table.
    breath
        0 expiration, 1 inspiration.
    missing
        Parts that a film of its region must show and that are cut off.
    vertebrae
        C7 to S1 by name, shown or not.
    rib_pairs, rib_heads
        Number of pairs; where each rib meets its vertebra, such as ``rib 3 L``.
    heart, heart_score, atrial_size
        Points on the film and what they measure (`vetflow.domain.heart`); None unless it is a lateral film.
    heart_shown
        Whether all these points lie in the collimated field.
    diaphragm
        Its cranial outline, from one edge of the body to the other.
    lesions
        What is wrong with the animal.
    """

    species: Species
    weight_kg: float
    build: float
    rotation: float
    lean: float
    breath: float
    missing: tuple[Part, ...]
    vertebrae: Mapping[str, Body]
    rib_pairs: int
    rib_heads: Mapping[str, Point]
    heart: HeartPoints | None
    heart_shown: bool
    heart_score: float | None
    atrial_size: float | None
    diaphragm: tuple[Point, ...]
    lesions: tuple[Severity, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What a beam sees of a trunk, before exposure.

    Parameters
    ----------
    masks
        Where each organ lies on the film, by name, shape (rows, columns), cut at the field's edge.
    extents
        Where the parts lie that a film of its region must show, shown or not.
    """

    projection: Projection
    truth: TrunkTruth
    masks: Mapping[str, Mask]
    extents: Mapping[Part, Extent]


def runs(mask: Mask) -> list[int]:
    """Return a mask as lengths of runs, row by row, the first one of pixels outside it."""
    flat = np.concatenate([[False], mask.reshape(-1), [not mask.reshape(-1)[-1]]])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    return [int(length) for length in np.diff(np.concatenate([[0], changes]))]


def from_runs(lengths: list[int], shape: tuple[int, int]) -> Mask:
    """Return the mask that `runs` gave.

    Raises
    ------
    ValueError
        The runs don't fill the shape.
    """
    flat = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return flat.reshape(shape)
