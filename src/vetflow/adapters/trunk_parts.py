"""Chest and belly of a film that shows the whole trunk: each is looked at once more as if it had been filmed alone.

On a film of a whole trunk everything is half as large as on one of chest or belly, and what is narrow is lost first.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vetflow.domain.trunk_sight import LESIONS_OF, VERTEBRAE
from vetflow.domain.view import Region

_SEEN = 0.5
"""Share from which a vertebra counts as being on the film."""
_FEWEST, _NARROWEST = 5, 40
"""Vertebrae that tell how long one is, and pixels that a part must have to be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the trunk.

    Parameters
    ----------
    lesions, outlines
        What is asked of it.
    first, last
        Vertebrae that it begins before and ends behind; None for the edge of the film.
    room
        How far before and behind, in vertebrae.
    """

    lesions: tuple[str, ...]
    outlines: tuple[str, ...]
    first: str | None = None
    last: str | None = None
    room: float


PARTS = (
    Part(
        lesions=LESIONS_OF[Region.THORAX], last="L1", room=1.5,
        outlines=("heart", "lung", "diaphragm", "liver", "pleural fluid", "free air"),
    ),
    Part(
        lesions=LESIONS_OF[Region.ABDOMEN], first="T9", room=0.5,
        outlines=("stomach", "stomach gas", "kidneys", "spleen", "bladder", "peritoneal fluid"),
    ),
)  # fmt: skip


def alone(
    square: NDArray[np.float32], spots: NDArray[np.float64], part: Part, *, head: int
) -> NDArray[np.float32] | None:
    """Return the film dark beyond a part; None where its vertebrae are not seen.

    Parameters
    ----------
    square
        Shape (side, side), 0 to 1.
    spots
        Vertebrae first, shape (points, 4): column, row, share of the map around the peak, share that it is on the film.
    head
        Edge that the head points to, counted clockwise from the left.
    """
    spine, seen = spots[: len(VERTEBRAE)], spots[: len(VERTEBRAE), 3] >= _SEEN
    if seen.sum() < _FEWEST:
        return None
    axis, caudal = head % 2, 1.0 if head < 2 else -1.0
    along: Mapping[str, float] = {
        name: caudal * float(spot[axis]) for name, spot, there in zip(VERTEBRAE, spine, seen, strict=True) if there
    }
    room = part.room * float(np.median(np.abs(np.diff(list(along.values())))))
    if {part.first, part.last} - {None} - along.keys():
        return None
    at = caudal * (np.arange(len(square), dtype=np.float64) + 0.5)
    low, high = along.get(part.first or "", -np.inf) - room, along.get(part.last or "", np.inf) + room
    kept = (at >= low) & (at <= high)
    return square * (kept[:, None] if axis else kept) if kept.sum() >= _NARROWEST else None
