"""Memory: the receiver under eight senders, and the whole tree at rest."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import psutil

from vetflow.bench import peers, site
from vetflow.bench.images import Kind, write_images
from vetflow.bench.ingest import receiver_only
from vetflow.bench.rows import Row

_SENDERS, _SLICES = 8, 600
_SETTLE_SECONDS = 20.0
_MB = 2**20
_ALL = ("ledger", "prefect", "mlflow", "registry", "gateway", "courier", "worker", "web")


def measure(folder: Path, tell: Callable[[str], None]) -> list[Row]:
    """Return the receiver's largest resident size while eight senders send 300 MB each, and the idle tree's PSS."""
    return [_receiver(folder, tell), _tree(folder, tell)]


def _receiver(folder: Path, tell: Callable[[str], None]) -> Row:
    write_images(folder / "films", Kind.CT, _SLICES)
    settings = receiver_only(folder / "home")
    tell(f"{_SENDERS} senders of 300 MB")
    with site.running(settings, ("ledger", "gateway")) as processes, _largest(processes["gateway"].pid) as largest:
        peers.send([folder / "films"] * _SENDERS, port=settings.gateway.port, called=settings.gateway.ae_title)
    shutil.rmtree(folder / "home")
    what = "receiver with 8 senders of 300 MB, largest RSS"
    return Row(what=what, ours=largest[0] / _MB, peer=400.0, peer_name="first bar", unit="MB", runs=1)


def _tree(folder: Path, tell: Callable[[str], None]) -> Row:
    settings = receiver_only(folder / "home")
    with site.running(settings, _ALL):
        tell(f"the whole tree at rest, after {_SETTLE_SECONDS:g} s")
        time.sleep(_SETTLE_SECONDS)
        family = psutil.Process(os.getpid()).children(recursive=True)
        total = sum(_pss(process) for process in family)
    shutil.rmtree(folder / "home")
    what = "whole tree at rest, PSS"
    return Row(what=what, ours=total / _MB, peer=1800.0, peer_name="first bar", unit="MB", runs=1)


def _pss(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


@contextmanager
def _largest(pid: int) -> Generator[list[int]]:
    """Watch a process and give the largest resident size seen."""
    seen, over, process = [0], threading.Event(), psutil.Process(pid)

    def watch() -> None:
        while not over.wait(0.05):
            seen[0] = max(seen[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
