"""What vetflow can be asked about a study, and which models each use case asks."""

from collections.abc import Mapping
from types import MappingProxyType

DRAFT = "draft"
"""The use case that puts the others' words together; it asks no model."""

MODELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "positioning": ("positioning", "trunk"),
        "cardiac": ("trunk",),
        "anatomy": ("trunk",),
        "triage": ("trunk",),
        DRAFT: (),
    }
)
"""Models by use case; the first one stands in the results, and its weights are what a phase is granted for."""


def model_of(use_case: str) -> str | None:
    """Return the name of the model that a use case's results name; None of one that asks none."""
    return next(iter(MODELS[use_case]), None)
