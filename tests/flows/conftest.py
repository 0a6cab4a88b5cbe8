"""One Prefect server on a real PostgreSQL for the whole session."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from vetflow.supervisor.cluster import Cluster

QUIET = {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


@pytest.fixture(scope="session")
def prefect_home() -> Iterator[Path]:
    # Not tmp_path: as root the database runs under another account, which can't enter pytest's 0700 folders.
    home = Path(tempfile.mkdtemp(prefix="vetflow-"))
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def prefect_api(prefect_home: Path) -> Iterator[str]:
    """The address of a running server; this process's own settings point to it too."""
    cluster = Cluster(prefect_home)
    cluster.start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/api"
    database = cluster.url("prefect").replace("postgresql://", "postgresql+asyncpg://")
    environment = {**QUIET, "PREFECT_API_DATABASE_CONNECTION_URL": database, "PREFECT_HOME": str(prefect_home / "p")}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (prefect_home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log)
    try:
        _wait(address, server)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**QUIET, "PREFECT_API_URL": address, "PREFECT_HOME": str(prefect_home / "p")}.items():
                patch.setenv(name, value)
            from prefect.context import refresh_global_settings_context

            refresh_global_settings_context()
            yield address
    finally:
        server.terminate()
        server.wait(20)
        cluster.stop()


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and server.poll() is None:
        try:
            if httpx.get(f"{address}/health", timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise RuntimeError("the Prefect server did not come up")
