"""Ask Great Expectations whether films can be judged."""

from dataclasses import dataclass

from vetflow.domain.errors import StudyRefused
from vetflow.domain.validation import Check, evidence_row
from vetflow.tasks.retrieve import Study
from vetflow.tasks.step import step
from vetflow.wiring import services


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidStudy:
    """A study with at least one film that every critical expectation holds for.

    Parameters
    ----------
    checks
        Outcome of the expectations, film by film.
    """

    study: Study
    checks: tuple[tuple[Check, ...], ...]


@step
def validate(study: Study, *, suite: str) -> ValidStudy:
    """Return the study with the outcome of a suite; StudyRefused when a critical expectation failed on each film.

    The refusal names the first such expectation.
    """
    expectations = services().expectations
    checks = tuple(expectations(evidence_row(film.evidence), suite) for film in study.films)
    refusals = {number: refusal for number, held in enumerate(checks) if (refusal := _refusal(held))}
    return ValidStudy(study=study.without(refusals), checks=checks)


def _refusal(checks: tuple[Check, ...]) -> StudyRefused | None:
    broken = next((check for check in checks if check.critical and not check.held), None)
    return StudyRefused(broken.reason, f"the film was refused by validation: {broken.reason}") if broken else None
