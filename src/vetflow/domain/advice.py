"""One line to the technologist, while the animal is still on the table."""

from collections.abc import Iterable, Iterator, Mapping

from vetflow.domain import quality
from vetflow.domain.coding import Code
from vetflow.domain.finding import Assessment, Finding, Presence

_AGAIN: Mapping[Code, str] = {
    quality.ROTATION: "rotation",
    quality.FIELD: "what is cut off",
    quality.MOTION: "motion",
    quality.LIMBS: "limbs",
    quality.BREATH: "breathing",
}
"""What makes a film worth taking again, most important first."""
_REPEAT_BELOW = -3.0
"""Deviation index from which an underexposed film is taken again (AAPM TG-116); a lighter one is a matter of dose."""
_MEND: Mapping[Code, tuple[str, str]] = {
    quality.EXPOSURE: ("next time", "another dose"),
    quality.INVERSION: ("process again", "greyscale inverted"),
    quality.VIEW_MISMATCH: ("check the tags", "view"),
    quality.REGION_MISMATCH: ("check the tags", "body part"),
    quality.SPECIES_MISMATCH: ("check the tags", "species"),
}
"""What to do about other problems, and what about: in few words, for the findings themselves say it whole."""


def advice(assessment: Assessment) -> str:
    """Return one line: whether to take the film again and why, what else to mend, and what was not judged."""
    present = [finding for finding in assessment.findings if finding.presence is Presence.PRESENT]
    worst = again(present)
    parts = [f"retake: {'; '.join(_clause(one.says) for one in worst)}" if worst else _no_retake(assessment)]
    mend: dict[str, dict[str, None]] = {}
    for one in present:
        if one.code in _MEND and one not in worst:
            what, about = _MEND[one.code]
            mend.setdefault(what, {})[_dose(one) if one.code == quality.EXPOSURE else about] = None
    return "; ".join([*parts, *(f"{what}: {', '.join(about)}" for what, about in mend.items())])


def finding(assessment: Assessment) -> Finding:
    """Return the advice as a finding, so that every result carries it; it has the reason of the worst problem.

    Undetermined when nothing calls for a retake, and not all was judged that may; a deviation index that is merely
    missing is no such question: films of many machines never have one.
    """
    worst = again(assessment.findings)
    words = advice(assessment)
    open_questions = assessment.abstained or any(one.code in _AGAIN for one in _untold(assessment.findings))
    without = Presence.UNDETERMINED if open_questions else Presence.ABSENT
    return Finding(
        code=quality.ADVICE,
        presence=Presence.PRESENT if worst else without,
        says=f"{words[:1].upper()}{words[1:]}.",
        source="picture" if any(one.source == "picture" for one in worst) else "tags",
        reason=worst[0].reason if worst else None,
    )


def again(findings: Iterable[Finding]) -> list[Finding]:
    """Return the problems that call for taking a film again, most important first."""
    order = [*_AGAIN, quality.EXPOSURE]
    called = (one for one in findings if one.presence is Presence.PRESENT and _calls(one))
    return sorted(called, key=lambda one: order.index(one.code))


def unjudged(findings: Iterable[Finding]) -> list[str]:
    """Return what could not be judged of what may make a film worth taking again, most important first."""
    codes = {one.code for one in _untold(findings)}
    return [what for code, what in {**_AGAIN, quality.EXPOSURE: "exposure"}.items() if code in codes]


def _untold(findings: Iterable[Finding]) -> Iterator[Finding]:
    return (one for one in findings if one.presence is Presence.UNDETERMINED)


def _calls(problem: Finding) -> bool:
    if problem.code == quality.EXPOSURE:
        return any(one.value < _REPEAT_BELOW for one in problem.measurements)
    return problem.code in _AGAIN


def _no_retake(assessment: Assessment) -> str:
    if assessment.abstained:
        return f"not judged: {assessment.abstained}"
    if unknown := unjudged(assessment.findings):
        return f"no retake needed as far as can be told; not judged: {', '.join(unknown)}"
    return "no retake needed"


def _dose(problem: Finding) -> str:
    deviation = next((one.value for one in problem.measurements), 0.0)
    return f"{'less' if deviation > 0 else 'more'} dose (deviation index {deviation:+.1f})"


def _clause(says: str) -> str:
    return says[:1].lower() + says[1:].rstrip(".")
