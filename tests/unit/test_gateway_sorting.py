from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydicom.uid import DigitalXRayImageStorageForPresentation
from tests.builders import film_bytes
from tests.fakes import FakeCases, FakeRuns, FakeSorting, FakeStore

from vetflow.domain.case import CaseOrder, Queue
from vetflow.domain.errors import StudyRefused, TransientError
from vetflow.domain.routing import Route
from vetflow.domain.study import Facts, Instance, InstanceState, OpenStudy
from vetflow.gateway.completer import STUDY_COMPLETE, Completer, Quiet
from vetflow.gateway.sorter import Sorter, Wishes

POSITIONING = Route(use_case="positioning", modalities=("DX", "CR"))
FRACTURE = Route(use_case="fracture", modalities=("DX",), queue=Queue.STAT)
DX = Facts(modality="DX")


def instance(name: str, digest: str) -> Instance:
    return Instance(
        id=name,
        study_id="study-1",
        digest=digest,
        size=1,
        sop_class="1.2",
        transfer_syntax="1.2",
        state=InstanceState.RECEIVED,
    )


class Reader:
    """Reads facts, or fails as told by the bytes."""

    def __init__(self) -> None:
        self.errors: dict[bytes, Exception] = {}

    def __call__(self, data: bytes) -> Facts:
        if data in self.errors:
            raise self.errors[data]
        return DX


class Bench:
    """A sorter with fakes around it and two films received."""

    def __init__(self) -> None:
        self.store, self.cases, self.reader = FakeStore(), FakeCases(), Reader()
        self.sorting = FakeSorting()
        for name in ("inst-1", "inst-2"):
            digest = self.store.put([name.encode()])
            self.sorting.received.append(instance(name, digest))
        self.sorter = Sorter(
            self.sorting,
            self.cases,
            store=self.store,
            read_facts=self.reader,
            wishes=Wishes(routes=[POSITIONING, FRACTURE]),
        )


def film_order(name: str) -> CaseOrder:
    return CaseOrder(use_case="positioning", study_id="study-1", queue=Queue.ROUTINE, instance_id=name)


def test_each_film_gets_its_case_as_it_arrives_and_other_use_cases_wait() -> None:
    bench = Bench()

    more = bench.sorter.step()

    assert not more
    assert bench.cases.opened == [film_order("inst-1"), film_order("inst-2")]
    assert bench.sorting.sorted_ == {"inst-1": DX, "inst-2": DX}


def test_films_are_sorted_before_slices_that_came_earlier() -> None:
    bench = Bench()
    film = replace(instance("inst-3", bench.store.put([b"film"])), sop_class=DigitalXRayImageStorageForPresentation)
    bench.sorting.received.append(film)

    bench.sorter.step()

    assert list(bench.sorting.sorted_) == ["inst-3", "inst-1", "inst-2"]


def test_what_is_no_film_waits_while_the_receiver_is_busy_but_not_for_ever() -> None:
    bench, now = Bench(), [100.0]
    film = replace(instance("inst-3", bench.store.put([b"film"])), sop_class=DigitalXRayImageStorageForPresentation)
    bench.sorting.received.append(film)
    sorter = Sorter(
        bench.sorting,
        bench.cases,
        store=bench.store,
        read_facts=bench.reader,
        wishes=Wishes(routes=[POSITIONING]),
        busy=lambda: True,
        monotonic=lambda: now[0],
    )

    sorter.step()
    while_busy = list(bench.sorting.sorted_)
    now[0] += 6.0
    sorter.step()

    assert while_busy == ["inst-3"]
    assert list(bench.sorting.sorted_) == ["inst-3", "inst-1", "inst-2"]


def test_a_film_counts_as_sorted_only_after_its_case_is_open() -> None:
    bench = Bench()
    bench.cases.open_case = _away

    with pytest.raises(TransientError):
        bench.sorter.step()

    assert bench.sorting.sorted_ == {}


def _away(_: CaseOrder) -> str:
    raise TransientError("away")


def test_a_bad_header_is_set_aside_with_its_reason_and_the_rest_goes_on() -> None:
    bench = Bench()
    bench.reader.errors[b"inst-1"] = StudyRefused("header_unreadable")

    bench.sorter.step()

    assert bench.sorting.aside == {"inst-1": "header_unreadable"}
    assert list(bench.sorting.sorted_) == ["inst-2"]


