"""A hostile or broken network at the DICOM port."""

import io
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from tests.builders import SOP_UID, STUDY_UID, film_bytes, film_dataset, part10
from tests.fakes import FakeIntake, FakeStore

from vetflow.gateway.limits import TransportLimits
from vetflow.gateway.negotiation import Peer
from vetflow.gateway.receiver import Listening, Receiver

DX = DigitalXRayImageStorageForPresentation
PEERS = (Peer(ae_title="MOD"), Peer(ae_title="FAR", host="192.0.2.7"))


class Site:
    """A receiver with fakes behind it."""

    def __init__(self, limits: TransportLimits, room: Callable[[], bool] = lambda: True) -> None:
        self.store = FakeStore()
        self.intake = FakeIntake()
        listening = Listening(ae_title="VETFLOW", host="127.0.0.1", port=0, peers=PEERS, limits=limits)
        self.receiver = Receiver(listening, store=self.store, intake=self.intake, room=room)

    @property
    def reasons(self) -> list[str]:
        return [refusal.reason for refusal in self.intake.refusals]


@contextmanager
def running(site: Site) -> Iterator[Site]:
    site.receiver.start()
    try:
        yield site
    finally:
        site.receiver.stop(seconds=1)


@pytest.fixture
def site() -> Iterator[Site]:
    with running(Site(TransportLimits(pdu_seconds=2))) as made:
        yield made


