"""The gateway and the courier on the real ledger, store and wire: from C-STORE to a submitted case, and out again."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread
from tests.builders import film_bytes, studyless_film
from tests.fakes import FakeRuns

from vetflow.adapters.ledger import ARRIVAL, CASE, OWED, Bell, PostgresLedger
from vetflow.adapters.pacs_dimse import DimseSink
from vetflow.adapters.store_folder import FolderStore
from vetflow.dicom.header import facts
from vetflow.domain.case import CaseRef
from vetflow.domain.delivery import Channel, Owed, ResultKind, ResultObject
from vetflow.domain.finding import Assessment, Verdict
from vetflow.domain.routing import Route
from vetflow.gateway.completer import STUDY_COMPLETE, Completer, Quiet
from vetflow.gateway.courier import Destination, Pace
from vetflow.gateway.courier_service import CourierParts, run_courier
from vetflow.gateway.dispatcher import Dispatcher
from vetflow.gateway.drafter import Drafter
from vetflow.gateway.negotiation import Peer
from vetflow.gateway.receiver import Listening, Receiver
from vetflow.gateway.reconciler import Patience, Reconciler
from vetflow.gateway.service import GatewayParts, run_gateway
from vetflow.gateway.sorter import Sorter, Wishes
from vetflow.hospital.modality import Receiver as Target
from vetflow.hospital.modality import Sent, send
from vetflow.hospital.pacs import HospitalPacs

ROUTES = (Route(use_case="positioning", modalities=("DX", "CR")),)


class Gateway:
    """All parts on one ledger, with Prefect faked."""

    def __init__(self, ledger: PostgresLedger, url: str, folder: Path) -> None:
        self.ledger, self.runs, self.store = ledger, FakeRuns(), FolderStore(folder / "store")
        listening = Listening(ae_title="VETFLOW", host="127.0.0.1", port=0, peers=(Peer(ae_title="MODALITY"),))
        self.receiver = Receiver(listening, store=self.store, intake=ledger)
        quiet = Quiet(by_modality={"DX": 0.5}, default=0.5)
        self.parts = GatewayParts(
            receiver=self.receiver,
            sorter=Sorter(ledger, ledger, store=self.store, read_facts=facts, wishes=Wishes(routes=ROUTES)),
            completer=Completer(ledger, ledger, runs=self.runs, quiet=quiet, wishes=Wishes(routes=ROUTES)),
            drafter=Drafter(ledger, ledger, wishes=Wishes(routes=ROUTES)),
            dispatcher=Dispatcher(ledger, self.runs),
            reconciler=Reconciler(ledger, self.runs, patience=Patience(submitted_seconds=2)),
            arrivals=Bell(url, ARRIVAL).wait,
            cases=Bell(url, CASE).wait,
        )

    def send(self, folder: Path, *films: bytes) -> list[Sent]:
        files = []
        for number, film in enumerate(films):
            files.append(folder / f"{number}.dcm")
            files[-1].write_bytes(film)
        return list(send(files, Target(host="127.0.0.1", port=self.receiver.port)))


@contextmanager
def background(target: Callable[..., None], *arguments: object) -> Iterator[None]:
    ended = threading.Event()
    thread = threading.Thread(target=target, args=arguments, kwargs={"ended": ended})
    thread.start()
    try:
        time.sleep(0.3)
        yield
    finally:
        ended.set()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def gateway(ledger: PostgresLedger, ledger_url: str, tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(ledger, ledger_url, tmp_path)
    with background(run_gateway, made.parts):
        yield made


def until(true: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def numbered(number: int) -> bytes:
    return film_bytes(SOPInstanceUID=f"1.2.826.0.1.3680043.8.498.1.1.{number}")


def test_each_film_that_arrives_is_submitted_and_its_study_closed(gateway: Gateway, tmp_path: Path) -> None:
    sent = gateway.send(tmp_path, numbered(1), numbered(2))

    until(lambda: len(gateway.runs.submitted) == 2)
    until(lambda: bool(gateway.runs.events))

    assert [one.status for one in sent] == [0, 0]
    [study] = gateway.ledger.studies()
    assert gateway.runs.events == [(STUDY_COMPLETE, study.id)]
    assert [row.number for row in gateway.ledger.study(study.id).revisions] == [1]


def test_a_film_is_submitted_within_a_second_of_arriving(gateway: Gateway, tmp_path: Path) -> None:
    gateway.send(tmp_path, numbered(1))
    stored = time.monotonic()

    until(lambda: bool(gateway.runs.submitted))

    assert time.monotonic() - stored < 1.0


def test_a_late_image_makes_a_second_revision(gateway: Gateway, tmp_path: Path) -> None:
    gateway.send(tmp_path, numbered(1))
    until(lambda: len(gateway.runs.events) == 1)

    gateway.send(tmp_path, numbered(2))
    until(lambda: len(gateway.runs.events) == 2)

    [study] = gateway.ledger.studies()
    assert [row.number for row in gateway.ledger.study(study.id).revisions] == [1, 2]


def test_a_film_sent_three_times_runs_once(gateway: Gateway, tmp_path: Path) -> None:
    sent = gateway.send(tmp_path, numbered(1), numbered(1), numbered(1))
    until(lambda: bool(gateway.runs.events))

    assert [one.status for one in sent] == [0, 0, 0]
    assert len(gateway.runs.submitted) == 1


def test_what_is_refused_is_reported_and_the_rest_arrives(gateway: Gateway, tmp_path: Path) -> None:
    sent = gateway.send(tmp_path, b"not DICOM", studyless_film(), numbered(1))

    until(lambda: bool(gateway.runs.submitted))

    assert [one.status for one in sent] == [None, 0xA900, 0]
    assert [one.taken for one in sent] == [False, False, True]


def test_prefect_being_away_delays_runs_not_films(gateway: Gateway, tmp_path: Path) -> None:
    gateway.runs.down = True
    sent = gateway.send(tmp_path, numbered(1), numbered(2))
    time.sleep(0.5)
    before = list(gateway.runs.submitted)

    gateway.runs.down = False
    until(lambda: len(gateway.runs.submitted) == 2)

    assert [one.status for one in sent] == [0, 0]
    assert before == []


def test_a_run_that_prefect_lost_is_submitted_as_the_next_attempt(gateway: Gateway, tmp_path: Path) -> None:
    gateway.send(tmp_path, numbered(1))

    until(lambda: len(gateway.runs.submitted) == 2)

    first, second = gateway.runs.submitted
    assert (first.split(":")[1], second.split(":")[1]) == ("1", "2")


def test_a_result_reaches_the_pacs_and_the_delivery_is_settled(
    gateway: Gateway, ledger_url: str, tmp_path: Path
) -> None:
    gateway.send(tmp_path, numbered(1))
    until(lambda: bool(gateway.runs.submitted))
    with HospitalPacs(tmp_path / "pacs") as pacs:
        sink = DimseSink("127.0.0.1", pacs.port, called="PACS", calling="VETFLOW")
        parts = CourierParts(
            outbox=gateway.ledger,
            store=gateway.store,
            destinations=[Destination(name="pacs", send=sink.store)],
            pace=Pace(),
            owed=lambda: Bell(ledger_url, OWED).wait,
        )
        with background(run_courier, parts):
            finish(gateway, film_bytes(SOPInstanceUID="1.2.3.4.5"))
            until(lambda: bool(pacs.objects()))
            until(lambda: gateway.ledger.deliveries()[0].state == "sent")

    assert [dcmread(path).SOPInstanceUID for path in pacs.objects()] == ["1.2.3.4.5"]


def finish(gateway: Gateway, report: bytes) -> None:
    """End the one case as a flow would, owing one report."""
    [case] = gateway.ledger.cases()
    ref = CaseRef(id=case.id, attempt=case.attempt)
    gateway.ledger.claim(ref, owner="test", lease_seconds=30)
    result = ResultObject(kind=ResultKind.SR, digest=gateway.store.put([report]), uid="1.2.3.4.5")
    assessment = Assessment(verdict=Verdict.NOTHING, findings=(), model=None)
    gateway.ledger.finish(ref, assessment, [result], [Owed(destination="pacs", channel=Channel.DICOM, result=result)])


SERVER = """
    import sys
    from pathlib import Path
    from tests.contract.test_gateway_ledger import Gateway
    from vetflow.adapters.ledger import PostgresLedger
    from vetflow.gateway.service import run_gateway, until_signalled

    url, folder = sys.argv[1:]
    gateway = Gateway(PostgresLedger(url), url, Path(folder))
    ended = until_signalled()
    start = gateway.receiver.start

    def started() -> None:
        start()
        sys.stdout.write(f"{gateway.receiver.port}\\n")
        sys.stdout.flush()

    gateway.receiver.start = started
    run_gateway(gateway.parts, ended=ended)