def test_damaged_bytes_are_set_aside() -> None:
    bench = Bench()
    bench.store.objects.pop(bench.sorting.received[0].digest)

    bench.sorter.step()

    assert bench.sorting.aside == {"inst-1": "object_missing"}


def test_a_film_that_breaks_the_step_itself_does_not_block_the_others_for_ever() -> None:
    bench = Bench()
    bench.reader.errors[b"inst-1"] = ZeroDivisionError()

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            bench.sorter.step()
    bench.sorter.step()

    assert bench.sorting.aside == {"inst-1": "header_unreadable"}
    assert list(bench.sorting.sorted_) == ["inst-2"]


def test_an_outage_never_counts_against_a_film() -> None:
    bench = Bench()
    bench.reader.errors[b"inst-1"] = TransientError("the store is away")

    for _ in range(10):
        with pytest.raises(TransientError):
            bench.sorter.step()
    bench.reader.errors.clear()
    bench.sorter.step()

    assert bench.sorting.aside == {}
    assert len(bench.sorting.sorted_) == 2


def open_study(**changes: object) -> OpenStudy:
    plain: dict[str, object] = {
        "id": "study-1",
        "modalities": ("DX",),
        "count": 2,
        "unsorted": 0,
        "expected": None,
        "first_arrival": datetime(2025, 1, 1, tzinfo=UTC),
        "last_arrival": datetime(2025, 1, 1, tzinfo=UTC),
        "quiet_seconds": 30.0,
        "open_seconds": 40.0,
        "revision": 0,
    }
    return OpenStudy(**(plain | changes))


def completer(sorting: FakeSorting, cases: FakeCases, runs: FakeRuns) -> Completer:
    quiet = Quiet(by_modality={"DX": 20.0}, default=60.0, longest=5400.0)
    return Completer(sorting, cases, runs=runs, quiet=quiet, wishes=Wishes(routes=[POSITIONING, FRACTURE]))


def test_a_quiet_study_becomes_a_revision_with_cases_and_an_event() -> None:
    sorting, cases, runs = FakeSorting(studies=[open_study()]), FakeCases(), FakeRuns()
    sorting.of_revision["study-1", 1] = [DX, DX]

    completer(sorting, cases, runs).step()

    assert [study for study, _ in sorting.closed] == ["study-1"]
    assert "quiet" in sorting.closed[0][1].reason
    assert cases.opened == [CaseOrder(use_case="fracture", study_id="study-1", queue=Queue.STAT, revision=1)]
    assert sorting.done == [("study-1", 1)]
    assert runs.events == [(STUDY_COMPLETE, "study-1")]


def test_a_study_that_still_grows_is_left_open() -> None:
    sorting, cases, runs = FakeSorting(studies=[open_study(quiet_seconds=3.0)]), FakeCases(), FakeRuns()

    completer(sorting, cases, runs).step()

    assert not sorting.closed
    assert not runs.events


def test_a_late_image_makes_a_second_revision_with_its_own_case() -> None:
    sorting, cases, runs = FakeSorting(studies=[open_study(revision=1, count=3)]), FakeCases(), FakeRuns()
    sorting.of_revision["study-1", 2] = [DX, DX, DX]

    completer(sorting, cases, runs).step()

    assert [order.revision for order in cases.opened] == [2]


def test_a_revision_whose_cases_were_not_opened_before_a_crash_gets_them_later() -> None:
    sorting, cases, runs = FakeSorting(), FakeCases(), FakeRuns()
    sorting.open_revisions.append(("study-9", 1))
    sorting.of_revision["study-9", 1] = [DX]

    completer(sorting, cases, runs).step()

    assert [order.study_id for order in cases.opened] == ["study-9"]
    assert sorting.done == [("study-9", 1)]


def test_a_lost_event_stops_nothing() -> None:
    sorting, cases, runs = FakeSorting(studies=[open_study()]), FakeCases(), FakeRuns(down=True)

    completer(sorting, cases, runs).step()

    assert sorting.done == [("study-1", 1)]


def test_real_headers_can_be_sorted() -> None:
    from vetflow.dicom.header import facts

    bench = Bench()
    digest = bench.store.put([film_bytes()])
    bench.sorting.received = [instance("inst-3", digest)]
    bench.sorter._read_facts = facts

    bench.sorter.step()

    assert bench.sorting.sorted_["inst-3"].modality == "DX"
    assert bench.cases.opened == [film_order("inst-3")]
