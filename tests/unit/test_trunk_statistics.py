"""Statistics of answers, against cases whose result is known."""

import math

import numpy as np
import pytest

from vetflow.training.evaluation import calibration_error
from vetflow.training.trunk import statistics


def test_the_area_is_the_share_of_pairs_in_the_right_order_ties_counted_half() -> None:
    shares, there = np.array([0.9, 0.5, 0.5, 0.1]), np.array([1.0, 1.0, 0.0, 0.0])

    assert statistics.auroc(shares, there) == pytest.approx((1 + 1 + 0.5 + 1) / 4)


def test_there_is_no_area_without_both_classes() -> None:
    assert math.isnan(statistics.auroc(np.array([0.2, 0.4]), np.array([1.0, 1.0])))


def test_the_curve_encloses_the_area() -> None:
    rng = np.random.default_rng(1)
    there = (rng.random(300) < 0.4).astype(float)
    shares = np.round(np.clip(0.3 * there + rng.random(300) * 0.7, 0, 1), 2)

    false, true = statistics.roc(shares, there)

    assert (false[0], true[0], false[-1], true[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert np.trapezoid(true, false) == pytest.approx(statistics.auroc(shares, there))


def test_an_interval_holds_the_mean_and_is_as_wide_as_its_error() -> None:
    rows = np.random.default_rng(2).normal(5.0, 2.0, (400, 1))

    low, high = statistics.interval(rows, lambda drawn: float(drawn.mean()))

    assert low < float(rows.mean()) < high
    assert high - low == pytest.approx(2 * 1.96 * 2.0 / 20, rel=0.15)


def test_a_share_has_an_interval_with_a_width_even_when_all_films_are_alike() -> None:
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20.
    assert statistics.wilson(81, 263) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))
    assert statistics.wilson(15, 148) == (pytest.approx(0.0624, abs=1e-4), pytest.approx(0.1605, abs=1e-4))
    assert statistics.wilson(0, 20) == (0.0, pytest.approx(0.1611, abs=1e-4))
    assert statistics.wilson(20, 20) == (pytest.approx(0.8389, abs=1e-4), 1.0)


def test_a_calibrated_model_stays_below_the_limit_and_a_boasting_one_does_not() -> None:
    rng = np.random.default_rng(3)
    shares = rng.random(1000)
    honest, boasting = rng.random(1000) < shares, rng.random(1000) < 0.7 * shares

    limit = statistics.calibration_limit(shares)

    assert calibration_error(shares, honest) < limit < calibration_error(shares, boasting)


def test_about_one_calibrated_model_in_twenty_passes_the_limit() -> None:
    rng = np.random.default_rng(4)
    shares = rng.random(300)
    limit = statistics.calibration_limit(shares)

    beyond = np.mean([calibration_error(shares, rng.random(300) < shares) > limit for _ in range(600)])

    assert 0.02 < beyond < 0.09


def test_the_band_holds_the_rates_of_a_calibrated_model() -> None:
    rng = np.random.default_rng(5)
    shares = rng.random(2000)

    bins = statistics.reliability(shares, (rng.random(2000) < shares).astype(float))

    assert sum(one.films for one in bins) == 2000
    assert sum(one.low <= one.rate <= one.high for one in bins) >= 8


def test_limits_of_agreement_lie_two_deviations_around_the_mean() -> None:
    mean, low, high = statistics.agreement(np.random.default_rng(6).normal(0.1, 0.2, 5000))

    assert mean == pytest.approx(0.1, abs=0.02)
    assert (low, high) == (pytest.approx(0.1 - 0.39, abs=0.03), pytest.approx(0.1 + 0.39, abs=0.03))
