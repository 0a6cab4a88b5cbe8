"""Ten findings on a 16 MB film as a structured report and a presentation state, beside plain highdicom."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]
from pydicom.dataset import Dataset

from vetflow.bench.bare_report import bare_presentation, bare_report
from vetflow.bench.images import Kind, write_images
from vetflow.bench.rows import Row, sync_row
from vetflow.dicom.identity import ReportIdentity, to_bytes
from vetflow.dicom.presentation import presentations
from vetflow.dicom.report import report
from vetflow.domain.coding import Code
from vetflow.domain.finding import Assessment, Finding, ModelVersion, Presence, Verdict
from vetflow.domain.place import Box

_FINDINGS, _RUNS = 10, 15
_NODULE = Code(value="27925004", scheme="SCT", meaning="Nodule")
_MODEL = ModelVersion(name="bench", version="1", digest="0" * 64)
_BLANK = (
    "PatientBirthDate", "PatientSex", "StudyID", "AccessionNumber", "StudyDate", "StudyTime", "ReferringPhysicianName",
    "Manufacturer",
)  # fmt: skip


def measure(folder: Path, tell: Callable[[str], None]) -> list[Row]:
    """Return how long it takes to write ten findings down, as a report alone and with a presentation state."""
    film, found = _film(folder), _found()
    identity = ReportIdentity(digests=("",), use_case="bench", made_at=datetime.now(UTC), software="bench")
    boxes = [np.array(finding.box.outline) for finding in found.findings if finding.box]

    def ours() -> None:
        to_bytes(report((film,), found, identity=identity))

    def drawn() -> None:
        for state in presentations((film,), found, identity=identity):
            to_bytes(state)

    tell(f"{_FINDINGS} findings, ours and plain highdicom in turn")
    sr, bare_sr, gsps, bare_gsps = _in_turn(
        ours, lambda: bare_report(film, boxes), drawn, lambda: bare_presentation(film, boxes)
    )
    return [
        sync_row(folder),
        _row("structured report", sr, bare_sr),
        _row("structured report and presentation state", sr + gsps, bare_sr + bare_gsps),
    ]


def _row(what: str, ours: float, bare: float) -> Row:
    return Row(
        what=f"{_FINDINGS} findings on a 16 MB film: {what}", ours=ours, peer=bare, unit="s", runs=_RUNS,
        peer_name="plain highdicom, the same boxes",
    )  # fmt: skip


def _in_turn(*writers: Callable[[], object]) -> list[float]:
    """Return the median seconds of each, a first round left out: tables are read then."""
    taken = [[_seconds(write) for write in writers] for _ in range(_RUNS + 1)][1:]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def _seconds(write: Callable[[], object]) -> float:
    started = time.perf_counter()
    write()
    return time.perf_counter() - started


def _film(folder: Path) -> Dataset:
    """Return the header of a film with all that highdicom insists on."""
    (path,) = write_images(folder / "films", Kind.DX, 1)
    film = dcmread(path, stop_before_pixels=True)
    for keyword in _BLANK:
        setattr(film, keyword, "")
    film.PatientOrientation, film.ImagerPixelSpacing = ["LE", "CD"], [0.14, 0.14]
    return film


def _found() -> Assessment:
    findings = tuple(
        Finding(
            code=_NODULE, presence=Presence.PRESENT, says="A nodule.", source="picture", certainty=0.9,
            box=Box(left=200.0 * number, top=100, right=200.0 * number + 150, bottom=250),
        )
        for number in range(_FINDINGS)
    )  # fmt: skip
    return Assessment(verdict=Verdict.FINDINGS, findings=findings, model=_MODEL)
