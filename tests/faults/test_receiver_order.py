"""Success is the last thing a receiver does: the order of its system calls, as the kernel saw them."""

import re
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from tests.builders import film_bytes

from vetflow.hospital.modality import Receiver, send

SERVER = """
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
CALL = re.compile(r"^\d+\s+(\w+)\((.*)")


@pytest.fixture
def traced(ledger_url: str, tmp_path: Path) -> list[tuple[str, str]]:
    """The system calls of a receiver that took one film."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace, film = tmp_path / "trace", tmp_path / "film.dcm"
    film.write_bytes(film_bytes())
    calls = "trace=fsync,rename,renameat,renameat2,openat,sendto,sendmsg,write"
    watch = ["strace", "-f", "-s", "200", "-e", calls, "-o", str(trace)]
    code = [sys.executable, "-c", textwrap.dedent(SERVER), ledger_url, str(tmp_path / "store")]
    process = subprocess.Popen([*watch, *code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        [sent] = send([film], Receiver(host="127.0.0.1", port=_port(process)))
        process.communicate("", timeout=30)
    finally:
        process.kill()
    assert sent.taken
    return [found.groups() for line in trace.read_text(errors="replace").splitlines() if (found := CALL.match(line))]


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    end = time.monotonic() + 60
    while time.monotonic() < end:
        line = process.stdout.readline()
        if line.startswith("port "):
            return int(line.split()[1])
    raise AssertionError("the receiver did not start")


def test_the_film_is_synced_renamed_synced_and_committed_before_success(traced: list[tuple[str, str]]) -> None:
    renamed = next(at for at, (name, what) in enumerate(traced) if name.startswith("rename") and "incoming" in what)
    synced = [at for at, (name, _) in enumerate(traced) if name == "fsync"]
    admitted = next(at for at, (_, what) in enumerate(traced) if "admit_instance" in what)
    answered = next(at for at, call in enumerate(traced) if at > admitted and _is_store_response(call))

    assert [at for at in synced if at < renamed]
    assert [at for at in synced if renamed < at < admitted]
    assert admitted < answered
    assert not [call for call in traced[:admitted] if _is_store_response(call)]


def _is_store_response(call: tuple[str, str]) -> bool:
    """Whether a call sends a P-DATA PDU; a receiver that takes one film sends one, its C-STORE response."""
    name, what = call
    return name == "sendto" and re.match(r'\d+, "\\4\\0', what) is not None


def test_nothing_is_opened_for_writing_outside_the_store(traced: list[tuple[str, str]], tmp_path: Path) -> None:
    written = [what for name, what in traced if name == "openat" and re.search(r"O_WRONLY|O_RDWR|O_CREAT", what)]

    outside = [what for what in written if str(tmp_path / "store") not in what and "/dev/" not in what]
    assert [what for what in outside if ".pyc" not in what] == []
    assert any(str(tmp_path / "store") in what for what in written)
