"""The same questions to every PACS a result may go to: ours, DCMTK's storescp, Orthanc."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless
from tests.builders import SOP_UID, encapsulated_bytes, film_bytes, jpeg2000_stream

from vetflow.adapters.pacs_dimse import DimseSink, DimseTimeouts
from vetflow.domain.errors import PermanentFailure, TransientError
from vetflow.hospital.pacs import HospitalPacs

QUICK = DimseTimeouts(connect=2, associate=3, answer=3)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def sink(port: int, called: str = "PACS") -> DimseSink:
    return DimseSink("127.0.0.1", port, called=called, calling="VETFLOW", timeouts=QUICK)


Held = Callable[[], list[str]]


@contextmanager
def hospital(folder: Path) -> Generator[tuple[int, Held]]:
    with HospitalPacs(folder) as pacs:
        yield pacs.port, lambda: [str(dcmread(path).SOPInstanceUID) for path in pacs.objects()]


@contextmanager
def storescp(folder: Path) -> Generator[tuple[int, Held]]:
    port = free_port()
    with _process(["storescp", "--accept-all", "-od", str(folder), str(port)], port):
        yield port, lambda: [str(dcmread(path).SOPInstanceUID) for path in folder.iterdir() if path.is_file()]


@contextmanager
def orthanc(folder: Path) -> Generator[tuple[int, Held]]:
    port, http = free_port(), free_port()
    config = folder / "orthanc.json"
    settings = {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "DicomPort": port,
        "HttpPort": http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "DicomCheckCalledAet": False,
        "Plugins": [],
    }
    config.write_text(json.dumps(settings))

    def held() -> list[str]:
        with httpx.Client(base_url=f"http://127.0.0.1:{http}", trust_env=False) as client:
            names = client.get("/instances").json()
            return [client.get(f"/instances/{name}").json()["MainDicomTags"]["SOPInstanceUID"] for name in names]

    with _process(["Orthanc", str(config)], port):
        yield port, held


@contextmanager
def _process(command: list[str], port: int) -> Generator[None]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            sink(port).echo()
        except TransientError:
            assert time.monotonic() < end
            time.sleep(0.1)
        else:
            return


Start = Callable[[Path], AbstractContextManager[tuple[int, Held]]]


@pytest.fixture(params=[hospital, storescp, orthanc], ids=["hospital", "storescp", "orthanc"])
def peer(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[tuple[int, Held]]:
    start: Start = request.param
    with start(tmp_path) as running:
        yield running


def test_a_stored_object_is_there(peer: tuple[int, Held]) -> None:
    port, held = peer

    sink(port).store(film_bytes())

    assert held() == [SOP_UID]


def test_storing_again_changes_nothing(peer: tuple[int, Held]) -> None:
    port, held = peer

    sink(port).store(film_bytes())
    sink(port).store(film_bytes())

    assert held() == [SOP_UID]


def test_a_compressed_object_keeps_its_syntax(peer: tuple[int, Held]) -> None:
    port, held = peer

    sink(port).store(encapsulated_bytes(JPEG2000Lossless, jpeg2000_stream()))

    assert held() == [SOP_UID]


def test_a_pacs_that_is_there_answers_echo(peer: tuple[int, Held]) -> None:
    sink(peer[0]).echo()


def test_a_pacs_that_is_away_is_worth_another_try() -> None:
    port = free_port()

    with pytest.raises(TransientError):
        sink(port).store(film_bytes())
    with pytest.raises(TransientError):
        sink(port).echo()


def test_a_pacs_that_never_answers_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        began = time.monotonic()

        with pytest.raises(TransientError):
            sink(deaf.getsockname()[1]).store(film_bytes())

    assert time.monotonic() - began < 10


@pytest.mark.parametrize("status", [0x0000, 0xB000, 0xB006, 0xB007, 0x0111])
def test_success_warnings_and_duplicates_are_delivered(tmp_path: Path, status: int) -> None:
    with HospitalPacs(tmp_path, answer=lambda _: status) as pacs:
        sink(pacs.port).store(film_bytes())

        assert pacs.asked == [SOP_UID]


@pytest.mark.parametrize("status", [0xA700, 0xA702, 0x0110, 0x0213])
def test_a_pacs_without_room_is_worth_another_try(tmp_path: Path, status: int) -> None:
    with HospitalPacs(tmp_path, answer=lambda _: status) as pacs, pytest.raises(TransientError):
        sink(pacs.port).store(film_bytes())


@pytest.mark.parametrize("status", [0xA900, 0xC000, 0xC123, 0x0122, 0x0124])
def test_a_refusal_for_good_carries_its_status(tmp_path: Path, status: int) -> None:
    with HospitalPacs(tmp_path, answer=lambda _: status) as pacs, pytest.raises(PermanentFailure) as refusal:
        sink(pacs.port).store(film_bytes())

    assert refusal.value.status == f"0x{status:04X}"
    assert not pacs.objects()


def test_a_class_the_pacs_does_not_take_is_a_refusal_for_good(tmp_path: Path) -> None:
    with HospitalPacs(tmp_path) as pacs, pytest.raises(PermanentFailure) as refusal:
        sink(pacs.port).store(film_bytes(SOPClassUID="1.2.3.4.5"))

    assert refusal.value.status == "context not accepted"


@pytest.mark.parametrize("data", [b"", b"not a film", bytes(128) + b"DICM", film_bytes()[:200]])
def test_bytes_that_are_no_object_are_never_sent(data: bytes) -> None:
    with pytest.raises(PermanentFailure):
        sink(1).store(data)
