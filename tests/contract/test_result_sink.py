"""The same questions to every PACS a result may go to, by every way it may go: C-STORE, C-STORE over TLS, STOW-RS."""

import io
import json
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import requests
from dicomweb_client import DICOMwebClient
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless
from tests import peers
from tests.builders import SERIES_UID, SOP_UID, STUDY_UID, encapsulated_bytes, film_bytes, jpeg2000_stream
from tests.certificates import HERE, Authority
from tests.fakes import FakeOutbox, FakeStore
from tests.stow_service import SENDER, TOKEN, serving

from vetflow.adapters.pacs_dicomweb import StowSink
from vetflow.adapters.pacs_dimse import DimseSink, DimseTimeouts
from vetflow.adapters.tls import PemFiles, Renewed, client_context, server_context
from vetflow.domain.delivery import Channel, Delivery
from vetflow.domain.errors import ConfigurationError, PermanentFailure, TransientError
from vetflow.gateway.courier import Courier, Destination, Pace
from vetflow.hospital.pacs import HospitalPacs
from vetflow.ports import ResultSink

QUICK = DimseTimeouts(connect=2, associate=3, answer=3)
HURRIED = httpx.Timeout(3.0)


@dataclass(frozen=True)
class Pacs:
    """Somebody results go to: how, and what it holds."""

    sink: ResultSink
    held: Callable[[], list[bytes]]

    def uids(self) -> list[str]:
        return [str(dcmread(io.BytesIO(data)).SOPInstanceUID) for data in self.held()]


def sink(port: int, files: PemFiles | None = None) -> DimseSink:
    made = DimseSink(HERE, port, called="PACS", calling="VETFLOW", timeouts=QUICK)
    return made.over_tls(Renewed(files, client_context)) if files else made


@contextmanager
def hospital(folder: Path) -> Iterator[Pacs]:
    with HospitalPacs(folder) as pacs:
        yield Pacs(sink(pacs.port), lambda: [path.read_bytes() for path in pacs.objects()])


@contextmanager
def hospital_over_tls(folder: Path) -> Iterator[Pacs]:
    authority = Authority(folder / "ca")
    with HospitalPacs(folder / "pacs", tls=server_context(authority.issue("pacs"))) as pacs:
        ours = authority.issue("vetflow")
        yield Pacs(sink(pacs.port, ours), lambda: [path.read_bytes() for path in pacs.objects()])


@contextmanager
def storescp(folder: Path) -> Iterator[Pacs]:
    with peers.storescp(folder / "held") as port:
        yield Pacs(sink(port), lambda: peers.files_in(folder / "held"))


@contextmanager
def storescp_over_tls(folder: Path) -> Iterator[Pacs]:
    authority = Authority(folder / "ca")
    with peers.storescp(folder / "held", authority.issue("pacs")) as port:
        yield Pacs(sink(port, authority.issue("vetflow")), lambda: peers.files_in(folder / "held"))


@contextmanager
def orthanc(folder: Path) -> Iterator[Pacs]:
    with peers.orthanc(folder) as running:
        yield Pacs(sink(running.dicom), running.held)


@contextmanager
def orthanc_over_tls(folder: Path) -> Iterator[Pacs]:
    authority = Authority(folder / "ca")
    with peers.orthanc(folder, files=authority.issue("pacs")) as running:
        yield Pacs(sink(running.dicom, authority.issue("vetflow")), running.held)


@contextmanager
def orthanc_by_stow(folder: Path) -> Iterator[Pacs]:
    with peers.orthanc(folder, dicomweb=True) as running:
        yield Pacs(StowSink(running.dicomweb, timeouts=HURRIED), running.held)


@contextmanager
def ours_by_stow(folder: Path) -> Iterator[Pacs]:
    with serving(folder) as service:
        to = StowSink(service.url, token=lambda: TOKEN, timeouts=HURRIED)
        yield Pacs(to, lambda: list(service.store.objects.values()))


@contextmanager
def ours_by_stow_over_tls(folder: Path) -> Iterator[Pacs]:
    authority = Authority(folder / "ca")
    with serving(folder, tls=Renewed(authority.issue("web"), server_context)) as service:
        tls = Renewed(authority.issue("cloud"), client_context)
        url = service.url.replace("http:", "https:")
        to = StowSink(url, token=lambda: TOKEN, tls=tls, timeouts=HURRIED)
        yield Pacs(to, lambda: list(service.store.objects.values()))


