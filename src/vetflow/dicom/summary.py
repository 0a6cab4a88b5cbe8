"""The verdict of a case in words, as a finding of its own: a report without a measurement group can't be written."""

from vetflow.dicom.case import Case
from vetflow.domain import quality
from vetflow.domain.coding import own
from vetflow.domain.finding import Finding, Presence, Verdict

SUMMARY = own("summary", "Summary of the assessment")
REJECTED = own("rejected", "Rejected by a veterinarian")
UNVERIFIED = "AI suggestion, not verified by a veterinarian."
SIGNED = "AI-assisted findings, signed by a veterinarian."
_IN_WORDS = {
    Verdict.FINDINGS: "There is something to look at.",
    Verdict.NOTHING: "Nothing to complain of.",
    Verdict.ABSTAINED: "No judgement.",
}
_DESCRIBED = "Anatomy was named, and not assessed for disease."
_PRESENCE = {Verdict.FINDINGS: Presence.PRESENT, Verdict.NOTHING: Presence.ABSENT}


def advice(case: Case) -> list[Finding]:
    """Return what the technologist is told about each image that there is something to tell of."""
    return [finding for _, finding in case.claimed if finding.code == quality.ADVICE]


def summary(case: Case) -> Finding:
    """Return what a case came to, the findings that a veterinarian rejected named and left out of it.

    A healthy animal's anatomy is nothing to look at, and says nothing of disease.
    """
    assessment, verdict, described = case.assessment, case.stands.verdict, case.stands.described
    advised = advice(case)
    told = (
        _DESCRIBED if described else _IN_WORDS[verdict],
        *(finding.says for finding in advised),
        f"Abstained: {assessment.abstained}." if assessment.abstained else "",
        SIGNED if case.standing.signature else UNVERIFIED,
        *(f"{REJECTED.meaning}: {finding.code.meaning}." for finding in case.rejected),
        *dict.fromkeys(finding.says for finding in _present(case) if finding not in advised),
    )
    presence = Presence.UNDETERMINED if described else _PRESENCE.get(verdict, Presence.UNDETERMINED)
    return Finding(
        code=SUMMARY, presence=presence, says=" ".join(filter(None, told)),
        source="picture" if assessment.model else "tags",
    )  # fmt: skip


def _present(case: Case) -> list[Finding]:
    return [finding for _, finding in case.claimed if finding.presence is Presence.PRESENT]
