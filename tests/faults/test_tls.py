"""The TLS port against good, missing, expired, revoked and foreign certificates, silence, and old protocols."""

import io
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import DigitalXRayImageStorageForPresentation
from pynetdicom import AE
from tests.builders import film_bytes
from tests.certificates import HERE, Authority
from tests.fakes import FakeIntake, FakeStore

from vetflow.adapters.tls import PemFiles, Renewed, client_context, ends, server_context
from vetflow.domain.errors import ConfigurationError
from vetflow.gateway.limits import TransportLimits
from vetflow.gateway.negotiation import Peer
from vetflow.gateway.receiver import Listening, Receiver, SecurePort
from vetflow.hospital import modality

needs_dcmtk = pytest.mark.skipif(shutil.which("storescu") is None, reason="DCMTK is not installed")
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")

HANDSHAKE_SECONDS = 1.5


class Site:
    """A receiver with a plain and a TLS port, and certificates of its authority."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.stranger = Authority(folder, "stranger")
        self.files = self.authority.issue("vetflow")
        self.store, self.intake = FakeStore(), FakeIntake()
        listening = Listening(
            ae_title="VETFLOW",
            host=HERE,
            port=0,
            peers=(Peer(ae_title="MOD"),),
            limits=TransportLimits(pdu_seconds=HANDSHAKE_SECONDS, associations_per_peer=2, spare=4),
            secure=SecurePort(port=0, context=Renewed(self.files, server_context)),
        )
        self.receiver = Receiver(listening, store=self.store, intake=self.intake)

    @property
    def port(self) -> int:
        return self.receiver.secure_port

    @property
    def refused(self) -> list[tuple[str, str, str]]:
        return [(one.sender, one.reason, one.status) for one in self.intake.refusals]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.receiver.start()
    yield made
    made.receiver.stop(seconds=1)


def send(site: Site, film: Path, tls: ssl.SSLContext | None) -> modality.Sent:
    receiver = modality.Receiver(host=HERE, port=site.port, calling="MOD", seconds=10, tls=tls)
    [sent] = modality.send([film], receiver)
    return sent


def film_in(folder: Path, **tags: object) -> Path:
    path = folder / "film.dcm"
    path.write_bytes(film_bytes(**tags))
    return path


def storescu(site: Site, film: Path, files: PemFiles, *more: str) -> subprocess.CompletedProcess[str]:
    secure = ["+tls", str(files.key), str(files.certificate), "+cf", str(files.authorities)]
    command = ["storescu", *secure, *more, "-aet", "MOD", "-aec", "VETFLOW", HERE, str(site.port), str(film)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def connected(port: int, context: ssl.SSLContext) -> str | None:
    """Shake hands, wait for a verdict on our certificate, and return the protocol."""
    with (
        socket.create_connection((HERE, port), timeout=5) as raw,
        context.wrap_socket(raw, server_hostname=HERE) as tls,
    ):
        tls.settimeout(0.5)
        with suppress(TimeoutError):
            tls.recv(1)
        return tls.version()


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@needs_dcmtk
@pytest.mark.parametrize("profile", ["--profile-bcp195-nd", "--profile-bcp195", "--profile-bcp195-ex"])
def test_dcmtk_with_a_good_certificate_stores_in_every_current_profile(
    site: Site, tmp_path: Path, profile: str
) -> None:
    sent = storescu(site, film_in(tmp_path), site.authority.issue("scu"), profile)

    assert sent.returncode == 0, sent.stderr
    assert len(site.store.objects) == 1
    assert site.refused == []


@needs_dcmtk
@pytest.mark.parametrize("profile", ["--profile-aes", "--profile-null"])
def test_dcmtk_in_a_retired_profile_is_refused(site: Site, tmp_path: Path, profile: str) -> None:
    sent = storescu(site, film_in(tmp_path), site.authority.issue("scu"), profile)

    assert sent.returncode != 0
    assert not site.store.objects


@needs_dcmtk
@pytest.mark.parametrize(
    ("whose", "days", "why"),
    [
        ("authority", -1, "certificate has expired"),
        ("stranger", 5, "unable to get local issuer certificate"),
    ],
)
def test_dcmtk_with_a_bad_certificate_is_refused_and_people_can_see_why(
    site: Site, tmp_path: Path, whose: str, days: float, why: str
) -> None:
    issuer: Authority = getattr(site, whose)
    files = issuer.issue("scu", days=days, believing=site.authority.file)

    sent = storescu(site, film_in(tmp_path), files)

    assert sent.returncode != 0
    assert not site.store.objects
    assert site.refused == [(HERE, "tls_refused", why)]


@needs_dcmtk
def test_dcmtk_without_a_certificate_is_refused(site: Site, tmp_path: Path) -> None:
    command = ["storescu", "+tla", "-ic", "-aet", "MOD", "-aec", "VETFLOW", HERE, str(site.port)]

    sent = subprocess.run([*command, str(film_in(tmp_path))], capture_output=True, timeout=60, check=False)

    assert sent.returncode != 0
    assert not site.store.objects
    assert [reason for _, reason, _ in site.refused] == ["tls_refused"]


@needs_openssl
def test_a_client_that_shows_no_certificate_is_told_so(site: Site) -> None:
    command = ["openssl", "s_client", "-ign_eof", "-connect", f"{HERE}:{site.port}", "-CAfile", site.authority.file]

    told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)

    assert b"certificate required" in told.stderr
    assert site.refused == [(HERE, "tls_refused", "peer did not return a certificate")]


def test_a_revoked_certificate_is_refused_once_the_list_is_there(site: Site, tmp_path: Path) -> None:
    lost, kept = site.authority.issue("lost"), site.authority.issue("kept")
    film, clients = film_in(tmp_path), [client_context(files) for files in (lost, kept)]
    before = send(site, film, clients[0])

    site.authority.revoke(lost)
    after = [send(site, film, tls) for tls in clients]

    assert before.taken
    assert [sent.taken for sent in after] == [False, True]
    assert site.refused == [(HERE, "tls_refused", "certificate revoked")]


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_older_than_1_2_is_refused(site: Site, newest: ssl.TLSVersion) -> None:
    context = client_context(site.authority.issue("scu"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = newest

    if newest is ssl.TLSVersion.TLSv1_1:
        with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
            connected(site.port, context)
    else:
        assert connected(site.port, context) == newest.name.replace("_", ".")


@pytest.mark.parametrize("ciphers", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"])
def test_ciphers_without_forward_secrecy_or_authentication_are_refused(site: Site, ciphers: str) -> None:
    context = client_context(site.authority.issue("scu"))
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        connected(site.port, context)


def test_a_plain_association_on_the_tls_port_is_refused(site: Site, tmp_path: Path) -> None:
    sent = send(site, film_in(tmp_path), None)

    assert not sent.taken
    assert site.refused == [(HERE, "tls_refused", "wrong version number")]


def test_a_film_of_many_pdus_arrives_whole_over_tls(site: Site, tmp_path: Path) -> None:
    film = film_in(tmp_path, rows=3000, columns=2500)

    sent = send(site, film, client_context(site.authority.issue("scu")))

    assert sent.taken
    [data] = site.store.objects.values()
    assert dcmread(io.BytesIO(data)).PixelData == dcmread(film).PixelData


def test_silent_sockets_on_the_tls_port_keep_nobody_out_and_are_let_go(site: Site, tmp_path: Path) -> None:
    silent = [socket.create_connection((HERE, site.port)) for _ in range(4)]
    began = time.monotonic()

    sent = send(site, film_in(tmp_path), client_context(site.authority.issue("scu")))
    took = time.monotonic() - began
    until(lambda: site.receiver.open_sockets == 0)

    assert sent.taken
    assert took < HANDSHAKE_SECONDS
    for peer in silent:
        peer.settimeout(5)
        assert peer.recv(1) == b""
        peer.close()
    assert site.refused == []  # a monitor that only knocks is no news


def test_a_handshake_that_drips_is_cut_at_the_deadline(site: Site) -> None:
    began = time.monotonic()
    with socket.create_connection((HERE, site.port)) as peer:
        peer.sendall(b"\x16\x03\x01\x02\x00")
        with pytest.raises(OSError):
            for _ in range(100):
                peer.sendall(b"\0")
                time.sleep(0.1)

    assert time.monotonic() - began < HANDSHAKE_SECONDS + 3


def test_both_ports_share_the_limit_of_associations(site: Site) -> None:
    context = client_context(site.authority.issue("scu"))
    entity = AE("MOD")
    entity.add_requested_context(DigitalXRayImageStorageForPresentation)
    held = [
        entity.associate(HERE, site.receiver.port, ae_title="VETFLOW"),
        entity.associate(HERE, site.port, ae_title="VETFLOW", tls_args=(context, HERE)),
    ]

    third = entity.associate(HERE, site.receiver.port, ae_title="VETFLOW")

    assert [one.is_established for one in held] == [True, True]
    assert third.is_rejected
    for one in held:
        one.release()


def test_a_site_may_listen_for_tls_alone(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("vetflow")
    secure = SecurePort(port=0, context=Renewed(files, server_context))
    listening = Listening(ae_title="VETFLOW", host=HERE, port=None, peers=(Peer(ae_title="MOD"),), secure=secure)
    receiver = Receiver(listening, store=(store := FakeStore()), intake=FakeIntake())
    receiver.start()
    to = modality.Receiver(host=HERE, port=receiver.port, calling="MOD", tls=client_context(files))

    [sent] = modality.send([film_in(tmp_path)], to)
    receiver.stop(seconds=1)

    assert sent.taken
    assert len(store.objects) == 1


def test_stopping_ends_a_handshake_that_is_under_way(site: Site) -> None:
    with socket.create_connection((HERE, site.port)) as peer:
        until(lambda: site.receiver.open_sockets == 1)
        began = time.monotonic()
        site.receiver.stop(seconds=0.2)
        peer.settimeout(5)

        assert peer.recv(1) == b""
        assert time.monotonic() - began < HANDSHAKE_SECONDS


def test_a_renewed_certificate_is_shown_without_a_restart(site: Site, tmp_path: Path) -> None:
    context = client_context(site.authority.issue("scu"))

    def shown() -> bytes | None:
        with socket.create_connection((HERE, site.port)) as raw, context.wrap_socket(raw, server_hostname=HERE) as tls:
            return tls.getpeercert(binary_form=True)

    before = shown()
    site.authority.issue("vetflow")
    renewed = shown()

    assert before != renewed
    assert ssl.PEM_cert_to_DER_cert(site.files.certificate.read_text()) == renewed


def test_a_broken_new_certificate_leaves_the_old_one_in_use_and_says_why(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film, tls = film_in(tmp_path), client_context(site.authority.issue("scu"))
    assert send(site, film, tls).taken

    site.files.key.write_bytes(site.authority.issue("other").key.read_bytes())
    mismatched = send(site, film, tls)
    site.files.certificate.write_text("nothing")
    unreadable = send(site, film, tls)
    site.authority.issue("vetflow")
    mended = send(site, film, tls)

    assert [sent.taken for sent in (mismatched, unreadable, mended)] == [True, True, True]
    said = capsys.readouterr().out
    assert said.count("is not the key of") == 1
    assert said.count("not in PEM form") == 1
    assert said.count("certificate renewed") == 1


@pytest.mark.parametrize("spoilt", ["certificate", "key", "authorities"])
@pytest.mark.parametrize("content", [None, "", "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"])
def test_files_that_never_were_good_are_an_error_that_names_the_file(
    tmp_path: Path, spoilt: str, content: str | None
) -> None:
    files = Authority(tmp_path).issue("vetflow")
    path: Path = getattr(files, spoilt)
    path.unlink() if content is None else path.write_text(content)

    with pytest.raises(ConfigurationError, match=path.name):
        Renewed(files, server_context)()


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("vetflow")
    files.key.chmod(0o640)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        client_context(files)


def test_an_encrypted_key_is_an_error_and_asks_nobody(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("vetflow")
    locked = tmp_path / "locked.key"
    command = ["openssl", "pkey", "-aes256", "-passout", "pass:secret", "-in", str(files.key), "-out", str(locked)]
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    subprocess.run(command, check=True)
    locked.chmod(0o600)

    with pytest.raises(ConfigurationError, match="encrypted"):
        server_context(replace(files, key=locked))


def test_the_first_end_of_each_file_is_told(tmp_path: Path) -> None:
    files = Authority(tmp_path).issue("vetflow", days=-3)

    told = ends(files)

    assert sorted(told) == ["authorities.pem", "vetflow.pem"]
    assert told["vetflow.pem"] < told["authorities.pem"]
