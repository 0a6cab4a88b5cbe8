"""A real home with some of vetflow's parts running, for as long as a bench needs it."""

import socket
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager

from vetflow.domain.errors import TransientError
from vetflow.settings import Settings, load, write
from vetflow.supervisor.account import database_account, open_way
from vetflow.supervisor.cluster import Cluster
from vetflow.supervisor.parts import plan
from vetflow.supervisor.places import environment, located
from vetflow.supervisor.probes import Probe
from vetflow.wiring import keys

_READY_SECONDS = 120.0
_STOP_SECONDS = 10.0


def free_port() -> int:
    """Return a port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(settings: Settings, names: Sequence[str]) -> Generator[dict[str, "subprocess.Popen[bytes]"]]:
    """Start the database and the named parts in order, each once the one before is ready; stop all at the end."""
    with ExitStack() as stack:
        open_way(database_account(), settings.home)
        write(settings, settings.home / "vetflow.toml")
        keys.make(settings.secrets)
        cluster = Cluster(settings.home)
        cluster.start()
        stack.callback(cluster.stop)
        settings = located(load(home=settings.home))
        logs = settings.home / "logs"
        logs.mkdir(exist_ok=True)
        parts = {part.name: part for part in plan(settings)}
        processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in names:
            log = stack.enter_context((logs / f"{name}.log").open("wb"))
            process = subprocess.Popen(parts[name].command, env=environment(settings), stdout=log, stderr=log)
            stack.callback(_end, process)
            processes[name] = process
            probe = parts[name].ready
            if probe is None:
                process.wait(_READY_SECONDS)
            else:
                _until(probe, process, log.name)
        yield processes


def _until(probe: Probe, process: "subprocess.Popen[bytes]", log: str) -> None:
    end = time.monotonic() + _READY_SECONDS
    while not probe(process.pid):
        if process.poll() is not None or time.monotonic() > end:
            raise TransientError(f"a part did not get ready; {log} says why")
        time.sleep(0.05)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