PEERS: Sequence[Callable[[Path], AbstractContextManager[Pacs]]] = (
    hospital,
    hospital_over_tls,
    storescp,
    storescp_over_tls,
    orthanc,
    orthanc_over_tls,
    orthanc_by_stow,
    ours_by_stow,
    ours_by_stow_over_tls,
)


@pytest.fixture(scope="module", params=PEERS, ids=lambda peer: peer.__name__)
def pacs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pacs]:
    with request.param(tmp_path_factory.mktemp("pacs")) as running:
        yield running


@pytest.fixture
def uid() -> str:
    """A SOP Instance UID that no PACS holds."""
    return f"2.25.{secrets.randbits(100)}"


def test_a_stored_object_is_there(pacs: Pacs, uid: str) -> None:
    pacs.sink.store(film_bytes(SOPInstanceUID=uid))

    assert pacs.uids().count(uid) == 1


def test_storing_again_changes_nothing(pacs: Pacs, uid: str) -> None:
    pacs.sink.store(film_bytes(SOPInstanceUID=uid))
    pacs.sink.store(film_bytes(SOPInstanceUID=uid))

    assert pacs.uids().count(uid) == 1


def test_a_compressed_object_keeps_its_syntax(pacs: Pacs, uid: str) -> None:
    pacs.sink.store(encapsulated_bytes(JPEG2000Lossless, jpeg2000_stream(), SOPInstanceUID=uid))

    [held] = [film for data in pacs.held() if (film := dcmread(io.BytesIO(data))).SOPInstanceUID == uid]
    assert held.file_meta.TransferSyntaxUID == JPEG2000Lossless


def test_a_pacs_that_is_there_answers_echo(pacs: Pacs) -> None:
    pacs.sink.echo()


@pytest.mark.parametrize("data", [b"", b"not a film", bytes(128) + b"DICM", film_bytes()[:200]])
def test_bytes_that_are_no_object_are_refused_for_good(pacs: Pacs, data: bytes) -> None:
    before = pacs.held()

    with pytest.raises(PermanentFailure):
        pacs.sink.store(data)

    assert pacs.held() == before


def away(port: int) -> tuple[ResultSink, ...]:
    return sink(port), StowSink(f"http://{HERE}:{port}/dicom-web", timeouts=HURRIED)


@pytest.mark.parametrize("way", [0, 1], ids=["dimse", "stow"])
def test_a_pacs_that_is_away_is_worth_another_try(way: int) -> None:
    port = peers.free_port()

    with pytest.raises(TransientError):
        away(port)[way].store(film_bytes())
    with pytest.raises(TransientError):
        away(port)[way].echo()


@pytest.mark.parametrize("way", [0, 1], ids=["dimse", "stow"])
def test_a_pacs_that_never_answers_is_given_up_in_time(way: int) -> None:
    with socket.create_server((HERE, 0)) as deaf:
        began = time.monotonic()

        with pytest.raises(TransientError):
            away(deaf.getsockname()[1])[way].store(film_bytes())

    assert time.monotonic() - began < 10


class TestByDimse:
    """What a C-STORE status means."""

    @pytest.mark.parametrize("status", [0x0000, 0xB000, 0xB006, 0xB007, 0x0111])
    def test_success_warnings_and_duplicates_are_delivered(self, tmp_path: Path, status: int) -> None:
        with HospitalPacs(tmp_path, answer=lambda _: status) as pacs:
            sink(pacs.port).store(film_bytes())

            assert pacs.asked == [SOP_UID]

    @pytest.mark.parametrize("status", [0xA700, 0xA702, 0x0110, 0x0213])
    def test_a_pacs_without_room_is_worth_another_try(self, tmp_path: Path, status: int) -> None:
        with HospitalPacs(tmp_path, answer=lambda _: status) as pacs, pytest.raises(TransientError):
            sink(pacs.port).store(film_bytes())

    @pytest.mark.parametrize("status", [0xA900, 0xC000, 0xC123, 0x0122, 0x0124])
    def test_a_refusal_for_good_carries_its_status(self, tmp_path: Path, status: int) -> None:
        with HospitalPacs(tmp_path, answer=lambda _: status) as pacs, pytest.raises(PermanentFailure) as refusal:
            sink(pacs.port).store(film_bytes())

        assert refusal.value.status == f"0x{status:04X}"
        assert not pacs.objects()

    def test_a_class_the_pacs_does_not_take_is_a_refusal_for_good(self, tmp_path: Path) -> None:
        with HospitalPacs(tmp_path) as pacs, pytest.raises(PermanentFailure) as refusal:
            sink(pacs.port).store(film_bytes(SOPClassUID="1.2.3.4.5"))

        assert refusal.value.status == "context not accepted"


