"""A process above the supervisor that cleans up when the supervisor itself is killed."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable

import psutil

from vetflow.supervisor.death import adopt_orphans, tied_to_parent

_GRACE_SECONDS = 8.0  # what is left has been asked by the kernel to end; PostgreSQL writes out first
_STOP_SECONDS = 15.0


def guarded(work: Callable[[], int]) -> int:
    """Run the work in a child process and return its exit code once nothing it started is alive.

    Whoever is killed first, the other cleans up: the child is told by the kernel when we die, and every process whose
    parent dies becomes ours. Call it before there are threads.
    """
    adopt_orphans()
    tie = tied_to_parent(signal.SIGTERM)
    child = os.fork()
    if child == 0:
        _become(work, tie)
    stopping: list[float] = []

    def forward(number: int, _frame: object) -> None:
        stopping.append(time.monotonic())
        os.kill(child, signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    status = _reap_until(child, stopping)
    sweep(_GRACE_SECONDS)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1


def sweep(grace: float) -> None:
    """Wait for every descendant to end, and kill those that have not after the grace, seconds."""
    deadline = time.monotonic() + grace
    me = psutil.Process()
    while left := me.children(recursive=True):
        if time.monotonic() > deadline:
            for process in left:
                process.kill()
        psutil.wait_procs(left, timeout=0.2)


def _become(work: Callable[[], int], tie: Callable[[], None]) -> None:
    code = 1
    try:
        tie()
        code = work()
    except Exception:  # noqa: BLE001 - the outermost place of this process; it must not run on into the caller's code
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _reap_until(child: int, stopping: list[float]) -> int:
    """Return the child's wait status, burying orphans meanwhile; one that does not stop when told is killed."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            return status
        if pid == 0:
            time.sleep(0.1)
        if stopping and time.monotonic() - stopping[0] > _STOP_SECONDS:
            os.kill(child, signal.SIGKILL)
