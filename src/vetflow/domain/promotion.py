"""Whether one model may take another's place: no figure may be worse by more than chance explains."""

from dataclasses import dataclass

LEAST_FILMS = 30
"""Films below which no figure says anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One figure of two models, measured on the same films.

    Parameters
    ----------
    candidate
        None when the candidate answers none of these films.
    champion, low, high
        The champion's figure and its 95 % interval.
    gap, gap_low, gap_high
        Candidate minus champion and its 95 % interval, the same films drawn for both.
    """

    name: str
    higher_is_better: bool
    candidate: float | None
    champion: float
    low: float
    high: float
    gap: float = 0.0
    gap_low: float = 0.0
    gap_high: float = 0.0

    @property
    def worse(self) -> bool:
        """Whether the candidate lies beyond the champion's own interval, and the films they share say so too.

        Either test alone errs: among fifty figures of two equally good models the second alone finds one that is
        worse by chance, and the first alone takes no notice that hard films are hard for both.
        """
        if self.candidate is None:
            return True
        if self.higher_is_better:
            return self.candidate < self.low and self.gap_high < 0.0
        return self.candidate > self.high and self.gap_low > 0.0

    @property
    def says(self) -> str:
        """The comparison in words."""
        of = f"{self.name}: the champion has {self.champion:.3f} ({self.low:.3f} to {self.high:.3f})"
        if self.candidate is None:
            return f"{of}, the candidate never answers"
        gap = f"{self.gap:+.3f} ({self.gap_low:+.3f} to {self.gap_high:+.3f})"
        return f"{of}, the candidate {self.candidate:.3f}, that is {gap} on the same films"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a candidate must pass to take the champion's place.

    Parameters
    ----------
    films
        How many films both were measured on.
    comparisons
        One a figure that the champion has.
    """

    films: int
    comparisons: tuple[Comparison, ...]

    @property
    def worse(self) -> tuple[Comparison, ...]:
        """What the candidate is refused for."""
        return tuple(one for one in self.comparisons if one.worse)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it stays shut, one sentence each; none when it opens."""
        if self.films < LEAST_FILMS or not self.comparisons:
            return (f"{self.films} films tell nothing; it takes {LEAST_FILMS} that both models answer",)
        return tuple(one.says for one in self.worse)

    @property
    def opens(self) -> bool:
        """Whether the candidate may take the champion's place."""
        return not self.reasons