class TestByStow:
    """What an HTTP answer means."""

    @pytest.fixture
    def scripted(self) -> Iterator["Scripted"]:
        with Scripted() as running:
            yield running

    @staticmethod
    def answer(*, failed: int | None = None, warning: int | None = None) -> bytes:
        named = {"00081150": {"vr": "UI", "Value": ["1.2"]}, "00081155": {"vr": "UI", "Value": [SOP_UID]}}
        told: dict[str, object] = {}
        if failed is not None:
            told["00081198"] = {"vr": "SQ", "Value": [{**named, "00081197": {"vr": "US", "Value": [failed]}}]}
        if warning is not None:
            told["00081199"] = {"vr": "SQ", "Value": [{**named, "00081196": {"vr": "US", "Value": [warning]}}]}
        return json.dumps(told).encode()

    def test_the_bytes_arrive_as_they_are_stored(self, scripted: "Scripted") -> None:
        film = b"MZ" + film_bytes()[2:] + b"\r\n--"

        StowSink(scripted.url, token=lambda: TOKEN).store(film)

        [(path, headers, body)] = scripted.asked
        assert path == "/dicom-web/studies"
        assert headers["Authorization"] == f"Bearer {TOKEN}"
        assert headers["Content-Length"] == str(len(body))
        head, _, rest = body.partition(b"\r\n\r\n")
        assert rest.startswith(film)
        assert rest[len(film) :] == b"\r\n" + head.partition(b"\r\n")[0] + b"--\r\n"

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, b""),
            (200, b"<xml/>"),
            (200, b"{}"),
            (204, b""),
            (200, answer(warning=0xB000)),
            (202, answer(warning=0xB007)),
            (202, answer(failed=0xB006)),
            (409, answer(failed=0x0111)),
        ],
    )
    def test_success_warnings_and_duplicates_are_delivered(
        self, scripted: "Scripted", status: int, body: bytes
    ) -> None:
        scripted.says = (status, body)

        StowSink(scripted.url).store(film_bytes())

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (409, answer(failed=0xA700)),
            (202, answer(failed=0x0110)),
            (200, b"[" + answer(failed=0xA701) + b"]"),
            *((status, b"") for status in (401, 403, 404, 407, 408, 425, 429, 500, 502, 503, 504, 301, 307)),
        ],
    )
    def test_no_room_and_what_people_mend_is_worth_another_try(
        self, scripted: "Scripted", status: int, body: bytes
    ) -> None:
        scripted.says = (status, body)

        with pytest.raises(TransientError) as error:
            StowSink(scripted.url).store(film_bytes())

        assert body or str(status) in str(error.value)

    @pytest.mark.parametrize(
        ("status", "body", "said"),
        [
            (409, answer(failed=0xA900), "0xA900"),
            (409, answer(failed=0xC000), "0xC000"),
            (200, answer(failed=0x0122), "0x0122"),
            (409, b"", "HTTP 409"),
            (409, b"nothing", "HTTP 409"),
            (202, b"nothing", "HTTP 202"),
            (400, b"", "HTTP 400"),
            (413, b"", "HTTP 413"),
            (415, b"", "HTTP 415"),
        ],
    )
    def test_a_refusal_for_good_carries_its_status(
        self, scripted: "Scripted", status: int, body: bytes, said: str
    ) -> None:
        scripted.says = (status, body)

        with pytest.raises(PermanentFailure) as refusal:
            StowSink(scripted.url).store(film_bytes())

        assert refusal.value.status == said

    @pytest.mark.parametrize(("status", "there"), [(200, True), (204, True), (405, True), (404, False), (401, False)])
    def test_echo_asks_for_a_study_that_is_not_there(self, scripted: "Scripted", status: int, there: bool) -> None:
        scripted.says = (status, b"")

        if there:
            StowSink(scripted.url).echo()
        else:
            with pytest.raises(TransientError):
                StowSink(scripted.url).echo()

        [(path, _, _)] = scripted.asked
        assert path == "/dicom-web/studies?limit=1&StudyInstanceUID=2.25.0"

    def test_a_token_that_can_not_be_read_is_worth_another_try(self, scripted: "Scripted") -> None:
        def missing() -> str:
            raise ConfigurationError("the secret is missing")

        with pytest.raises(TransientError, match="missing"):
            StowSink(scripted.url, token=missing).store(film_bytes())

    def test_an_answer_that_is_too_long_is_not_read_to_its_end(self, scripted: "Scripted") -> None:
        scripted.says = (409, b" " * (8 << 20))

        with pytest.raises(PermanentFailure, match="refuses"):
            StowSink(scripted.url).store(film_bytes())


