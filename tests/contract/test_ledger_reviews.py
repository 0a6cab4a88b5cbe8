"""Reviews, editions and what follows from what, on a real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from tests.ledgers import (
    COMPLETE,
    WHEN,
    assessment,
    execute,
    film,
    film_order,
    finish,
    owed,
    result,
    review,
    revision_order,
    running_case,
    state_of,
)

from vetflow.adapters.ledger import PostgresLedger
from vetflow.adapters.store_folder import FolderStore
from vetflow.domain.case import CaseRef
from vetflow.domain.delivery import DeliveryState, Owed, ResultKind
from vetflow.domain.errors import StudyRefused, VetflowError
from vetflow.domain.standing import Decision, Signature
from vetflow.domain.study import InstanceState

SIGNATURE = Signature(name="Vet^Vera", organization="Clinic", at=WHEN)


def done_case(ledger: PostgresLedger, number: int = 1, *, to: tuple[str, ...] = ("pacs",)) -> CaseRef:
    """Return a case that is done, its report sent."""
    ref = running_case(ledger, number)
    finish(ledger, ref, *(owed(name) for name in to))
    for delivery in ledger.lease_due(limit=10, lease_seconds=30):
        ledger.sent(delivery.id)
    return ref


def amend(ledger: PostgresLedger, ref: CaseRef, edition: int = 1, *deliveries: Owed) -> None:
    ledger.amend(ref.id, review=review(edition), results=[result(f"edition {edition}")], owed=deliveries)


def rows(url: str, table: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(sql.SQL("TABLE {}").format(sql.Identifier(table))).fetchall()


def test_a_finding_comes_back_with_its_place_side_and_lines(ledger: PostgresLedger) -> None:
    ref = done_case(ledger)

    assert ledger.case(ref.id).assessment == assessment()


def test_a_case_keeps_what_it_judged_though_an_image_is_set_aside_later(ledger: PostgresLedger) -> None:
    one, two = film(ledger, 1), film(ledger, 2)
    ledger.close_revision(one.study_id, COMPLETE)
    ref = CaseRef(id=ledger.open_case(revision_order(one.study_id, 1)))
    ledger.claim(ref, owner="worker", lease_seconds=30)
    finish(ledger, ref)

    ledger.set_aside(one.id, "rejected by a person")

    assert ledger.edition(ref.id).digests == (one.digest, two.digest)


def test_a_review_adds_an_edition_and_touches_nothing_that_was_written(ledger: PostgresLedger, ledger_url: str) -> None:
    ref = done_case(ledger)
    before = {table: rows(ledger_url, table) for table in ("results", "findings", "deliveries", "cases")}

    amend(ledger, ref, 1, owed(of=result("edition 1")))

    edition = ledger.edition(ref.id)
    assert (edition.number, edition.reviews, edition.rejected) == (1, (review(),), {0})
    assert edition.results == (result("edition 1"),)
    for table, held in before.items():
        assert rows(ledger_url, table)[: len(held)] == held
    assert [line.state for line in ledger.case(ref.id).deliveries] == [DeliveryState.SENT, DeliveryState.OWED]


def test_a_later_edition_has_the_latest_of_each_kind_and_the_last_word_on_each_finding(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)
    picture = result("picture", ResultKind.PICTURE)
    ledger.finish(ref, assessment(), [result(), picture], [])

    amend(ledger, ref, 1)
    second = review(2, decisions={0: Decision.ACCEPTED, 1: Decision.REJECTED}, note="looked again")
    ledger.amend(ref.id, review=second, results=[result("edition 2")], owed=[])

    edition = ledger.edition(ref.id)
    assert edition.results == (picture, result("edition 2"))
    assert edition.decisions == {0: Decision.ACCEPTED, 1: Decision.REJECTED}
    assert edition.reviews[1] == second


def test_a_signature_is_kept_with_its_time(ledger: PostgresLedger) -> None:
    ref = done_case(ledger)

    signed = review(decisions={}, signature=SIGNATURE)
    ledger.amend(ref.id, review=signed, results=[result("signed")], owed=[])

    assert ledger.edition(ref.id).signature == SIGNATURE
    amend(ledger, ref, 2)
    assert ledger.edition(ref.id).signature is None


def test_a_new_delivery_puts_the_film_back_in_processing_until_it_is_sent(ledger: PostgresLedger) -> None:
    one = film(ledger)
    ref = CaseRef(id=ledger.open_case(film_order(one)))
    ledger.claim(ref, owner="worker", lease_seconds=30)
    finish(ledger, ref)
    assert state_of(ledger, one) is InstanceState.DELIVERED

    amend(ledger, ref, 1, owed(of=result("edition 1")))
    between = state_of(ledger, one)
    [delivery] = ledger.lease_due(limit=10, lease_seconds=30)
    ledger.sent(delivery.id)

    assert (between, state_of(ledger, one)) == (InstanceState.PROCESSING, InstanceState.DELIVERED)


def test_a_held_delivery_wakes_nobody(ledger: PostgresLedger) -> None:
    one = film(ledger)
    ref = CaseRef(id=ledger.open_case(film_order(one)))
    ledger.claim(ref, owner="worker", lease_seconds=30)
    finish(ledger, ref)

    amend(ledger, ref, 1, owed(of=result("edition 1"), held=True))

    assert state_of(ledger, one) is InstanceState.DELIVERED
    assert ledger.lease_due(limit=10, lease_seconds=30) == []


def test_the_same_review_again_changes_nothing(ledger: PostgresLedger, ledger_url: str) -> None:
    ref = done_case(ledger)
    amend(ledger, ref, 1, owed(of=result("edition 1")))
    before = [rows(ledger_url, table) for table in ("reviews", "decisions", "results", "deliveries", "audit")]

    amend(ledger, ref, 1, owed(of=result("edition 1")))
    late = review(2, name="review-1")
    ledger.amend(ref.id, review=late, results=[result("other")], owed=[])

    assert [rows(ledger_url, t) for t in ("reviews", "decisions", "results", "deliveries", "audit")] == before


def test_of_many_reviews_on_one_edition_one_is_made_and_the_others_are_told(ledger: PostgresLedger) -> None:
    ref = done_case(ledger)

    def attempt(number: int) -> str:
        try:
            made = review(1, name=f"review-{number}")
            ledger.amend(ref.id, review=made, results=[result(str(number))], owed=[])
        except StudyRefused as refused:
            return refused.reason
        return "made"

    with ThreadPoolExecutor(8) as people:
        ends = list(people.map(attempt, range(8)))

    assert sorted(ends) == ["made"] + ["reviewed_meanwhile"] * 7
    assert ledger.edition(ref.id).number == 1


def test_only_a_case_that_is_done_is_reviewed(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)

    with pytest.raises(StudyRefused) as running:
        amend(ledger, ref)
    with pytest.raises(StudyRefused) as unknown:
        amend(ledger, CaseRef(id="case-0"))

    assert (running.value.reason, unknown.value.reason) == ("case_not_done", "unknown_case")


@pytest.mark.parametrize(
    ("changes", "uid"),
    [({"decisions": {7: Decision.REJECTED}}, "edition 1"), ({}, "report")],
    ids=["unknown finding", "a result that was written before"],
)
def test_a_review_that_does_not_fit_leaves_nothing_behind(
    ledger: PostgresLedger, ledger_url: str, changes: dict, uid: str
) -> None:
    ref = done_case(ledger)
    before = [rows(ledger_url, table) for table in ("reviews", "decisions", "results", "deliveries", "audit")]

    with pytest.raises(VetflowError):
        ledger.amend(ref.id, review=review(**changes), results=[result(uid)], owed=[owed("archive")])

    assert [rows(ledger_url, t) for t in ("reviews", "decisions", "results", "deliveries", "audit")] == before


def test_reviews_are_in_the_journal(ledger: PostgresLedger, ledger_url: str) -> None:
    ref = done_case(ledger)
    amend(ledger, ref)
    signed = review(2, by="Vet^Vera", decisions={1: Decision.ACCEPTED}, signature=SIGNATURE, note="Zzowner called")
    ledger.amend(ref.id, review=signed, results=[result("signed")], owed=[])

    entries = [tuple(row[2:6]) for row in rows(ledger_url, "audit")]

    assert entries == [
        ("Dr. Vet", "review.decide", ref.id, "edition 1; rejected 1"),
        ("Vet^Vera", "review.sign", ref.id, "edition 2; accepted 2"),
    ]
    assert ledger.verify_chain().broken_at is None


@pytest.mark.parametrize(
    "broken",
    [
        {"id": ""},
        {"by": " "},
        {"at": datetime(2026, 1, 1)},  # noqa: DTZ001 - what must be refused
        {"note": "x" * 5000},
        {"signature": replace(SIGNATURE, at=datetime.now(UTC))},
    ],
)
def test_a_review_that_says_too_little_or_too_much_cant_exist(broken: dict) -> None:
    with pytest.raises(ValueError, match=r"review|note"):
        review(**broken)


def test_a_late_image_makes_a_case_that_follows_from_the_one_before(ledger: PostgresLedger) -> None:
    study = film(ledger, 1).study_id
    cases = []
    for number in (1, 2, 3):
        film(ledger, number + 1)
        ledger.close_revision(study, COMPLETE)
        ref = CaseRef(id=ledger.open_case(revision_order(study, number)))
        ledger.open_case(revision_order(study, number, use_case="hips"))
        ledger.claim(ref, owner="worker", lease_seconds=30)
        cases.append(ref)
    assert ledger.predecessors(cases[2].id) == []

    for number, ref in enumerate(cases[:2], start=1):
        picture = result(f"picture {number}", ResultKind.PICTURE)
        ledger.finish(ref, assessment(), [result(f"report {number}"), picture][: 3 - number], [])
    ledger.amend(cases[1].id, review=review(), results=[result("reviewed 2")], owed=[])

    assert ledger.predecessors(cases[0].id) == []
    assert set(ledger.predecessors(cases[1].id)) == {result("report 1"), result("picture 1", ResultKind.PICTURE)}
    assert set(ledger.predecessors(cases[2].id)) == {result("reviewed 2"), result("picture 1", ResultKind.PICTURE)}


def test_films_of_a_study_do_not_follow_from_each_other(ledger: PostgresLedger) -> None:
    done_case(ledger, 1)

    assert ledger.predecessors(running_case(ledger, 2).id) == []


def test_the_inspector_finds_nothing_wrong_with_reviews_and_finds_what_is(
    ledger: PostgresLedger, ledger_url: str, tmp_path: Path
) -> None:
    store = FolderStore(tmp_path)
    ref = done_case(ledger)
    amend(ledger, ref, 1, owed(of=result("edition 1")))
    sound = ledger.inspect(store, rehash=False).faults

    execute(ledger_url, "UPDATE results SET edition = 2 WHERE edition = 1")
    execute(ledger_url, "INSERT INTO reviews VALUES (%s, 4, 'r', 'a', now(), '')", ref.id)

    assert sound == []
    broken = [fault.rule for fault in ledger.inspect(store, rehash=False).faults]
    assert [rule.split(" ", 3)[:3] for rule in broken] == [["the", "editions", "of"], ["a", "result", "of"]]
