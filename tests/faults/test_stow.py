"""STOW-RS: what is answered for is durable, what is refused says why, and no sender can do harm."""

import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian
from tests.builders import SOP_UID, STUDY_UID, film_bytes, film_dataset, part10
from tests.certificates import HERE, Authority
from tests.stow_service import MULTIPART, SENDER, TOKEN, Service, multipart, open_files, serving, until

from vetflow.adapters.tls import Renewed, client_context, server_context
from vetflow.gateway.limits import TransportLimits
from vetflow.gateway.negotiation import Peer
from vetflow.gateway.receiver import Listening, Receiver
from vetflow.hospital import modality
from vetflow.web import server as http
from vetflow.web.stow import Patience

RETRIEVE_URL, FAILED, STORED, OTHERS = "00081190", "00081198", "00081199", "0008119A"
CLASS, INSTANCE, REASON = "00081150", "00081155", "00081197"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path) as running:
        yield running


def numbered(number: int, **tags: object) -> bytes:
    return film_bytes(SOPInstanceUID=f"{SOP_UID}.{number}", **tags)


def stored(answer: httpx.Response) -> list[str]:
    return [item[INSTANCE]["Value"][0] for item in answer.json().get(STORED, {}).get("Value", [])]


def failed(answer: httpx.Response) -> dict[str, int]:
    items = answer.json().get(FAILED, {}).get("Value", [])
    return {item[INSTANCE]["Value"][0]: item[REASON]["Value"][0] for item in items}


def others(answer: httpx.Response) -> list[int]:
    return [item[REASON]["Value"][0] for item in answer.json().get(OTHERS, {}).get("Value", [])]


def test_a_study_is_stored_and_each_instance_is_answered_for(service: Service) -> None:
    answer = service.post(numbered(1), numbered(2))

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/dicom+json"
    assert answer.json()[RETRIEVE_URL] == {"vr": "UR"}
    assert stored(answer) == [f"{SOP_UID}.1", f"{SOP_UID}.2"]
    assert answer.json()[STORED]["Value"][0][CLASS]["Value"] == ["1.2.840.10008.5.1.4.1.1.1.1"]
    assert [one.sender for one in service.intake.arrivals] == [SENDER, SENDER]
    assert {one.digest for one in service.intake.arrivals} == set(service.store.objects)
    assert [one.size for one in service.intake.arrivals] == [
        len(service.store.objects[a.digest]) for a in service.intake.arrivals
    ]


def test_the_same_film_is_the_same_object_whether_it_comes_by_stow_or_by_c_store(
    service: Service, tmp_path: Path
) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(b"MZ" + film_bytes()[2:])
    peers = (Peer(ae_title="MOD"),)
    listening = Listening(ae_title="VETFLOW", host=HERE, port=0, peers=peers, limits=TransportLimits())
    receiver = Receiver(listening, store=service.store, intake=service.intake)
    receiver.start()

    [sent] = modality.send([film], modality.Receiver(host=HERE, port=receiver.port, calling="MOD"))
    receiver.stop(seconds=1)
    answer = service.post(film.read_bytes())

    assert sent.taken
    assert answer.status_code == 200
    [data] = service.store.objects.values()
    assert data[:128] == bytes(128)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_film_is_stored_as_it_was_sent_in_other_syntaxes(service: Service, syntax: str) -> None:
    film = film_dataset(PatientComments="sent")
    film.file_meta.TransferSyntaxUID = syntax

    answer = service.post(part10(film))

    assert answer.status_code == 200
    [data] = service.store.objects.values()
    assert dcmread(io.BytesIO(data)).PatientComments == "sent"
    assert service.intake.arrivals[0].transfer_syntax == syntax


def test_sending_again_is_success_and_other_bytes_of_the_same_instance_are_kept_too(service: Service) -> None:
    answers = [service.post(film) for film in (numbered(1), numbered(1), numbered(1, PatientComments="other"))]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len(service.store.objects) == 2
    assert len(service.intake.arrivals) == 3


def test_a_study_in_the_path_takes_only_its_own(service: Service) -> None:
    own = service.post(numbered(1), study=STUDY_UID)
    mixed = service.post(numbered(2), numbered(3, StudyInstanceUID="1.2.3"), study=STUDY_UID)
    none = service.post(numbered(4), study="1.2.3.4")

    assert own.status_code == 200
    assert (mixed.status_code, stored(mixed), failed(mixed)) == (202, [f"{SOP_UID}.2"], {f"{SOP_UID}.3": 0xA900})
    assert (none.status_code, failed(none)) == (409, {f"{SOP_UID}.4": 0xA900})
    assert service.reasons == ["uid_not_of_path", "uid_not_of_path"]


