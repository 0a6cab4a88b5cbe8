"""Ask Great Expectations whether a film can be judged."""

from dataclasses import dataclass

from vetflow.domain.errors import StudyRefused
from vetflow.domain.validation import Check, evidence_row
from vetflow.tasks.retrieve import Film
from vetflow.tasks.step import step
from vetflow.wiring import services


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidFilm:
    """A film that every critical expectation holds for."""

    film: Film
    checks: tuple[Check, ...]


@step
def validate(film: Film, *, suite: str) -> ValidFilm:
    """Return the film with the outcome of a suite; StudyRefused names the first critical expectation that failed."""
    checks = services().expectations(evidence_row(film.evidence), suite)
    broken = next((check for check in checks if check.critical and not check.held), None)
    if broken:
        raise StudyRefused(broken.reason, f"the film was refused by validation: {broken.reason}")
    return ValidFilm(film=film, checks=checks)
