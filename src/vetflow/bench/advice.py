"""From a film stored to advice on it, by HTTP and in the PACS, while other cases and an ingest of CT slices run."""

import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import httpx
from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]
from pydicom.uid import KeyObjectSelectionDocumentStorage

from vetflow.bench import peers, site
from vetflow.bench.images import Kind, write_images
from vetflow.bench.rows import Row, percentile, sync_row
from vetflow.domain.case import CaseState, Queue
from vetflow.domain.delivery import ResultKind
from vetflow.domain.errors import TransientError
from vetflow.domain.routing import FILM_USE_CASES
from vetflow.domain.signalment import Species
from vetflow.domain.use_cases import DRAFT
from vetflow.hospital import modality
from vetflow.hospital.pacs import HospitalPacs
from vetflow.settings import (
    DicomDestination,
    Gateway,
    Ports,
    Quiet,
    Route,
    Sender,
    Settings,
    UseCase,
    Web,
    WebSender,
)
from vetflow.settings import Site as SiteWords
from vetflow.supervisor.places import located
from vetflow.wiring import Services, build
from vetflow.wiring.catalogue import shipped

_PARTS = ("ledger", "prefect", "gateway", "courier", "worker", "web")
_FILMS, _WARM_UP, _OTHERS, _SLICES = 20, 2, 8, 600
_BAR_SECONDS = 5.0
_ADVICE_SECONDS, _BREATH_SECONDS = 60.0, 1.0
_ON_WHOLE_STUDIES = tuple(use_case for use_case in get_args(UseCase) if use_case not in {*FILM_USE_CASES, DRAFT})
_SR, _KOS = "report", "key objects"
_BARE = "bare script beside the same load: read, decode, same model, report, send"


