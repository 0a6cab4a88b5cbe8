"""Programs of others that the benches run beside ours."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vetflow.domain.errors import ConfigurationError
from vetflow.supervisor.probes import listens

_START_SECONDS = 30.0


def tool(name: str) -> str:
    """Return the path of a program; ConfigurationError says how to get it."""
    path = shutil.which(name)
    if path is None:
        raise ConfigurationError(f"{name} is not installed; on Debian: apt-get install dcmtk orthanc")
    return path


def send(folders: Sequence[Path], *, port: int, called: str) -> float:
    """Return the seconds DCMTK takes to send every folder, each by a sender of its own, all at once."""
    command = [tool("storescu"), "-pdu", "131072", "-aet", "BENCH", "-aec", called, "+sd", "127.0.0.1", str(port)]
    # Without TCP_NODELAY, DCMTK's 40 ms delayed acknowledgements are what one measures.
    environment = {**os.environ, "TCP_NODELAY": "1"}
    started = time.perf_counter()
    senders = [
        subprocess.Popen([*command, str(folder)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for folder in folders
    ]
    codes = [sender.wait() for sender in senders]
    if any(codes):
        raise ConfigurationError(f"storescu failed against {called} with exit codes {sorted(set(codes))}")
    return time.perf_counter() - started


@contextmanager
def bare_receiver(folder: Path) -> Generator[int]:
    """Run the bare pynetdicom receiver on a folder and give its port."""
    folder.mkdir()
    command = [sys.executable, "-m", "vetflow.bench.bare_receiver", str(folder)]
    with _ended(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)) as process:
        assert process.stdout is not None  # noqa: S101  it was asked for one line above
        yield int(process.stdout.readline())


@contextmanager
def orthanc(folder: Path, *, port: int, http: int) -> Generator[int]:
    """Run Orthanc with its storage in a folder and give its DICOM port."""
    folder.mkdir()
    settings: dict[str, str | int | bool] = {
        "Name": "bench",
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"),
        "DicomPort": port,
        "HttpPort": http,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowStore": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    environment = {**os.environ, "TCP_NODELAY": "1"}
    command = [tool("Orthanc"), str(folder / "orthanc.json")]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with _ended(process):
        _until(port, process.pid)
        yield port


@contextmanager
def _ended(process: "subprocess.Popen[bytes]") -> Generator["subprocess.Popen[bytes]"]:
    try:
        yield process
    finally:
        process.terminate()
        process.wait(_START_SECONDS)


def _until(port: int, pid: int) -> None:
    end, probe = time.monotonic() + _START_SECONDS, listens(port)
    while not probe(pid):
        if time.monotonic() > end:
            raise ConfigurationError(f"nothing listens on port {port} after {_START_SECONDS:g} s")
        time.sleep(0.05)