def associate(
    port: int,
    *,
    calling: str = "MOD",
    called: str = "VETFLOW",
    sop_class: str = DX,
    syntax: str = ExplicitVRLittleEndian,
) -> Association:
    entity = AE(calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 10
    entity.add_requested_context(sop_class, syntax)
    entity.add_requested_context("1.2.840.10008.1.1")
    return entity.associate("127.0.0.1", port, ae_title=called)


def send(port: int, film: Dataset, **how: str) -> int | None:
    association = associate(port, **how)
    assert association.is_established
    try:
        return association.send_c_store(film).get("Status")
    finally:
        association.release()


def send_raw(port: int, data: bytes, *, sop: str = SOP_UID, sop_class: str = DX) -> int | None:
    """C-STORE bytes that no library would send."""
    association = associate(port)
    assert association.is_established
    request = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID = sop_class
    request.AffectedSOPInstanceUID = sop
    request.Priority = 2
    request.DataSet = io.BytesIO(data)
    association._reactor_checkpoint.clear()
    context = next(c for c in association.accepted_contexts if c.abstract_syntax == sop_class)
    association.dimse.send_msg(request, context.context_id)
    _, response = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    association.release()
    return response.Status if response else None


def encoded(film: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, film)
    return buffer.getvalue()


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_film_is_stored_as_it_was_sent_in_each_uncompressed_syntax(site: Site, syntax: str) -> None:
    film = film_dataset(PatientComments="sent")
    film.file_meta.TransferSyntaxUID = syntax
    film = dcmread(io.BytesIO(part10(film)))

    status = send(site.receiver.port, film, syntax=syntax)

    assert status == 0x0000
    [arrival] = site.intake.arrivals
    stored = dcmread(io.BytesIO(site.store.objects[arrival.digest]))
    assert (arrival.study_uid, arrival.sop_uid, arrival.transfer_syntax) == (STUDY_UID, SOP_UID, syntax)
    assert stored.PatientComments == "sent"
    assert stored.PixelData == film.PixelData
    assert arrival.size == len(site.store.objects[arrival.digest])


def test_the_same_film_from_two_senders_has_the_same_bytes(site: Site) -> None:
    film = dcmread(io.BytesIO(film_bytes()))

    send(site.receiver.port, film)
    send(site.receiver.port, film)

    assert len(site.store.objects) == 1
    assert len(site.intake.arrivals) == 2


def test_the_stored_preamble_is_zero_whatever_was_sent(site: Site) -> None:
    send(site.receiver.port, dcmread(io.BytesIO(b"MZ" + film_bytes()[2:])))

    [data] = site.store.objects.values()
    assert data[:128] == bytes(128)


def test_success_waits_for_the_ledger(site: Site) -> None:
    site.intake.away = True

    status = send(site.receiver.port, film_dataset())

    assert status == 0xA700
    assert not site.intake.arrivals


def test_a_full_store_is_out_of_resources(site: Site) -> None:
    site.store.full = True

    assert send(site.receiver.port, film_dataset()) == 0xA700
    assert not site.intake.arrivals


def test_a_low_disk_rejects_associations_and_recovers_without_restart() -> None:
    state = {"room": False}
    with running(Site(TransportLimits(), room=lambda: state["room"])) as site:
        low = associate(site.receiver.port)
        state["room"] = True
        later = send(site.receiver.port, film_dataset())

    assert low.is_rejected
    assert (low.acceptor.primitive.result, low.acceptor.primitive.result_source) == (2, 3)
    assert later == 0x0000
    assert site.reasons == ["disk_low"]


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"])
def test_a_dataset_without_a_uid_is_refused_with_the_reason(site: Site, keyword: str) -> None:
    status = send_raw(site.receiver.port, encoded(film_dataset(**{keyword: None})))

    assert status == 0xA900
    assert site.reasons == ["uid_missing"]
    assert not site.store.objects


def test_a_uid_like_a_path_is_refused(site: Site) -> None:
    data = encoded(film_dataset())
    study = STUDY_UID.encode()

    by_command = send_raw(site.receiver.port, data, sop="../../../../evil")
    by_dataset = send_raw(site.receiver.port, data.replace(study, b"../../x".ljust(len(study), b"1"), 1))

    assert (by_command, by_dataset) == (0xA900, 0xA900)
    assert site.reasons == ["uid_invalid", "uid_invalid"]
    assert not site.store.objects


def test_a_dataset_of_another_instance_than_its_command_is_refused(site: Site) -> None:
    assert send_raw(site.receiver.port, encoded(film_dataset()), sop="1.2.3.4") == 0xA900
    assert site.reasons == ["uid_not_of_command"]


def test_bytes_that_are_not_dicom_are_refused(site: Site) -> None:
    assert send_raw(site.receiver.port, b"This is not DICOM at all, not even nearly.") == 0xC000
    assert send_raw(site.receiver.port, encoded(film_dataset())[:100]) == 0xC000
    assert site.reasons == ["dataset_unreadable", "dataset_unreadable"]


def test_after_a_refusal_the_same_port_still_takes_films(site: Site) -> None:
    send_raw(site.receiver.port, b"\xff" * 1000)

    assert send(site.receiver.port, film_dataset()) == 0x0000


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"called": "OTHER"}, "called_ae_unknown"),
        ({"calling": "NOBODY"}, "calling_ae_unknown"),
        ({"calling": "FAR"}, "address_not_of_this_ae"),
    ],
)
def test_strangers_are_rejected_and_recorded(site: Site, how: dict[str, str], reason: str) -> None:
    association = associate(site.receiver.port, **how)

    assert association.is_rejected
    assert site.reasons == [reason]


def test_deflated_syntax_is_not_taken(site: Site) -> None:
    association = associate(site.receiver.port, syntax=DeflatedExplicitVRLittleEndian)

    assert [str(context.abstract_syntax) for context in association.accepted_contexts] == ["1.2.840.10008.1.1"]
    association.release()


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, "1.2.840.10008.1.2.9"])
def test_an_image_in_a_syntax_that_is_not_taken_is_recorded(site: Site, syntax: str) -> None:
    association = associate(site.receiver.port, syntax=syntax)
    association.release()

    assert site.reasons == ["transfer_syntax_unknown"]


def test_a_private_storage_class_is_taken(site: Site) -> None:
    private = "1.3.12.2.1107.5.9.1"
    film = film_dataset(SOPClassUID=private)

    assert send(site.receiver.port, dcmread(io.BytesIO(part10(film))), sop_class=private) == 0x0000
    assert site.intake.arrivals[0].sop_class == private


def test_a_query_class_is_not_taken(site: Site) -> None:
    association = associate(site.receiver.port, sop_class="1.2.840.10008.5.1.4.1.2.2.1")

    assert [str(context.abstract_syntax) for context in association.accepted_contexts] == ["1.2.840.10008.1.1"]
    association.release()
    assert site.reasons == []


