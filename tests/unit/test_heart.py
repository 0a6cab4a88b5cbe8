import math

import pytest

from vetflow.domain.heart import (
    ATRIAL_RANGES,
    SCORE_RANGES,
    HeartPoints,
    atrial_size,
    enlarged,
    heart_score,
    in_vertebrae,
)
from vetflow.domain.signalment import Species

STRAIGHT = tuple((10.0 * number, 0.0) for number in range(11))
HEART = HeartPoints(carina=(0.0, 40.0), apex=(30.0, 80.0), widest=((0.0, 80.0), (27.0, 44.0)), atrium=(19.0, 40.0))


@pytest.mark.parametrize(("length", "expected"), [(5.0, 0.5), (10.0, 1.0), (52.0, 5.2), (100.0, 10.0)])
def test_a_length_counts_whole_vertebrae_and_a_part_of_the_last(length: float, expected: float) -> None:
    assert in_vertebrae(length, STRAIGHT) == pytest.approx(expected)


def test_vertebrae_that_grow_caudally_count_each_by_its_own_length() -> None:
    edges = [(0.0, 0.0), (10.0, 0.0), (22.0, 0.0), (36.0, 0.0)]

    assert in_vertebrae(29.0, edges) == pytest.approx(2.5)


def test_a_bent_spine_is_walked_along_its_bend() -> None:
    edges = [(10.0 * math.sin(angle / 10), 10.0 * math.cos(angle / 10)) for angle in range(12)]

    assert in_vertebrae(2.5 * math.dist(edges[0], edges[1]), edges) == pytest.approx(2.5)


def test_a_spine_that_leaves_the_film_too_early_gives_no_score() -> None:
    assert in_vertebrae(101.0, STRAIGHT) is None
    assert heart_score(HEART, STRAIGHT[:5]) is None
    assert in_vertebrae(5.0, [(1.0, 1.0), (1.0, 1.0)]) is None


def test_the_score_is_the_sum_of_both_axes() -> None:
    assert heart_score(HEART, STRAIGHT) == pytest.approx(5.0 + 4.5)
    assert atrial_size(HEART, STRAIGHT) == pytest.approx(1.9)


@pytest.mark.parametrize(("value", "error", "expected"), [(10.7, 0.1, True), (10.7, 0.3, False), (10.5, 0.0, False)])
def test_enlarged_means_past_the_range_and_past_the_error(value: float, error: float, expected: bool) -> None:
    assert enlarged(value, SCORE_RANGES[Species.DOG], error=error) is expected


def test_no_range_is_claimed_where_none_is_published() -> None:
    assert Species.CAT not in ATRIAL_RANGES
    assert Species.RABBIT not in SCORE_RANGES
