"""What may be behind findings and what to do about them: rows of a table, each with its source."""

from collections.abc import Iterable
from dataclasses import dataclass

from vetflow.domain.finding import Presence
from vetflow.domain.signalment import Species


@dataclass(frozen=True, slots=True, kw_only=True)
class Differential:
    """What may be behind a finding.

    Parameters
    ----------
    finding
        Code value of the finding.
    listed
        Most common first.
    source
        Where it is published, or that nobody has checked it.
    species
        Animals it holds for; empty means any.
    """

    finding: str
    listed: tuple[str, ...]
    source: str
    species: tuple[Species, ...] = ()

    def __post_init__(self) -> None:
        if not (self.finding and self.listed and self.source):
            raise ValueError("a differential names its finding, at least one cause, and its source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do about a finding, or about its not being found or judged; else as :class:`Differential`."""

    finding: str
    presence: Presence
    text: str
    source: str
    species: tuple[Species, ...] = ()

    def __post_init__(self) -> None:
        if not (self.finding and self.text and self.source):
            raise ValueError("advice names its finding and its source, and says something")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """All rows."""

    differentials: tuple[Differential, ...] = ()
    advice: tuple[Advice, ...] = ()

    def behind(self, finding: str, species: Species | None) -> Iterable[Differential]:
        """Return the differentials of a finding; of an animal whose species is not known, those that hold for any."""
        return (row for row in self.differentials if row.finding == finding and _holds(row.species, species))

    def advised(self, finding: str, presence: Presence, species: Species | None) -> Iterable[Advice]:
        """Return the advice for a finding, in the same way."""
        rows = (row for row in self.advice if row.finding == finding and row.presence is presence)
        return (row for row in rows if _holds(row.species, species))


def _holds(wanted: tuple[Species, ...], species: Species | None) -> bool:
    return not wanted or species in wanted
