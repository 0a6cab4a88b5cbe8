"""The ledger as receiver, sorter and completeness see it, on a real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from tests.ledgers import (
    COMPLETE,
    FILM,
    STUDY,
    arrival,
    execute,
    film,
    film_order,
    finish,
    revision_order,
    running_case,
    state_of,
    waiting_case,
)

from vetflow.adapters.ledger import PostgresLedger
from vetflow.domain.case import CaseRef
from vetflow.domain.errors import StudyRefused
from vetflow.domain.signalment import Species
from vetflow.domain.study import Admission, Completeness, Facts, InstanceState, Refusal
from vetflow.domain.view import Region, View


def test_the_same_bytes_again_are_a_duplicate_and_counted(ledger: PostgresLedger) -> None:
    first = ledger.admit(arrival())

    again = [ledger.admit(arrival()), ledger.admit(arrival())]

    [kept] = ledger.study(ledger.unsorted(10)[0].study_id).instances
    assert (first, again) == (Admission.NEW, [Admission.DUPLICATE] * 2)
    assert kept.copies == 3


def test_other_bytes_under_a_known_uid_are_kept_quarantined_and_flag_the_study(ledger: PostgresLedger) -> None:
    ledger.admit(arrival())

    admission = ledger.admit(arrival(content="one pixel flipped"))
    repeated = ledger.admit(arrival(content="one pixel flipped"))

    [line] = ledger.studies()
    original, other = (one.instance for one in ledger.study(line.id).instances)
    assert (admission, repeated) == (Admission.CONFLICT, Admission.DUPLICATE)
    assert (original.state, other.state) == (InstanceState.RECEIVED, InstanceState.QUARANTINED)
    assert other.reason == "uid_conflict"
    assert line.conflicted


def test_a_study_is_known_by_its_uid_with_what_is_held_of_it_in_order_of_arrival(ledger: PostgresLedger) -> None:
    sent = [arrival(number) for number in (2, 1)]
    for one in (*sent, arrival(1, content="one pixel flipped"), arrival(study="1.2.826.2")):
        ledger.admit(one)

    assert ledger.received(STUDY) == [one.digest for one in sent]
    assert ledger.study(ledger.study_of(STUDY)).study.instances == 3
    assert (ledger.study_of("1.2.826.3"), ledger.received("1.2.826.3")) == (None, [])


def test_one_instance_sent_by_many_at_once_is_one_row(ledger: PostgresLedger) -> None:
    with ThreadPoolExecutor(8) as senders:
        admissions = list(senders.map(ledger.admit, [arrival()] * 40))

    [kept] = ledger.study(ledger.unsorted(10)[0].study_id).instances
    assert sorted(admissions) == [Admission.DUPLICATE] * 39 + [Admission.NEW]
    assert kept.copies == 40


def test_different_bytes_of_one_uid_sent_at_once_make_one_original_and_conflicts(ledger: PostgresLedger) -> None:
    with ThreadPoolExecutor(8) as senders:
        admissions = list(senders.map(ledger.admit, [arrival(content=f"version {number}") for number in range(8)]))

    assert sorted(admissions) == [Admission.CONFLICT] * 7 + [Admission.NEW]
    assert ledger.counts().instances[InstanceState.QUARANTINED] == 7


def test_parallel_senders_of_a_new_study_make_one_study(ledger: PostgresLedger) -> None:
    with ThreadPoolExecutor(8) as senders:
        list(senders.map(ledger.admit, [arrival(number) for number in range(1, 33)]))

    [line] = ledger.studies()
    assert line.instances == 32


def test_a_refusal_is_kept_even_when_the_sender_calls_itself_something_unprintable(ledger: PostgresLedger) -> None:
    ledger.refuse(Refusal(sender="BAD\x00\x1bAE", reason="calling AE not allowed", status="0xA900"))

    [line] = ledger.refusals()
    assert (line.sender, line.reason, line.status) == ("BADAE", "calling AE not allowed", "0xA900")


def test_unsorted_instances_of_some_classes_can_be_asked_for(ledger: PostgresLedger) -> None:
    ledger.admit(arrival(1))
    ledger.admit(replace(arrival(2), sop_class="1.2.840.10008.5.1.4.1.1.2"))

    slices = ledger.unsorted(10, sop_classes={"1.2.840.10008.5.1.4.1.1.2"})

    assert [one.sop_class for one in slices] == ["1.2.840.10008.5.1.4.1.1.2"]
    assert len(ledger.unsorted(10)) == 2


def test_unsorted_instances_come_oldest_first_and_no_more_than_asked(ledger: PostgresLedger) -> None:
    for number in range(1, 5):
        ledger.admit(arrival(number))

    digests = [instance.digest for instance in ledger.unsorted(3)]

    assert digests == [arrival(number).digest for number in range(1, 4)]


def test_a_sorted_instance_waits_with_its_facts(ledger: PostgresLedger) -> None:
    facts = Facts(
        modality="DX", species=Species.CAT, region=Region.THORAX, view=View.LEFT_LATERAL, expected_instances=3
    )
    sorted_one = film(ledger, facts=facts)

    [study] = ledger.open_studies()

    assert state_of(ledger, sorted_one) is InstanceState.WAITING
    assert (study.modalities, study.count, study.unsorted, study.expected) == (("DX",), 1, 0, 3)
    assert ledger.close_revision(sorted_one.study_id, COMPLETE) == 1
    assert list(ledger.facts(sorted_one.study_id, 1)) == [facts]


def test_sorting_again_changes_nothing(ledger: PostgresLedger) -> None:
    once = film(ledger)

    ledger.sort(once.id, Facts(modality="CT"))

    assert ledger.open_studies()[0].modalities == ("DX",)


def test_sorting_again_does_not_settle_an_instance_whose_revision_is_not_routed(ledger: PostgresLedger) -> None:
    once = film(ledger)
    ledger.close_revision(once.study_id, COMPLETE)

    ledger.sort(once.id, FILM)

    assert state_of(ledger, once) is InstanceState.PROCESSING


def test_sorting_an_unknown_instance_is_refused(ledger: PostgresLedger) -> None:
    with pytest.raises(StudyRefused, match="unknown instance"):
        ledger.sort("inst-0", FILM)


def test_a_case_opened_before_its_film_is_sorted_loses_nothing(ledger: PostgresLedger) -> None:
    ledger.admit(arrival())
    [fresh] = ledger.unsorted(1)

    ledger.open_case(film_order(fresh))
    still_unsorted = ledger.unsorted(1)
    ledger.sort(fresh.id, FILM)

    assert still_unsorted == [fresh]
    assert state_of(ledger, fresh) is InstanceState.PROCESSING


def test_a_film_whose_case_ended_before_it_was_sorted_is_delivered(ledger: PostgresLedger) -> None:
    ledger.admit(arrival())
    [fresh] = ledger.unsorted(1)
    ref = CaseRef(id=ledger.open_case(film_order(fresh)))
    ledger.claim(ref, owner="worker", lease_seconds=30)
    finish(ledger, ref)

    ledger.sort(fresh.id, FILM)

    assert state_of(ledger, fresh) is InstanceState.DELIVERED


def test_the_first_reason_of_a_quarantine_stays_and_the_study_does_not_wait_for_it(ledger: PostgresLedger) -> None:
    ledger.admit(arrival())
    [bad] = ledger.unsorted(1)

    ledger.set_aside(bad.id, "header_unreadable")
    ledger.set_aside(bad.id, "something else")

    [line] = ledger.study(bad.study_id).instances
    assert (line.instance.state, line.instance.reason) == (InstanceState.QUARANTINED, "header_unreadable")
    assert ledger.unsorted(1) == []
    assert ledger.open_studies() == []


def test_an_open_study_counts_all_it_holds_and_times_only_what_is_new(ledger: PostgresLedger, ledger_url: str) -> None:
    first = film(ledger, 1)
    ledger.close_revision(first.study_id, COMPLETE)
    execute(ledger_url, "UPDATE instances SET received_at = now() - interval '1 h'")
    film(ledger, 2)
    execute(ledger_url, "UPDATE instances SET received_at = now() - interval '20 s' WHERE revision IS NULL")
    ledger.admit(arrival(3))

    [study] = ledger.open_studies()

    assert (study.count, study.unsorted, study.revision) == (3, 1, 1)
    assert 20 <= study.open_seconds < 60
    assert study.quiet_seconds < 10
    assert study.first_arrival < study.last_arrival


def test_a_closed_study_is_open_no_more_and_says_why_it_was_closed(ledger: PostgresLedger) -> None:
    one = film(ledger)

    ledger.close_revision(one.study_id, Completeness(complete=True, forced=True, reason="closed after 900 s"))

    [revision] = ledger.study(one.study_id).revisions
    assert ledger.open_studies() == []
    assert (revision.number, revision.reason, revision.forced) == (1, "closed after 900 s", True)
    assert state_of(ledger, one) is InstanceState.PROCESSING


def test_a_late_image_makes_a_second_revision_that_contains_both(ledger: PostgresLedger) -> None:
    first = film(ledger, 1)
    ledger.close_revision(first.study_id, COMPLETE)
    film(ledger, 2)

    number = ledger.close_revision(first.study_id, COMPLETE)

    assert number == 2
    assert [len(ledger.facts(first.study_id, revision)) for revision in (1, 2)] == [1, 2]


def test_closing_a_study_without_anything_new_makes_no_revision(ledger: PostgresLedger) -> None:
    one = film(ledger)
    ledger.close_revision(one.study_id, COMPLETE)

    assert ledger.close_revision(one.study_id, COMPLETE) == 1


def test_two_that_close_one_study_at_once_make_one_revision(ledger: PostgresLedger) -> None:
    one = film(ledger)

    with ThreadPoolExecutor(8) as closers:
        numbers = list(closers.map(lambda _: ledger.close_revision(one.study_id, COMPLETE), range(8)))

    assert numbers == [1] * 8
    assert len(ledger.study(one.study_id).revisions) == 1


def test_what_is_not_sorted_yet_stays_out_of_the_revision(ledger: PostgresLedger) -> None:
    one = film(ledger, 1)
    ledger.admit(arrival(2))

    ledger.close_revision(one.study_id, COMPLETE)

    [study] = ledger.open_studies()
    assert (study.unsorted, study.revision) == (1, 1)
    assert len(ledger.facts(one.study_id, 1)) == 1


def test_a_film_set_aside_is_left_out_of_the_facts_of_its_revision(ledger: PostgresLedger) -> None:
    one, other = film(ledger, 1), film(ledger, 2)
    ledger.close_revision(one.study_id, COMPLETE)

    ledger.set_aside(other.id, "rejected by a person")

    assert len(ledger.facts(one.study_id, 1)) == 1


def test_a_revision_is_unrouted_until_somebody_says_its_cases_are_open(ledger: PostgresLedger) -> None:
    one = film(ledger)
    ledger.close_revision(one.study_id, COMPLETE)
    before = ledger.unrouted()

    ledger.routed(one.study_id, 1)

    assert before == [(one.study_id, 1)]
    assert ledger.unrouted() == []


def test_an_instance_that_no_case_wants_is_delivered_once_its_revision_is_routed(ledger: PostgresLedger) -> None:
    unwanted = film(ledger)
    ledger.close_revision(unwanted.study_id, COMPLETE)

    ledger.routed(unwanted.study_id, 1)

    assert state_of(ledger, unwanted) is InstanceState.DELIVERED


def test_an_instance_that_a_case_wants_stays_in_processing_when_routed(ledger: PostgresLedger) -> None:
    wanted = film(ledger)
    ledger.close_revision(wanted.study_id, COMPLETE)
    ledger.open_case(revision_order(wanted.study_id, 1))

    ledger.routed(wanted.study_id, 1)

    assert state_of(ledger, wanted) is InstanceState.PROCESSING


def test_a_delivered_film_is_processed_again_when_its_revision_has_a_case(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)
    finish(ledger, ref)
    [line] = ledger.study(ledger.case(ref.id).case.study_id).instances
    ledger.close_revision(line.instance.study_id, COMPLETE)
    before = state_of(ledger, line.instance)

    ledger.open_case(revision_order(line.instance.study_id, 1))

    assert before is InstanceState.DELIVERED
    assert state_of(ledger, line.instance) is InstanceState.PROCESSING


def test_arrivals_never_wait_for_work_on_the_same_study(ledger: PostgresLedger, ledger_url: str) -> None:
    import psycopg

    waiting_case(ledger)
    with psycopg.connect(ledger_url) as busy:
        busy.execute("SELECT FROM studies WHERE study_uid = %s FOR NO KEY UPDATE", [STUDY])

        with ThreadPoolExecutor(1) as sender:
            admission = sender.submit(ledger.admit, arrival(2)).result(timeout=5)

    assert admission is Admission.NEW
