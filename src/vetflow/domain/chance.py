"""How likely a measured value truly lies past a limit."""

from statistics import NormalDist

_SPREADS = 1.96
"""Half of a 95 % interval, in standard deviations of a normal distribution."""
_NO_ERROR = 1e-9


def above(limit: float, *, value: float, error: float) -> float:
    """Return the probability that the true value lies above a limit, errors being normally distributed.

    Parameters
    ----------
    error
        Half the width of the measurement's 95 % interval, in the value's own unit.
    """
    return 1.0 - NormalDist(value, max(error, _NO_ERROR) / _SPREADS).cdf(limit)