def test_echo_is_answered(site: Site) -> None:
    association = associate(site.receiver.port)

    assert association.send_c_echo().Status == 0x0000
    association.release()


def test_a_pdu_that_claims_4_gigabytes_is_cut_before_it_fills_memory(site: Site) -> None:
    before = psutil.Process().memory_info().rss
    with socket.create_connection(("127.0.0.1", site.receiver.port)) as peer:
        peer.settimeout(10)
        sent = _pour(peer, struct.pack(">BBL", 1, 0, 0xFFFFFFF0), most=64 << 20)

    assert sent < 16 << 20
    assert psutil.Process().memory_info().rss - before < 32 << 20
    assert send(site.receiver.port, film_dataset()) == 0x0000


def _pour(peer: socket.socket, head: bytes, *, most: int) -> int:
    sent = 0
    try:
        peer.sendall(head)
        while sent < most:
            sent += peer.send(bytes(1 << 16))
            time.sleep(0.001)
    except OSError:
        pass
    return sent


def test_a_peer_that_drips_bytes_is_cut_at_the_deadline(site: Site) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", site.receiver.port)) as peer:
        peer.settimeout(10)
        peer.sendall(struct.pack(">BBL", 1, 0, 1000))
        ended = _dripped_until_cut(peer)

    assert ended
    assert time.monotonic() - began < 6


def _dripped_until_cut(peer: socket.socket) -> bool:
    try:
        for _ in range(40):
            peer.sendall(b"\0")
            time.sleep(0.2)
    except OSError:
        return True
    return False


def test_idle_sockets_do_not_block_a_modality(site: Site) -> None:
    idle = [socket.create_connection(("127.0.0.1", site.receiver.port)) for _ in range(10)]

    assert send(site.receiver.port, film_dataset()) == 0x0000

    for peer in idle:
        peer.settimeout(8)
        assert peer.recv(1024)[:1] in {b"", b"\x07"}
        peer.close()


def test_one_peer_gets_no_more_than_its_share() -> None:
    with running(Site(TransportLimits(associations_per_peer=2, spare=1))) as site:
        held = [associate(site.receiver.port) for _ in range(2)]
        third = associate(site.receiver.port)
        for association in held:
            association.release()
        _until(lambda: not site.receiver.open_sockets)
        after = send(site.receiver.port, film_dataset())

    assert third.is_rejected
    assert site.reasons == ["too_many_associations"]
    assert after == 0x0000


def test_an_object_over_the_limit_ends_its_association() -> None:
    with running(Site(TransportLimits(largest_object=20_000))) as site:
        large = associate(site.receiver.port)
        status = large.send_c_store(film_dataset(rows=2000, columns=300)).get("Status")
        small = send(site.receiver.port, film_dataset(rows=8, columns=8))

    assert status is None
    assert small == 0x0000
    assert len(site.store.objects) == 1


def test_a_sender_cut_off_in_the_middle_leaves_nothing(site: Site) -> None:
    association = associate(site.receiver.port)
    thread = threading.Thread(target=association.send_c_store, args=(film_dataset(rows=3000, columns=3000),))
    association.dimse_timeout = 2
    site_socket = association.dul.socket.socket

    thread.start()
    time.sleep(0.01)
    site_socket.shutdown(socket.SHUT_RDWR)
    thread.join(20)

    assert not site.intake.arrivals
    assert send(site.receiver.port, film_dataset()) == 0x0000


def test_stopping_lets_a_film_under_way_end_with_its_true_status() -> None:
    site = Site(TransportLimits())
    site.receiver.start()
    port = site.receiver.port
    entered = threading.Event()
    site.store.before_put = lambda: (entered.set(), time.sleep(0.5))[0]
    status: list[int | None] = []
    sender = threading.Thread(target=lambda: status.append(send(port, film_dataset())))

    sender.start()
    assert entered.wait(5)
    site.receiver.stop(seconds=5)
    sender.join(10)

    assert status == [0x0000]
    assert len(site.intake.arrivals) == 1
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
