import hashlib
import io
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import JPEG2000Lossless
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from tests.archives import WEB, Send, dcmqrscp, free_port, orthanc
from tests.builders import body, encapsulated_bytes, film_bytes, film_dataset, jpeg2000_stream
from tests.certificates import Authority
from tests.fakes import FakeIntake, FakeStore

from vetflow.adapters.dimse import DimseNode
from vetflow.adapters.priors_dicomweb import DicomwebPriors
from vetflow.adapters.priors_dimse import DimsePriors
from vetflow.adapters.tls import Renewed, Secure, client_context, server_context
from vetflow.domain.errors import PermanentFailure, StudyRefused, TransientError
from vetflow.domain.priors import Missing, Patient, PriorLimits, Question, reason_of
from vetflow.domain.view import Region
from vetflow.gateway.limits import TransportLimits
from vetflow.gateway.negotiation import Peer as NetworkPeer
from vetflow.gateway.receiver import Listening, Receiver
from vetflow.ports import PriorSource

REX = Patient(id="A1", issuer="CLINIC")
LIMITS = PriorLimits(seconds=10)


def uid(study: int) -> str:
    return f"1.2.826.0.1.3680043.8.498.70{study}"


def tags_of(study: int, image: int = 1, **tags: object) -> dict[str, object]:
    base = uid(study)
    return {
        "StudyInstanceUID": base,
        "SeriesInstanceUID": f"{base}.1",
        "SOPInstanceUID": f"{base}.1.{image}",
        "StudyDate": f"{2025 - 2 * study}0301",
        "AccessionNumber": f"ACC{study}",
        "IssuerOfPatientID": "CLINIC",
        **tags,
    }


def film(study: int, image: int = 1, **tags: object) -> bytes:
    """Return a film of a study of its own, two years apart from the next."""
    return film_bytes(**tags_of(study, image, **tags))


HELD = (
    film(1),
    film(1, 2),
    film(2),
    film(3, PatientID="A10", PatientName="Roe^Tom"),
    encapsulated_bytes(JPEG2000Lossless, jpeg2000_stream(), **tags_of(4, PatientID="A11")),
)
PLAIN = HELD[:-1]


@dataclass(frozen=True)
class Peer:
    """A PACS that holds the films above, asked in one of the ways there are; ``ours`` receives what it moves."""

    source: PriorSource
    ours: "Ours | None" = None


def hex_digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def kept() -> tuple[dict[str, bytes], Callable[[bytes], str]]:
    store: dict[str, bytes] = {}

    def keep(data: bytes) -> str:
        store[hex_digest(data)] = data
        return hex_digest(data)

    return store, keep


def fill(send: Send, films: Sequence[bytes] = HELD) -> None:
    for one in films:
        send(one)


def node(port: int, **more: object) -> DimseNode:
    return DimseNode(**{"host": "127.0.0.1", "port": port, "called": "PACS", "calling": "VETFLOW", **more})


@dataclass(frozen=True)
class Ours:
    """Our own receiver, which gets what a PACS moves."""

    port: int
    store: FakeStore
    intake: FakeIntake

    def received(self, study_uid: str) -> Sequence[str]:
        return list(dict.fromkeys(one.digest for one in self.intake.arrivals if one.study_uid == study_uid))


@contextmanager
def receiving() -> Generator[Ours]:
    store, intake = FakeStore(), FakeIntake()
    peers = (NetworkPeer(ae_title="PACS"),)
    listening = Listening(ae_title="VETFLOW", host="127.0.0.1", port=0, peers=peers, limits=TransportLimits())
    receiver = Receiver(listening, store=store, intake=intake, room=lambda: True)
    receiver.start()
    try:
        yield Ours(receiver.port, store, intake)
    finally:
        receiver.stop(seconds=1)


@contextmanager
def orthanc_get(folder: Path) -> Generator[Peer]:
    with orthanc(folder, free_port()) as (port, _, send):
        fill(send)
        yield Peer(DimsePriors(node(port)))


