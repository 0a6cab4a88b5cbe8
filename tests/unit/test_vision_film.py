"""A film made ready for a network, and its collimated field."""

import numpy as np
import pytest

from vetflow.domain.view import Region, View
from vetflow.phantoms.films import film, projection
from vetflow.phantoms.look import expose
from vetflow.vision.film import field, normalise
from vetflow.vision.filters import blurred, largest, without_thin


def body(*, rows: int = 300, columns: int = 400, cut_left: bool = False, noise: float = 60.0) -> np.ndarray:
    """A bright oval with grain on a dark ground."""
    y, x = np.indices((rows, columns), dtype=float)
    centre = 0.0 if cut_left else columns / 2
    inside = ((x - centre) / (columns / 4)) ** 2 + ((y - rows / 2) / (rows / 5)) ** 2 < 1
    return np.where(inside, 2000.0, 100.0) + np.random.default_rng(0).normal(0.0, noise, (rows, columns))


def framed(picture: np.ndarray, *, border: int, level: float) -> np.ndarray:
    return np.pad(picture, border, constant_values=level)


def test_a_film_is_scaled_to_fit_and_padded_with_black() -> None:
    ready = normalise(body(), inverted=False, size=160)

    assert ready.shape == (1, 160, 160)
    assert ready.dtype == np.float32
    assert ready.min() >= 0.0
    assert ready.max() <= 1.0
    assert ready[0, :10].max() == 0.0


def test_an_inverted_film_becomes_the_same_picture() -> None:
    picture = body()

    plain = normalise(picture, inverted=False, size=96)
    swapped = normalise(4095.0 - picture, inverted=True, size=96)

    np.testing.assert_allclose(swapped, plain, atol=1e-3)


def test_gain_and_offset_do_not_matter() -> None:
    picture = body()

    np.testing.assert_allclose(
        normalise(3.0 * picture + 500.0, inverted=False, size=96),
        normalise(picture, inverted=False, size=96),
        atol=1e-3,
    )


@pytest.mark.parametrize("level", [0.0, 2500.0])
def test_a_uniform_border_is_cropped(level: float) -> None:
    picture = body(cut_left=True)

    bare = normalise(picture, inverted=False, size=96)
    bordered = normalise(framed(picture, border=60, level=level), inverted=False, size=96)

    assert np.corrcoef(bare.ravel(), bordered.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("value", [0.0, 7.0, -3.0])
def test_a_constant_film_is_black(value: float) -> None:
    flat = np.full((50, 60), value)

    assert normalise(flat, inverted=False, size=32).max() == 0.0
    assert field(flat).touching == ()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3), (5, 700)])
def test_a_tiny_or_narrow_film_is_no_problem(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 4096, shape).astype(np.uint16)

    assert np.isfinite(normalise(picture, inverted=False, size=64)).all()
    assert 0.0 < field(picture).exposed <= 1.0


def test_what_is_not_finite_counts_as_darkest() -> None:
    picture = body()
    picture[10:20, 10:20] = np.nan
    picture[30:35, 30:35] = np.inf

    ready = normalise(picture, inverted=False, size=64)

    assert np.isfinite(ready).all()
    assert np.isfinite(field(picture).saturated)


def test_a_film_of_nothing_but_nan_is_black() -> None:
    assert normalise(np.full((20, 20), np.nan), inverted=False, size=32).max() == 0.0


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4), (0, 5)])
def test_what_is_no_film_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rows and columns"):
        normalise(np.zeros(shape), inverted=False, size=32)


def test_the_input_is_left_as_it_was() -> None:
    picture = body()
    before = picture.copy()

    normalise(picture, inverted=True, size=64)
    field(picture, inverted=True)

    np.testing.assert_array_equal(picture, before)


def test_the_field_is_found_within_a_bright_border() -> None:
    found = field(framed(body(noise=250.0), border=50, level=4000.0))

    box = found.box
    assert (box.left, box.top) == pytest.approx((50, 50), abs=4)
    assert (box.right, box.bottom) == pytest.approx((450, 350), abs=4)
    assert found.exposed == pytest.approx(300 * 400 / (400 * 500), rel=0.05)


def test_a_body_within_the_film_touches_no_edge() -> None:
    assert field(body()).touching == ()
    assert field(body(noise=250.0)).touching == ()


def test_a_body_that_runs_out_names_its_edge() -> None:
    assert field(body(cut_left=True)).touching == ("left",)


def test_an_inverted_film_has_the_same_field() -> None:
    picture = body(cut_left=True)

    assert field(picture.max() - picture, inverted=True).touching == ("left",)


def test_a_thin_bright_line_along_the_border_is_no_body() -> None:
    picture = body()
    picture[:, 2] = picture[3, :] = 2500.0

    assert field(picture).touching == ()


def test_saturation_is_the_share_at_either_end() -> None:
    picture = np.random.default_rng(3).uniform(1.0, 999.0, (200, 200))
    picture[80:100, 40:140] = 1000.0
    picture[120:130, 40:140] = 0.0

    assert field(picture).saturated == pytest.approx(3000 / 40000, abs=0.005)


def test_the_field_of_a_phantom_holds_its_true_field() -> None:
    for seed in range(6):
        made = film(seed, view=View.LATERAL, region=Region.THORAX, size=256)
        true = made.truth.field

        found = field(made.pixels, inverted=made.photometric == "MONOCHROME1").box

        assert (found.right - found.left) * (found.bottom - found.top) > 0.5 * (true.right - true.left) * (
            true.bottom - true.top
        )


def test_a_large_film_is_as_its_small_copy() -> None:
    made = projection(9, view=View.LEFT_LATERAL, region=Region.TRUNK, size=300)
    small = expose(made, np.random.default_rng(1)).pixels
    large = np.kron(small, np.ones((6, 6), np.uint16))

    ready = [normalise(pixels, inverted=False, size=128) for pixels in (small, large)]

    assert np.corrcoef(ready[0].ravel(), ready[1].ravel())[0, 1] > 0.99


def test_a_wide_blur_is_as_wide_as_it_says() -> None:
    point = np.zeros((301, 301), np.float32)
    point[150, 150] = 1.0
    rows = np.arange(301) - 150

    spread = [float(np.sqrt((blurred(point, sigma).sum(axis=1) * rows**2).sum())) for sigma in (2.0, 8.0, 20.0)]

    assert spread == pytest.approx([2.0, 8.0, 20.0], rel=0.07)


def test_masks_lose_what_is_thin_and_keep_what_is_largest() -> None:
    mask = np.zeros((40, 40), np.bool_)
    mask[10:30, 10:20] = True
    mask[:, 35] = True
    mask[2:6, 2:6] = True

    kept = largest(without_thin(mask, 2))

    assert kept[20, 15]
    assert not kept[:, 35].any()
    assert not kept[3, 3]
    assert not largest(np.zeros((3, 3), np.bool_)).any()