"""


@contextmanager
def gateway_process(url: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    code = textwrap.dedent(SERVER)
    process = subprocess.Popen(
        [sys.executable, "-c", code, url, str(folder)], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert process.stdout is not None
        line = ""
        while not line.strip().isdigit():
            line = process.stdout.readline()
            assert line
        yield process, int(line)
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_acknowledged_is_lost_when_the_gateway_is_ended_under_load(
    ledger: PostgresLedger, ledger_url: str, tmp_path: Path, how: signal.Signals
) -> None:
    files = []
    for number in range(150):
        files.append(tmp_path / f"{number}.dcm")
        files[-1].write_bytes(numbered(number + 1))

    with gateway_process(ledger_url, tmp_path) as (process, port):
        outcomes = send(files, Target(host="127.0.0.1", port=port, seconds=5))
        sent = [next(outcomes) for _ in range(20)]
        process.send_signal(how)
        sent += list(outcomes)
        began = time.monotonic()
        process.wait(12)

    assert time.monotonic() - began < 10
    taken = {str(dcmread(io.BytesIO(one.file.read_bytes())).SOPInstanceUID) for one in sent if one.taken}
    store = FolderStore(tmp_path / "store")
    held = {str(dcmread(io.BytesIO(store.get(digest))).SOPInstanceUID) for digest in ledger_digests(ledger)}
    assert len(taken) >= 20
    assert taken <= held


def ledger_digests(ledger: PostgresLedger) -> list[str]:
    [study] = ledger.studies()
    return [line.instance.digest for line in ledger.study(study.id).instances]
