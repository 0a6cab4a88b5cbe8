"""Chest and belly of a whole trunk are cut out by their vertebrae, however the film lies."""

import numpy as np
import pytest

from vetflow.adapters.trunk_parts import PARTS, Part, alone
from vetflow.domain.trunk_sight import OUTLINES, POINTS, VERTEBRAE

_SIDE, _STEP = 300, 12.0
_CHEST, _BELLY = PARTS


def _spots(*, head: int) -> np.ndarray:
    """Return vertebrae a step apart from 6 on, caudally from the edge that the head points to."""
    along = 6.0 + _STEP * np.arange(len(VERTEBRAE))
    along = along if head < 2 else _SIDE - along
    across = np.full(len(along), 70.0)
    spots = np.ones((len(POINTS), 4))
    spots[: len(along), :2] = np.column_stack([across, along] if head % 2 else [along, across])
    return spots


def _shown(film: np.ndarray, *, head: int) -> tuple[int, int]:
    """Return where what is left of a bright film begins and ends, pixels from the head's edge."""
    lines = np.flatnonzero(film.any(axis=1 if head % 2 else 0))
    assert film.all(axis=1 if head % 2 else 0).sum() == len(lines)
    low, high = int(lines[0]), int(lines[-1]) + 1
    return (low, high) if head < 2 else (_SIDE - high, _SIDE - low)


@pytest.mark.parametrize("head", range(4))
def test_a_part_ends_where_its_vertebrae_do(head: int) -> None:
    bright, spots = np.ones((_SIDE, _SIDE), np.float32), _spots(head=head)

    chest, belly = (alone(bright, spots, part, head=head) for part in PARTS)

    assert chest is not None and belly is not None
    first_lumbar, ninth = (6.0 + _STEP * VERTEBRAE.index(name) for name in ("L1", "T9"))
    assert _shown(chest, head=head) == (0, pytest.approx(first_lumbar + 1.5 * _STEP, abs=1))
    assert _shown(belly, head=head) == (pytest.approx(ninth - 0.5 * _STEP, abs=1), _SIDE)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_whose_vertebrae_are_not_seen_is_not_looked_at(part: Part) -> None:
    spots = _spots(head=0)
    spots[VERTEBRAE.index(part.first or part.last or ""), 3] = 0.4

    assert alone(np.ones((_SIDE, _SIDE), np.float32), spots, part, head=0) is None


def test_a_part_of_a_few_pixels_is_not_looked_at() -> None:
    spots = _spots(head=0)
    spots[: len(VERTEBRAE), 0] /= 10.0

    assert alone(np.ones((_SIDE, _SIDE), np.float32), spots, _CHEST, head=0) is None


def test_every_emergency_and_no_organ_twice_is_asked_of_a_part() -> None:
    asked = [*_CHEST.outlines, *_BELLY.outlines]

    assert set(asked) <= set(OUTLINES) and len(asked) == len(set(asked))
    assert sorted((*_CHEST.lesions, *_BELLY.lesions)) == ["peritoneal", "pleural", "pneumothorax", "volvulus"]
