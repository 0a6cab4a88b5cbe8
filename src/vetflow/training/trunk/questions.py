"""What the trunk network is asked, and the right answers from a phantom's truth.

The order of every tuple here is the order of the network's outputs; the bundle's manifest repeats them.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from vetflow.domain.place import Box, Point
from vetflow.domain.trunk_sight import (
    CUT,
    HEADS,
    HEART_POINTS,
    LESIONS,
    LESIONS_OF,
    OUTLINES,
    POINTS,
    VERTEBRAE,
)  # fmt: skip
from vetflow.domain.view import Region, View
from vetflow.phantoms.trunk.framing import Extent, Part
from vetflow.phantoms.trunk.order import LATERAL, Lesion
from vetflow.phantoms.trunk.truth import Mask, TrunkTruth
from vetflow.phantoms.truth import Truth
from vetflow.training.heads import LIMBS_OVER, UNKNOWN

_MASKS: Mapping[str, tuple[str, ...]] = {
    "kidneys": ("left kidney", "right kidney"),
}
_LESIONS: Mapping[str, Lesion] = {
    "volvulus": Lesion.VOLVULUS,
    "peritoneal": Lesion.PERITONEAL_EFFUSION,
    "pleural": Lesion.PLEURAL_EFFUSION,
    "pneumothorax": Lesion.PNEUMOTHORAX,
}
_CLOCKWISE = ("left", "top", "right", "bottom")


def outlines(masks: Mapping[str, Mask], shape: tuple[int, int]) -> NDArray[np.uint16]:
    """Return all outlines of a film as bits of one array, the first outline in the lowest bit."""
    bits = np.zeros(shape, np.uint16)
    for place, name in enumerate(OUTLINES):
        for part in _MASKS.get(name, (name,)):
            if part in masks:
                bits |= masks[part].astype(np.uint16) << np.uint16(place)
    return bits


def points(truth: TrunkTruth, field: Box) -> NDArray[np.float32]:
    """Return the landmarks, shape (points, 3): column and row on the film, and whether the film shows it."""
    found = np.zeros((len(POINTS), 3), np.float32)
    for place, (at, shown) in enumerate(_points(truth)):
        if at is not None:
            found[place] = (*at, float(shown and _within(at, field)))
    return found


def _points(truth: TrunkTruth) -> Iterator[tuple[Point | None, bool]]:
    for name in VERTEBRAE:
        (ax, ay), (bx, by) = truth.vertebrae[name].cranial
        yield ((ax + bx) / 2, (ay + by) / 2), True
    heart = truth.heart
    places = (heart.carina, heart.apex, *heart.widest, heart.atrium) if heart else (None,) * len(HEART_POINTS)
    for at in places:
        yield at, heart is not None


def _within(at: Point, field: Box) -> bool:
    return field.left <= at[0] <= field.right and field.top <= at[1] <= field.bottom


def classes(plain: Truth, trunk: TrunkTruth) -> dict[str, int]:
    """Return the right class of each head, `UNKNOWN` where the film doesn't answer."""
    lateral = plain.view in LATERAL
    over = UNKNOWN if plain.limbs_over is None else int(plain.limbs_over >= LIMBS_OVER)
    return {
        "plane": HEADS["plane"].index(View.LATERAL if lateral else View.SAGITTAL),
        "side": HEADS["side"].index(plain.view),
        "region": HEADS["region"].index(plain.region),
        "inverted": int(plain.inverted),
        "head": _CLOCKWISE.index(plain.head),
        "back": _CLOCKWISE.index("top") if lateral else UNKNOWN,
        "limbs_over": over,
        "ribs": HEADS["ribs"].index(str(trunk.rib_pairs)) if plain.region is not Region.ABDOMEN else UNKNOWN,
    }


def amounts(plain: Truth, trunk: TrunkTruth) -> tuple[float, float]:
    """Return rotation, degrees, without its sign on lateral films, which doesn't show it, and breath, 0 to 1."""
    turned = abs(trunk.rotation) if plain.view in LATERAL else trunk.rotation
    return turned, trunk.breath


def cut_off(trunk: TrunkTruth) -> list[int]:
    """Return for each part that may be cut off whether it is."""
    missing = {part.value for part in trunk.missing}
    return [int(name in missing) for name in CUT]


def extents(parts: Mapping[Part, Extent]) -> NDArray[np.float32]:
    """Return where the parts lie that may be cut off, shape (parts, 4): left, top, right, bottom; NaN if not asked."""
    found = np.full((len(CUT), 4), np.nan, np.float32)
    for part, (low, high) in parts.items():
        found[CUT.index(part)] = (*low, *high)
    return found


def asked_of(region: Region, *, turn: int) -> tuple[Lesion, tuple[Region, ...]]:
    """Return one of the lesions that films of a region are asked about, by turns, and all regions that are."""
    name = LESIONS_OF[region][turn % len(LESIONS_OF[region])]
    return _LESIONS[name], tuple(other for other, asked in LESIONS_OF.items() if name in asked)


def lesions(plain: Truth, trunk: TrunkTruth) -> list[int]:
    """Return for each emergency whether it is there, `UNKNOWN` where a film of this region isn't asked."""
    there = {one.lesion for one in trunk.lesions}
    asked = LESIONS_OF[plain.region]
    return [int(_LESIONS[name] in there) if name in asked else UNKNOWN for name in LESIONS]
