"""The warm worker runs flows, stops what must be stopped, and keeps a place for what is urgent."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling
from tests.flows.house import House, opened

from vetflow.domain.case import Queue


@pytest.fixture(scope="module")
def house(prefect_api: str) -> Iterator[House]:
    with opened(prefect_api, pool="toys", case_seconds=20.0) as made:
        yield made


def soon(what: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("toy", ["sums", "async_sums"])
def test_a_run_is_completed(house: House, toy: str) -> None:
    ended = house.ended(house.submit(toy))

    assert ended.state_type is StateType.COMPLETED
    assert house.ledger.told == []


def test_a_cancelled_run_has_its_processes_gone_and_is_cancelled_in_five_seconds(house: House, tmp_path: Path) -> None:
    run = house.submit("sleeps", case="case-c", marks=str(tmp_path))
    assert soon(lambda: len(list(tmp_path.iterdir())) == 1, 20)
    child = psutil.Process(int(next(tmp_path.iterdir()).name))
    assert soon(lambda: len(child.children(recursive=True)) == 2)
    family = [child, *child.children(recursive=True)]

    asked = time.monotonic()
    house.client.set_flow_run_state(run, Cancelling())
    ended = house.ended(run)

    assert ended.state_type is StateType.CANCELLED
    assert time.monotonic() - asked < 5
    assert soon(lambda: not any(each.is_running() and each.status() != "zombie" for each in family))
    assert house.ledger.told[-1] == ("case-c:1", "cancelled")


def test_a_run_cancelled_before_it_starts_never_starts(house: House) -> None:
    blockers = [house.submit("waits", case="case-b", seconds=3.0)]
    run = house.submit("sums", case="case-n")

    house.client.set_flow_run_state(run, Cancelling())
    house.ended(blockers[0])

    assert house.ended(run).state_type is StateType.CANCELLED
    assert house.read(run).run_count == 0
    assert soon(lambda: ("case-n:1", "cancelled") in house.ledger.told)


def test_a_case_that_wants_too_much_memory_fails_and_nothing_else_does(house: House) -> None:
    run = house.submit("hogs", case="case-m")

    ended = house.until(run, lambda found: "memory limit of 6144 MB" in (found.state.message or ""))

    assert ended.state_type is StateType.FAILED
    assert house.ledger.told[-1] == ("case-m:1", "memory_limit")
    assert house.ended(house.submit("sums")).state_type is StateType.COMPLETED


def test_a_case_that_outruns_its_time_is_stopped(house: House) -> None:
    started = time.monotonic()

    ended = house.ended(house.submit("sleeps", case="case-t"), 60)

    assert ended.state_type is StateType.FAILED
    assert "time limit of 20 s" in ended.state.message
    assert time.monotonic() - started < 30
    assert house.ledger.told[-1] == ("case-t:1", "time_limit")


def test_a_child_that_is_killed_leaves_a_crashed_run_at_once_and_its_case_to_the_lease(house: House) -> None:
    told = list(house.ledger.told)

    ended = house.ended(house.submit("dies", case="case-k"))

    assert ended.state_type is StateType.CRASHED
    assert house.ledger.told == told


def test_a_stat_run_does_not_wait_for_silent_ones(house: House) -> None:
    silent = [house.submit("waits", queue=Queue.SILENT, case="case-s", seconds=4.0) for _ in range(4)]
    house.running(silent[0])

    urgent = house.ended(house.submit("sums", queue=Queue.STAT, case="case-u"))

    assert urgent.state_type is StateType.COMPLETED
    assert house.read(silent[1]).state_type is StateType.SCHEDULED
    for run in silent[1:]:
        house.client.set_flow_run_state(run, Cancelling())


def test_a_run_of_a_more_urgent_queue_is_started_first(house: House) -> None:
    house.running(house.submit("waits", queue=Queue.SILENT, case="case-a", seconds=3.0))
    later = house.submit("waits", queue=Queue.SILENT, case="case-d", seconds=0.1)
    earlier = house.submit("waits", queue=Queue.ROUTINE, case="case-e", seconds=0.1)

    first, second = house.ended(earlier), house.ended(later)

    assert first.start_time < second.start_time


@pytest.mark.parametrize(("queue", "back"), [(Queue.STAT, 0), (Queue.ROUTINE, 5), (Queue.SILENT, 5)])
def test_what_is_not_urgent_steps_back_with_its_sandboxes(
    house: House, tmp_path: Path, queue: Queue, back: int
) -> None:
    run = house.submit("sleeps", queue=queue, case=f"case-{queue.value}", marks=str(tmp_path))
    assert soon(lambda: len(list(tmp_path.iterdir())) == 1, 20)
    child = psutil.Process(int(next(tmp_path.iterdir()).name))
    assert soon(lambda: len(child.children(recursive=True)) == 2)

    nice = {each.nice() for each in (child, *child.children(recursive=True))}

    assert nice == {psutil.Process().nice() + back}
    house.client.set_flow_run_state(run, Cancelling())
    house.ended(run)


def test_deployments_that_prefect_lost_are_declared_again(house: House) -> None:
    lost = house.client.read_deployment_by_name("waits/waits").id
    house.client.delete_deployment(lost)

    def declared_again() -> bool:
        try:
            return house.client.read_deployment_by_name("waits/waits").id != lost
        except ObjectNotFound:
            return False

    assert soon(declared_again, 20)
    assert house.ended(house.submit("waits", seconds=0.0)).state_type is StateType.COMPLETED
