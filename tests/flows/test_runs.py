"""Prefect as dispatcher and reconciler see it, against a real server."""

import socket
import time
import uuid
from collections.abc import Iterator

import httpx
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType

from vetflow.adapters.runs_prefect import PrefectRuns
from vetflow.domain.case import CaseRef, Queue, WaitingCase
from vetflow.domain.errors import TransientError
from vetflow.worker.declared import Declared, declared
from vetflow.worker.deploy import apply


def waiting() -> WaitingCase:
    return WaitingCase(ref=CaseRef(id=f"case-{uuid.uuid4().hex[:8]}"), use_case="sums", queue=Queue.STAT)


@pytest.fixture
def runs(prefect_api: str) -> Iterator[PrefectRuns]:
    apply(prefect_api, [Declared(name="sums", entrypoint="tests.flows.toys:sums", pool="idle", queue="routine")])
    made = PrefectRuns(api_url=prefect_api)
    yield made
    made.close()


def test_a_case_becomes_one_run_in_its_queue_with_nothing_but_its_opaque_name(runs: PrefectRuns) -> None:
    case = waiting()

    first, again = runs.submit(case), runs.submit(case)

    assert first == again
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(uuid.UUID(first))
    assert (run.name, run.work_queue_name, run.tags) == (case.ref.id, "stat", [])
    assert run.parameters == {"case": {"id": case.ref.id, "attempt": 1}}


def test_a_run_is_alive_until_it_is_marked_as_crashed(runs: PrefectRuns) -> None:
    run = runs.submit(waiting())
    assert runs.alive(run)

    runs.crash(run, "its process is gone")

    assert not runs.alive(run)
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(uuid.UUID(run)).state_type is StateType.CRASHED


def test_a_run_that_prefect_lost_is_not_alive_and_can_be_marked_all_the_same(runs: PrefectRuns) -> None:
    lost = str(uuid.uuid4())

    runs.crash(lost, "its process is gone")

    assert not runs.alive(lost)


def test_a_deployment_that_was_made_anew_is_found_again(runs: PrefectRuns, prefect_api: str) -> None:
    runs.submit(waiting())
    with get_client(sync_client=True) as client:
        client.delete_deployment(client.read_deployment_by_name("sums/sums").id)
    with pytest.raises(TransientError):
        runs.submit(waiting())

    apply(prefect_api, [Declared(name="sums", entrypoint="tests.flows.toys:sums", pool="idle", queue="routine")])

    assert runs.submit(waiting())


def test_an_event_is_seen_with_an_opaque_resource(runs: PrefectRuns, prefect_api: str) -> None:
    subject = f"study-{uuid.uuid4().hex[:8]}"

    runs.announce("vetflow.study.complete", subject)

    found = {}
    deadline = time.monotonic() + 20
    while not found.get("events") and time.monotonic() < deadline:
        wanted = {"filter": {"resource": {"id": [f"vetflow.study.{subject}"]}}}
        found = httpx.post(f"{prefect_api}/events/filter", json=wanted).json()
        time.sleep(0.2)
    assert [event["event"] for event in found["events"]] == ["vetflow.study.complete"]


def test_prefect_being_away_is_transient_and_events_are_dropped_within_a_second() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        runs = PrefectRuns(api_url=f"http://127.0.0.1:{deaf.getsockname()[1]}/api", seconds=0.5)

        started = time.monotonic()
        runs.announce("vetflow.study.complete", "study-1")
        runs.announce("vetflow.study.complete", "study-2")
        took = time.monotonic() - started

        assert took < 1.0
        with pytest.raises(TransientError):
            runs.submit(waiting())
    runs.close()


def test_what_is_declared_is_applied_with_urgent_queues_first_and_can_be_applied_again(prefect_api: str) -> None:
    apply(prefect_api)
    apply(prefect_api)

    with get_client(sync_client=True) as client:
        for each in declared():
            held = client.read_deployment_by_name(f"{each.name}/{each.name}")
            assert (held.entrypoint, held.work_pool_name) == (each.entrypoint, "vetflow")
    queues = httpx.post(f"{prefect_api}/work_pools/vetflow/queues/filter", json={}).json()
    priorities = {queue["name"]: queue["priority"] for queue in queues}
    assert (priorities["stat"], priorities["routine"], priorities["silent"]) == (1, 2, 3)
