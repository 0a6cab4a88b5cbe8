from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.trunk_sights import lesions, likelihood, look, sagittal, unseen

from vetflow.domain import tracking, trunk
from vetflow.domain.coding import Code
from vetflow.domain.finding import Assessment, Finding, Presence, Verdict
from vetflow.domain.look import Look
from vetflow.domain.place import Box
from vetflow.domain.sight import Guess
from vetflow.domain.standing import Standing
from vetflow.domain.triage import judge, urgency
from vetflow.domain.trunk_sight import LESIONS
from vetflow.domain.upheld import upheld
from vetflow.domain.urgency import URGENCY, Urgency
from vetflow.domain.view import Region

BOX = Box(left=10, top=20, right=60, bottom=80)


def on(assessment: Assessment, code: Code) -> Finding:
    return next(one for one in assessment.findings if one.code == code)


def without(assessment: Assessment, *codes: Code) -> Assessment:
    """Return an assessment as it stands once a veterinarian has rejected some findings."""
    names = zip(tracking.identifiers(assessment.findings), assessment.findings, strict=True)
    rejected = Standing(edition=1, rejected=frozenset(name for name, one in names if one.code in codes))
    return replace(assessment, findings=tuple(one for _, one in upheld(assessment, rejected).claimed))


def showing(**shares: float) -> Look:
    return look(lesions=lesions(**shares))


def test_a_film_without_an_emergency_is_routine_and_says_that_this_is_no_permission_to_wait() -> None:
    assessment = judge([look()])

    assert assessment.verdict is Verdict.NOTHING
    assert urgency(assessment) is Urgency.ROUTINE
    assert on(assessment, URGENCY).presence is Presence.ABSENT
    assert "does not say that it may wait" in on(assessment, URGENCY).says
    assert {one.presence for one in assessment.findings} == {Presence.ABSENT}


def test_the_card_decides_what_is_present_absent_or_untold() -> None:
    shares = (0.6, 0.59, 0.05, 0.04)
    films = [look(lesions=lesions() | {"pleural": likelihood(share, absent_below=0.05)}) for share in shares]
    states = [on(judge([film]), trunk.PLEURAL_EFFUSION) for film in films]

    assert [one.presence for one in states] == [
        Presence.PRESENT, Presence.UNDETERMINED, Presence.UNDETERMINED, Presence.ABSENT,
    ]  # fmt: skip
    assert states[0].certainty == 0.6
    assert states[3].certainty == pytest.approx(0.96)
    assert "59%" in states[1].says


@pytest.mark.parametrize(
    ("share", "presence"), [(0.5, Presence.PRESENT), (0.49, Presence.UNDETERMINED), (0.11, Presence.UNDETERMINED),
                            (0.1, Presence.ABSENT)],
)  # fmt: skip
def test_thresholds_that_meet_do_not_make_half_a_chance_an_absence(share: float, presence: Presence) -> None:
    shipped = likelihood(share, absent_below=0.5, present_from=0.5)

    found = on(judge([look(lesions=lesions() | {"volvulus": shipped})]), trunk.GASTRIC_VOLVULUS)

    assert found.presence is presence


def test_mirrored_copies_that_disagree_can_not_be_told() -> None:
    unsteady = look(lesions=lesions() | {"volvulus": likelihood(0.99, steady=False)})

    assessment = judge([unsteady])

    assert on(assessment, trunk.GASTRIC_VOLVULUS).presence is Presence.UNDETERMINED
    assert on(assessment, trunk.GASTRIC_VOLVULUS).says == "Mirrored copies of the film disagree."
    assert assessment.verdict is Verdict.ABSTAINED
    assert urgency(assessment) is Urgency.ROUTINE


def test_present_on_any_film_wins_with_the_film_that_is_surest_and_its_place() -> None:
    placed = look(lesions=lesions() | {"volvulus": likelihood(0.95, box=BOX)})

    found = on(judge([showing(volvulus=0.7), placed, look()]), trunk.GASTRIC_VOLVULUS)

    assert (found.image, found.certainty, found.box) == (1, 0.95, BOX)
    assert found.site is not None
    assert found.site.meaning == "Stomach"


def test_absent_is_only_as_sure_as_the_least_sure_film() -> None:
    found = on(judge([showing(pleural=0.01), showing(pleural=0.08)]), trunk.PLEURAL_EFFUSION)

    assert found.presence is Presence.ABSENT
    assert found.certainty == pytest.approx(0.92)


def test_what_can_not_be_told_on_one_film_is_not_absent_on_the_study() -> None:
    found = on(judge([look(), showing(pneumothorax=0.4)]), trunk.PNEUMOTHORAX)

    assert found.presence is Presence.UNDETERMINED


def test_a_film_is_only_heard_about_what_it_is_asked() -> None:
    belly = look(
        region=Guess(says=Region.ABDOMEN, certainty=0.97),
        lesions={"volvulus": likelihood(0.02), "peritoneal": likelihood(0.02)},
    )

    codes = {finding.code for finding in judge([belly]).findings}

    assert codes == {URGENCY, trunk.GASTRIC_VOLVULUS, trunk.PERITONEAL_EFFUSION}


