"""Dead, slow, full and refusing destinations, and couriers that die."""

import hashlib
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.builders import film_bytes
from tests.fakes import FakeOutbox, FakeStore

from vetflow.adapters.pacs_dimse import DimseSink, DimseTimeouts
from vetflow.adapters.practice_hl7 import MllpPractice
from vetflow.domain.delivery import Channel, Delivery
from vetflow.domain.errors import PermanentFailure, TransientError
from vetflow.gateway.courier import Breaker, Courier, Destination, Pace
from vetflow.gateway.courier_service import CourierParts, run_courier
from vetflow.hospital.pacs import HospitalPacs
from vetflow.hospital.practice import Mood, Practice

EAGER = Pace(first_seconds=0.01, cap_seconds=0.1, failures=3, rest_seconds=0.05)
ORU = b"MSH|^~\\&|VETFLOW|SITE|PIMS|CLINIC|20250101||ORU^R01^ORU_R01|vf-%d|P|2.5.1\rPID|1||A1\r"


def owed(store: FakeStore, number: int, *, destination: str = "pacs", data: bytes | None = None) -> Delivery:
    content = data if data is not None else b"object %d" % number
    return Delivery(
        id=f"dlv-{number:04d}",
        case_id="case-1",
        destination=destination,
        channel=Channel.DICOM,
        digest=store.put([content]),
        uid=f"1.2.{number}",
        attempts=0,
    )


class Place:
    """A destination that answers as told and remembers what it took."""

    def __init__(self, name: str = "pacs") -> None:
        self.name = name
        self.took: list[bytes] = []
        self.tried = 0
        self.answer: Callable[[bytes], None] = lambda _: None

    def send(self, data: bytes) -> None:
        self.tried += 1
        self.answer(data)
        self.took.append(data)

    @property
    def destination(self) -> Destination:
        return Destination(name=self.name, send=self.send)


def courier(outbox: FakeOutbox, store: FakeStore, place: Place, pace: Pace = EAGER) -> Courier:
    return Courier(outbox, store, destination=place.destination, pace=pace, rng=random.Random(1))


def away(_: bytes) -> None:
    raise TransientError("away")


def refuse(_: bytes) -> None:
    raise PermanentFailure("no", status="0xA900")


def test_what_is_owed_is_sent_once() -> None:
    store, place = FakeStore(), Place()
    outbox = FakeOutbox([owed(store, number) for number in range(6)])
    sender = courier(outbox, store, place)

    while sender.step():
        pass

    assert len(place.took) == len(set(place.took)) == 6
    assert not outbox.owed


def test_a_refusal_for_good_is_buried_with_its_status_and_the_next_goes_on() -> None:
    store, place = FakeStore(), Place()
    outbox = FakeOutbox([owed(store, 1), owed(store, 2)])
    place.answer = lambda data: refuse(data) if data == b"object 1" else None

    courier(outbox, store, place).step()

    assert outbox.buried == [("dlv-0001", "0xA900")]
    assert place.took == [b"object 2"]


def test_an_object_that_is_lost_or_damaged_is_buried_not_sent() -> None:
    store, place = FakeStore(), Place()
    outbox = FakeOutbox([owed(store, 1)])
    store.objects.clear()

    courier(outbox, store, place).step()

    assert outbox.buried == [("dlv-0001", "object_missing")]
    assert place.tried == 0


def test_a_dead_destination_is_knocked_at_ever_more_rarely() -> None:
    store, place = FakeStore(), Place()
    outbox = FakeOutbox([owed(store, number) for number in range(50)])
    place.answer = away
    sender = courier(outbox, store, place, Pace(failures=3, rest_seconds=60))

    for _ in range(100):
        sender.step()

    assert place.tried == 3
    assert len(outbox.owed) == 50


def test_waits_grow_and_are_capped_and_jittered() -> None:
    store, place = FakeStore(), Place()
    outbox = FakeOutbox([owed(store, 1)])
    place.answer = away
    sender = courier(outbox, store, place, Pace(first_seconds=5, cap_seconds=60, failures=1000))

    for _ in range(8):
        sender.step()

    waits = [seconds for _, _, seconds in outbox.errors]
    for wait, ceiling in zip(waits, [5, 10, 20, 40, 60, 60, 60, 60], strict=True):
        assert ceiling / 2 <= wait <= ceiling


