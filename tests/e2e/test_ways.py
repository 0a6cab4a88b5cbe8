"""A film comes in over TLS by STOW-RS and by C-STORE; its report goes out by C-STORE over TLS and by STOW-RS."""

import io
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydicom import dcmread
from tests import builders, peers
from tests.certificates import HERE, Authority
from tests.stow_service import MULTIPART, multipart

from vetflow.adapters.tls import PemFiles, client_context
from vetflow.bench import site
from vetflow.domain.case import Queue
from vetflow.settings import (
    DicomDestination,
    DicomwebDestination,
    Gateway,
    Ports,
    Route,
    SecureGateway,
    Sender,
    Settings,
    Site,
    Tls,
    Web,
    WebSender,
)
from vetflow.supervisor.doctor import examine
from vetflow.supervisor.places import located

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PARTS = ("ledger", "prefect", "gateway", "courier", "worker", "web")
REPORT_SECONDS = 120


@dataclass(frozen=True)
class Ways:
    """A running site, who sends to it and who gets its reports."""

    settings: Settings
    sender: PemFiles
    token: str
    storescp: Path
    orthanc: peers.Orthanc


@pytest.fixture(scope="module")
def ways() -> Iterator[Ways]:
    # Not pytest's 0700 folder: as root the database runs under another account.
    folder = Path(tempfile.mkdtemp(prefix="vetflow-ways-"))
    folder.chmod(0o755)
    authority, token = Authority(folder / "ca"), secrets.token_hex(32)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        secure = stack.enter_context(peers.storescp(folder / "storescp", authority.issue("pacs")))
        orthanc = stack.enter_context(peers.orthanc(folder / "orthanc", dicomweb=True))
        settings = at(folder / "home", authority.issue("vetflow"), storescp=secure, dicomweb=orthanc.dicomweb)
        settings.secrets.mkdir(parents=True, mode=0o700)
        (settings.secrets / "cloud.token").write_text(token)
        (settings.secrets / "cloud.token").chmod(0o600)
        stack.enter_context(site.running(settings, PARTS))
        yield Ways(settings, authority.issue("sender"), token, folder / "storescp", orthanc)


def at(home: Path, files: PemFiles, *, storescp: int, dicomweb: str) -> Settings:
    """Return the settings of a site that speaks nothing but TLS."""
    tls = Tls(certificate=files.certificate, key=files.key, authorities=files.authorities)
    return Settings(
        home=home,
        site=Site(name="ways", simulated=True),
        gateway=Gateway(
            senders=(Sender(ae_title="MOD"),),
            plain=False,
            tls=SecureGateway(port=site.free_port(), **tls.model_dump()),
        ),
        web=Web(senders=(WebSender(name="cloud", token="cloud.token"),), tls=tls),  # noqa: S106 — a file's name
        routes=(Route(use_case="positioning", queue=Queue.STAT),),
        destinations=(
            DicomDestination(name="secure", kind="dicom", ae_title="PACS", host=HERE, port=storescp, tls=tls),
            DicomwebDestination(name="cloud", kind="dicomweb", url=dicomweb),
        ),
        ports=Ports(prefect=site.free_port(), mlflow=site.free_port(), web=site.free_port()),
    )


def film_of(study: str) -> bytes:
    uids = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", "SOPInstanceUID": f"{study}.1.1"}
    return builders.film_bytes(rows=256, columns=320, **uids)


def reports(files: list[bytes], study: str) -> list[bytes]:
    """Return those files that are reports on a study."""
    read = [(data, dcmread(io.BytesIO(data), specific_tags=["Modality", "StudyInstanceUID"])) for data in files]
    return [data for data, found in read if (found.get("Modality"), found.get("StudyInstanceUID")) == ("SR", study)]


def wait_until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + REPORT_SECONDS
    while not is_so():
        assert time.monotonic() < end, "no report came"
        time.sleep(0.3)


def by_stow(ways: Ways, film: bytes) -> bool:
    url = f"https://{HERE}:{ways.settings.ports.web}/dicomweb/studies"
    headers = {"Content-Type": MULTIPART, "Authorization": f"Bearer {ways.token}"}
    with httpx.Client(verify=client_context(ways.sender), headers=headers, timeout=30, trust_env=False) as client:
        return client.post(url, content=multipart(film)).status_code == 200


def by_storescu(ways: Ways, film: bytes) -> bool:
    path, tls = ways.settings.home.parent / "film.dcm", ways.settings.gateway.tls
    path.write_bytes(film)
    assert tls is not None
    secure = ["+tls", str(ways.sender.key), str(ways.sender.certificate), "+cf", str(ways.sender.authorities)]
    command = ["storescu", *secure, "-aet", "MOD", "-aec", "VETFLOW", HERE, str(tls.port), str(path)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize("send", [by_stow, by_storescu])
def test_a_film_goes_in_over_tls_and_its_report_comes_out_both_ways_with_the_same_bytes(
    ways: Ways, send: Callable[[Ways, bytes], bool]
) -> None:
    study = f"2.25.{secrets.randbits(100)}"

    taken = send(ways, film_of(study))
    wait_until(lambda: reports(ways.orthanc.held(), study) and reports(peers.files_in(ways.storescp), study))

    assert taken
    [stored] = reports(ways.orthanc.held(), study)
    [sent] = reports(peers.files_in(ways.storescp), study)
    assert stored[:132] == bytes(128) + b"DICM"
    assert dcmread(io.BytesIO(stored)) == dcmread(io.BytesIO(sent))


def test_doctor_finds_both_pacs_and_every_certificate_of_a_site_that_speaks_tls(ways: Ways) -> None:
    seen = {check.name: check for check in examine(located(ways.settings))}

    for name in ("PACS secure", "PACS cloud", "token of cloud"):
        assert seen[name].well, seen[name]
    assert {"TLS of gateway", "TLS of web", "TLS of secure"} <= seen.keys()


def test_nobody_gets_in_without_a_certificate(ways: Ways) -> None:
    tls = ways.settings.gateway.tls
    assert tls is not None
    secure = ["+tls", str(ways.sender.key), str(ways.sender.certificate), "+cf", str(ways.sender.authorities)]
    asked = ["-aet", "MOD", "-aec", "VETFLOW", HERE, str(tls.port)]

    codes = [subprocess.run(["echoscu", *how, *asked], timeout=60, check=False).returncode for how in (secure, [])]

    assert codes[0] == 0
    assert codes[1] != 0
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://{HERE}:{ways.settings.ports.web}/healthz", trust_env=False)