@contextmanager
def orthanc_move(folder: Path) -> Generator[Peer]:
    with receiving() as ours, orthanc(folder, ours.port) as (port, _, send):
        fill(send)
        yield Peer(DimsePriors(node(port), received=ours.received), ours)


@contextmanager
def orthanc_web(folder: Path) -> Generator[Peer]:
    if not WEB.exists():
        pytest.skip("Orthanc has no DICOMweb plugin")
    with orthanc(folder, free_port()) as (_, http, send):
        fill(send)
        yield Peer(DicomwebPriors(f"http://127.0.0.1:{http}/dicom-web"))


@contextmanager
def dcmtk_get(folder: Path) -> Generator[Peer]:
    with dcmqrscp(folder, free_port()) as (port, send):
        fill(send, PLAIN)
        yield Peer(DimsePriors(node(port)))


@contextmanager
def dcmtk_move(folder: Path) -> Generator[Peer]:
    with receiving() as ours, dcmqrscp(folder, ours.port) as (port, send):
        fill(send, PLAIN)
        yield Peer(DimsePriors(node(port), received=ours.received), ours)


def ways(*chosen: object) -> pytest.MarkDecorator:
    """Ask only these."""
    return pytest.mark.parametrize("peer", chosen, ids=[way.__name__ for way in chosen], indirect=True, scope="module")


WAYS = [orthanc_get, orthanc_move, orthanc_web, dcmtk_get, dcmtk_move]


@pytest.fixture(params=WAYS, ids=[way.__name__ for way in WAYS], scope="module")
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with request.param(tmp_path_factory.mktemp("pacs")) as running_:
        yield running_


def test_the_studies_of_an_animal_are_named_with_what_tells_them_apart(peer: Peer) -> None:
    answered = peer.source.find(Question(patient=REX), seconds=10)

    named = {answer.study.study_uid: answer for answer in answered}
    assert set(named) == {uid(1), uid(2)}
    assert {answer.patient for answer in answered} == {REX}
    assert (named[uid(1)].study.on, named[uid(1)].study.clock) == (date(2023, 3, 1), "101500")
    assert named[uid(1)].study.region is Region.THORAX


def test_an_accession_number_leads_to_its_study(peer: Peer) -> None:
    (answer,) = peer.source.find(Question(accession="ACC2"), seconds=10)

    assert answer.study.study_uid == uid(2)


def test_a_study_is_found_by_its_uid(peer: Peer) -> None:
    (answer,) = peer.source.find(Question(study_uid=uid(3)), seconds=10)

    assert answer.patient.id == "A10"


@pytest.mark.parametrize("question", [Question(patient=Patient(id="A2")), Question(accession="ACC9")])
def test_nothing_is_named_where_nothing_fits(peer: Peer, question: Question) -> None:
    assert list(peer.source.find(question, seconds=10)) == []


def brought(peer: Peer, study: int, **limits: object) -> list[Dataset]:
    """Fetch a study and return its images, wherever they came in."""
    store, keep = kept()
    digests = peer.source.fetch(uid(study), keep, limits=replace(LIMITS, **limits))
    if peer.ours:
        store = peer.ours.store.objects
    return [dcmread(io.BytesIO(store[digest])) for digest in digests]


def test_a_study_comes_whole_and_its_pixels_are_untouched(peer: Peer) -> None:
    films = brought(peer, 1)

    assert {str(one.SOPInstanceUID) for one in films} == {f"{uid(1)}.1.1", f"{uid(1)}.1.2"}
    assert all((one.pixel_array == body()).all() for one in films)


@ways(orthanc_get, orthanc_move, orthanc_web)  # DCMTK's test archive decides on one syntax for everything
def test_compressed_images_come_as_they_are_stored(peer: Peer) -> None:
    (film_,) = brought(peer, 4)

    assert film_.file_meta.TransferSyntaxUID == JPEG2000Lossless
    assert film_.PixelData == dcmread(io.BytesIO(HELD[-1])).PixelData


