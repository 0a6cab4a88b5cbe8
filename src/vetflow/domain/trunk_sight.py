"""What a model saw on one film of the trunk: thorax, abdomen or both; the names here are those of its bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vetflow.domain.finding import ModelVersion
from vetflow.domain.heart import HeartPoints
from vetflow.domain.place import Box, Fit, Point
from vetflow.domain.sight import Guess
from vetflow.domain.view import Region, View

if TYPE_CHECKING:  # gateway and courier know sights too, and need no numpy
    import numpy as np
    from numpy.typing import NDArray

VERTEBRAE = ("C7", *(f"T{n}" for n in range(1, 14)), *(f"L{n}" for n in range(1, 8)), "S1")
"""Vertebrae that are labelled, each at the middle of its cranial edge."""

HEART_POINTS = ("carina", "apex", "cranial border", "caudal border", "atrium")
"""Landmarks of the heart on lateral films; see `vetflow.domain.heart.HeartPoints`."""

POINTS = (*VERTEBRAE, *HEART_POINTS)

OUTLINES = (
    "heart", "lung", "liver", "stomach", "spleen", "kidneys", "bladder", "diaphragm",
    "stomach gas", "pleural fluid", "free air", "peritoneal fluid",
)  # fmt: skip
"""What is outlined: organs first, then gas and fluid."""

CUT = ("thoracic inlet", "diaphragm", "hips", "spine", "ventral wall", "left wall", "right wall")
"""Parts of the body that a film of its region must show."""

LESIONS = ("volvulus", "peritoneal", "pleural", "pneumothorax")
"""Emergencies that are looked for."""

LESIONS_OF: Mapping[Region, tuple[str, ...]] = {
    Region.THORAX: ("pleural", "pneumothorax"),
    Region.ABDOMEN: ("volvulus", "peritoneal"),
    Region.TRUNK: LESIONS,
}
"""Emergencies that a film of a region is asked about."""

_SHOWN_BY: Mapping[str, tuple[str, ...]] = {
    Region.THORAX: ("thoracic inlet", "diaphragm"),
    Region.ABDOMEN: ("diaphragm", "hips"),
    Region.TRUNK: ("thoracic inlet", "diaphragm", "hips"),
    View.LATERAL: ("spine", "ventral wall"),
    View.SAGITTAL: ("left wall", "right wall"),
}


def shown_by(region: Region, plane: View) -> tuple[str, ...]:
    """Return the parts of `CUT` that a film of a region (one of `LESIONS_OF`) in a plane must show."""
    return (*_SHOWN_BY[region], *_SHOWN_BY[plane])


HEADS: Mapping[str, tuple[str, ...]] = {
    "film": ("no", "yes"),
    "plane": (View.LATERAL, View.SAGITTAL),
    "side": (View.LEFT_LATERAL, View.RIGHT_LATERAL, View.VENTRODORSAL, View.DORSOVENTRAL),
    "region": (Region.THORAX, Region.ABDOMEN, Region.TRUNK),
    "inverted": ("no", "yes"),
    "head": ("left", "top", "right", "bottom"),
    "back": ("left", "top", "right", "bottom"),
    "limbs_over": ("no", "yes"),
    "motion": ("no", "yes"),
    "ribs": ("12", "13"),
}
"""Questions with one answer each; ``film`` is whether it is a film of a small animal's trunk at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A landmark on the film.

    Parameters
    ----------
    at
        Pixels of the film.
    error
        Radius, pixels of the film, that held 95 of 100 true points of this certainty when the model was calibrated.
    certainty
        Calibrated probability that it is on the film and lies within half a vertebra of the true one, 0 to 1.
    """

    at: Point
    error: float
    certainty: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A number read off the picture.

    Parameters
    ----------
    error
        Half the width of the 95 % interval found when the model was calibrated, in the amount's own unit.
    """

    value: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Likelihood:
    """How likely something is on the film.

    Parameters
    ----------
    share
        Calibrated probability, 0 to 1.
    steady
        Whether mirrored copies of the film agree.
    absent_below, present_from
        The card's thresholds: what lies between them can't be told.
    box
        Where, pixels of the film; None when it can't be placed.
    """

    share: float
    steady: bool
    absent_below: float
    present_from: float
    box: Box | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outline:
    """An organ, gas or fluid pixel by pixel.

    Parameters
    ----------
    pixels
        Boolean, rows × columns, on the grid that `TrunkSight.grid` lays over the film.
    certainty
        Expected share of agreement with the true outline (Dice), calibrated, 0 to 1.
    """

    pixels: "NDArray[np.bool_]"
    certainty: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrunkSight:
    """What the model saw on one film of a trunk, without knowing its tags.

    Parameters
    ----------
    film
        Whether it is a film of a small animal's trunk at all.
    plane, side
        ``lateral`` or ``sagittal``; which of the four views.
    head
        Edge of the film that the head points to.
    limbs_over, motion
        Probability that limbs lie over the lung, None unless it is a side view of the thorax; that the animal moved.
    rotation
        Degrees about the long axis; on lateral films without a sign, on others positive when the breastbone lies to
        the right of the spine on a film with its head up: the animal's left as such films are hung.
    breath
        0 expiration, 1 inspiration.
    cut
        Probability, for each part of `CUT` that a film of this region and plane must show, that it is cut off.
    lesions
        By the names of `LESIONS`; only those that a film of this region is asked about.
    spots
        By the names of `POINTS`, only those that the model sees; heart points on lateral films only.
    ribs
        Pairs of ribs; None on films of the abdomen.
    outlines
        By the names of `OUTLINES`, only what the model sees; on the grid that ``grid`` lays over the film.
    oddness, odd_from
        How unlike the films it learnt from this one is to the model (distance to its nearest neighbours), and from
        where on it must not be relied on.
    heart_score_error, atrial_size_error
        Half the width of the 95 % interval of scores from these points, vertebrae.
    threshold
        Probability below which the card says not to rely on a guess.
    """

    film: Guess[bool]
    plane: Guess[View]
    side: Guess[View]
    region: Guess[Region]
    inverted: Guess[bool]
    head: Guess[str]
    limbs_over: float | None
    motion: float
    rotation: Amount
    breath: Amount
    cut: Mapping[str, float]
    lesions: Mapping[str, Likelihood]
    spots: Mapping[str, Spot]
    ribs: Guess[int] | None
    outlines: Mapping[str, Outline]
    grid: Fit
    oddness: float
    odd_from: float
    heart_score_error: float
    atrial_size_error: float
    threshold: float
    model: ModelVersion

    @property
    def doubt(self) -> str:
        """Why nothing that was seen may be relied on; empty when it may."""
        if not self.film.sure(self.threshold) or not self.film.says:
            return "the picture does not look like a film of a small animal's chest or abdomen to the model"
        if self.oddness >= self.odd_from:
            return "the picture is unlike the films that the model was made for"
        if not self.plane.sure(self.threshold):
            return "the model is not sure how the animal lies"
        return ""

    @property
    def heart(self) -> HeartPoints | None:
        """The landmarks of the heart, None unless all were seen."""
        if not set(HEART_POINTS) <= set(self.spots):
            return None
        carina, apex, cranial, caudal, atrium = (self.spots[name].at for name in HEART_POINTS)
        return HeartPoints(carina=carina, apex=apex, widest=(cranial, caudal), atrium=atrium)
