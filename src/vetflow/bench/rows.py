"""Rows of the speed tables and the disk's own pace beside them."""

import os
import secrets
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure against its peer.

    Parameters
    ----------
    ours, peer
        In ``unit``; ``peer`` is None where a bar stands alone.
    ratio
        More than 1 means ours is better.
    runs
        How many runs the figures are the median of.
    """

    what: str
    ours: float
    unit: str
    runs: int
    peer: float | None = None
    peer_name: str = ""
    smaller_is_better: bool = True

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer."""
        if self.peer is None or not self.ours or not self.peer:
            return None
        return self.peer / self.ours if self.smaller_is_better else self.ours / self.peer

    def as_json(self) -> dict[str, object]:
        """Return the row as ``vetflow bench --json`` prints it."""
        fields = asdict(self)
        del fields["smaller_is_better"]
        return {**fields, "ratio": self.ratio}


def sync_seconds(folder: Path, *, size: int = 512 * 1024, runs: int = 20) -> float:
    """Return the median seconds this disk takes to write and sync a file of that size and its folder."""
    data = secrets.token_bytes(size)
    return statistics.median(_one_sync(folder / f"sync-{number}", data) for number in range(runs))


def _one_sync(path: Path, data: bytes) -> float:
    started = time.perf_counter()
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    path.unlink()
    return time.perf_counter() - started


def sync_row(folder: Path) -> Row:
    """Return the disk's own pace, to read the other rows by."""
    return Row(
        what="this disk: write and sync 512 KB and its folder", ours=sync_seconds(folder) * 1000, unit="ms", runs=20
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least that share of the values do not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, -(-int(share * 1000) * len(ranked) // 1000) - 1))]