class TestThroughAnotherClient:
    """dicomweb-client as an independent peer of both our ends."""

    @staticmethod
    def client(url: str) -> DICOMwebClient:
        session = requests.Session()
        session.trust_env = False
        return DICOMwebClient(url, session=session, headers={"Authorization": f"Bearer {TOKEN}"})

    def test_it_stores_into_ours(self, tmp_path: Path) -> None:
        films = [dcmread(io.BytesIO(film_bytes(SOPInstanceUID=f"{SOP_UID}.{number}"))) for number in range(3)]
        with serving(tmp_path) as service:
            told = self.client(service.url).store_instances(films)
            again = self.client(service.url).store_instances(films, study_instance_uid=STUDY_UID)

        assert [item.ReferencedSOPInstanceUID for item in told.ReferencedSOPSequence] == [
            f.SOPInstanceUID for f in films
        ]
        assert "FailedSOPSequence" not in told
        assert len(again.ReferencedSOPSequence) == 3
        assert {one.sender for one in service.intake.arrivals} == {SENDER}
        assert len(service.store.objects) == 3

    def test_it_is_told_what_failed(self, tmp_path: Path) -> None:
        films = [dcmread(io.BytesIO(film_bytes())), dcmread(io.BytesIO(film_bytes(StudyInstanceUID="1.2.3")))]
        films[1].SOPInstanceUID = films[1].file_meta.MediaStorageSOPInstanceUID = f"{SOP_UID}.9"
        with serving(tmp_path) as service:
            told = self.client(service.url).store_instances(films, study_instance_uid=STUDY_UID)

        [failed] = told.FailedSOPSequence
        assert (failed.ReferencedSOPInstanceUID, failed.FailureReason) == (f"{SOP_UID}.9", 0xA900)

    @pytest.mark.parametrize("film", [film_bytes(), encapsulated_bytes(JPEG2000Lossless, jpeg2000_stream())])
    def test_it_reads_back_from_orthanc_what_ours_sent(self, tmp_path: Path, film: bytes) -> None:
        with peers.orthanc(tmp_path, dicomweb=True) as running:
            StowSink(running.dicomweb).store(film)

            read = self.client(running.dicomweb).retrieve_instance(
                STUDY_UID, SERIES_UID, SOP_UID, media_types=(("application/dicom", "*"),)
            )
            kept = running.held()

        sent = dcmread(io.BytesIO(film))
        assert kept == [film]
        assert (read, read.PixelData) == (sent, sent.PixelData)
        assert read.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID


