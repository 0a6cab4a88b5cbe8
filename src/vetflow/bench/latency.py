"""From a run's creation to its flow running: the warm worker, a stat run behind silent ones, the process worker."""

import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from vetflow.bench import site
from vetflow.bench.rows import Row, percentile
from vetflow.domain.case import CaseRef, Queue, WaitingCase
from vetflow.domain.errors import TransientError
from vetflow.settings import Ports, Settings
from vetflow.supervisor.places import environment, located, prefect_url
from vetflow.wiring import build
from vetflow.worker.declared import Declared
from vetflow.worker.deploy import POOL, apply, deploy

_PEER = "Prefect process worker"
_PEER_POOL = "bench-process"
_IDLE = Declared(name="idle", entrypoint="vetflow.bench.idle:idle", pool=POOL, queue=Queue.ROUTINE)
_END_SECONDS = 120.0
_BREATH_SECONDS = 1.0


def measure(
    folder: Path, tell: Callable[[str], None], *, runs: int = 40, peer_runs: int = 5, silent: int = 50
) -> list[Row]:
    """Return the rows of ``bench latency``.

    Parameters
    ----------
    folder
        Becomes a home with its own database.
    tell
        Gets a sentence before each step.
    runs, peer_runs
        Runs of ours and of the peer.
    silent
        Silent runs in front of each stat run.
    """
    settings = Settings(home=folder, ports=Ports(prefect=site.free_port()))
    with site.running(settings, ["ledger", "prefect", "worker"]), _client(settings) as client:
        apply(prefect_url(settings), [_IDLE])
        tell(f"{runs} runs on the warm worker")
        ours = [_latency(client, _submitted(settings)) for _ in range(runs)]
        tell(f"{runs // 4} stat runs behind {silent} silent ones")
        behind = _behind(settings, client, runs=runs // 4, silent=silent)
        tell(f"{peer_runs} runs on the {_PEER}")
        peer = _peer(settings, client, runs=peer_runs)
    return [
        *_rows("run created → flow running", ours, peer),
        _row(f"stat run behind {silent} silent ones, created → running, p95", behind, 0.95),
    ]


def _rows(what: str, ours: list[float], peer: list[float]) -> list[Row]:
    return [
        Row(
            what=f"{what}, {name}",
            ours=percentile(ours, share),
            peer=percentile(peer, share),
            peer_name=_PEER,
            unit="s",
            runs=len(ours),
        )
        for name, share in (("p50", 0.5), ("p95", 0.95))
    ]


def _row(what: str, ours: list[float], share: float) -> Row:
    return Row(what=what, ours=percentile(ours, share), unit="s", runs=len(ours))


@contextmanager
def _client(settings: Settings) -> Generator[SyncPrefectClient]:
    with temporary_settings({PREFECT_API_URL: prefect_url(settings)}), get_client(sync_client=True) as client:
        yield client


def _submitted(settings: Settings) -> UUID:
    ref = CaseRef(id=f"case-{secrets.token_hex(4)}")
    return UUID(build(settings).runs.submit(WaitingCase(ref=ref, use_case="idle", queue=Queue.STAT)))


def _behind(settings: Settings, client: SyncPrefectClient, *, runs: int, silent: int) -> list[float]:
    idle = client.read_deployment_by_name("idle/idle").id
    for _ in range(silent):
        parameters = {"case": {"id": f"case-{secrets.token_hex(4)}", "attempt": 1}, "seconds": 1.0}
        client.create_flow_run_from_deployment(idle, parameters=parameters, work_queue_name=Queue.SILENT)
    return [_latency(client, _submitted(settings)) for _ in range(runs)]


def _peer(settings: Settings, client: SyncPrefectClient, *, runs: int) -> list[float]:
    client.create_work_pool(WorkPoolCreate(name=_PEER_POOL, type="process"))
    deploy(client, Declared(name="peer", entrypoint=_IDLE.entrypoint, pool=_PEER_POOL, queue="default"))
    idle = client.read_deployment_by_name("idle/peer").id
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", _PEER_POOL, "--type", "process"]
    with (settings.home / "logs/peer.log").open("wb") as log:
        worker = subprocess.Popen(command, env=environment(located(settings)), stdout=log, stderr=log)
        try:
            return list(_peer_latencies(client, idle, runs))
        finally:
            worker.terminate()
            worker.wait()


def _peer_latencies(client: SyncPrefectClient, idle: UUID, runs: int) -> Iterable[float]:
    """Yield seconds of each run; the first one, which waits for the worker itself to start, is left out."""
    for number in range(runs + 1):
        parameters = {"case": {"id": f"case-{secrets.token_hex(4)}", "attempt": 1}}
        taken = _latency(client, client.create_flow_run_from_deployment(idle, parameters=parameters).id)
        if number:
            yield taken


def _latency(client: SyncPrefectClient, run_id: UUID) -> float:
    """Return seconds from creation to running of a run, once it has ended and a moment has passed."""
    run = _ended(client, run_id)
    if run.created is None or run.start_time is None:
        raise TransientError("a run of the bench never started")
    time.sleep(_BREATH_SECONDS)
    return (run.start_time - run.created).total_seconds()


def _ended(client: SyncPrefectClient, run_id: UUID) -> FlowRun:
    until = time.monotonic() + _END_SECONDS
    while time.monotonic() < until:
        run = client.read_flow_run(run_id)
        if run.state is not None and run.state.is_final():
            return run
        time.sleep(0.2)
    raise TransientError("a run of the bench did not end")
