"""A process that has imported what its children need and forks them on request.

``multiprocessing``'s forkserver does the first half. It is not used because its children can't ask it again
(they start a second one), it hands down the parent's whole environment, secrets included, passes over a module
that fails to import, and lets children outlive whoever asked for them.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from vetflow.adapters.sandbox import zygote
from vetflow.domain.errors import ConfigurationError, TransientError

_KEPT = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH"}
)
_QUIET = {
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # Threads started by an import would be lost in the fork: OpenBLAS's pool, Arrow's allocator.
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
_START_SECONDS = 120.0


def clean_environment(*, threads: int) -> dict[str, str]:
    """Return the environment a nursery starts with: where things are, no addresses and no secrets.

    Parameters
    ----------
    threads
        Threads torch may use in each child.
    """
    kept = {name: value for name, value in os.environ.items() if name in _KEPT}
    return {**kept, **_QUIET, "OMP_NUM_THREADS": str(threads), "PYTHONUNBUFFERED": "1"}


@dataclass(slots=True, kw_only=True)
class Child:
    """A process forked by a nursery.

    Parameters
    ----------
    pid
        Process id.
    line
        The near end of a stream to it.
    status
        Becomes readable when the child has ended.
    """

    pid: int
    line: socket.socket
    status: socket.socket
    _code: int | None = field(default=None, repr=False)

    def wait(self, seconds: float | None = None) -> int | None:
        """Return the exit code, negative for a signal; None when it still runs after that many seconds."""
        if self._code is None and _readable(self.status, seconds):
            reply = self.status.recv(256)
            self._code = int(json.loads(reply)["code"]) if reply else -int(signal.SIGKILL)
        return self._code

    def kill(self, *, group: bool = False) -> None:
        """End it now, with its process group when it leads one."""
        if self.wait(0) is not None:
            return
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let go of it."""
        self.line.close()
        self.status.close()


@dataclass(slots=True, kw_only=True)
class Nursery:
    """The near end of a process that forks children; ends with whoever holds it.

    Parameters
    ----------
    control
        Stream to the process.
    process
        The process, when it was spawned.
    """

    control: socket.socket
    process: "subprocess.Popen[bytes] | None" = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _ready: dict[str, Child] = field(default_factory=dict[str, Child], repr=False)

    @classmethod
    def spawned(cls, preload: Sequence[str], *, threads: int = 1) -> "Nursery":
        """Start a new interpreter that imports the modules; ConfigurationError when it can't.

        Parameters
        ----------
        preload
            Names of modules to import, or ``module:function`` to call; none may start a thread.
        threads
            Threads torch may use in each child.
        """
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with far:
            process = subprocess.Popen(
                [sys.executable, "-c", zygote.COMMAND, str(far.fileno()), *preload],
                stdin=subprocess.DEVNULL,
                pass_fds=[far.fileno()],
                env=clean_environment(threads=threads),
            )
        ready = near.recv(4096) if _readable(near, _START_SECONDS) else b""
        if ready != zygote.READY:
            process.kill()
            process.wait()
            near.close()
            raise ConfigurationError(f"the process that starts runs did not come up: {ready.decode() or 'no answer'}")
        return cls(control=near, process=process)

    @classmethod
    def forked(cls) -> "Nursery":
        """Split this process, which must have one thread and nothing secret yet, so that copies can be had later."""
        zygote.only_one_thread()
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.getpid()
        if os.fork() == 0:
            zygote.serve_forked(far, parent)
        far.close()
        near.recv(64)
        return cls(control=near)

    def bear(self, entry: str, *, leader: bool = False) -> Child:
        """Return a child that runs a function with the far end of its line.

        Parameters
        ----------
        entry
            ``module:function``, taking a file descriptor and returning an exit code.
        leader
            Whether the child leads a process group of its own.
        """
        with self._lock:
            kept = self._ready.pop(entry, None)
            if kept is None:
                return self._born(entry, leader=leader)
        if kept.wait(0) is None:
            return kept
        kept.close()
        return self.bear(entry, leader=leader)

    def keep_ready(self, entry: str) -> None:
        """Fork a child for the next time one is wanted, which then costs nothing."""
        with self._lock:
            if entry not in self._ready:
                self._ready[entry] = self._born(entry, leader=False)

    def _born(self, entry: str, *, leader: bool) -> Child:
        line, far_line = socket.socketpair()
        status, far_status = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = json.dumps({"entry": entry, "leader": leader}).encode()
        with far_line, far_status:
            try:
                socket.send_fds(self.control, [request], [far_line.fileno(), far_status.fileno()])
            except OSError:
                raise TransientError("the process that starts runs is gone") from None
        reply = status.recv(256)
        if not reply:
            raise TransientError("the process that starts runs is gone")
        return Child(pid=int(json.loads(reply)["pid"]), line=line, status=status)

    def close(self) -> None:
        """End the process and all its children."""
        self.control.close()
        if self.process is not None:
            self.process.wait()


def _readable(sock: socket.socket, seconds: float | None) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))
