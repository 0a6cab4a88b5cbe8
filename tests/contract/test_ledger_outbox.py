"""The outbox on a real PostgreSQL."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.ledgers import execute, finish, owed, result, running_case, state_of

from vetflow.adapters.ledger import PostgresLedger
from vetflow.domain.delivery import DeliveryState
from vetflow.domain.overview import DeliveryLine
from vetflow.domain.study import Instance, InstanceState


def one_owed(ledger: PostgresLedger, *, held: bool = False) -> DeliveryLine:
    finish(ledger, running_case(ledger), owed(held=held))
    [line] = ledger.deliveries()
    return line


def the_film(ledger: PostgresLedger) -> Instance:
    [study] = ledger.studies()
    return ledger.study(study.id).instances[0].instance


def test_a_leased_delivery_says_what_goes_where(ledger: PostgresLedger) -> None:
    line = one_owed(ledger)

    [delivery] = ledger.lease_due(limit=10, lease_seconds=30)

    assert (delivery.id, delivery.case_id, delivery.destination, delivery.attempts) == (
        line.id,
        line.case_id,
        "pacs",
        0,
    )
    assert (delivery.digest, delivery.uid) == (result().digest, result().uid)


def test_the_oldest_is_leased_first(ledger: PostgresLedger) -> None:
    names = []
    for number in range(1, 5):
        finish(ledger, running_case(ledger, number), owed())
        names.append(ledger.deliveries(limit=1)[0].id)

    leased = [delivery.id for delivery in ledger.lease_due(limit=3, lease_seconds=30)]

    assert leased == names[:3]


def test_couriers_side_by_side_never_get_the_same_delivery(ledger: PostgresLedger) -> None:
    for number in range(1, 41):
        finish(ledger, running_case(ledger, number), owed())

    with ThreadPoolExecutor(8) as couriers:
        batches = list(couriers.map(lambda _: ledger.lease_due(limit=7, lease_seconds=30), range(16)))

    leased = Counter(delivery.id for batch in batches for delivery in batch)
    assert len(leased) == 40
    assert set(leased.values()) == {1}


def test_a_delivery_whose_courier_died_is_leased_again_and_the_try_counted(ledger: PostgresLedger) -> None:
    one_owed(ledger)
    ledger.lease_due(limit=1, lease_seconds=0.2)
    meanwhile = ledger.lease_due(limit=1, lease_seconds=30)

    time.sleep(0.3)
    [again] = ledger.lease_due(limit=1, lease_seconds=30)

    assert meanwhile == []
    assert again.attempts == 1


def test_a_postponed_delivery_comes_back_when_its_time_has_come(ledger: PostgresLedger) -> None:
    line = one_owed(ledger)
    ledger.lease_due(limit=1, lease_seconds=30)

    ledger.postpone(line.id, error="connection refused", seconds=0.3)
    early = ledger.lease_due(limit=1, lease_seconds=30)
    time.sleep(0.4)
    [late] = ledger.lease_due(limit=1, lease_seconds=30)

    [kept] = ledger.deliveries()
    assert early == []
    assert late.attempts == 1
    assert (kept.last_error, kept.failure) == ("connection refused", "transient")


def test_a_film_is_delivered_when_the_last_thing_owed_is_sent(ledger: PostgresLedger) -> None:
    finish(ledger, running_case(ledger), owed("pacs"), owed("practice"))
    first, second = ledger.deliveries()

    ledger.sent(first.id)
    between = state_of(ledger, the_film(ledger))
    ledger.sent(second.id)

    assert between is InstanceState.PROCESSING
    assert state_of(ledger, the_film(ledger)) is InstanceState.DELIVERED
    assert ledger.oldest_owed_seconds() is None


def test_a_sent_delivery_is_never_leased_or_buried(ledger: PostgresLedger) -> None:
    line = one_owed(ledger)
    ledger.sent(line.id)

    ledger.bury(line.id, error="late", status="0xA900")
    ledger.postpone(line.id, error="late", seconds=0)
    ledger.replay(line.id)

    assert ledger.lease_due(limit=1, lease_seconds=30) == []
    assert ledger.deliveries()[0].state is DeliveryState.SENT


def test_a_buried_delivery_keeps_its_status_and_waits_for_a_person(ledger: PostgresLedger) -> None:
    line = one_owed(ledger)
    ledger.lease_due(limit=1, lease_seconds=30)

    ledger.bury(line.id, error="SOP class not supported", status="0x0122")

    [dead] = ledger.deliveries(state=DeliveryState.DEAD)
    assert (dead.status, dead.failure, dead.last_error) == ("0x0122", "permanent", "SOP class not supported")
    assert ledger.lease_due(limit=1, lease_seconds=30) == []
    assert state_of(ledger, the_film(ledger)) is InstanceState.DELIVERED


def test_a_replayed_delivery_is_owed_at_once_and_its_film_in_processing_again(ledger: PostgresLedger) -> None:
    line = one_owed(ledger)
    ledger.lease_due(limit=1, lease_seconds=30)
    ledger.bury(line.id, error="no", status="0xA900")

    ledger.replay(line.id)

    between = state_of(ledger, the_film(ledger))
    [delivery] = ledger.lease_due(limit=1, lease_seconds=30)
    assert (delivery.id, delivery.attempts) == (line.id, 0)
    assert between is InstanceState.PROCESSING


def test_a_held_delivery_goes_nowhere_until_it_is_released(ledger: PostgresLedger) -> None:
    line = one_owed(ledger, held=True)
    before = ledger.lease_due(limit=1, lease_seconds=30)

    ledger.replay(line.id)

    assert before == []
    assert [delivery.id for delivery in ledger.lease_due(limit=1, lease_seconds=30)] == [line.id]


def test_the_age_of_the_oldest_owed_delivery_is_known(ledger: PostgresLedger, ledger_url: str) -> None:
    one_owed(ledger)
    execute(ledger_url, "UPDATE deliveries SET owed_at = now() - interval '90 s'")

    age = ledger.oldest_owed_seconds()

    assert age is not None
    assert 90 <= age < 120
