"""A site's thresholds as the domain takes them."""

from vetflow.domain.sight import Bounds
from vetflow.wiring import services


def positioning_bounds() -> Bounds:
    """Return the thresholds of the positioning use case."""
    chosen = services().settings.positioning
    return Bounds(sure=chosen.sure, deviation=chosen.deviation)
