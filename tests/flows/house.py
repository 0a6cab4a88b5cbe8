"""A warm worker in this process, with toy flows deployed and a ledger that only listens."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from anyio.from_thread import start_blocking_portal
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, StateType

from vetflow.adapters.sandbox import Nursery
from vetflow.domain.case import CaseRef, Queue
from vetflow.worker.brood import Brood
from vetflow.worker.crew import Crew, environment
from vetflow.worker.declared import Declared
from vetflow.worker.deploy import apply, ensure
from vetflow.worker.endings import Scribe
from vetflow.worker.warm import WarmWorker

ROOT = Path(__file__).parents[2]
TOYS = ("sums", "sleeps", "hogs", "dies", "async_sums", "waits")


@dataclass(slots=True)
class Listener:
    """A ledger that notes what it is told."""

    told: list[tuple[str, str]] = field(default_factory=list)

    def cancel(self, ref: CaseRef) -> None:
        self.told.append((ref.key, "cancelled"))

    def fail(self, ref: CaseRef, reason: str, *, again: bool, most: int) -> None:
        self.told.append((ref.key, reason))

    def put_off(self, ref: CaseRef, reason: str, *, first: float, cap: float) -> None:
        self.told.append((ref.key, reason))


@dataclass(slots=True, kw_only=True)
class House:
    client: SyncPrefectClient
    ledger: Listener
    pool: str

    def submit(self, toy: str, *, queue: Queue = Queue.ROUTINE, case: str = "case-1", **more: object) -> UUID:
        deployment = self.client.read_deployment_by_name(f"{toy.replace('_', '-')}/{toy}")
        run = self.client.create_flow_run_from_deployment(
            deployment.id,
            parameters={"case": {"id": case, "attempt": 1}, **more},
            work_queue_name=queue,
        )
        return run.id

    def read(self, run: UUID) -> FlowRun:
        return self.client.read_flow_run(run)

    def until(self, run: UUID, wanted: Callable[[FlowRun], bool], seconds: float = 30.0) -> FlowRun:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.read(run)
            if wanted(found):
                return found
            time.sleep(0.05)
        raise AssertionError(f"the run is still {self.read(run).state}")

    def ended(self, run: UUID, seconds: float = 30.0) -> FlowRun:
        return self.until(run, lambda found: found.state.is_final(), seconds)

    def running(self, run: UUID) -> FlowRun:
        return self.until(run, lambda found: found.state_type is StateType.RUNNING)


@contextmanager
def opened(api: str, *, pool: str, limit: int = 2, case_seconds: float = 60.0) -> Iterator[House]:
    """Run a worker until the block ends."""
    toys = [Declared(name=toy, entrypoint=f"tests.flows.toys:{toy}", pool=pool, queue="routine") for toy in TOYS]
    apply(api, toys)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        nursery = Nursery.spawned(
            ["torch", "vetflow.worker.child", "vetflow.worker.late:load", "tests.flows.toys"], threads=1
        )
    ledger = Listener()
    worker = WarmWorker(work_pool_name=pool, name=f"warm {pool}").equip(
        Crew(
            brood=Brood(nursery=nursery, environment=environment(), memory_mb=6144),
            scribe=Scribe(cases=lambda: ledger, attempts=3),
            limit=limit,
            case_seconds=case_seconds,
            declare=partial(ensure, api, toys),
        )
    )
    with _in_thread(worker), get_client(sync_client=True) as client:
        yield House(client=client, ledger=ledger, pool=pool)


@contextmanager
def _in_thread(worker: WarmWorker) -> Iterator[None]:
    async def work() -> None:
        await worker.start(printer=lambda _: None)

    with start_blocking_portal() as portal:
        future = portal.start_task_soon(work)
        try:
            yield
        finally:
            early = future.done()
            future.cancel()
            if early:
                future.result()
