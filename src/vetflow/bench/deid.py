"""De-identification of films and slices that name somebody in many places, beside dicom-anonymizer."""

import statistics
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

from dicomanonymizer.simpledicomanonymizer import (
    anonymize_dataset,  # pyright: ignore[reportUnknownVariableType]  (no types)
)
from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]  (its paths are untyped)
from pydicom.dataset import Dataset

from vetflow.bench.images import Kind, write_images
from vetflow.bench.rows import Row, sync_row
from vetflow.dicom.deidentify import deidentify

_KEY = b"a key that this bench alone uses"
_PEER = "dicom-anonymizer"
_RUNS, _SLICES = 15, 60
_NAMED = (
    "AccessionNumber", "AdditionalPatientHistory", "AdmittingDiagnosesDescription", "CurrentPatientLocation",
    "DeviceSerialNumber", "ImageComments", "InstitutionAddress", "InstitutionName", "InstitutionalDepartmentName",
    "IssuerOfPatientID", "MedicalAlerts", "NameOfPhysiciansReadingStudy", "OperatorsName", "OtherPatientIDs",
    "OtherPatientNames", "PatientAddress", "PatientBreedDescription", "PatientComments", "PatientID", "PatientName",
    "PatientSpeciesDescription", "PatientTelephoneNumbers", "PerformedProcedureStepDescription",
    "PerformingPhysicianName", "PhysiciansOfRecord", "ProtocolName", "ReferringPhysicianName",
    "RequestedProcedureDescription", "RequestingPhysician", "ResponsibleOrganization", "ResponsiblePerson",
    "SeriesDescription", "StationName", "StudyComments", "StudyDescription", "StudyID",
)  # fmt: skip
_IN_ITEMS = {
    "BreedRegistrationSequence": "BreedRegistrationNumber",
    "OtherPatientIDsSequence": "PatientID",
    "RequestAttributesSequence": "RequestedProcedureDescription",
    "ReferencedStudySequence": "AccessionNumber",
    "SourceImageSequence": "PatientComments",
}
_USUAL = {
    "AcquisitionDate": "20250101", "AcquisitionTime": "101500", "AnatomicalOrientationType": "QUADRUPED",
    "ContentDate": "20250101", "ContentTime": "101500", "ExposureIndex": "250", "ImageType": ["ORIGINAL", "PRIMARY"],
    "ImagerPixelSpacing": ["0.14", "0.14"], "PatientAge": "007Y", "PatientBirthDate": "20180101",
    "PatientOrientation": ["LE", "CD"], "PatientSex": "M", "PatientSexNeutered": "ALTERED", "PatientWeight": "28.5",
    "RescaleIntercept": "0", "RescaleSlope": "1", "SeriesDate": "20250101", "SeriesNumber": "1",
    "StudyDate": "20250101", "StudyTime": "101500", "WindowCenter": "2048", "WindowWidth": "4096",
}  # fmt: skip


def measure(folder: Path, tell: Callable[[str], None]) -> list[Row]:
    """Return how long films and slices take, and how many of the names planted in a film are left in it."""
    (film,) = _written(folder / "film", Kind.DX, 1)
    slices = _written(folder / "ct", Kind.CT, _SLICES)
    tell(f"the header of a film, {_RUNS} times each in turn")
    head = _head(film)
    header = _in_turn(lambda: deidentify(head, key=_KEY), lambda: _anonymized(BytesIO(head)))
    tell(f"a film of 16 MB from file to file, {_RUNS} times each in turn")
    whole = _in_turn(lambda: _ours([film], folder), lambda: _peers([film], folder))
    tell(f"{len(slices)} slices from file to file")
    ct = _in_turn(lambda: _ours(slices, folder), lambda: _peers(slices, folder), runs=3)
    return [
        sync_row(folder),
        _row("header of a film, pixels left out", header, unit="ms", scale=1000),
        _row("film of 16 MB read, de-identified, written", whole, unit="s"),
        Row(
            what="CT slices a second and core: read, de-identified, written", unit="slices/s", runs=3, peer_name=_PEER,
            ours=len(slices) / ct[0], peer=len(slices) / ct[1], smaller_is_better=False,
        ),
        _left(head),
    ]  # fmt: skip


def _row(what: str, seconds: tuple[float, float], *, unit: str, scale: float = 1) -> Row:
    ours, peer = (each * scale for each in seconds)
    return Row(what=what, ours=ours, peer=peer, peer_name=_PEER, unit=unit, runs=_RUNS)


def _left(head: bytes) -> Row:
    """Return how many planted names are left, and where the peer leaves them."""
    held = BytesIO()
    _anonymized(BytesIO(head)).save_as(held)
    places = _places()
    ours, peer = ([place for place, name in places.items() if name.encode() in data]
                  for data in (deidentify(head, key=_KEY).data, held.getvalue()))  # fmt: skip
    what = f"names left of {len(places)} planted in a film"
    note = f" ({_PEER} leaves {', '.join(peer)})" if peer else ""
    return Row(what=what + note, ours=len(ours), peer=len(peer), peer_name=_PEER, unit="names", runs=1)


def _in_turn(ours: Callable[[], object], peer: Callable[[], object], *, runs: int = _RUNS) -> tuple[float, float]:
    """Return the median seconds of each, a first round left out: tables are read then."""
    taken = [(_seconds(ours), _seconds(peer)) for _ in range(runs + 1)][1:]
    return statistics.median(one for one, _ in taken), statistics.median(other for _, other in taken)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _ours(files: Sequence[Path], folder: Path) -> None:
    for file in files:
        (folder / "clean.dcm").write_bytes(deidentify(file.read_bytes(), key=_KEY).data)


def _peers(files: Sequence[Path], folder: Path) -> None:
    for file in files:
        _anonymized(file).save_as(folder / "peer.dcm")


def _anonymized(file: Path | BytesIO) -> Dataset:
    dataset = dcmread(file)
    anonymize_dataset(dataset)
    return dataset


def _head(film: Path) -> bytes:
    """Return a film without its pixels."""
    dataset, held = dcmread(film, stop_before_pixels=True), BytesIO()
    dataset.save_as(held)
    return held.getvalue()


def _written(folder: Path, kind: Kind, count: int) -> list[Path]:
    """Write images with as many elements as equipment writes, and a name wherever one may be."""
    files = write_images(folder, kind, count)
    for file in files:
        image = dcmread(file)
        for keyword, value in _USUAL.items():
            setattr(image, keyword, value)
        for place, name in _places().items():
            _plant(image, place, name)
        image.save_as(file)
    return files


def _places() -> dict[str, str]:
    places = (*_NAMED, *(f"{outer}/{inner}" for outer, inner in _IN_ITEMS.items()), "private", "overlay", "preamble")
    return {place: f"ZZNAME{number:02}" for number, place in enumerate(places)}


def _plant(image: Dataset, place: str, name: str) -> None:
    outer, _, inner = place.partition("/")
    if inner:
        item = Dataset()
        setattr(item, inner, name)
        setattr(image, outer, [item])
    elif place == "private":
        image.private_block(0x0019, "MAKER", create=True).add_new(1, "LO", name)
    elif place == "overlay":
        image.add_new(0x60000022, "LO", name)
    elif place == "preamble":
        image.preamble = name.encode().ljust(128, b"\0")
    else:
        setattr(image, place, name)
