"""The simulated site by itself."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydicom import dcmread
from tests.builders import SOP_UID, film_bytes

from vetflow.adapters.practice_hl7 import MllpPractice
from vetflow.hospital.modality import Receiver, send
from vetflow.hospital.pacs import HospitalPacs

MESSAGE = b"MSH|^~\\&|VETFLOW|SITE|PIMS|CLINIC|20250101||ORU^R01^ORU_R01|vf-1|P|2.5.1\rPID|1||A1\r"


def film(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_the_modality_says_what_became_of_each_file(tmp_path: Path) -> None:
    files = [
        film(tmp_path, "a.dcm", film_bytes(SOPInstanceUID="1.2.1")),
        film(tmp_path, "b.txt", b"not a film"),
        film(tmp_path, "c.dcm", film_bytes(SOPInstanceUID="1.2.2")),
        tmp_path / "missing.dcm",
    ]
    with HospitalPacs(tmp_path / "pacs", answer=lambda uid: 0xA900 if uid == "1.2.2" else 0) as pacs:
        sent = list(send(files, Receiver(host="127.0.0.1", port=pacs.port)))

    assert [(one.file, one.status, one.taken) for one in sent] == [
        (files[0], 0x0000, True),
        (files[1], None, False),
        (files[2], 0xA900, False),
        (files[3], None, False),
    ]
    assert [bool(one.note) for one in sent] == [False, True, True, True]


def test_a_receiver_that_is_away_is_reported_for_every_file(tmp_path: Path) -> None:
    files = [film(tmp_path, f"{number}.dcm", film_bytes()) for number in range(2)]

    sent = list(send(files, Receiver(host="127.0.0.1", port=1)))

    assert [(one.taken, bool(one.note)) for one in sent] == [(False, True), (False, True)]


def test_the_pacs_keeps_what_it_was_sent(tmp_path: Path) -> None:
    with HospitalPacs(tmp_path / "pacs") as pacs:
        list(send([film(tmp_path, "a.dcm", film_bytes())], Receiver(host="127.0.0.1", port=pacs.port)))

        [kept] = pacs.objects()

    original, stored = dcmread(tmp_path / "a.dcm"), dcmread(kept)
    assert stored.SOPInstanceUID == SOP_UID
    assert stored.PixelData == original.PixelData
    assert stored.PatientName == original.PatientName


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_site_runs_as_a_process_until_told_to_stop(tmp_path: Path, how: signal.Signals) -> None:
    pacs, practice = free_port(), free_port()
    ports = ["--pacs-port", str(pacs), "--practice-port", str(practice)]
    process = subprocess.Popen([sys.executable, "-m", "vetflow.hospital", str(tmp_path / "site"), *ports])
    try:
        _listening(practice)
        path = film(tmp_path, "a.dcm", film_bytes())
        [sent] = send([path], Receiver(host="127.0.0.1", port=pacs))
        MllpPractice("127.0.0.1", practice).send(MESSAGE)
        process.send_signal(how)
        code = process.wait(10)
    finally:
        process.kill()

    assert sent.taken
    assert code == 0
    assert len(list((tmp_path / "site/pacs").glob("*.dcm"))) == 1
    assert [path.read_bytes() for path in (tmp_path / "site/practice").glob("*.hl7")] == [MESSAGE]


def _listening(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.1)
        else:
            return
