"""What is known of a phantom's film without looking at it."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from vetflow.domain.place import Box
from vetflow.domain.view import Region, View
from vetflow.phantoms.raster import Image


class Edge(StrEnum):
    """Edges of a film, clockwise from the left."""

    LEFT = "left"
    TOP = "top"
    RIGHT = "right"
    BOTTOM = "bottom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The exact truth of one film.

    Parameters
    ----------
    view
        How the beam went through the animal, sides included.
    region
        What the film was framed for.
    inverted
        Whether bone is dark once PhotometricInterpretation has been applied.
    orientation
        What lies towards the right edge and the bottom edge, as PatientOrientation says it for quadrupeds.
    head
        Edge of the film that the head, or the near end of a limb, points to.
    field
        Collimated field, pixels.
    limbs_over
        Share of the lung's area covered by limb bones; None unless a side view of the thorax.
    cut
        Edges at which the framed part of the body leaves the field.
    catlike
        Whether the build is small and long in the loins.
    """

    view: View
    region: Region
    inverted: bool
    orientation: tuple[str, str]
    head: Edge
    field: Box
    limbs_over: float | None
    cut: tuple[Edge, ...]
    catlike: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """What the beam crosses, before any exposure.

    Parameters
    ----------
    bone, soft
        Millimetres of bone and of water-like tissue per pixel.
    pixel_mm
        Spacing on the detector.
    """

    bone: Image
    soft: Image
    pixel_mm: float
    truth: Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A finished film.

    Parameters
    ----------
    pixels
        Stored values, rows by columns.
    bits
        Bits in use.
    photometric
        ``MONOCHROME1`` or ``MONOCHROME2``.
    pixel_mm
        Spacing on the detector.
    marker
        Letter of the lead marker, empty when there is none.
    deviation, weight_kg
        Deviation index of the exposure and weight of the animal, where they are part of the truth.
    """

    pixels: NDArray[np.uint16]
    bits: int
    photometric: str
    pixel_mm: float
    marker: str
    truth: Truth
    deviation: float | None = None
    weight_kg: float | None = None
