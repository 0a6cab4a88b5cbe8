"""What still stands once a veterinarian has looked."""

from dataclasses import replace

from vetflow.domain import quality, tracking
from vetflow.domain.finding import Assessment, Finding, Presence, Verdict
from vetflow.domain.standing import Standing
from vetflow.domain.trunk import GASTRIC_VOLVULUS, PNEUMOTHORAX, VERTEBRA
from vetflow.domain.upheld import upheld
from vetflow.domain.urgency import URGENCY

VOLVULUS, AIR = (
    Finding(code=code, presence=Presence.PRESENT, says="There.", source="picture", certainty=0.9)
    for code in (GASTRIC_VOLVULUS, PNEUMOTHORAX)
)
URGENT = Finding(code=URGENCY, presence=Presence.PRESENT, says="Read now.", source="picture", label="now")
RETAKE = Finding(code=quality.ADVICE, presence=Presence.PRESENT, says="Retake.", source="picture")


def judged(*findings: Finding) -> Assessment:
    return Assessment(verdict=Verdict.FINDINGS, findings=findings, model=None)


def without(assessment: Assessment, *rejected: Finding) -> Standing:
    names = tracking.identifiers(assessment.findings)
    return Standing(edition=1, rejected=frozenset(names[assessment.findings.index(one)] for one in rejected))


def test_all_stands_while_nothing_is_rejected() -> None:
    assessment = judged(VOLVULUS, URGENT, RETAKE)

    assert [finding for _, finding in upheld(assessment, Standing()).claimed] == [VOLVULUS, URGENT, RETAKE]


def test_what_sums_up_a_rejected_finding_is_claimed_no_more() -> None:
    assessment = judged(VOLVULUS, AIR, URGENT, RETAKE)

    stands = upheld(assessment, without(assessment, VOLVULUS))

    assert [finding for _, finding in stands.claimed] == [AIR]
    assert stands.verdict is Verdict.FINDINGS


def test_anatomy_that_has_a_name_is_described_and_no_disease_is() -> None:
    bone = Finding(code=VERTEBRA, presence=Presence.PRESENT, says="T4 labelled.", source="picture", label="T4")
    unseen = replace(bone, presence=Presence.UNDETERMINED, label="T5")

    assert upheld(judged(bone, unseen), Standing()).described
    assert not upheld(judged(unseen), Standing()).described
    assert not upheld(judged(bone, AIR), Standing()).described
    assert not upheld(judged(bone, replace(AIR, presence=Presence.ABSENT)), Standing()).described
    assert upheld(judged(bone, AIR), without(judged(bone, AIR), AIR)).described


def test_nothing_is_left_when_all_that_was_found_is_rejected() -> None:
    assessment = judged(VOLVULUS, URGENT)

    assert upheld(assessment, without(assessment, VOLVULUS)).verdict is Verdict.NOTHING
