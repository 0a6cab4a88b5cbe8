"""Durable ingest: 600 CT slices and 40 CR films, one sender and eight, against a bare receiver and Orthanc."""

import shutil
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, CTImageStorage, ExplicitVRLittleEndian, generate_uid

from vetflow.bench import peers, site
from vetflow.bench.rows import Row, sync_row
from vetflow.settings import Gateway, Ports, Sender, Settings

_RUNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent in one run.

    Parameters
    ----------
    rows, columns
        Of each 16-bit image.
    """

    what: str
    sop_class: str
    modality: str
    count: int
    rows: int
    columns: int
    senders: int


LOADS = (
    Load(what="600 CT slices (300 MB), 1 sender", sop_class=CTImageStorage, modality="CT", count=600, rows=512,
         columns=512, senders=1),
    Load(what="600 CT slices (300 MB), 8 senders", sop_class=CTImageStorage, modality="CT", count=600, rows=512,
         columns=512, senders=8),
    Load(what="40 CR films of 10 MB, 1 sender", sop_class=ComputedRadiographyImageStorage, modality="CR", count=40,
         rows=2048, columns=2560, senders=1),
)  # fmt: skip


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
    noise = np.random.default_rng(7).integers(0, 4096, (load.rows, load.columns), np.uint16)
    study, series = generate_uid(), generate_uid()
    folders = [folder / str(sender) for sender in range(load.senders)]
    for place in folders:
        place.mkdir(parents=True)
    for number in range(load.count):
        image = _image(load, np.roll(noise, number, axis=0), study=study, series=series)
        image.InstanceNumber = number + 1
        image.save_as(folders[number % load.senders] / f"{number:04}.dcm", enforce_file_format=True)
    return folders


def _image(
    load: Load, pixels: "np.ndarray[tuple[int, int], np.dtype[np.uint16]]", *, study: str, series: str
) -> Dataset:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = load.sop_class, generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = study, series
    image.Modality, image.PatientID, image.PatientName = load.modality, "BENCH", "Bench"
    image.PatientSpeciesDescription = "Canine"
    image.Rows, image.Columns = pixels.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.PixelData = pixels.tobytes()
    return image