@pytest.mark.parametrize(
    ("film", "status", "reason"),
    [
        (film_bytes(SOPClassUID="1.2.840.10008.5.1.4.1.2.2.1"), 0x0122, "sop_class_not_taken"),
        (film_bytes(StudyInstanceUID=None), 0xA900, "uid_missing"),
        (
            film_bytes().replace(STUDY_UID.encode() + b"\0", b"../../x".ljust(len(STUDY_UID) + 1, b"1")),
            0xA900,
            "uid_invalid",
        ),
    ],
    ids=["a query", "without a study", "like a path"],
)
def test_a_refused_instance_is_named_with_its_reason(service: Service, film: bytes, status: int, reason: str) -> None:
    answer = service.post(film)

    assert (answer.status_code, failed(answer)) == (409, {SOP_UID: status})
    assert service.reasons == [reason]
    assert not service.store.objects


@pytest.mark.parametrize(
    ("file", "status", "reason"),
    [
        (b"not a film", 0xC000, "file_unreadable"),
        (b"", 0xC000, "file_unreadable"),
        (bytes(128) + b"DICM", 0xC000, "file_unreadable"),
        (film_bytes()[:400], 0xC000, "dataset_unreadable"),
        (film_bytes()[:131] + b"X" + film_bytes()[132:], 0xC000, "file_unreadable"),
        (
            film_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0", 1),
            0xC122,
            "transfer_syntax_unknown",
        ),
        (
            film_bytes().replace(b"1.2.840.10008.1.2.1\0", b"../../../../../etc/\0", 1),
            0xC122,
            "transfer_syntax_unknown",
        ),
    ],
)
def test_what_names_no_instance_is_counted_among_the_other_failures(
    service: Service, file: bytes, status: int, reason: str
) -> None:
    answer = service.post(file)

    assert (answer.status_code, others(answer)) == (409, [status])
    assert service.reasons == [reason]
    assert not service.store.objects


def test_a_deflated_film_is_not_taken(service: Service) -> None:
    film = film_dataset()
    film.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    assert others(service.post(part10(film))) == [0xC122]


def test_the_good_ones_among_bad_ones_are_stored(service: Service) -> None:
    answer = service.post(numbered(1), b"notes", numbered(2))

    assert (answer.status_code, stored(answer), others(answer)) == (202, [f"{SOP_UID}.1", f"{SOP_UID}.2"], [0xC000])


def test_a_part_of_another_type_is_not_taken(service: Service) -> None:
    answer = service.post(film_bytes(), kind="image/jpeg")

    assert (answer.status_code, others(answer)) == (409, [0xC000])
    assert service.reasons == ["part_not_dicom"]


@pytest.mark.parametrize("kind", ["", "application/dicom; transfer-syntax=1.2.840.10008.1.2.1", "Application/DICOM"])
def test_a_part_may_say_less_or_more_of_its_type(service: Service, kind: str) -> None:
    assert service.post(film_bytes(), kind=kind).status_code == 200


def test_success_waits_for_the_ledger(service: Service) -> None:
    service.intake.away = True

    answer = service.post(numbered(1), numbered(2))

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert failed(answer) == {f"{SOP_UID}.1": 0xA700, f"{SOP_UID}.2": 0xA700}
    assert len(service.store.objects) == 1  # the second was not even tried


def test_a_store_that_fails_is_out_of_resources_for_what_it_did_not_take(service: Service) -> None:
    taken: list[int] = []

    def once() -> None:
        service.store.full = bool(taken)
        taken.append(1)

    service.store.before_put = once

    answer = service.post(numbered(1), numbered(2), numbered(3))

    assert answer.status_code == 202
    assert stored(answer) == [f"{SOP_UID}.1"]
    assert failed(answer) == {f"{SOP_UID}.2": 0xA700, f"{SOP_UID}.3": 0xA700}
    assert len(taken) == 2


def test_a_low_disk_is_told_before_the_body_comes_and_recovers_without_restart(service: Service) -> None:
    service.room = False
    low = service.post(film_bytes())
    service.room = True

    assert (low.status_code, "retry-after" in low.headers) == (503, True)
    assert service.reasons == ["disk_low"]
    assert service.post(film_bytes()).status_code == 200


