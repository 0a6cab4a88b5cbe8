"""When a study counts as complete."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from vetflow.domain.completeness import completeness
from vetflow.domain.study import OpenStudy, is_uid

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STUDY = OpenStudy(
    id="study-1", modalities=("DX",), count=3, unsorted=0, expected=None, first_arrival=NOW, last_arrival=NOW,
    quiet_seconds=25.0, open_seconds=60.0, revision=0,
)  # fmt: skip


def decide(study: OpenStudy) -> tuple[bool, bool, str]:
    decision = completeness(study, {"DX": 20.0, "CT": 60.0}, default=30.0, longest=5400.0)
    return decision.complete, decision.forced, decision.reason


def test_a_quiet_study_is_complete_and_says_why() -> None:
    assert decide(STUDY) == (True, False, "quiet for 20 s, 3 instances")


def test_the_slowest_modality_of_a_study_counts() -> None:
    assert decide(replace(STUDY, modalities=("DX", "CT")))[0] is False


def test_a_study_that_lacks_announced_images_waits() -> None:
    assert decide(replace(STUDY, expected=4)) == (False, False, "3 of 4 instances")


def test_a_study_that_never_completes_is_closed_by_age_and_says_so() -> None:
    assert decide(replace(STUDY, expected=4, open_seconds=5400.0)) == (
        True,
        True,
        "closed after 5400 s: 3 of 4 instances",
    )


def test_nothing_is_closed_before_every_header_was_read() -> None:
    assert decide(replace(STUDY, unsorted=1))[0] is False


@pytest.mark.parametrize("text", ["../../x", "1.2.", ".1", "1..2", "", "1.2.a", "1" * 65, "1.2\n", "/etc/passwd"])
def test_what_is_no_uid_is_not_taken_for_one(text: str) -> None:
    assert not is_uid(text)


def test_a_uid_is_a_uid() -> None:
    assert is_uid("1.2.840.10008.1.1")
    assert is_uid("1" * 64)
