"""What the positioning network is asked of a film, and the right answers from a phantom's truth."""

from collections.abc import Mapping

from vetflow.domain.view import Region, View
from vetflow.phantoms.truth import Truth

HEADS: Mapping[str, tuple[str, ...]] = {
    "view": (View.LATERAL, View.SAGITTAL, View.MEDIOLATERAL, View.CRANIOCAUDAL),
    "region": (Region.THORAX, Region.ABDOMEN, Region.TRUNK, Region.PELVIS, Region.FORELIMB, Region.HINDLIMB),
    "inverted": ("no", "yes"),
    "head": ("left", "top", "right", "bottom"),
    "limbs_over": ("no", "yes"),
}
"""Heads in the order of the network's outputs, each with its classes.

Ventrodorsal and dorsoventral films are one class: phantoms differ in them by pose alone, which would be a guess on an
animal. Left and right lateral are one class: a film shows its side by its marker, not by its anatomy.
"""

LIMBS_OVER = 0.08
"""Share of the lung under limb bones from which limbs count as lying over it."""

UNKNOWN = -1
"""Answer of a film that a head isn't asked about."""

SPREAD = -2
"""Answer of a picture that isn't a film: no class may be preferred."""

_PLAIN = {
    View.LEFT_LATERAL: View.LATERAL,
    View.RIGHT_LATERAL: View.LATERAL,
    View.VENTRODORSAL: View.SAGITTAL,
    View.DORSOVENTRAL: View.SAGITTAL,
}


def answers(truth: Truth) -> tuple[int, ...]:
    """Return the right class of each head, `UNKNOWN` where there is none."""
    over = UNKNOWN if truth.limbs_over is None else int(truth.limbs_over >= LIMBS_OVER)
    return (
        HEADS["view"].index(_PLAIN.get(truth.view, truth.view)),
        HEADS["region"].index(truth.region),
        int(truth.inverted),
        HEADS["head"].index(truth.head),
        over,
    )


def nothing() -> tuple[int, ...]:
    """Return the answers of a picture that isn't a film."""
    return (SPREAD, SPREAD, UNKNOWN, UNKNOWN, UNKNOWN)