class Scripted:
    """An HTTP server that says what it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.says: tuple[int, bytes] = (200, b"")
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.asked.append((self.path, dict(self.headers), body))
                status, answer = outer.says
                self.send_response(status)
                self.send_header("Content-Type", "application/dicom+json")
                self.send_header("Location", "http://192.0.2.1/")
                if status != 204:
                    self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer((HERE, 0), Handler)
        self.url = f"http://{HERE}:{self._server.server_port}/dicom-web/"

    def __enter__(self) -> "Scripted":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class TestCertificates:
    """What is wrong with a certificate is said, and tried again until somebody has mended it."""

    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path / "ca")

    @pytest.mark.parametrize(
        ("days", "whose", "address", "why"),
        [
            (-1, "clinic", HERE, "the PACS's certificate has expired"),
            (5, "stranger", HERE, "the PACS's certificate is not of an authority we believe"),
            (5, "clinic", "192.0.2.1", "the PACS's certificate is for another address"),
        ],
    )
    def test_a_bad_certificate_of_the_pacs_is_named(
        self, authority: Authority, tmp_path: Path, days: float, whose: str, address: str, why: str
    ) -> None:
        stranger = Authority(tmp_path / "ca", "stranger")
        issuer = stranger if whose == "stranger" else authority
        theirs = issuer.issue("pacs", days=days, address=address, believing=authority.file)
        believing = replace(authority.issue("tester"), authorities=theirs.authorities)
        with peers.storescp(tmp_path / "held", theirs) as port, pytest.raises(TransientError) as error:
            sink(port, believing).store(film_bytes())

        assert str(error.value) == why
        assert peers.files_in(tmp_path / "held") == []

    @pytest.mark.parametrize("days", [-1, 5])
    def test_a_pacs_that_refuses_our_certificate_is_worth_another_try(
        self, authority: Authority, tmp_path: Path, days: float
    ) -> None:
        """Ours has expired, or is of an authority the PACS does not know."""
        issuer = authority if days < 0 else Authority(tmp_path / "ca", "stranger")
        ours = issuer.issue("vetflow", days=days, believing=authority.file)
        with (
            peers.storescp(tmp_path / "held", authority.issue("pacs")) as port,
            pytest.raises(TransientError, match="the PACS and we do not agree on TLS"),
        ):
            sink(port, ours).store(film_bytes())

    def test_a_plain_pacs_is_worth_another_try_over_tls(self, authority: Authority, tmp_path: Path) -> None:
        with peers.storescp(tmp_path / "held") as port, pytest.raises(TransientError):
            sink(port, authority.issue("vetflow")).store(film_bytes())

    def test_a_broken_certificate_of_ours_is_named(self, authority: Authority) -> None:
        ours = authority.issue("vetflow")
        ours.key.unlink()

        with pytest.raises(TransientError, match=r"our certificate can't be used: .*vetflow\.key"):
            sink(1, ours).store(film_bytes())

    @pytest.mark.parametrize(("days", "whose"), [(-1, "clinic"), (5, "stranger")])
    def test_stow_names_a_bad_certificate_too(
        self, authority: Authority, tmp_path: Path, days: float, whose: str
    ) -> None:
        stranger = Authority(tmp_path / "ca", "stranger")
        issuer = stranger if whose == "stranger" else authority
        theirs = issuer.issue("web", days=days, believing=authority.file)
        with serving(tmp_path, tls=Renewed(theirs, server_context)) as service:
            tls = Renewed(authority.issue("cloud"), client_context)
            to = StowSink(service.url.replace("http:", "https:"), token=lambda: TOKEN, tls=tls, timeouts=HURRIED)

            with pytest.raises(TransientError, match=r"the PACS's certificate (has expired|is not of an authority)"):
                to.store(film_bytes())

    def test_stow_says_when_the_pacs_refuses_ours(self, authority: Authority, tmp_path: Path) -> None:
        stranger = Authority(tmp_path / "ca", "stranger")
        with serving(tmp_path, tls=Renewed(authority.issue("web"), server_context)) as service:
            tls = Renewed(stranger.issue("cloud", believing=authority.file), client_context)
            to = StowSink(service.url.replace("http:", "https:"), token=lambda: TOKEN, tls=tls, timeouts=HURRIED)

            with pytest.raises(TransientError, match="it may not accept our certificate"):
                to.store(film_bytes())

    def test_what_is_owed_goes_out_by_itself_once_a_certificate_was_mended(
        self, authority: Authority, tmp_path: Path
    ) -> None:
        store = FakeStore()
        digest = store.put([film_bytes()])
        owed = Delivery(
            id="d1", case_id="c1", destination="pacs", channel=Channel.DICOM, digest=digest, uid=SOP_UID, attempts=0
        )
        outbox, ours = FakeOutbox([owed]), authority.issue("vetflow", days=-1)
        with peers.storescp(tmp_path / "held", authority.issue("pacs")) as port:
            to = Destination(name="pacs", send=sink(port, ours).store)
            courier = Courier(outbox, store, destination=to, pace=Pace(rest_seconds=0.1), rng=random.Random(1))

            courier.step()
            authority.issue("vetflow")
            courier.step()

        [(_, error, _)] = outbox.errors
        assert "do not agree on TLS" in error
        assert (outbox.buried, outbox.done) == ([], ["d1"])
        assert len(peers.files_in(tmp_path / "held")) == 1
