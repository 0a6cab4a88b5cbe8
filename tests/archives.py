"""Archives of others that can be asked for studies: Orthanc and DCMTK's test archive, on loopback."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vetflow.adapters.pacs_dimse import DimseSink, DimseTimeouts
from vetflow.domain.errors import TransientError

WEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
Send = Callable[[bytes], None]
"""Stores one object in an archive."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def running(command: list[str], port: int) -> Generator[Send]:
    """Run an archive until it answers, and after."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    sink = DimseSink("127.0.0.1", port, called="PACS", calling="VETFLOW", timeouts=DimseTimeouts(connect=2))
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while True:
            try:
                sink.echo()
                break
            except TransientError:
                assert time.monotonic() < end
                time.sleep(0.1)
        yield sink.store
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def orthanc(folder: Path, ours: int) -> Generator[tuple[int, int, Send]]:
    """Run Orthanc, which moves to our port; gives its DICOM and HTTP ports."""
    port, http = free_port(), free_port()
    settings = {
        "Name": "PACS",
        "DicomAet": "PACS",
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "DicomPort": port,
        "HttpPort": http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {"vetflow": ["VETFLOW", "127.0.0.1", ours]},
        "Plugins": [str(WEB)] if WEB.exists() else [],
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with running(["Orthanc", str(folder / "orthanc.json")], port) as send:
        yield port, http, send


@contextmanager
def dcmqrscp(folder: Path, ours: int) -> Generator[tuple[int, Send]]:
    """Run DCMTK's test archive, which moves to our port; gives its port."""
    port, base = free_port(), folder / "db"
    base.mkdir()
    (folder / "dcmqrscp.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        f"HostTable BEGIN\nvetflow = (VETFLOW, 127.0.0.1, {ours})\nHostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nPACS {base} RW (200, 1024mb) ANY\nAETable END\n"
    )
    with running(["dcmqrscp", "-c", str(folder / "dcmqrscp.cfg")], port) as send:
        yield port, send
