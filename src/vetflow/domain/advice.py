"""One line to the technologist, while the animal is still on the table."""

from collections.abc import Iterable, Mapping

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
_NEXT: Mapping[Code, str] = {
    quality.EXPOSURE: "next time",
    quality.INVERSION: "process again",
    quality.VIEW_MISMATCH: "check the tags",
    quality.REGION_MISMATCH: "check the tags",
    quality.SPECIES_MISMATCH: "check the tags",
}
"""What to do about other problems."""


def advice(assessment: Assessment) -> str:
    """Return one line: whether to take the film again and why, what else to mend, and what was not judged."""
    present = [finding for finding in assessment.findings if finding.presence is Presence.PRESENT]
    again = _again(present)
    parts = [f"retake: {_listed(again)}" if again else _no_retake(assessment)]
    for what in dict.fromkeys(_NEXT.values()):
        others = [one for one in present if _NEXT.get(one.code) == what and one not in again]
        parts += [f"{what}: {_listed(others)}"] if others else []
    return "; ".join(parts)


def finding(assessment: Assessment) -> Finding:
    """Return the advice as a finding, so that every result carries it; it has the reason of the worst problem."""
    again = _again(one for one in assessment.findings if one.presence is Presence.PRESENT)
    words = advice(assessment)
    without = Presence.UNDETERMINED if assessment.abstained else Presence.ABSENT
    return Finding(
        code=quality.ADVICE,
        presence=Presence.PRESENT if again else without,
        says=f"{words[:1].upper()}{words[1:]}.",
        source="picture" if any(one.source == "picture" for one in again) else "tags",
        reason=again[0].reason if again else None,
    )


def _again(present: Iterable[Finding]) -> list[Finding]:
    """Return the problems that call for a retake, most important first."""
    order = [*_AGAIN, quality.EXPOSURE]
    return sorted((one for one in present if _calls(one)), key=lambda one: order.index(one.code))


def _calls(problem: Finding) -> bool:
    if problem.code == quality.EXPOSURE:
        return any(one.value < _REPEAT_BELOW for one in problem.measurements)
    return problem.code in _AGAIN


def _no_retake(assessment: Assessment) -> str:
    if assessment.abstained:
        return f"not judged: {assessment.abstained}"
    untold = [one.code for one in assessment.findings if one.presence is Presence.UNDETERMINED]
    unknown = [what for code, what in {**_AGAIN, quality.EXPOSURE: "exposure"}.items() if code in untold]
    if unknown:
        return f"no retake needed as far as can be told; not judged: {', '.join(unknown)}"
    return "no retake needed"


def _listed(problems: Iterable[Finding]) -> str:
    return "; ".join(dict.fromkeys(_clause(one.says) for one in problems))


def _clause(says: str) -> str:
    return says[:1].lower() + says[1:].rstrip(".")
