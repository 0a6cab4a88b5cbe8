"""When a draft is due, on a real PostgreSQL: once all has been said, and again when more was."""

import pytest
from tests.ledgers import COMPLETE, film, film_order, finish, revision_order

from vetflow.adapters.ledger import PostgresLedger
from vetflow.domain.case import CaseOrder, CaseRef, Queue, Undrafted
from vetflow.domain.errors import StudyRefused
from vetflow.domain.study import Instance


def closed(ledger: PostgresLedger, number: int = 1) -> Instance:
    """Return a film that is in a revision of which every case that is wanted at once is open."""
    one = film(ledger, number)
    revision = ledger.close_revision(one.study_id, COMPLETE)
    ledger.routed(one.study_id, revision)
    return one


def draft_order(study_id: str, revision: int = 1) -> CaseOrder:
    return CaseOrder(use_case="draft", study_id=study_id, queue=Queue.ROUTINE, revision=revision, again=True)


def ended(ledger: PostgresLedger, order: CaseOrder) -> CaseRef:
    ref = CaseRef(id=ledger.open_case(order))
    ledger.claim(ref, owner="worker", lease_seconds=30)
    finish(ledger, ref)
    return ref


def due(ledger: PostgresLedger) -> list[tuple[str, int]]:
    return [(one.study_id, one.revision) for one in ledger.undrafted()]


def test_a_draft_waits_until_the_cases_of_the_revision_and_of_its_films_have_ended(ledger: PostgresLedger) -> None:
    one = film(ledger)
    of_film = CaseRef(id=ledger.open_case(film_order(one)))
    ledger.routed(one.study_id, ledger.close_revision(one.study_id, COMPLETE))
    of_revision = CaseRef(id=ledger.open_case(revision_order(one.study_id, 1)))
    before = due(ledger)

    ledger.fail(of_film, "step_failed", again=False, most=1)
    between = due(ledger)
    ledger.cancel(of_revision)

    assert (before, between) == ([], [])
    assert due(ledger) == [(one.study_id, 1)]


def test_what_a_later_revision_has_overtaken_gets_no_draft(ledger: PostgresLedger) -> None:
    one = closed(ledger)
    slow = CaseRef(id=ledger.open_case(revision_order(one.study_id, 1)))
    film(ledger, 2)
    second = ledger.close_revision(one.study_id, COMPLETE)
    ledger.routed(one.study_id, second)

    before = due(ledger)
    ledger.cancel(slow)

    assert before == [(one.study_id, second)]
    assert due(ledger) == [(one.study_id, second)]
    assert ledger.open_draft(draft_order(one.study_id)) is None


def test_a_revision_whose_cases_may_not_all_be_open_gets_no_draft_yet(ledger: PostgresLedger) -> None:
    one = film(ledger)
    ledger.close_revision(one.study_id, COMPLETE)

    before = due(ledger)
    ledger.routed(one.study_id, 1)

    assert before == []
    assert due(ledger) == [(one.study_id, 1)]


def test_a_draft_is_as_urgent_as_the_most_urgent_case_it_speaks_of(ledger: PostgresLedger) -> None:
    one = closed(ledger)
    ended(ledger, film_order(one, queue=Queue.STAT))
    ended(ledger, revision_order(one.study_id, 1))

    (told,) = ledger.undrafted()

    assert told == Undrafted(study_id=one.study_id, revision=1, queues=frozenset({Queue.STAT, Queue.ROUTINE}))
    assert told.queue is Queue.STAT


def test_a_draft_is_opened_once_and_again_when_more_was_said(ledger: PostgresLedger) -> None:
    study = closed(ledger).study_id
    ended(ledger, revision_order(study, 1))

    first = ledger.open_draft(draft_order(study))
    twice = ledger.open_draft(draft_order(study))
    ledger.claim(CaseRef(id=first), owner="worker", lease_seconds=30)
    finish(ledger, CaseRef(id=first))
    of_itself = due(ledger)
    ended(ledger, revision_order(study, 1, use_case="cardiac"))
    second = ledger.open_draft(draft_order(study))

    assert twice is None
    assert of_itself == []
    assert second is not None
    assert [line.round for line in ledger.study(study).cases if line.use_case == "draft"] == [1, 2]
    assert first != second


def test_a_case_that_comes_to_life_before_the_draft_is_opened_holds_it_up(ledger: PostgresLedger) -> None:
    study = closed(ledger).study_id
    told = due(ledger)
    ledger.open_case(revision_order(study, 1))

    opened = ledger.open_draft(draft_order(study))

    assert told == [(study, 1)]
    assert opened is None


def test_a_film_of_a_later_revision_outdates_no_draft(ledger: PostgresLedger) -> None:
    study = closed(ledger).study_id
    ledger.leave_undrafted(study, 1)

    ended(ledger, film_order(film(ledger, 2)))

    assert due(ledger) == []


def test_a_film_asked_for_again_outdates_the_draft_of_the_latest_revision_alone(ledger: PostgresLedger) -> None:
    one = closed(ledger)
    closed(ledger, 2)
    for revision in (1, 2):
        ledger.leave_undrafted(one.study_id, revision)

    ended(ledger, film_order(one))

    assert due(ledger) == [(one.study_id, 2)]


def test_what_is_all_set_aside_stays_due_until_it_is_left(ledger: PostgresLedger) -> None:
    one = closed(ledger)
    ledger.set_aside(one.id, "rejected by a person")

    with pytest.raises(StudyRefused, match="nothing to judge"):
        ledger.open_draft(draft_order(one.study_id))
    before = due(ledger)
    ledger.leave_undrafted(one.study_id, 1)

    assert before == [(one.study_id, 1)]
    assert due(ledger) == []
