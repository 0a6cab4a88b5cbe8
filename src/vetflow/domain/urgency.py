"""How soon a study must be read."""

from enum import StrEnum

from vetflow.domain.coding import own

URGENCY = own("urgency", "How soon the study should be read")
"""The finding's label is one of `Urgency`; absent when nothing was found that makes it more urgent."""


class Urgency(StrEnum):
    """Most urgent first."""

    NOW = "now"
    SOON = "soon"
    ROUTINE = "routine"


def most_urgent(*wanted: Urgency) -> Urgency:
    """Return the most urgent of several wishes: whoever finds nothing lowers nobody's."""
    return min(wanted, key=list(Urgency).index, default=Urgency.ROUTINE)