def test_a_study_that_is_not_there_is_said_not_to_be_there(peer: Peer) -> None:
    # Orthanc can't process a C-GET or C-MOVE that matches nothing (0xC000), which may mean anything.
    with pytest.raises((StudyRefused, PermanentFailure)) as refused:
        brought(peer, 9)

    assert reason_of(refused.value) in {Missing.NOT_FOUND, Missing.REFUSED}


def test_a_study_with_more_images_than_allowed_is_given_up(peer: Peer) -> None:
    with pytest.raises(StudyRefused) as refused:
        brought(peer, 1, instances=1)

    assert refused.value.reason == "too_large"


@ways(orthanc_get, orthanc_web, dcmtk_get)  # what is moved does not pass here
def test_a_study_larger_than_allowed_is_cut(peer: Peer) -> None:
    with pytest.raises(StudyRefused) as refused:
        brought(peer, 1, megabytes=0.015)

    assert refused.value.reason == "too_large"


@ways(orthanc_get, orthanc_web, dcmtk_get)  # what is moved does not pass here
def test_a_store_that_is_full_is_said_to_be(peer: Peer) -> None:
    def full(_: bytes) -> str:
        raise TransientError("no space")

    with pytest.raises(TransientError, match="no space"):
        peer.source.fetch(uid(1), full, limits=LIMITS)


def test_no_log_says_whose_studies_were_asked_for(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    peer.source.find(Question(patient=REX), seconds=10)
    peer.source.find(Question(accession="ACC2"), seconds=10)
    brought(peer, 1)

    assert not any(word in caplog.text for word in ("A1'", "=A1", "[A1", "Rex", "Doe", "ACC2", "CLINIC"))


def web(url: str) -> PriorSource:
    return DicomwebPriors(url)


def dimse(port: int, **more: object) -> PriorSource:
    return DimsePriors(node(port, **more))


@pytest.mark.parametrize("way", ["dimse", "web"])
def test_a_pacs_that_is_away_is_worth_another_try(way: str) -> None:
    port = free_port()
    source = dimse(port) if way == "dimse" else web(f"http://127.0.0.1:{port}/dicom-web")

    with pytest.raises(TransientError):
        source.find(Question(patient=REX), seconds=2)
    with pytest.raises(TransientError):
        source.fetch(uid(1), str, limits=replace(LIMITS, seconds=2))


@pytest.mark.parametrize("way", ["dimse", "web"])
def test_a_pacs_that_never_answers_is_given_up_in_time(way: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        source = dimse(port) if way == "dimse" else web(f"http://127.0.0.1:{port}/dicom-web")
        began = time.monotonic()

        with pytest.raises(TransientError):
            source.find(Question(patient=REX), seconds=1)

    assert time.monotonic() - began < 5


@contextmanager
def archive(**handlers: Callable[[evt.Event], object]) -> Generator[int]:
    """A PACS of our own that misbehaves as told."""
    entity = ApplicationEntity("PACS")
    for sop_class in (1, 2, 3):
        entity.add_supported_context(f"1.2.840.10008.5.1.4.1.2.2.{sop_class}")
    entity.add_supported_context("1.2.840.10008.5.1.4.1.1.1.1", scu_role=True, scp_role=True)
    bound = [(getattr(evt, f"EVT_C_{name.upper()}"), handler) for name, handler in handlers.items()]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=bound)
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def test_a_pacs_that_hangs_in_the_middle_of_its_answers_is_cut() -> None:
    go = threading.Event()

    def hangs(_: evt.Event) -> Iterator[tuple[int, Dataset]]:
        yield 0xFF00, film_dataset(QueryRetrieveLevel="STUDY", PixelData=None)
        go.wait(20)
        yield 0x0000, None

    with archive(find=hangs) as port:
        began = time.monotonic()
        with pytest.raises(TransientError):
            dimse(port).find(Question(patient=REX), seconds=1)
        took = time.monotonic() - began
        go.set()

    assert took < 5


def test_a_pacs_that_drips_its_images_is_cut_when_the_time_is_up() -> None:
    go = threading.Event()

    def drips(_: evt.Event) -> Iterator[object]:
        yield 50
        for number in range(50):
            go.wait(0.3)
            yield 0xFF00, dcmread(io.BytesIO(film(1, number + 1)))

    with archive(get=drips) as port:
        began = time.monotonic()
        with pytest.raises(TransientError):
            dimse(port).fetch(uid(1), hex_digest, limits=replace(LIMITS, seconds=1.5))
        took = time.monotonic() - began
        go.set()

    assert took < 6


def test_a_pacs_that_stops_in_the_middle_of_a_pdu_is_cut() -> None:
    with silenced() as port:
        began = time.monotonic()
        with pytest.raises(TransientError):
            dimse(port).find(Question(patient=REX), seconds=1)

    assert time.monotonic() - began < 6


@contextmanager
def silenced() -> Generator[int]:
    """Pass a PACS's answer to an association on, and of what follows only the first bytes."""
    with archive(find=lambda _: iter([(0x0000, None)])) as port, socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=_half, args=(door, port), daemon=True).start()
        yield door.getsockname()[1]


