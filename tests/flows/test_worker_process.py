"""The worker as a process: nothing of it outlives it, and Prefect finds it by its type."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.workers.base import BaseWorker
from tests.flows.house import ROOT, TOYS, House, Listener

from vetflow.adapters.sandbox import ENTRY, Nursery
from vetflow.worker import WarmWorker
from vetflow.worker.crew import needed
from vetflow.worker.declared import Declared, declared
from vetflow.worker.deploy import apply, prepare

POOL = "processes"


@contextmanager
def worker_process() -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-m", "tests.flows.worker_process", POOL], env=environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture
def house(prefect_api: str) -> Iterator[House]:
    declared = [Declared(name=toy, entrypoint=f"tests.flows.toys:{toy}", pool=POOL, queue="routine") for toy in TOYS]
    apply(prefect_api, declared)
    with get_client(sync_client=True) as client:
        yield House(client=client, ledger=Listener(), pool=POOL)


def family_at_work(house: House, process: subprocess.Popen[bytes], marks: Path) -> tuple[str, list[psutil.Process]]:
    run = house.submit("sleeps", marks=str(marks))
    house.until(run, lambda found: found.state_type is StateType.RUNNING and any(marks.iterdir()), 60)
    time.sleep(1.0)
    return run, psutil.Process(process.pid).children(recursive=True)


def test_nothing_outlives_a_worker_that_is_killed(house: House, tmp_path: Path) -> None:
    with worker_process() as process:
        _, family = family_at_work(house, process, tmp_path)

        process.send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(family, timeout=5)

    assert len(family) >= 6  # nursery; a run with its sandbox nursery and sandbox; a ready child with its nursery
    assert alive == []


def test_a_worker_told_to_stop_ends_its_runs_and_itself(house: House, tmp_path: Path) -> None:
    with worker_process() as process:
        run, family = family_at_work(house, process, tmp_path)

        process.send_signal(signal.SIGTERM)
        code = process.wait(10)
        _, alive = psutil.wait_procs(family, timeout=5)

    assert code == 0
    assert alive == []
    assert house.read(run).state_type is StateType.CRASHED


def test_prefect_finds_the_worker_by_its_type() -> None:
    assert BaseWorker.get_worker_class_from_type("warm") is WarmWorker


def test_every_module_that_runs_need_can_be_imported_without_a_thread() -> None:
    born = Nursery.spawned(needed())  # it refuses to come up with more than one

    child = born.bear(ENTRY)

    child.line.close()
    assert child.wait(10) == 0
    born.close()


def test_the_checkouts_own_declarations_are_deployed_by_prefect_itself(prefect_api: str) -> None:
    with get_client(sync_client=True) as client:
        prepare(client, "vetflow")
    command = [sys.executable, "-m", "prefect", "deploy", "--all", "--no-prompt"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr
    with get_client(sync_client=True) as client:
        for each in declared():
            held = client.read_deployment_by_name(f"{each.name}/{each.name}")
            assert (held.entrypoint, held.work_pool_name, held.work_queue_name) == (
                each.entrypoint,
                each.pool,
                each.queue,
            )