@dataclass(slots=True)
class Clock:
    """When objects reached the PACS, ``time.monotonic()`` by SOP Instance UID."""

    times: dict[str, float] = field(default_factory=dict[str, float])

    def note(self, sop_uid: str) -> int:
        """Note one and answer Success."""
        self.times.setdefault(sop_uid, time.monotonic())
        return 0x0000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The clinic of the bench.

    Parameters
    ----------
    services
        Its ledger, seen from outside.
    clock
        When its PACS got what.
    kept
        Folder of what its PACS got.
    """

    services: Services
    clock: Clock
    kept: Path

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return self.services.settings


def measure(
    folder: Path, tell: Callable[[str], None], *, films: int = _FILMS, others: int = _OTHERS, slices: int = _SLICES
) -> list[Row]:
    """Return how long advice takes, one film after the other, beside as many other cases and a CT that never ends."""
    shots = _films(folder / "films", films + _WARM_UP)
    with _clinic(folder) as place:
        tell(f"getting {others} other cases and a CT under way")
        with _load(place, folder / "load", others=others, slices=slices):
            tell(f"{films} films, one after the other")
            sent = {sop: _one(film, sop, place) for sop, film in shots.items()}
            tell("the bare script on the same films")
            bare = _bare(list(shots.values()), place.settings)[_WARM_UP:]
        arrived = _arrived(place, shots)
    measured = list(shots)[_WARM_UP:]
    told = {sop: sent[sop][1] for sop in measured}
    taken = {
        what: [at[sop] - sent[sop][0] for sop in measured]
        for what, at in {"told by HTTP": told, **arrived}.items()
    }  # fmt: skip
    return [sync_row(folder), *_rows(taken, bare, f"beside {others} other cases and a CT")]


def _rows(taken: dict[str, list[float]], bare: Sequence[float], beside: str) -> Iterator[Row]:
    whole = [max(each) for each in zip(*taken.values(), strict=True)]
    runs = len(whole)
    for name, share in (("p50", 0.5), ("p95", 0.95)):
        yield Row(
            what=f"film stored → advice told and in the PACS, {name}, {beside}", ours=percentile(whole, share),
            peer=percentile(bare, share), peer_name=_BARE, unit="s", runs=runs,
        )  # fmt: skip
    for what, seconds in taken.items():
        yield Row(what=f"of it, {what}, p95", ours=percentile(seconds, 0.95), unit="s", runs=runs)
    yield Row(
        what=f"film stored → advice told and in the PACS, p95, {beside}", ours=percentile(whole, 0.95),
        peer=_BAR_SECONDS, peer_name="bar", unit="s", runs=runs,
    )  # fmt: skip


def _films(folder: Path, count: int) -> dict[str, Path]:
    """Return overexposed 16 MB films by SOP Instance UID: each has a quality issue, so that key objects are due."""
    return {_change(path, DeviationIndex="4.0"): path for path in write_images(folder, Kind.DX, count)}


def _change(path: Path, **values: str) -> str:
    """Set values of a file and return its SOP Instance UID."""
    image = dcmread(path)
    for keyword, value in values.items():
        setattr(image, keyword, value)
    image.save_as(path)
    return str(image.SOPInstanceUID)


@contextmanager
def _clinic(folder: Path) -> Generator[Place]:
    clock = Clock()
    with HospitalPacs(folder / "pacs", "PACS", answer=clock.note) as pacs:
        settings = _settings(folder / "home", pacs.port)
        settings.secrets.mkdir(mode=0o700, parents=True)
        token = settings.secrets / "room.token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32))
        with site.running(settings, _PARTS):
            yield Place(services=build(located(settings)), clock=clock, kept=folder / "pacs")
    shutil.rmtree(folder / "home", ignore_errors=True)


def _settings(home: Path, pacs: int) -> Settings:
    """Return a site where dogs' films are advised on at once, and all that can be is run on cats' as routine."""
    others = tuple(Route(use_case=use_case, species=(Species.CAT,)) for use_case in ("positioning", *_ON_WHOLE_STUDIES))
    return Settings(
        home=home,
        site=SiteWords(name="bench", simulated=True),
        gateway=Gateway(port=site.free_port(), senders=(Sender(ae_title="BENCH"),)),
        web=Web(senders=(WebSender(name="room", token="room.token"),)),  # noqa: S106 — a file's name
        completeness=Quiet(seconds={"CR": 1.0}),
        routes=(Route(use_case="positioning", species=(Species.DOG,), queue=Queue.STAT), *others),
        destinations=(
            DicomDestination(
                name="pacs", kind="dicom", ae_title="PACS", host="127.0.0.1", port=pacs,
                results=(ResultKind.SR, ResultKind.KOS),
            ),
        ),
        ports=Ports(prefect=site.free_port(), mlflow=site.free_port(), web=site.free_port()),
    )  # fmt: skip


@contextmanager
def _load(place: Place, folder: Path, *, others: int, slices: int) -> Generator[None]:
    """Keep so many other cases open, and a CT sending, until the end of the context."""
    for path in write_images(folder / "cats", Kind.CR, 2):
        _change(path, PatientSpeciesDescription="Feline")
    write_images(folder / "ct", Kind.CT, slices)
    over = threading.Event()
    feeders = [
        threading.Thread(target=_feed, args=(place, folder / "cats", others, over)),
        threading.Thread(target=_scan, args=(place.settings, folder / "ct", over)),
    ]
    for feeder in feeders:
        feeder.start()
    try:
        _until(lambda: _open(place) >= others)
        yield
    finally:
        over.set()
        for feeder in feeders:
            feeder.join()


def _feed(place: Place, films: Path, others: int, over: threading.Event) -> None:
    """Send another study of two films whenever fewer cases than wanted are open."""
    while not over.wait(0.2):
        if _open(place) < others:
            _sent(films, place.settings)


def _scan(settings: Settings, slices: Path, over: threading.Event) -> None:
    while not over.is_set():
        _sent(slices, settings)


def _sent(images: Path, settings: Settings) -> None:
    """Send a folder as a study that has not been sent before."""
    command = [peers.tool("storescu"), "-aet", "BENCH", "-aec", settings.gateway.ae_title, "-pdu", "131072", "+sd"]
    place = ["127.0.0.1", str(settings.gateway.port), str(images)]
    subprocess.run([*command, "+IR", "100000", "+IS", "1", *place], check=False, capture_output=True)


def _open(place: Place) -> int:
    counts = place.services.ledger.counts().cases
    return sum(count for state, count in counts.items() if not CaseState(state).ended)


def _one(film: Path, sop: str, place: Place) -> tuple[float, float]:
    """Send a film and return when it was stored, and when its advice was told, once a moment has passed."""
    receiver = modality.Receiver(host="127.0.0.1", port=place.settings.gateway.port, calling="BENCH")
    for sent in modality.send([film], receiver):
        if not sent.taken:
            raise TransientError(f"a film was not taken: {sent.note}")
    stored, settings = time.monotonic(), place.settings
    token = (settings.secrets / "room.token").read_text()
    answer = httpx.get(
        f"http://127.0.0.1:{settings.ports.web}/films/{sop}/advice",
        params={"wait": "30"}, headers={"Authorization": f"Bearer {token}"}, timeout=40, trust_env=False,
    )  # fmt: skip
    told = time.monotonic()
    state = answer.json()["state"] if answer.is_success else f"HTTP {answer.status_code}"
    if state != "done":
        raise TransientError(f"no advice on a film after {told - stored:.0f} s: {state}")
    time.sleep(_BREATH_SECONDS)
    return stored, told


def _bare(films: Sequence[Path], settings: Settings) -> list[float]:
    port = str(next(place.port for place in settings.destinations if isinstance(place, DicomDestination)))
    command = [sys.executable, "-m", "vetflow.bench.bare_film", str(shipped("positioning")), port, *map(str, films)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(line) for line in done.stdout.split()]


def _arrived(place: Place, films: dict[str, Path]) -> dict[str, dict[str, float]]:
    """Return when each film's report and key objects were in the PACS; TransientError when some never came."""
    found: dict[str, dict[str, float]] = {}

    def complete() -> bool:
        found.update(_kept(place))
        return all(films.keys() <= found.get(what, {}).keys() for what in (_SR, _KOS))

    _until(complete)
    return {f"{what} in the PACS": found[what] for what in (_SR, _KOS)}


def _kept(place: Place) -> dict[str, dict[str, float]]:
    """Return when the first report and the first key objects of each film came, by its SOP Instance UID."""
    found: dict[str, dict[str, float]] = {_SR: {}, _KOS: {}}
    for path in place.kept.glob("*.dcm"):
        document = dcmread(path, stop_before_pixels=True)
        series = document.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
        film = str(series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
        what = _KOS if document.SOPClassUID == KeyObjectSelectionDocumentStorage else _SR
        at = place.clock.times[str(document.SOPInstanceUID)]
        found[what][film] = min(at, found[what].get(film, at))
    return found


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + _ADVICE_SECONDS
    while not true():
        if time.monotonic() > end:
            raise TransientError(f"the bench waited {_ADVICE_SECONDS:g} s in vain")
        time.sleep(0.2)
