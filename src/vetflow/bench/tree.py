"""How long ``vetflow demo`` takes on a machine that has everything installed."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from vetflow.bench.rows import Row, sync_row

_RUNS = 2
_BAR_SECONDS = 90.0


def measure(folder: Path, tell: Callable[[str], None]) -> list[Row]:
    """Return the demo's wall-clock time, start and stop of every part included."""
    seconds: list[float] = []
    for run in range(_RUNS):
        tell(f"demo {run + 1} of {_RUNS}")
        started = time.perf_counter()
        command = [sys.executable, "-m", "vetflow.cli", "demo", "--json", "--home", str(folder / f"demo-{run}")]
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    bar = Row(what="demo on a warm machine", ours=statistics.median(seconds), peer=_BAR_SECONDS,
              peer_name="first bar", unit="s", runs=_RUNS)  # fmt: skip
    return [sync_row(folder), bar]