def test_a_destination_that_comes_back_gets_everything() -> None:
    store, place = FakeStore(), Place()
    outbox = FakeOutbox([owed(store, number) for number in range(10)])
    place.answer = away
    sender = courier(outbox, store, place)
    for _ in range(5):
        sender.step()

    place.answer = lambda _: None
    end = time.monotonic() + 10
    while outbox.owed and time.monotonic() < end:
        sender.step()

    assert len(set(place.took)) == 10


class Clock:
    """Seconds set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_breaker_closes_after_an_answer_of_any_kind() -> None:
    clock = Clock()
    breaker = Breaker(Pace(failures=2, rest_seconds=10, cap_seconds=30), clock)

    breaker.failed()
    once = breaker.rest
    breaker.failed()
    twice = breaker.rest
    breaker.failed()
    breaker.failed()
    capped = breaker.rest
    breaker.answered()

    assert (once, twice, capped, breaker.rest) == (0, 10, 30, 0)


def test_one_destination_that_hangs_does_not_hold_up_another() -> None:
    store, slow, quick = FakeStore(), Place("slow"), Place("quick")
    release, ended = threading.Event(), threading.Event()
    slow.answer = lambda _: (release.wait(20), None)[1]
    outbox = FakeOutbox(
        [owed(store, number, destination="slow") for number in range(20)]
        + [owed(store, 100 + number, destination="quick") for number in range(20)]
    )
    parts = CourierParts(
        outbox=outbox, store=store, destinations=[slow.destination, quick.destination], pace=EAGER, owed=None
    )
    service = threading.Thread(target=run_courier, args=(parts,), kwargs={"ended": ended})

    service.start()
    _until(lambda: len(quick.took) == 20)
    sent_by_slow = len(slow.took)
    release.set()
    ended.set()
    service.join(10)

    assert sent_by_slow == 0
    assert not service.is_alive()


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("down", [True, False], ids=["away", "out of room"])
def test_a_pacs_that_is_away_or_full_gets_every_report_once_it_is_back(tmp_path: Path, down: bool) -> None:
    store, full = FakeStore(), {"now": True}
    films = [film_bytes(SOPInstanceUID=f"1.2.3.{number}") for number in range(1, 9)]
    outbox = FakeOutbox([owed(store, number, data=film) for number, film in enumerate(films)])
    pacs = HospitalPacs(tmp_path, answer=lambda _: 0xA700 if full["now"] else 0x0000)
    pacs.start()
    if down:
        pacs.stop()
        full["now"] = False
    sink = DimseSink(
        "127.0.0.1",
        pacs.port,
        called="PACS",
        calling="VETFLOW",
        timeouts=DimseTimeouts(connect=1, associate=2, answer=2),
    )
    sender = Courier(
        outbox,
        store,
        destination=Destination(name="pacs", send=sink.store),
        pace=EAGER,
        rng=random.Random(1),
    )
    for _ in range(4):
        sender.step()
    assert pacs.objects() == []

    full["now"] = False
    if down:
        pacs.start()
    end = time.monotonic() + 30
    while outbox.owed and time.monotonic() < end:
        sender.step()
    pacs.stop()

    assert [path.stem for path in pacs.objects()] == [f"1.2.3.{number}" for number in range(1, 9)]
    assert outbox.buried == []


def test_a_practice_in_a_bad_mood_gets_each_message_once(tmp_path: Path) -> None:
    store = FakeStore()
    moods = iter([Mood.ERROR, Mood.SILENT, Mood.HALF, Mood.OTHER, Mood.LOST])
    outbox = FakeOutbox([owed(store, number, destination="pims", data=ORU % number) for number in range(4)])
    with Practice(tmp_path, mood=lambda _: next(moods, Mood.ACCEPT)) as practice:
        place = MllpPractice("127.0.0.1", practice.port, seconds=0.5)
        sender = Courier(
            outbox,
            store,
            destination=Destination(name="pims", send=place.send),
            pace=EAGER,
            rng=random.Random(1),
        )
        end = time.monotonic() + 30
        while outbox.owed and time.monotonic() < end:
            sender.step()

    kept = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in practice.messages())
    assert kept == sorted(hashlib.sha256(ORU % number).hexdigest() for number in range(4))
    assert len(practice.asked) > 4


def test_a_courier_that_died_leaves_its_deliveries_to_the_next(tmp_path: Path) -> None:
    store, place = FakeStore(), Place()
    outbox = FakeOutbox([owed(store, 1)])
    outbox.lease_due(limit=1, lease_seconds=1)  # leased by one that died

    courier(outbox, store, place).step()
    during = place.tried
    outbox.leased.clear()  # the lease ended
    courier(outbox, store, place).step()

    assert during == 0
    assert outbox.done == ["dlv-0001"]
