"""Where a training writes down what it did; an adapter keeps it."""

from collections.abc import Mapping
from typing import Protocol

PHANTOMS = "vetflow.phantoms"
"""Source of films that were made and not taken."""


class Journal(Protocol):
    """One training run's record, without owner data."""

    def settings(self, values: Mapping[str, str | int | float]) -> None:
        """Record what the run was started with."""
        ...

    def dataset(self, name: str, *, digest: str, count: int, source: str = PHANTOMS) -> None:
        """Record what was learnt from or measured on, and where it comes from."""
        ...

    def metrics(self, values: Mapping[str, float], *, step: int = 0) -> None:
        """Record figures."""
        ...

    def picture(self, name: str, png: bytes) -> None:
        """Record a figure to look at."""
        ...


class NoJournal:
    """Records nothing."""

    def settings(self, values: Mapping[str, str | int | float]) -> None:
        """Record nothing."""

    def dataset(self, name: str, *, digest: str, count: int, source: str = PHANTOMS) -> None:
        """Record nothing."""

    def metrics(self, values: Mapping[str, float], *, step: int = 0) -> None:
        """Record nothing."""

    def picture(self, name: str, png: bytes) -> None:
        """Record nothing."""