def test_a_disk_that_runs_low_while_a_body_comes_ends_it(service: Service) -> None:
    def body() -> Iterator[bytes]:
        yield multipart(film_bytes())[:-10]
        service.room = False
        for _ in range(40):
            yield bytes(1 << 20)

    headers = {"Content-Type": MULTIPART, "Authorization": f"Bearer {TOKEN}"}
    answer = httpx.post(f"{service.url}/studies", content=body(), headers=headers, timeout=30, trust_env=False)

    assert answer.status_code == 503
    assert not service.store.objects


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN]
)
def test_nobody_stores_without_the_token(service: Service, authorization: str) -> None:
    answer = service.post(film_bytes(), authorization=authorization)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert not service.store.objects


@pytest.mark.parametrize("token", ["", "short"])
def test_a_token_that_could_be_guessed_lets_nobody_in(service: Service, token: str) -> None:
    service.tokens = {SENDER: token}

    assert service.post(film_bytes(), authorization=f"Bearer {token}".strip()).status_code == 401


def test_a_token_can_be_changed_without_a_restart(service: Service) -> None:
    service.tokens = {"other": TOKEN[::-1]}

    assert service.post(film_bytes()).status_code == 401
    assert service.post(film_bytes(), authorization=f"Bearer {TOKEN[::-1]}").status_code == 200
    assert service.intake.arrivals[0].sender == "other"


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/dicom+json", 200),
        ("application/json", 200),
        ("*/*", 200),
        ("application/dicom+xml, application/dicom+json;q=0.5", 200),
        ("application/dicom+xml", 406),
        ("application/dicom+json;q=0", 406),
    ],
)
def test_answers_are_json_or_none(service: Service, accept: str, status: int) -> None:
    assert service.post(film_bytes(), accept=accept).status_code == status


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("multipart/related; boundary=edge", 200),
        ('Multipart/Related; Boundary="edge"; type=application/dicom', 200),
        ('multipart/related; type="application/dicom+json"; boundary=edge', 415),
        ("multipart/form-data; boundary=edge", 415),
        ("application/dicom", 415),
        ("", 415),
        ('multipart/related; type="application/dicom"', 400),
        ('multipart/related; type="application/dicom"; boundary=other', 400),
        (f'multipart/related; type="application/dicom"; boundary={"x" * 300}', 400),
    ],
)
def test_a_body_of_another_type_is_not_looked_at(service: Service, kind: str, status: int) -> None:
    answer = service.post(film_bytes(), content_type=kind)

    assert answer.status_code == status
    assert len(service.store.objects) == (1 if status == 200 else 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--edge--\r\n",
        multipart(film_bytes())[:-12],
        multipart(film_bytes())[:200],
        b"--edge\r\nContent-Type" + b"x" * 10_000,
        b"--edge\r\n" + b"a: b\r\n" * 100 + b"\r\nx\r\n--edge--\r\n",
    ],
    ids=["nothing", "no part", "no end", "cut", "long header", "many headers"],
)
def test_a_body_that_is_not_whole_counts_for_nothing(service: Service, body: bytes) -> None:
    answer = service.send(body)

    assert answer.status_code == 400
    assert not service.store.objects
    assert service.reasons == ["body_malformed"]


def test_lines_like_a_boundary_inside_a_film_do_no_harm(service: Service) -> None:
    odd = b"\r\n--edg\r\n--\r\n\r--edge" * 5000
    film = film_bytes(PixelData=odd + bytes(len(odd) % 2), Rows=1, Columns=1)

    answer = service.post(film)

    assert answer.status_code == 200
    [data] = service.store.objects.values()
    assert dcmread(io.BytesIO(data)).PixelData.startswith(odd)


@pytest.mark.parametrize("study", ["..", "1.2.x", "1" * 65])
def test_a_path_without_a_uid_is_malformed(service: Service, study: str) -> None:
    answer = service.send(multipart(film_bytes()), study=study)

    assert answer.status_code in {400, 404, 405}
    assert not service.store.objects


def test_too_large_is_told_from_the_announced_length_or_as_it_comes(tmp_path: Path) -> None:
    with serving(tmp_path, largest=50_000) as service:
        announced = service.send(bytes(300_000))
        one = service.post(film_bytes(rows=200, columns=200))
        many = service.post(*[numbered(number) for number in range(20)])
        fits = service.post(film_bytes())

    assert [answer.status_code for answer in (announced, one, many, fits)] == [413, 413, 413, 200]
    assert len(service.store.objects) == 1
    assert open_files(tmp_path) == []


