"""From the last image stored to the report in the PACS, one film at a time and many in a row."""

import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vetflow.bench import site
from vetflow.bench.images import Kind, write_images
from vetflow.bench.rows import Row, percentile, sync_row
from vetflow.domain.case import Queue
from vetflow.domain.errors import TransientError
from vetflow.hospital import modality
from vetflow.hospital.pacs import HospitalPacs
from vetflow.settings import DicomDestination, Gateway, Ports, Route, Sender, Settings
from vetflow.settings import Site as SiteWords
from vetflow.wiring.catalogue import shipped

_PARTS = ("ledger", "prefect", "gateway", "courier", "worker")
_FILMS, _WARM_UP, _ROW_OF_FILMS = 10, 3, 30
_REPORT_SECONDS = 60.0


@dataclass(slots=True)
class Arrivals:
    """When reports reached the PACS.

    Parameters
    ----------
    times
        ``time.monotonic()`` of each report, in order.
    """

    times: list[float] = field(default_factory=list[float])
    _news: threading.Condition = field(default_factory=threading.Condition)

    def note(self, _sop_uid: str) -> int:
        """Note one and answer Success."""
        with self._news:
            self.times.append(time.monotonic())
            self._news.notify_all()
        return 0x0000

    def wait(self, count: int, seconds: float) -> None:
        """Return once that many have come; TransientError when they don't."""
        with self._news:
            if not self._news.wait_for(lambda: len(self.times) >= count, seconds):
                raise TransientError(f"{len(self.times)} of {count} reports came within {seconds:g} s")


def measure_film(folder: Path, tell: Callable[[str], None]) -> list[Row]:
    """Return how long a 16 MB film takes to become a report in the PACS, beside a bare script that does the same."""
    films = write_images(folder / "films", Kind.DX, _FILMS + _WARM_UP)
    with _clinic(folder) as (settings, arrivals):
        tell("one film at a time")
        ours = [_one(film, settings, arrivals) for film in films][_WARM_UP:]
        tell("the bare script on the same films")
        bare = _bare(films, settings)[_WARM_UP:]
    return [
        sync_row(folder),
        _beside("film stored → report in the PACS, median", statistics.median(ours), statistics.median(bare)),
        _beside("film stored → report in the PACS, p95", percentile(ours, 0.95), percentile(bare, 0.95)),
    ]


def _beside(what: str, ours: float, bare: float) -> Row:
    name = "bare script: read, decode, same model, report, send"
    return Row(what=what, ours=ours, peer=bare, peer_name=name, unit="s", runs=_FILMS)


def measure_throughput(folder: Path, tell: Callable[[str], None]) -> list[Row]:
    """Return films a minute from the first one sent to the last report in the PACS."""
    films = write_images(folder / "films", Kind.DX, _ROW_OF_FILMS + _WARM_UP)
    with _clinic(folder) as (settings, arrivals):
        for film in films[:_WARM_UP]:
            _one(film, settings, arrivals)
        tell(f"{_ROW_OF_FILMS} films in a row")
        begun = time.monotonic()
        _send(films[_WARM_UP:], settings)
        arrivals.wait(len(films), _REPORT_SECONDS * 5)
        ours = _ROW_OF_FILMS * 60 / (arrivals.times[-1] - begun)
        tell("the bare script on the same films")
        bare = 60 / statistics.mean(_bare(films, settings)[_WARM_UP:])
    return [
        sync_row(folder),
        Row(what=f"{_ROW_OF_FILMS} films in a row, end to end", ours=ours, peer=bare, unit="films/min",
            peer_name="bare script, one film after the other", runs=1, smaller_is_better=False),
    ]  # fmt: skip


def _one(film: Path, settings: Settings, arrivals: Arrivals) -> float:
    """Send a film and return the seconds from its Success to its report in the PACS."""
    expected = len(arrivals.times) + 1
    _send([film], settings)
    stored = time.monotonic()
    arrivals.wait(expected, _REPORT_SECONDS)
    return arrivals.times[-1] - stored


def _send(films: list[Path], settings: Settings) -> None:
    receiver = modality.Receiver(host="127.0.0.1", port=settings.gateway.port, calling="BENCH")
    for sent in modality.send(films, receiver):
        if not sent.taken:
            raise TransientError(f"a film was not taken: {sent.note}")


def _bare(films: list[Path], settings: Settings) -> list[float]:
    """Return the bare script's seconds for each film, its imports left out."""
    port = str(next(place.port for place in settings.destinations if isinstance(place, DicomDestination)))
    command = [sys.executable, "-m", "vetflow.bench.bare_film", str(shipped("positioning")), port, *map(str, films)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(line) for line in done.stdout.split()]


@contextmanager
def _clinic(folder: Path) -> Generator[tuple[Settings, Arrivals]]:
    arrivals = Arrivals()
    with HospitalPacs(folder / "pacs", "PACS", answer=arrivals.note) as pacs:
        settings = Settings(
            home=folder / "home",
            site=SiteWords(name="bench", simulated=True),
            gateway=Gateway(port=site.free_port(), senders=(Sender(ae_title="BENCH"),)),
            routes=(Route(use_case="positioning", queue=Queue.STAT),),
            destinations=(
                DicomDestination(name="pacs", kind="dicom", ae_title="PACS", host="127.0.0.1", port=pacs.port),
            ),
            ports=Ports(prefect=site.free_port(), mlflow=site.free_port(), web=site.free_port()),
        )
        with site.running(settings, _PARTS):
            yield settings, arrivals
    shutil.rmtree(folder / "home", ignore_errors=True)