@pytest.mark.parametrize(
    ("shares", "wanted"),
    [
        ({"volvulus": 0.9}, Urgency.NOW),
        ({"pneumothorax": 0.7}, Urgency.NOW),
        ({"pleural": 0.99}, Urgency.SOON),
        ({"peritoneal": 0.99}, Urgency.SOON),
        ({"peritoneal": 0.99, "volvulus": 0.7}, Urgency.NOW),
    ],
)
def test_each_emergency_has_its_urgency(shares: dict[str, float], wanted: Urgency) -> None:
    assert urgency(judge([showing(**shares)])) is wanted


def test_the_reason_of_an_urgency_is_said_and_that_it_is_not_validated() -> None:
    found = on(judge([showing(volvulus=0.9, pleural=0.8)]), URGENCY)

    assert found.says.startswith("Read now: gastric dilatation-volvulus.")
    assert "not validated" in found.says
    assert found.label == "now"


def test_nothing_that_is_likelier_not_there_is_called_for_at_once() -> None:
    low = look(lesions=lesions() | {"volvulus": likelihood(0.45, absent_below=0.1, present_from=0.4)})

    assessment = judge([low])

    assert on(assessment, trunk.GASTRIC_VOLVULUS).presence is Presence.PRESENT
    assert urgency(assessment) is Urgency.SOON


def test_an_absent_volvulus_says_that_this_does_not_exclude_it() -> None:
    says = {one.code: one.says for one in judge([look()]).findings}

    assert "this does not exclude it" in says[trunk.GASTRIC_VOLVULUS]
    assert "missed on at least half of films (Mur 2025)" in says[trunk.GASTRIC_VOLVULUS]
    assert "exclude" not in says[trunk.PNEUMOTHORAX]


def test_no_finding_is_said_to_be_beyond_doubt() -> None:
    assert "probability 99%" in on(judge([showing(pleural=0.999)]), trunk.PLEURAL_EFFUSION).says


def test_an_urgency_outlives_the_rejection_of_another_finding() -> None:
    assessment = judge([showing(volvulus=0.95, pleural=0.8)])

    assert urgency(without(assessment, trunk.PLEURAL_EFFUSION)) is Urgency.NOW
    assert urgency(without(assessment, trunk.GASTRIC_VOLVULUS)) is Urgency.SOON
    assert urgency(without(assessment, trunk.GASTRIC_VOLVULUS, trunk.PLEURAL_EFFUSION)) is Urgency.ROUTINE


def test_nothing_is_wanted_when_all_that_was_told_is_rejected() -> None:
    belly = {"volvulus": likelihood(0.95), "peritoneal": likelihood(0.4)}
    assessment = judge([look(region=Guess(says=Region.ABDOMEN, certainty=0.97), lesions=belly)])

    assert urgency(without(assessment, trunk.GASTRIC_VOLVULUS)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"oddness": 0.9},
        {"film": Guess(says=False, certainty=0.99)},
        {"film": Guess(says=True, certainty=0.5)},
        {"plane": Guess(says="lateral", certainty=0.99, steady=False)},
        {"region": Guess(says=Region.TRUNK, certainty=0.5)},
    ],
)
def test_a_film_that_may_not_be_relied_on_calls_for_nothing(change: dict[str, object]) -> None:
    assessment = judge([look(lesions=lesions(volvulus=0.99, pneumothorax=0.99), **change)])

    assert {one.presence for one in assessment.findings} == {Presence.UNDETERMINED}
    assert urgency(assessment) is None
    assert assessment.verdict is Verdict.ABSTAINED
    assert assessment.abstained


def test_where_no_film_may_be_relied_on_that_says_it_all() -> None:
    assert judge([look(oddness=0.9)]).abstained == "the picture is unlike the films that the model was made for"


def test_a_doubtful_film_does_not_take_back_what_another_answers() -> None:
    assessment = judge([look(oddness=0.9), look()])

    assert on(assessment, trunk.PLEURAL_EFFUSION).presence is Presence.ABSENT
    assert assessment.abstained.endswith("(1 of 2 films)")


def test_a_study_that_no_model_saw_has_no_urgency() -> None:
    assessment = judge([unseen("the species is not on the card")])

    assert assessment.findings == ()
    assert assessment.model is None
    assert assessment.abstained == "the species is not on the card"
    assert urgency(assessment) is None


SHARES = some.fixed_dictionaries({name: some.floats(0, 1) for name in LESIONS})


@given(some.lists(SHARES, min_size=1, max_size=3), SHARES)
def test_one_more_film_never_makes_a_study_less_urgent(films: list[dict[str, float]], more: dict[str, float]) -> None:
    order = list(Urgency).index
    looks = [showing(**shares) for shares in films]

    before, after = urgency(judge(looks)), urgency(judge([*looks, showing(**more)]))

    assert order(after or Urgency.ROUTINE) <= order(before or Urgency.ROUTINE)


@given(SHARES, some.booleans(), some.booleans())
def test_a_now_is_always_likelier_there_than_not_and_without_doubt(
    shares: dict[str, float], odd: bool, steady: bool
) -> None:
    likely = {name: replace(one, steady=steady) for name, one in lesions(**shares).items()}

    assessment = judge([sagittal(lesions=likely, oddness=0.9 if odd else 0.1)])

    if urgency(assessment) is Urgency.NOW:
        assert not odd
        assert steady
        assert (on(assessment, URGENCY).certainty or 0.0) >= 0.5
