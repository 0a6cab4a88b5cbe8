"""Vertebrae found together are told apart where each alone is not."""

import numpy as np
import pytest

from vetflow.vision.spine import in_a_row, peak

_SHAPE = (40, 160)
_MANY = 12


def _bell(column: float, row: float, share: float) -> np.ndarray:
    rows, columns = np.mgrid[0 : _SHAPE[0], 0 : _SHAPE[1]] + 0.5
    bell = np.exp(-((columns - column) ** 2 + (rows - row) ** 2) / 2.0)
    return share * bell / bell.sum()


def _spine() -> np.ndarray:
    """Return places of vertebrae, a step of eleven to thirteen pixels from each to the next."""
    along = 8.0 + np.cumsum(np.linspace(11.0, 13.0, _MANY)) - 11.0
    return np.column_stack([along, 20.0 + 6.0 * np.sin(along / 50.0)])


def _maps(shares: list[tuple[float, float]]) -> np.ndarray:
    """Return maps that give each vertebra its own place and the next one's, with these shares."""
    places = _spine()
    after = np.vstack([places[1:], places[-1] + (13.0, 0.0)])
    return np.stack(
        [_bell(*here, a) + _bell(*there, b) for here, there, (a, b) in zip(places, after, shares, strict=True)]
    )


def test_a_vertebra_that_is_likelier_its_neighbour_is_put_where_it_counts() -> None:
    shares = [(0.9, 0.1)] * _MANY
    shares[4:7] = [(0.4, 0.6)] * 3

    found = in_a_row(_maps(shares), np.ones(_MANY))

    np.testing.assert_allclose(found[:, :2], _spine(), atol=0.3)
    assert found[5, 2] == pytest.approx(0.4, abs=0.05)


def test_a_row_leaves_no_vertebra_out_though_all_behind_it_are_likelier_their_neighbours() -> None:
    shares = [(0.9, 0.1)] * 8 + [(0.1, 0.9)] * (_MANY - 8)

    found = in_a_row(_maps(shares), np.ones(_MANY))

    np.testing.assert_allclose(found[:, :2], _spine(), atol=0.3)


def test_where_all_are_sure_nothing_moves() -> None:
    maps = _maps([(1.0, 0.0)] * _MANY)

    np.testing.assert_allclose(in_a_row(maps, np.ones(_MANY)), [peak(one) for one in maps], atol=0.02)


def test_what_is_not_on_the_film_is_left_out_of_the_row() -> None:
    maps = _maps([(1.0, 0.0)] * _MANY)
    maps[0] = _bell(150.0, 3.0, 0.2)

    found = in_a_row(maps, np.array([0.1] + [1.0] * (_MANY - 1)))

    np.testing.assert_allclose(found[0, :2], (150.0, 3.0), atol=0.3)
    np.testing.assert_allclose(found[1:, :2], _spine()[1:], atol=0.3)


def test_a_place_is_the_mean_of_as_much_around_its_peak_as_is_asked_for() -> None:
    share = _bell(40.0, 20.0, 0.6) + _bell(47.0, 20.0, 0.4)

    assert peak(share)[0] == pytest.approx(40.0, abs=0.3)
    assert peak(share, near=12) == pytest.approx((42.8, 20.0, 1.0), abs=0.3)


@pytest.mark.parametrize("seen", [0, 1, 3])
def test_few_vertebrae_and_empty_maps_are_taken_as_they_are(seen: int) -> None:
    there = np.array([1.0] * seen + [0.0] * (_MANY - seen))

    found = in_a_row(np.zeros((_MANY, *_SHAPE)), there)

    assert found.shape == (_MANY, 3)
    assert not found[:, 2].any()


def test_maps_without_anything_on_them_still_give_places() -> None:
    assert np.isfinite(in_a_row(np.zeros((_MANY, *_SHAPE)), np.ones(_MANY))).all()
