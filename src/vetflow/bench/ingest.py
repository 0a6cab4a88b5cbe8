"""Durable ingest: 600 CT slices and 40 CR films, one sender and eight, against a bare receiver and Orthanc."""

import shutil
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from vetflow.bench import peers, site
from vetflow.bench.images import Kind, write_images
from vetflow.bench.rows import Row, sync_row
from vetflow.settings import Gateway, Ports, Sender, Settings

_RUNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent in one run."""

    what: str
    kind: Kind
    count: int
    senders: int


LOADS = (
    Load(what="600 CT slices (300 MB), 1 sender", kind=Kind.CT, count=600, senders=1),
    Load(what="600 CT slices (300 MB), 8 senders", kind=Kind.CT, count=600, senders=8),
    Load(what="40 CR films of 10 MB, 1 sender", kind=Kind.CR, count=40, senders=1),
)


def measure(
    folder: Path, tell: Callable[[str], None], *, loads: Iterable[Load] = LOADS, runs: int = _RUNS
) -> list[Row]:
    """Return rows for each load; everything is written below a folder, whose disk's pace stands first.

    Parameters
    ----------
    tell
        Called with a sentence at each step.
    """
    rows = [sync_row(folder)]
    for load in loads:
        tell(f"making {load.what}")
        folders = _made(folder / "films", load)
        times: dict[str, list[float]] = {"ours": [], "bare": [], "orthanc": []}
        for run in range(runs):
            tell(f"{load.what}: run {run + 1} of {runs}")
            times["bare"].append(_bare(folder / "bare", folders))
            times["ours"].append(_ours(folder / "home", folders))
            times["orthanc"].append(_orthanc(folder / "orthanc", folders))
        middle = {name: statistics.median(values) for name, values in times.items()}
        for peer, name in (("bare", "bare pynetdicom receiver with the same syncs"), ("orthanc", "Orthanc")):
            rows.append(
                Row(what=load.what, ours=middle["ours"], peer=middle[peer], peer_name=name, unit="s", runs=runs)
            )
        shutil.rmtree(folder / "films")
    return rows


def _bare(folder: Path, folders: list[Path]) -> float:
    with peers.bare_receiver(folder) as port:
        seconds = peers.send(folders, port=port, called="BARE")
    shutil.rmtree(folder)
    return seconds


def _orthanc(folder: Path, folders: list[Path]) -> float:
    with peers.orthanc(folder, port=site.free_port(), http=site.free_port()) as port:
        seconds = peers.send(folders, port=port, called="ORTHANC")
    shutil.rmtree(folder)
    return seconds


def _ours(home: Path, folders: list[Path]) -> float:
    settings = receiver_only(home)
    with site.running(settings, ("ledger", "gateway")):
        seconds = peers.send(folders, port=settings.gateway.port, called=settings.gateway.ae_title)
    shutil.rmtree(home)
    return seconds


def receiver_only(home: Path) -> Settings:
    """Return the settings of a site that routes nothing, so that receiving alone is measured."""
    gateway = Gateway(port=site.free_port(), senders=(Sender(ae_title="BENCH"),))
    ports = Ports(prefect=site.free_port(), mlflow=site.free_port(), web=site.free_port())
    return Settings(home=home, gateway=gateway, ports=ports)


def _made(folder: Path, load: Load) -> list[Path]:
    """Write the images of one study, dealt out to the senders' folders."""
    folders = [folder / str(sender) for sender in range(load.senders)]
    for place in folders:
        place.mkdir(parents=True)
    for number, file in enumerate(write_images(folder / "all", load.kind, load.count)):
        file.rename(folders[number % load.senders] / file.name)
    return folders
