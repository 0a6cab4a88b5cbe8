"""What veterinarians decided about a case: each act makes the next edition of its results."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vetflow.domain.delivery import ResultKind, ResultObject
from vetflow.domain.standing import Decision, Signature

_LONGEST_NOTE = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One act of a veterinarian on a case that is done.

    Parameters
    ----------
    id
        Names the act within its case: the same id again is the same act, however often somebody clicks.
    edition
        The edition it makes, one more than the one it was decided on.
    by
        Who decided.
    at
        When, with its time zone.
    decisions
        By position of the finding in the case, from 0; a finding that is not named stays as it was.
    note
        Words for colleagues; they stay in the ledger.
    signature
        Given, the edition is signed.
    """

    id: str
    edition: int
    by: str
    at: datetime
    decisions: Mapping[int, Decision]
    note: str = ""
    signature: Signature | None = None

    def __post_init__(self) -> None:
        if not self.id or not self.by.strip() or self.at.tzinfo is None or self.edition < 1:
            raise ValueError("a review has an id, an author, a time with its zone, and an edition from 1")
        if self.signature and self.signature.at != self.at:
            raise ValueError("a review is signed when it is made")
        if len(self.note) > _LONGEST_NOTE:
            raise ValueError(f"a note has at most {_LONGEST_NOTE} characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """How a case stands after its reviews.

    Parameters
    ----------
    digests
        SHA-256 of each instance that was judged, in the order that findings number them.
    reviews
        Oldest first.
    results
        The latest of each kind.
    """

    case_id: str
    digests: tuple[str, ...]
    reviews: tuple[Review, ...]
    results: tuple[ResultObject, ...]

    @property
    def number(self) -> int:
        """0 for what the case wrote, then one more for each review."""
        return len(self.reviews)

    @property
    def signature(self) -> Signature | None:
        """Who signed all that was decided, None when nobody did."""
        return self.reviews[-1].signature if self.reviews else None

    @property
    def corrects(self) -> bool:
        """Whether somebody decided after a signature, and nobody signed that yet."""
        return self.signature is None and any(review.signature for review in self.reviews)

    @property
    def decisions(self) -> Mapping[int, Decision]:
        """The last word on each finding that somebody decided on, by position."""
        return {position: said for review in self.reviews for position, said in review.decisions.items()}

    @property
    def rejected(self) -> frozenset[int]:
        """Positions of the findings that stand rejected."""
        return frozenset(at for at, said in self.decisions.items() if said is Decision.REJECTED)

    def result(self, kind: ResultKind) -> ResultObject | None:
        """Return the latest result of a kind, None when there is none."""
        return next((result for result in self.results if result.kind is kind), None)