def _half(door: socket.socket, port: int) -> None:
    with door.accept()[0] as caller, socket.create_connection(("127.0.0.1", port)) as behind:
        behind.sendall(caller.recv(1 << 16))
        caller.sendall(behind.recv(1 << 16))
        behind.sendall(caller.recv(1 << 16))
        caller.sendall(behind.recv(1 << 16)[:8])
        caller.recv(1)


@pytest.mark.parametrize(
    ("status", "kind"), [(0xA700, TransientError), (0xA900, PermanentFailure), (0xC001, PermanentFailure)]
)
def test_a_pacs_that_refuses_is_judged_by_its_status(status: int, kind: type[Exception]) -> None:
    with archive(find=lambda _: iter([(status, None)])) as port, pytest.raises(kind):
        dimse(port).find(Question(patient=REX), seconds=5)


def test_a_pacs_that_offers_no_query_refuses_for_good() -> None:
    entity = ApplicationEntity("PACS")
    entity.add_supported_context("1.2.840.10008.1.1")
    server = entity.start_server(("127.0.0.1", 0), block=False)

    with pytest.raises(PermanentFailure):
        dimse(server.server_address[1]).find(Question(patient=REX), seconds=5)
    server.shutdown()


def test_a_pacs_that_names_everything_it_has_is_not_listened_to() -> None:
    def everything(_: evt.Event) -> Iterator[tuple[int, Dataset]]:
        for number in range(600):
            yield 0xFF00, film_dataset(StudyInstanceUID=f"1.2.{number}", PixelData=None)
        yield 0x0000, None

    with archive(find=everything) as port, pytest.raises(PermanentFailure):
        dimse(port).find(Question(patient=REX), seconds=20)


