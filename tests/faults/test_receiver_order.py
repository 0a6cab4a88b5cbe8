"""Success is the last thing a receiver does: the order of its system calls, as the kernel saw them."""

import re
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.builders import film_bytes
from tests.stow_service import MULTIPART, TOKEN, multipart

from vetflow.hospital.modality import Receiver, send

BY_DIMSE = """
    import sys
    from pathlib import Path
    from vetflow.adapters.ledger import PostgresLedger
    from vetflow.adapters.store_folder import FolderStore
    from vetflow.gateway.negotiation import Peer
    from vetflow.gateway.receiver import Listening, Receiver

    peers = (Peer(ae_title="MODALITY"),)
    listening = Listening(ae_title="VETFLOW", host="127.0.0.1", port=0, peers=peers)
    store = FolderStore(Path(sys.argv[2]))
    receiver = Receiver(listening, store=store, intake=PostgresLedger(sys.argv[1]))
    receiver.start()
    sys.stdout.write(f"port {receiver.port}\\n")
    sys.stdout.flush()
    sys.stdin.read()
    receiver.stop()
"""
BY_STOW = """
    import sys
    import threading
    import time
    from pathlib import Path
    from vetflow.adapters.ledger import PostgresLedger
    from vetflow.adapters.store_folder import FolderStore
    from vetflow.gateway.desk import Desk
    from vetflow.web.app import app
    from vetflow.web.server import server
    from vetflow.web.stow import Door, Stow
    from vetflow.web.upload import Bounds

    folder = Path(sys.argv[2])
    desk = Desk(store=FolderStore(folder), intake=PostgresLedger(sys.argv[1]))
    bounds = Bounds(folder=folder, room=desk.room, instance=1 << 24, request=1 << 24)
    tokens = [("cloud", "a-token-of-more-than-twenty-letters")]
    door = Door(tokens=lambda: tokens, hand_in=desk.hand_in, refuse=desk.refuse, bounds=bounds)
    running = server(app(dict, Stow(door).store), host="127.0.0.1", port=0)

    def tell():
        while not running.started:
            time.sleep(0.05)
        sys.stdout.write(f"port {running.servers[0].sockets[0].getsockname()[1]}\\n")
        sys.stdout.flush()
        sys.stdin.read()
        running.should_exit = True

    threading.Thread(target=tell).start()
    running.run()
"""
CALL = re.compile(r"^\d+\s+(\w+)\((.*)")


def sent_by_dimse(port: int, film: Path) -> bool:
    [sent] = send([film], Receiver(host="127.0.0.1", port=port))
    return sent.taken


def sent_by_stow(port: int, film: Path) -> bool:
    headers = {"Content-Type": MULTIPART, "Authorization": f"Bearer {TOKEN}"}
    url = f"http://127.0.0.1:{port}/dicomweb/studies"
    return httpx.post(url, content=multipart(film.read_bytes()), headers=headers, trust_env=False).is_success


@dataclass(frozen=True)
class Way:
    """A server, how a film is sent to it, and what the call looks like that says Success."""

    server: str
    send: Callable[[int, Path], bool]
    success: str


WAYS = {
    # A P-DATA PDU: a receiver that takes one film sends one, its C-STORE response.
    "dimse": Way(BY_DIMSE, sent_by_dimse, r'\d+, "\\4\\0'),
    "stow": Way(BY_STOW, sent_by_stow, r'\d+, "HTTP/1\.1 '),
}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return request.param


@pytest.fixture
def traced(way: Way, ledger_url: str, tmp_path: Path) -> list[tuple[str, str]]:
    """The system calls of a receiver that took one film."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace, film = tmp_path / "trace", tmp_path / "film.dcm"
    film.write_bytes(film_bytes())
    calls = "trace=fsync,rename,renameat,renameat2,openat,sendto,sendmsg,write"
    watch = ["strace", "-f", "-s", "200", "-e", calls, "-o", str(trace)]
    code = [sys.executable, "-c", textwrap.dedent(way.server), ledger_url, str(tmp_path / "store")]
    process = subprocess.Popen([*watch, *code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        taken = way.send(_port(process), film)
        process.communicate("", timeout=30)
    finally:
        process.kill()
    assert taken
    return [found.groups() for line in trace.read_text(errors="replace").splitlines() if (found := CALL.match(line))]


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    end = time.monotonic() + 60
    while time.monotonic() < end:
        line = process.stdout.readline()
        if line.startswith("port "):
            return int(line.split()[1])
    raise AssertionError("the receiver did not start")


def test_the_film_is_synced_renamed_synced_and_committed_before_success(
    way: Way, traced: list[tuple[str, str]]
) -> None:
    renamed = next(at for at, (name, what) in enumerate(traced) if name.startswith("rename") and "incoming" in what)
    synced = [at for at, (name, _) in enumerate(traced) if name == "fsync"]
    admitted = next(at for at, (_, what) in enumerate(traced) if "admit_instance" in what)
    answered = next(at for at, call in enumerate(traced) if at > admitted and _is_success(way, call))

    assert [at for at in synced if at < renamed]
    assert [at for at in synced if renamed < at < admitted]
    assert admitted < answered
    assert not [call for call in traced[:admitted] if _is_success(way, call)]


def _is_success(way: Way, call: tuple[str, str]) -> bool:
    name, what = call
    return name == "sendto" and re.match(way.success, what) is not None


def test_nothing_is_opened_for_writing_outside_the_store(traced: list[tuple[str, str]], tmp_path: Path) -> None:
    written = [what for name, what in traced if name == "openat" and re.search(r"O_WRONLY|O_RDWR|O_CREAT", what)]

    outside = [what for what in written if str(tmp_path / "store") not in what and "/dev/" not in what]
    assert [what for what in outside if ".pyc" not in what] == []
    assert any(str(tmp_path / "store") in what for what in written)