def test_more_parts_than_are_taken_are_too_large(service: Service) -> None:
    assert service.send(multipart(*[b""] * 201)).status_code == 413


def test_reading_is_not_offered(service: Service) -> None:
    answer = httpx.get(f"{service.url}/studies", trust_env=False)

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


def begun(service: Service, body: bytes, *, length: int) -> socket.socket:
    """Send a request that announces more than comes."""
    peer = socket.create_connection((HERE, service.port), timeout=10)
    head = (
        f"POST /dicomweb/studies HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: {MULTIPART}\r\nContent-Length: {length}\r\n\r\n"
    )
    peer.sendall(head.encode() + body)
    return peer


def test_an_upload_that_is_broken_off_leaves_no_row_and_no_file(service: Service, tmp_path: Path) -> None:
    peer = begun(service, multipart(numbered(1), numbered(2))[:-100], length=1_000_000)
    until(lambda: open_files(tmp_path))

    peer.close()
    until(lambda: not open_files(tmp_path))

    assert (service.intake.arrivals, dict(service.store.objects)) == ([], {})
    assert list(tmp_path.iterdir()) == []
    assert service.post(film_bytes()).status_code == 200


def test_a_sender_that_stops_in_the_middle_is_answered_and_let_go(tmp_path: Path) -> None:
    with serving(tmp_path, patience=Patience(chunk_seconds=0.5)) as service:
        peer = begun(service, b"--edge\r\n", length=1000)

        assert peer.recv(100).startswith(b"HTTP/1.1 408")
        assert service.reasons == ["too_slow"]
        assert open_files(tmp_path) == []
        peer.close()


def test_a_sender_that_drips_is_let_go_at_the_end_of_its_time(tmp_path: Path) -> None:
    with serving(tmp_path, patience=Patience(chunk_seconds=5, upload_seconds=1)) as service:
        peer = begun(service, b"--edge\r\nContent-Type: application/dicom\r\n\r\n", length=100_000)
        peer.settimeout(0.1)
        answer, end = b"", time.monotonic() + 10
        while not answer and time.monotonic() < end:
            peer.sendall(b"x")
            try:
                answer = peer.recv(100)
            except TimeoutError:
                continue

        assert answer.startswith(b"HTTP/1.1 408")
        peer.close()


def test_uploads_beyond_the_most_are_told_to_come_later(tmp_path: Path) -> None:
    with serving(tmp_path, patience=Patience(uploads=2)) as service:
        held = [begun(service, b"--edge\r\n", length=1000) for _ in range(2)]
        until(lambda: len(open_files(tmp_path)) == 2)

        third = service.post(film_bytes())
        for peer in held:
            peer.close()
        until(lambda: not open_files(tmp_path))
        after = service.post(film_bytes())

    assert (third.status_code, "retry-after" in third.headers) == (503, True)
    assert after.status_code == 200


def test_connections_that_bring_no_request_are_ended(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http.PromptProtocol, "idle_seconds", 0.3)
    silent = socket.create_connection((HERE, service.port), timeout=5)
    dripping = socket.create_connection((HERE, service.port), timeout=5)
    dripping.sendall(b"POST /dicomweb/studies HTTP/1.1\r\nX-")
    began = time.monotonic()

    with pytest.raises(OSError):
        while time.monotonic() - began < 5:
            dripping.sendall(b"x")
            time.sleep(0.1)
    assert silent.recv(1) == b""
    assert time.monotonic() - began < 3


def test_slow_senders_keep_nobody_waiting(service: Service) -> None:
    slow = [begun(service, b"--edge\r\n", length=1000) for _ in range(6)]
    idle = [socket.create_connection((HERE, service.port)) for _ in range(50)]

    began = time.monotonic()
    answer = service.post(film_bytes())

    assert answer.status_code == 200
    assert time.monotonic() - began < 3
    for peer in (*slow, *idle):
        peer.close()


def test_many_senders_at_once_are_all_answered_for(service: Service) -> None:
    statuses: list[int] = []

    def send(number: int) -> None:
        statuses.append(service.post(numbered(number), numbered(number + 100)).status_code)

    senders = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(30)

    assert statuses == [200] * 8
    assert len(service.intake.arrivals) == len(service.store.objects) == 16