@contextmanager
def service(answer: Callable[[BaseHTTPRequestHandler], None], tls: ssl.SSLContext | None = None) -> Generator[str]:
    """A DICOMweb service that answers as told."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}/dicom-web"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, PermanentFailure),
        (401, PermanentFailure),
        (404, StudyRefused),
        (429, TransientError),
        (503, TransientError),
    ],
)
def test_a_service_that_refuses_is_judged_by_its_status(status: int, kind: type[Exception]) -> None:
    with service(lambda handler: handler.send_error(status)) as url, pytest.raises(kind):
        web(url).fetch(uid(1), str, limits=LIMITS)


@pytest.mark.parametrize("said", [b"not json", b'{"a": 1}', b"[1]", b'[{"0020000D": {"vr": "UI", "Value": 5}}]'])
def test_an_answer_that_is_no_list_of_studies_can_not_be_read(said: bytes) -> None:
    def answers(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(said)

    with service(answers) as url, pytest.raises(TransientError):
        web(url).find(Question(patient=REX), seconds=5)


def test_a_service_that_drips_is_cut_when_the_time_is_up() -> None:
    def drips(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", 'multipart/related; type="application/dicom"; boundary=x')
        handler.end_headers()
        with suppress(OSError):
            for _ in range(100):
                handler.wfile.write(b"\r\n")
                time.sleep(0.2)

    with service(drips) as url:
        began = time.monotonic()
        with pytest.raises(TransientError):
            web(url).fetch(uid(1), str, limits=replace(LIMITS, seconds=1))

    assert time.monotonic() - began < 5


def test_a_file_that_comes_as_a_program_too_loses_its_first_128_bytes() -> None:
    store, keep = kept()
    data = b"#!/bin/sh".ljust(128) + HELD[0][128:]

    def sends(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", 'multipart/related; type="application/dicom"; boundary=x')
        handler.end_headers()
        handler.wfile.write(b"--x\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n--x--\r\n")

    with service(sends) as url:
        (digest,) = web(url).fetch(uid(1), keep, limits=LIMITS)

    assert store[digest] == bytes(128) + HELD[0][128:]


def test_a_token_goes_with_each_request() -> None:
    seen: list[str | None] = []

    def notes(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers.get("Authorization"))
        handler.send_response(204)
        handler.end_headers()

    with service(notes) as url:
        DicomwebPriors(url, token=lambda: "secret").find(Question(patient=REX), seconds=5)
        web(url).find(Question(patient=REX), seconds=5)

    assert seen == ["Bearer secret", None]


@contextmanager
def secure_archive(folder: Path, seconds: float = 0) -> Generator[tuple[int, Secure, Secure]]:
    """A PACS over TLS that takes its time; gives its port, a context that it believes, and one of strangers."""

    def finds(_: evt.Event) -> Iterator[tuple[int, None]]:
        time.sleep(seconds)
        yield 0x0000, None

    clinic = Authority(folder)
    served, ours = clinic.issue("pacs"), clinic.issue("vetflow")
    stranger = Authority(folder, "strangers").issue("vetflow")
    entity = ApplicationEntity("PACS")
    entity.add_supported_context("1.2.840.10008.5.1.4.1.2.2.1")
    server = entity.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[(evt.EVT_C_FIND, finds)],
        ssl_context=server_context(served),
    )
    try:
        yield server.server_address[1], Renewed(ours, client_context), Renewed(stranger, client_context)
    finally:
        server.shutdown()


def test_a_pacs_is_asked_over_tls_and_one_of_strangers_is_not(tmp_path: Path) -> None:
    with secure_archive(tmp_path) as (port, ours, strangers):
        assert list(dimse(port, tls=ours).find(Question(patient=REX), seconds=5)) == []

        with pytest.raises(TransientError):
            dimse(port, tls=strangers).find(Question(patient=REX), seconds=5)


def test_a_pacs_that_hangs_over_tls_is_cut(tmp_path: Path) -> None:
    with secure_archive(tmp_path, seconds=6) as (port, ours, _):
        began = time.monotonic()
        with pytest.raises(TransientError):
            dimse(port, tls=ours).find(Question(patient=REX), seconds=1)
        took = time.monotonic() - began

    assert took < 5


def test_a_service_is_asked_over_tls_and_one_of_strangers_is_not(tmp_path: Path) -> None:
    clinic = Authority(tmp_path)
    ours, strangers = clinic.issue("vetflow"), Authority(tmp_path, "strangers").issue("vetflow")

    def empty(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(204)
        handler.end_headers()

    with service(empty, server_context(clinic.issue("pacs"))) as url:
        believed = DicomwebPriors(url, tls=Renewed(ours, client_context))
        assert list(believed.find(Question(patient=REX), seconds=5)) == []

        with pytest.raises(TransientError):
            DicomwebPriors(url, tls=Renewed(strangers, client_context)).find(Question(patient=REX), seconds=5)
