"""Advice on one film as JSON, for whoever stands at the table."""

from typing import Literal

from pydantic import AwareDatetime

from vetflow.domain import quality
from vetflow.domain.film_advice import AdviceState, FilmAdvice
from vetflow.domain.finding import Finding, Presence
from vetflow.rest.schema import Certainty, Coded, Value


class Said(Value):
    """One statement about the film."""

    code: Coded
    """What was looked for."""
    presence: Presence
    """Whether it is there."""
    certainty: Certainty | None
    """How sure the model is; null for what follows from tags alone."""
    says: str
    """One sentence for people."""
    source: Literal["tags", "picture"]
    """What it rests on."""
    reason: Coded | None
    """Reason of a quality problem (CID 7011); null elsewhere."""


class Advice(Value):
    """What is known of a film; it names neither animal nor owner, and repeats no UID."""

    status: Literal["suggestion"] = "suggestion"
    """Nothing here has been verified by a veterinarian."""
    state: AdviceState
    """How far it has come."""
    advice: str
    """One line: whether to take the film again and why; empty before it is done."""
    retake: bool | None
    """Whether to take it again; null when that is not known."""
    findings: tuple[Said, ...]
    """Problems first; what was not found, and what can't be told, follow."""
    reason: str
    """Why there is no advice; empty while it waits and when it is done."""
    received_at: AwareDatetime
    """When the film was safe here."""
    ended_at: AwareDatetime | None
    """When its judgement ended; null before that."""


def told(film: FilmAdvice) -> str:
    """Return the JSON text of a film's advice."""
    findings = film.assessment.findings if film.assessment else ()
    advised = next((finding for finding in findings if finding.code == quality.ADVICE), None)
    return Advice(
        state=film.state,
        advice=advised.says if advised else "",
        retake=_retake(advised),
        findings=tuple(Said.model_validate(one) for one in findings if one is not advised),
        reason=film.reason,
        received_at=film.received_at,
        ended_at=film.ended_at,
    ).model_dump_json()


def _retake(advised: Finding | None) -> bool | None:
    if advised is None or advised.presence is Presence.UNDETERMINED:
        return None
    return advised.presence is Presence.PRESENT
