"""Programs of others that take what we send: DCMTK's storescp, and Orthanc with its DICOMweb plugin."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.certificates import HERE

from vetflow.adapters.tls import PemFiles

DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc, by its ports."""

    dicom: int
    http: int

    @property
    def dicomweb(self) -> str:
        return f"http://{HERE}:{self.http}/dicom-web"

    def held(self) -> list[bytes]:
        """Return the files it holds, as it stores them."""
        with httpx.Client(base_url=f"http://{HERE}:{self.http}", trust_env=False) as client:
            return [client.get(f"/instances/{name}/file").content for name in client.get("/instances").json()]


@contextmanager
def storescp(folder: Path, files: PemFiles | None = None) -> Iterator[int]:
    """Run storescp on a folder, over TLS when it has a certificate, and give its port."""
    folder.mkdir()
    port = free_port()
    secure = ["+tls", str(files.key), str(files.certificate), "+cf", str(files.authorities)] if files else []
    with _running(["storescp", "--accept-all", *secure, "-od", str(folder), str(port)], port):
        yield port


@contextmanager
def orthanc(folder: Path, *, files: PemFiles | None = None, dicomweb: bool = False) -> Iterator[Orthanc]:
    """Run Orthanc with its storage in a folder."""
    if dicomweb and not DICOMWEB_PLUGIN.is_file():
        pytest.skip("Orthanc's DICOMweb plugin is not installed")
    folder.mkdir(exist_ok=True)
    made = Orthanc(dicom=free_port(), http=free_port())
    settings: dict[str, object] = {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "DicomPort": made.dicom,
        "HttpPort": made.http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "DicomCheckCalledAet": False,
        "Plugins": [str(DICOMWEB_PLUGIN)] if dicomweb else [],
    }
    if files is not None:
        settings |= {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(files.certificate),
            "DicomTlsPrivateKey": str(files.key),
            "DicomTlsTrustedCertificates": str(files.authorities),
            "DicomTlsRemoteCertificateRequired": True,
        }
    config = folder / "orthanc.json"
    config.write_text(json.dumps(settings))
    with _running(["Orthanc", str(config)], made.dicom, made.http):
        yield made


def files_in(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir() if path.is_file()]


def free_port() -> int:
    with socket.create_server((HERE, 0)) as server:
        return server.getsockname()[1]


@contextmanager
def _running(command: list[str], *ports: int) -> Iterator[None]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while not all(map(_listens, ports)):
            assert time.monotonic() < end, f"{command[0]} did not start"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HERE, port), timeout=1).close()
    except OSError:
        return False
    return True
