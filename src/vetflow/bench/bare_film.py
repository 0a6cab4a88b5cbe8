"""The peer of the film bench: the shortest script that does the same work, with nothing kept and nothing checked.

Run as ``python -m vetflow.bench.bare_film BUNDLE PORT FILM…``; prints the seconds of each film, imports left out.
"""

import sys
import time
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]

from vetflow.adapters.pacs_dimse import DimseSink
from vetflow.adapters.runtime_torch import TorchRuntime
from vetflow.dicom import header
from vetflow.dicom.identity import ReportIdentity, to_bytes
from vetflow.dicom.report import report
from vetflow.domain.bundle import from_folder
from vetflow.domain.positioning import judge
from vetflow.domain.sight import Bounds


def main(bundle: Path, port: int, films: list[Path]) -> None:
    """Do the work film by film."""
    runtime = TorchRuntime(from_folder(bundle))
    sink = DimseSink("127.0.0.1", port, called="PACS", calling="BARE")
    for film in films:
        started = time.perf_counter()
        data = film.read_bytes()
        pixels = dcmread(BytesIO(data)).pixel_array
        assessment = judge(header.evidence(data), runtime.look(pixels, inverted=False), Bounds())
        identity = ReportIdentity(digests=(film.name,), use_case="bare", made_at=datetime.now(UTC), software="bare")
        sink.store(to_bytes(report((header.read(data),), assessment, identity=identity)))
        sys.stdout.write(f"{time.perf_counter() - started:.4f}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