def test_a_large_upload_stays_out_of_memory(tmp_path: Path) -> None:
    megabytes, seen = 300, list[int]()
    head = film_bytes(PixelData=b"")[:-12] + b"\xe0\x7f\x10\x00OW\0\0" + (megabytes << 20).to_bytes(4, "little")

    def look(piece: bytes) -> int:
        seen.append(psutil.Process().memory_info().rss)
        return len(piece)

    def body() -> Iterator[bytes]:
        yield b"--edge\r\n\r\n" + head
        for _ in range(megabytes):
            look(piece := bytes(1 << 20))
            yield piece
        yield b"\r\n--edge--\r\n"

    with serving(tmp_path, largest=512 << 20) as service:
        service.post(film_bytes())
        service.store.put = lambda parts: str(sum(map(look, parts))).rjust(64, "0")
        before = psutil.Process().memory_info().rss
        headers = {"Content-Type": MULTIPART, "Authorization": f"Bearer {TOKEN}"}
        answer = httpx.post(f"{service.url}/studies", content=body(), headers=headers, timeout=60, trust_env=False)

    assert answer.status_code == 200
    assert service.intake.arrivals[-1].size > megabytes << 20
    assert len(seen) > 1.9 * megabytes
    assert max(seen) - before < 40 << 20


def test_stopping_lets_an_upload_that_is_being_stored_end_with_its_true_status(tmp_path: Path) -> None:
    entered, statuses = threading.Event(), list[int]()
    with serving(tmp_path) as service:
        service.store.before_put = lambda: (entered.set(), time.sleep(0.8))[0]
        sender = threading.Thread(target=lambda: statuses.append(service.post(film_bytes()).status_code))
        sender.start()
        assert entered.wait(5)
    sender.join(10)

    assert statuses == [200]
    assert len(service.intake.arrivals) == 1


class TestOverTls:
    """HTTPS with certificates on both sides."""

    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority(tmp_path / "ca")

    @pytest.fixture
    def secure(self, tmp_path: Path, authority: Authority) -> Iterator[Service]:
        with serving(tmp_path, tls=Renewed(authority.issue("web"), server_context)) as running:
            yield running

    @staticmethod
    def post(secure: Service, context: ssl.SSLContext) -> int:
        url, headers = secure.url.replace("http:", "https:"), {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(verify=context, trust_env=False, headers={**headers, "Content-Type": MULTIPART}) as client:
            return client.post(f"{url}/studies", content=multipart(film_bytes())).status_code

    def test_a_known_certificate_and_the_token_are_both_wanted(self, secure: Service, authority: Authority) -> None:
        context = client_context(authority.issue("cloud"))

        known = self.post(secure, context)
        secure.tokens = {}

        assert known == 200
        assert self.post(secure, context) == 401

    @pytest.mark.parametrize("which", ["none", "expired", "stranger"])
    def test_no_other_certificate_is_let_in(
        self, secure: Service, authority: Authority, tmp_path: Path, which: str
    ) -> None:
        files = {
            "none": authority.issue("cloud"),
            "expired": authority.issue("old", days=-1),
            "stranger": Authority(tmp_path, "stranger").issue("cloud", believing=authority.file),
        }[which]
        context = ssl.create_default_context(cafile=authority.file) if which == "none" else client_context(files)

        with pytest.raises(httpx.TransportError):
            self.post(secure, context)

        assert not secure.store.objects

    def test_a_renewed_certificate_is_shown_without_a_restart(self, secure: Service, authority: Authority) -> None:
        context = client_context(authority.issue("cloud"))

        def shown() -> bytes | None:
            with (
                socket.create_connection((HERE, secure.port)) as raw,
                context.wrap_socket(raw, server_hostname=HERE) as tls,
            ):
                return tls.getpeercert(binary_form=True)

        before = shown()
        authority.issue("web")

        assert before != shown()

    def test_authorities_and_revocations_are_renewed_too(
        self, secure: Service, authority: Authority, tmp_path: Path
    ) -> None:
        lost, kept = authority.issue("lost"), authority.issue("kept")
        assert self.post(secure, client_context(lost)) == 200

        authority.revoke(lost)
        assert self.post(secure, client_context(kept)) == 200
        with pytest.raises(httpx.TransportError):
            self.post(secure, client_context(lost))

        assert self.post(secure, client_context(kept)) == 200

    def test_a_silent_socket_keeps_nobody_waiting(self, secure: Service, authority: Authority) -> None:
        silent = [socket.create_connection((HERE, secure.port)) for _ in range(20)]

        assert self.post(secure, client_context(authority.issue("cloud"))) == 200

        for peer in silent:
            peer.close()
