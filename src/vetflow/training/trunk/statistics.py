"""Statistics of a model's answers, on plain arrays."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vetflow.training.evaluation import calibration_error

Array = NDArray[np.float64]
Rows = NDArray[np.float64]
"""What each film contributes, shape (films, numbers)."""
BINS = 10
_ROUNDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Films whose certainty lies in one tenth of the scale.

    Parameters
    ----------
    share
        Mean certainty.
    rate
        Share of them for which it was true.
    low, high
        Where 95 of 100 rates of a perfectly calibrated model lie with so many films.
    """

    films: int
    share: float
    rate: float
    low: float
    high: float


def auroc(shares: Array, there: Array) -> float:
    """Return the area under the ROC curve, ties counted half (Mann–Whitney); nan when one class is missing."""
    positives, negatives = shares[there > 0], np.sort(shares[there <= 0])
    if not len(positives) or not len(negatives):
        return float("nan")
    below = np.searchsorted(negatives, positives, "left") + np.searchsorted(negatives, positives, "right")
    return float(below.mean()) / (2 * len(negatives))


def roc(shares: Array, there: Array) -> tuple[Array, Array]:
    """Return false and true positive rates over all thresholds, both classes present."""
    order = np.argsort(-shares, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(shares[order])), len(order) - 1)
    true = np.cumsum(there[order])[ends] / there.sum()
    false = np.cumsum(1.0 - there[order])[ends] / (1.0 - there).sum()
    return np.append(0.0, false), np.append(0.0, true)


def interval(rows: Rows, figure: Callable[[Rows], float], *, rounds: int = _ROUNDS) -> tuple[float, float]:
    """Return the 95 % interval of a figure by drawing films with replacement (percentile bootstrap)."""
    rng = np.random.default_rng(17)
    drawn = [figure(rows[rng.integers(len(rows), size=len(rows))]) for _ in range(rounds)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def wilson(hits: float, films: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927); unlike drawing films it has a width when all are alike."""
    share, z = hits / films, 1.96
    middle = (share + z * z / (2 * films)) / (1 + z * z / films)
    half = z / (1 + z * z / films) * math.sqrt(share * (1 - share) / films + z * z / (4 * films * films))
    return max(0.0, middle - half), min(1.0, middle + half)


def calibration_limit(shares: Array, *, rounds: int = _ROUNDS) -> float:
    """Return the calibration error that 95 of 100 perfectly calibrated models with these certainties stay below."""
    rng = np.random.default_rng(18)
    errors = [calibration_error(shares, rng.random(len(shares)) < shares) for _ in range(rounds)]
    return float(np.percentile(errors, 95.0))


def reliability(shares: Array, there: Array) -> tuple[Bin, ...]:
    """Return the tenths of certainty that hold films."""
    rng = np.random.default_rng(19)
    places = np.minimum((shares * BINS).astype(np.intp), BINS - 1)
    bins: list[Bin] = []
    for place in np.unique(places):
        mine, true = shares[places == place], there[places == place]
        rates = (rng.random((_ROUNDS, len(mine))) < mine).mean(axis=1)
        low, high = np.percentile(rates, [2.5, 97.5])
        bins.append(
            Bin(
                films=len(mine),
                share=float(mine.mean()),
                rate=float(true.mean()),
                low=float(low),
                high=float(high),
            )
        )
    return tuple(bins)


def agreement(differences: Array) -> tuple[float, float, float]:
    """Return the mean difference and its 95 % limits of agreement (Bland and Altman 1986)."""
    mean, spread = float(differences.mean()), float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    return mean, mean - 1.96 * spread, mean + 1.96 * spread
