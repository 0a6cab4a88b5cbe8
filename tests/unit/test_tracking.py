"""Tracking identifiers tell findings apart, and do not depend on who ranked them first."""

from dataclasses import replace

from tests.unit.results import EFFUSION, EXPOSURE, HEART

from vetflow.domain.place import Box
from vetflow.domain.tracking import identifiers

LOWER = replace(EFFUSION, box=Box(left=5, top=40, right=9, bottom=44))
OTHER_FILM = replace(EFFUSION, image=1)


def test_findings_of_their_own_keep_their_own_identifiers() -> None:
    found = identifiers([EFFUSION, HEART, EXPOSURE])

    assert found == (EFFUSION.tracking, HEART.tracking, EXPOSURE.tracking)


def test_findings_that_share_an_identifier_are_numbered_image_by_image_from_the_top() -> None:
    found = identifiers([OTHER_FILM, LOWER, EFFUSION])

    assert found == (f"{EFFUSION.tracking} #3", f"{EFFUSION.tracking} #2", EFFUSION.tracking)


def test_the_order_of_findings_does_not_change_their_identifiers() -> None:
    one, other = [OTHER_FILM, LOWER, EFFUSION], [EFFUSION, OTHER_FILM, LOWER]

    assert [identifiers(one)[one.index(each)] for each in one] == [
        identifiers(other)[other.index(each)] for each in one
    ]


def test_a_label_that_looks_like_a_number_is_not_given_twice() -> None:
    labelled = replace(LOWER, label="#2")

    assert len(set(identifiers([EFFUSION, replace(LOWER, certainty=0.5), labelled]))) == 3
