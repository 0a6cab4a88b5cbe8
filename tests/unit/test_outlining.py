import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from vetflow.domain.place import Fit
from vetflow.vision.film import fitted
from vetflow.vision.outlining import spread


def test_an_outline_on_the_films_own_matrix_stays_as_it_is() -> None:
    drawn = np.random.default_rng(1).random((7, 9)) > 0.5

    film = spread(drawn, Fit(scale=(1.0, 1.0), offset=(0.0, 0.0)), rows=7, columns=9)

    assert film.shape == (1, 7, 9)
    assert (film[0] == drawn).all()


def test_a_block_of_cells_lies_where_its_edges_lie_on_the_film() -> None:
    grid = Fit(scale=(0.05, 0.05), offset=(3.0, 10.0))
    drawn = np.zeros((64, 64), np.bool_)
    drawn[20:40, 10:30] = True

    film = spread(drawn, grid, rows=1000, columns=1000)[0]

    left, top = grid.out((10, 20))
    right, bottom = grid.out((30, 40))
    middle = film[int((top + bottom) / 2)]
    assert np.flatnonzero(middle).tolist() == list(range(round(left), round(right)))
    assert np.flatnonzero(film[:, int((left + right) / 2)]).tolist() == list(range(round(top), round(bottom)))


def test_cells_of_other_shape_than_square_are_spread_by_their_own_scales() -> None:
    grid = Fit(scale=(0.1, 0.2), offset=(0.0, 0.0))
    drawn = np.zeros((10, 10), np.bool_)
    drawn[2:4, 3:8] = True

    film = spread(drawn, grid, rows=50, columns=100)[0]

    assert np.flatnonzero(film[15]).tolist() == list(range(30, 80))
    assert np.flatnonzero(film[:, 55]).tolist() == list(range(10, 20))


def test_what_lies_beyond_the_grid_is_not_outlined() -> None:
    whole = np.ones((10, 10), np.bool_)

    film = spread(whole, Fit(scale=(0.1, 0.1), offset=(-2.0, 0.0)), rows=120, columns=150)[0]

    assert film[:100, 20:120].all()
    assert film.sum() == 100 * 100


def test_an_empty_outline_has_no_pixel() -> None:
    nothing = np.zeros((8, 8), np.bool_)
    outside = np.ones((8, 8), np.bool_)

    assert not spread(nothing, Fit(scale=(0.1, 0.1), offset=(0.0, 0.0)), rows=80, columns=80).any()
    assert not spread(outside, Fit(scale=(0.1, 0.1), offset=(-90.0, 0.0)), rows=80, columns=80).any()


def test_an_outline_drawn_on_a_fitted_film_comes_back_to_its_place() -> None:
    film = np.zeros((900, 700), np.float32)
    film[100:800, 150:600] = np.random.default_rng(2).random((700, 450)) + 1.0
    film[400:600, 300:500] += 3.0
    square, grid = fitted(film, inverted=False, size=128)

    back = spread(square > 0.7, grid, rows=900, columns=700)[0]

    truth = film > 2.9
    dice = 2 * (back & truth).sum() / (back.sum() + truth.sum())
    assert dice > 0.97


@given(
    some.tuples(some.floats(0.03, 0.9), some.floats(0.03, 0.9)),
    some.tuples(some.floats(-5, 5), some.floats(-5, 5)),
    some.integers(0, 2**32 - 1),
)
def test_each_pixel_is_what_lies_around_its_centre_on_the_grid(
    scale: tuple[float, float], offset: tuple[float, float], seed: int
) -> None:
    grid, drawn = Fit(scale=scale, offset=offset), np.random.default_rng(seed).random((12, 12)) > 0.6

    film = spread(drawn, grid, rows=40, columns=50)[0]

    for row, column in np.random.default_rng(seed).integers((0, 0), (40, 50), (40, 2)):
        across, down = grid.into((column + 0.5, row + 0.5))
        if not (0 <= across <= 12 and 0 <= down <= 12):
            assert not film[row, column]
            continue
        share = interpolated(drawn, across - 0.5, down - 0.5)
        assert film[row, column] == (share > 0.5) or share == pytest.approx(0.5, abs=1e-5)


def interpolated(drawn: np.ndarray, across: float, down: float) -> float:
    """Return what cells around a point make, said as plainly as can be."""
    total = 0.0
    for row in range(12):
        for column in range(12):
            near = max(0.0, 1 - abs(min(max(down, 0), 11) - row)) * max(0.0, 1 - abs(min(max(across, 0), 11) - column))
            total += near * drawn[row, column]
    return total
