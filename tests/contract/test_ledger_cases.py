"""Cases, attempts and leases on a real PostgreSQL."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from tests.ledgers import (
    COMPLETE,
    assessment,
    digest_of,
    end_lease,
    film,
    film_order,
    finish,
    owed,
    result,
    revision_order,
    running_case,
    state_of,
    waiting_case,
)

from vetflow.adapters.ledger import PostgresLedger
from vetflow.domain.case import CaseRef, CaseState, Lapsed, Queue
from vetflow.domain.delivery import DeliveryState
from vetflow.domain.errors import StaleAttempt, StudyRefused
from vetflow.domain.study import InstanceState


def state(ledger: PostgresLedger, ref: CaseRef) -> CaseState:
    return ledger.case(ref.id).case.state


def test_opening_the_same_order_twice_gives_the_same_case(ledger: PostgresLedger) -> None:
    order = film_order(film(ledger))

    with ThreadPoolExecutor(8) as openers:
        names = set(openers.map(ledger.open_case, [order] * 16))

    assert len(names) == 1
    assert len(ledger.waiting_cases(10)) == 1


def test_each_use_case_and_revision_has_a_case_of_its_own(ledger: PostgresLedger) -> None:
    one = film(ledger, 1)
    ledger.close_revision(one.study_id, COMPLETE)
    film(ledger, 2)
    ledger.close_revision(one.study_id, COMPLETE)

    orders = [revision_order(one.study_id, number, use_case=name) for number in (1, 2) for name in ("triage", "hips")]
    names = {ledger.open_case(order) for order in orders}

    assert len(names) == 4


def test_a_case_asked_for_again_is_another_one_once_the_latest_has_ended(ledger: PostgresLedger) -> None:
    order = film_order(film(ledger))
    again = replace(order, again=True)
    first = CaseRef(id=ledger.open_case(order))
    unended = ledger.open_case(again)
    ledger.claim(first, owner="worker", lease_seconds=30)
    finish(ledger, first)

    with ThreadPoolExecutor(8) as openers:
        (second,) = set(openers.map(ledger.open_case, [again] * 16))

    assert unended == first.id
    assert second != first.id
    assert ledger.open_case(order) == second
    assert ledger.claim(CaseRef(id=second), owner="worker", lease_seconds=30).round == 2
    assert ledger.predecessors(second) == [result()]


def test_a_quarantined_film_gets_no_case(ledger: PostgresLedger) -> None:
    bad = film(ledger)
    ledger.set_aside(bad.id, "rejected by a person")

    with pytest.raises(StudyRefused, match="nothing to judge"):
        ledger.open_case(film_order(bad))


def test_an_opened_case_puts_its_film_in_processing(ledger: PostgresLedger) -> None:
    one = film(ledger)

    ledger.open_case(film_order(one))

    assert state_of(ledger, one) is InstanceState.PROCESSING


def test_stat_goes_before_routine_before_silent_and_then_age_decides(ledger: PostgresLedger) -> None:
    queues = [Queue.SILENT, Queue.ROUTINE, Queue.STAT, Queue.ROUTINE]
    names = [waiting_case(ledger, number, queue=queue).id for number, queue in enumerate(queues, start=1)]

    waiting = ledger.waiting_cases(10)

    assert [case.ref.id for case in waiting] == [names[2], names[1], names[3], names[0]]
    assert [case.ref.id for case in ledger.waiting_cases(1)] == [names[2]]


def test_a_submitted_case_waits_no_more(ledger: PostgresLedger) -> None:
    ref = waiting_case(ledger)

    ledger.submitted(ref, "run-1")

    assert ledger.waiting_cases(10) == []
    assert ledger.case(ref.id).case.run_id == "run-1"
    assert ledger.history(ref.id)[0].submitted_at is not None


def test_a_run_that_is_faster_than_its_record_keeps_its_state(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)

    ledger.submitted(ref, "run-1")

    assert state(ledger, ref) is CaseState.RUNNING
    assert ledger.case(ref.id).case.run_id == "run-1"


def test_an_outage_of_any_length_uses_up_no_attempt(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)
    for number in range(1, 8):
        ledger.put_off(CaseRef(id=ref.id, attempt=number), "outside_not_ready", first=0.0, cap=0.0)
    after = ledger.waiting_cases(10)

    for number in (8, 9):
        ledger.fail(CaseRef(id=ref.id, attempt=number), "step_failed", again=True, most=3)
    before_last = state(ledger, ref)
    ledger.fail(CaseRef(id=ref.id, attempt=10), "step_failed", again=True, most=3)

    assert [case.ref.attempt for case in after] == [8]
    assert (before_last, state(ledger, ref)) == (CaseState.WAITING, CaseState.FAILED)


def test_a_postponed_case_is_not_asked_for_before_its_time(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)

    ledger.put_off(ref, "outside_not_ready", first=0.4, cap=300.0)
    at_once = ledger.waiting_cases(10)
    time.sleep(0.5)

    assert at_once == []
    assert [case.ref.attempt for case in ledger.waiting_cases(10)] == [2]
    assert ledger.history(ref.id)[0].reason == "outside_not_ready"


def test_submitting_an_old_attempt_is_stale(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)
    ledger.fail(ref, "worker lost", again=True, most=3)

    with pytest.raises(StaleAttempt):
        ledger.submitted(ref, "run-1")


def test_a_claimed_film_case_is_about_its_film(ledger: PostgresLedger) -> None:
    one = film(ledger, 1)
    film(ledger, 2)
    ref = CaseRef(id=ledger.open_case(film_order(one)))

    subject = ledger.claim(ref, owner="worker", lease_seconds=30)

    assert (subject.use_case, subject.study_id, subject.revision) == ("positioning", one.study_id, None)
    assert (subject.instance_ids, subject.digests) == ((one.id,), (one.digest,))


def test_a_claimed_revision_case_is_about_its_instances_in_order_of_arrival(ledger: PostgresLedger) -> None:
    films = [film(ledger, number) for number in (1, 2, 3)]
    ledger.set_aside(films[1].id, "rejected by a person")
    ledger.close_revision(films[0].study_id, COMPLETE)
    film(ledger, 4)
    ledger.close_revision(films[0].study_id, COMPLETE)
    ref = CaseRef(id=ledger.open_case(revision_order(films[0].study_id, 1)))

    subject = ledger.claim(ref, owner="worker", lease_seconds=30)

    assert subject.instance_ids == (films[0].id, films[2].id)


def test_nobody_else_claims_a_case_whose_lease_lasts(ledger: PostgresLedger) -> None:
    ref = running_case(ledger, owner="worker")

    with pytest.raises(StaleAttempt):
        ledger.claim(ref, owner="another", lease_seconds=30)


def test_the_same_owner_may_claim_its_attempt_again(ledger: PostgresLedger) -> None:
    ref = running_case(ledger, owner="worker")

    subject = ledger.claim(ref, owner="worker", lease_seconds=30)

    assert subject.ref == ref


def test_a_body_run_again_takes_over_a_lease_that_ended(ledger: PostgresLedger, ledger_url: str) -> None:
    ref = running_case(ledger, owner="first body")
    end_lease(ledger_url, ref)

    ledger.claim(ref, owner="second body", lease_seconds=30)

    with pytest.raises(StaleAttempt):
        ledger.renew(ref, owner="first body", lease_seconds=30)


def test_of_many_that_claim_at_once_exactly_one_wins(ledger: PostgresLedger) -> None:
    ref = waiting_case(ledger)

    def claimed(number: int) -> int:
        with suppress(StaleAttempt):
            ledger.claim(ref, owner=f"worker {number}", lease_seconds=30)
            return 1
        return 0

    with ThreadPoolExecutor(8) as workers:
        wins = sum(workers.map(claimed, range(32)))

    assert wins == 1


def test_an_ended_case_can_not_be_claimed(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)
    finish(ledger, ref)

    with pytest.raises(StaleAttempt):
        ledger.claim(ref, owner="worker", lease_seconds=30)


def test_a_renewed_lease_does_not_lapse_and_an_ended_one_does(ledger: PostgresLedger) -> None:
    ref = waiting_case(ledger)
    ledger.submitted(ref, "run-1")
    ledger.claim(ref, owner="worker", lease_seconds=0.3)
    ledger.renew(ref, owner="worker", lease_seconds=1)

    time.sleep(0.4)
    alive = ledger.lapsed(submitted_seconds=60)
    time.sleep(0.7)
    dead = ledger.lapsed(submitted_seconds=60)

    assert alive == []
    assert dead == [Lapsed(ref=ref, run_id="run-1", running=True)]


def test_a_case_submitted_and_never_claimed_lapses(ledger: PostgresLedger, ledger_url: str) -> None:
    ref = waiting_case(ledger)
    ledger.submitted(ref, "run-1")
    early = ledger.lapsed(submitted_seconds=30)

    end_lease(ledger_url, ref)

    assert early == []
    assert ledger.lapsed(submitted_seconds=30) == [Lapsed(ref=ref, run_id="run-1", running=False)]


def test_a_lapsed_case_gets_its_next_attempt_and_the_old_one_writes_nothing(
    ledger: PostgresLedger, ledger_url: str
) -> None:
    old = running_case(ledger)
    end_lease(ledger_url, old)

    new = ledger.again(old, most=3, reason="lease_ended")

    assert new == CaseRef(id=old.id, attempt=2)
    assert [case.ref for case in ledger.waiting_cases(10)] == [new]
    for write in (
        lambda: finish(ledger, old, owed()),
        lambda: ledger.renew(old, owner="worker", lease_seconds=30),
        lambda: ledger.claim(old, owner="worker", lease_seconds=30),
        lambda: ledger.refuse_case(old, "pixels_truncated"),
        lambda: ledger.fail(old, "late", again=True, most=3),
        lambda: ledger.cancel(old),
        lambda: ledger.again(old, most=3, reason="twice"),
    ):
        with pytest.raises(StaleAttempt):
            write()
    page = ledger.case(old.id)
    assert (page.case.state, page.case.attempt, page.results, page.deliveries) == (CaseState.WAITING, 2, [], [])


def test_a_case_that_renewed_meanwhile_is_left_alone(ledger: PostgresLedger, ledger_url: str) -> None:
    ref = running_case(ledger, owner="worker")
    end_lease(ledger_url, ref)
    ledger.renew(ref, owner="worker", lease_seconds=30)

    with pytest.raises(StaleAttempt):
        ledger.again(ref, most=3, reason="lease_ended")


def test_of_many_reconcilers_exactly_one_opens_the_next_attempt(ledger: PostgresLedger, ledger_url: str) -> None:
    ref = running_case(ledger)
    end_lease(ledger_url, ref)

    def reopened(_: int) -> int:
        with suppress(StaleAttempt):
            return int(ledger.again(ref, most=3, reason="lease_ended") is not None)
        return 0

    with ThreadPoolExecutor(8) as reconcilers:
        wins = sum(reconcilers.map(reopened, range(16)))

    assert wins == 1


def test_a_case_that_lapses_too_often_has_failed(ledger: PostgresLedger, ledger_url: str) -> None:
    ref = running_case(ledger)
    end_lease(ledger_url, ref)

    following = ledger.again(ref, most=1, reason="lease_ended")

    assert following is None
    assert (state(ledger, ref), ledger.case(ref.id).case.reason) == (CaseState.FAILED, "lease_ended")


def test_a_failed_attempt_is_followed_by_the_next_until_they_are_used_up(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)

    ledger.fail(ref, "step_failed", again=True, most=2)
    second = CaseRef(id=ref.id, attempt=2)
    between = state(ledger, ref)
    ledger.claim(second, owner="worker", lease_seconds=30)
    ledger.fail(second, "step_failed", again=True, most=2)

    assert (between, state(ledger, ref)) == (CaseState.WAITING, CaseState.FAILED)
    assert [attempt.outcome for attempt in ledger.history(ref.id)] == ["again", "failed"]


def test_a_fault_for_good_fails_at_once(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)

    ledger.fail(ref, "time_limit", again=False, most=3)

    assert state(ledger, ref) is CaseState.FAILED


def test_a_finished_case_keeps_all_it_has_to_say(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)

    finish(ledger, ref, owed("pacs"), owed("archive", held=True))

    page = ledger.case(ref.id)
    assert page.case.state is CaseState.DONE
    assert page.assessment == assessment()
    assert page.results == [result()]
    assert [(line.destination, line.state) for line in page.deliveries] == [
        ("pacs", DeliveryState.OWED),
        ("archive", DeliveryState.HELD),
    ]


def test_a_result_owed_twice_to_one_destination_is_owed_once(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)

    ledger.finish(ref, assessment(), [result(), result()], [owed("pacs"), owed("pacs"), owed("archive")])

    assert [line.destination for line in ledger.deliveries()] == ["archive", "pacs"]


def test_a_finish_that_breaks_in_the_middle_writes_nothing(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)
    unwritable = owed("pacs\x00")

    with pytest.raises(Exception, match="refused a statement"):
        ledger.finish(ref, assessment(), [result()], [owed("archive"), unwritable])

    page = ledger.case(ref.id)
    assert (page.case.state, page.assessment, page.results) == (CaseState.RUNNING, None, [])
    assert ledger.deliveries() == []


def test_the_seconds_of_each_step_are_kept_with_the_case(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)

    ledger.finish(ref, assessment(), [], [], steps={"retrieve": 0.25, "infer": 1.5})

    page = ledger.case(ref.id)
    assert page is not None
    assert page.steps == {"retrieve": 0.25, "infer": 1.5}


def test_a_case_that_nobody_claimed_can_not_finish(ledger: PostgresLedger) -> None:
    ref = waiting_case(ledger)

    with pytest.raises(StaleAttempt):
        finish(ledger, ref, owed())


def test_of_many_that_finish_at_once_exactly_one_wins(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)

    def finished(number: int) -> int:
        with suppress(StaleAttempt):
            of = result(f"report {number}")
            ledger.finish(ref, assessment(), [of], [owed(of=of)])
            return 1
        return 0

    with ThreadPoolExecutor(8) as workers:
        wins = sum(workers.map(finished, range(8)))

    assert wins == 1
    assert len(ledger.deliveries()) == 1


def test_a_refused_film_is_quarantined_with_the_reason(ledger: PostgresLedger) -> None:
    one = film(ledger)
    ref = CaseRef(id=ledger.open_case(film_order(one)))
    ledger.claim(ref, owner="worker", lease_seconds=30)

    ledger.refuse_case(ref, "pixels_truncated")

    [line] = ledger.study(one.study_id).instances
    assert state(ledger, ref) is CaseState.REFUSED
    assert (line.instance.state, line.instance.reason) == (InstanceState.QUARANTINED, "pixels_truncated")


def test_a_refused_revision_quarantines_nothing(ledger: PostgresLedger) -> None:
    one = film(ledger)
    ledger.close_revision(one.study_id, COMPLETE)
    ref = CaseRef(id=ledger.open_case(revision_order(one.study_id, 1)))

    ledger.refuse_case(ref, "species_not_on_card")

    assert state_of(ledger, one) is InstanceState.DELIVERED


def test_a_cancelled_case_is_over(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)

    ledger.cancel(ref)

    assert state(ledger, ref) is CaseState.CANCELLED
    with pytest.raises(StaleAttempt):
        finish(ledger, ref)


def test_a_film_is_delivered_only_when_every_case_that_wants_it_has_ended(ledger: PostgresLedger) -> None:
    one = film(ledger)
    ledger.close_revision(one.study_id, COMPLETE)
    refs = [CaseRef(id=ledger.open_case(order)) for order in (film_order(one), revision_order(one.study_id, 1))]
    for ref in refs:
        ledger.claim(ref, owner="worker", lease_seconds=30)

    finish(ledger, refs[0])
    between = state_of(ledger, one)
    finish(ledger, refs[1])

    assert between is InstanceState.PROCESSING
    assert state_of(ledger, one) is InstanceState.DELIVERED


def test_cases_of_one_study_that_end_at_once_still_deliver_it(ledger: PostgresLedger) -> None:
    one = film(ledger)
    ledger.close_revision(one.study_id, COMPLETE)
    refs = [
        CaseRef(id=ledger.open_case(revision_order(one.study_id, 1, use_case=f"use case {number}")))
        for number in range(8)
    ]
    for ref in refs:
        ledger.claim(ref, owner="worker", lease_seconds=30)

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda ref: finish(ledger, ref), refs))

    assert state_of(ledger, one) is InstanceState.DELIVERED


def test_ids_say_nothing_and_never_repeat(ledger: PostgresLedger) -> None:
    names = [waiting_case(ledger, number).id for number in range(1, 6)]

    assert all(name.startswith("case-") and len(name) == 21 for name in names)
    assert len(set(names)) == 5
    assert digest_of("1.2.826.1")[:16] not in "".join(names)
