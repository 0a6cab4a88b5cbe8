"""Where a training writes down what it did; an adapter keeps it."""

from collections.abc import Mapping
from typing import Protocol


class Journal(Protocol):
    """One training run's record, without owner data."""

    def settings(self, values: Mapping[str, str | int | float]) -> None:
        """Record what the run was started with."""
        ...

    def dataset(self, name: str, *, digest: str, count: int) -> None:
        """Record what was learnt from or measured on."""
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

    def dataset(self, name: str, *, digest: str, count: int) -> None:
        """Record nothing."""

    def metrics(self, values: Mapping[str, float], *, step: int = 0) -> None:
        """Record nothing."""

    def picture(self, name: str, png: bytes) -> None:
        """Record nothing."""
