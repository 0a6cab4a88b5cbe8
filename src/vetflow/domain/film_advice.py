"""What may be told of one film to whoever asks for advice, from its arrival on."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from vetflow.domain.finding import Assessment
from vetflow.domain.signalment import Species


class AdviceState(StrEnum):
    """How far the advice on a film has come."""

    WAITING = "waiting"
    """The film is here and not judged yet."""
    DONE = "done"
    REFUSED = "refused"
    """The film can't be judged; the reason is kept."""
    FAILED = "failed"
    """No judgement came of it, or a person stopped it."""
    WITHHELD = "withheld"
    """Judged while results may not leave (phase silent)."""

    @property
    def ended(self) -> bool:
        """Whether asking again is useless."""
        return self is not AdviceState.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmAdvice:
    """A film's advice as it stands; names neither animal nor owner.

    Parameters
    ----------
    reason
        Why there is none, a word of the ledger; empty while it waits and when it is done.
    received_at, ended_at
        When the film was safe here, and when its judgement ended; None before that.
    assessment
        None unless it is done.
    species
        By tags.
    """

    state: AdviceState
    received_at: datetime
    ended_at: datetime | None = None
    reason: str = ""
    assessment: Assessment | None = None
    species: Species | None = None

    def withheld(self) -> "FilmAdvice":
        """Return that there is advice, and none of it."""
        return replace(self, state=AdviceState.WITHHELD, reason="silent", assessment=None)
