"""One part as it runs: started, watched, started again with growing pauses, stopped."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vetflow.supervisor.death import tied_to_parent
from vetflow.supervisor.parts import Part
from vetflow.supervisor.report import PartState

_LONGEST_PAUSE = 30.0
_STEADY_SECONDS = 60.0
_LOG_BYTES = 10 * 1024 * 1024
_LOOK_AGAIN_SECONDS = 10.0
_GIVE_WAY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every part is started in."""

    home: Path
    environment: dict[str, str]
    logs: Path


class Child:
    """A part and its process.

    Parameters
    ----------
    part
        What to run.
    surroundings
        Where to run it.
    """

    def __init__(self, part: Part, surroundings: Surroundings) -> None:
        self.part = part
        self.state = PartState.WAITING
        self.restarts = 0
        self.log = surroundings.logs / f"{part.name}.log"
        self._surroundings = surroundings
        self._process: subprocess.Popen[bytes] | None = None
        self._since = 0.0
        self._next = 0.0
        self._pause = 0.5
        self._unwell_since = 0.0

    @property
    def pid(self) -> int | None:
        """Process id, None when it does not run."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def tick(self, ready: set[str]) -> None:
        """Do what is due now.

        Parameters
        ----------
        ready
            Names of the parts that are ready.
        """
        now = time.monotonic()
        if self._process and self._process.poll() is not None:
            self._ended(now)
        if self.pid is None:
            self._start_when_due(now, ready)
        elif now >= self._next:
            self._look(now)

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the part itself; it stops its own children."""
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def end(self, deadline: float) -> None:
        """Return when the part and its process group are gone; kill them after the deadline, monotonic seconds."""
        if self._process:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(max(0.0, deadline - time.monotonic()))
            self._kill_group()
            self._process.wait()
        self.state = PartState.STOPPED

    def rotate(self) -> None:
        """Move a log that has grown too large aside; the part goes on writing at the start of the emptied file."""
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > _LOG_BYTES:
                shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
                os.truncate(self.log, 0)

    def _start_when_due(self, now: float, ready: set[str]) -> None:
        if self.part.ready is None and self.state is PartState.READY:
            return
        if not ready.issuperset(self.part.after):
            self.state = PartState.WAITING
        elif now >= self._next:
            self._start(now)

    def _start(self, now: float) -> None:
        with self.log.open("ab") as messages:
            self._process = subprocess.Popen(
                self.part.command,
                cwd=self._surroundings.home,
                env=self._surroundings.environment,
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=messages,
                umask=0o077,
                process_group=0,
                preexec_fn=tied_to_parent(signal.SIGTERM, nice=0 if self.part.needed else _GIVE_WAY),
            )
        self.state = PartState.STARTING
        self._since = now
        self._next = now

    def _look(self, now: float) -> None:
        if self.part.ready is None or self.pid is None:
            return
        if self.part.ready(self.pid):
            self.state = PartState.READY
        elif self.state is PartState.READY:
            self.state = PartState.UNWELL
            self._unwell_since = now
        elif self.state is PartState.UNWELL and self._patience_ends(now):
            self._kill_group()
        starting = self.state in {PartState.STARTING, PartState.UNWELL}
        self._next = now + (0.25 if starting else _LOOK_AGAIN_SECONDS)

    def _patience_ends(self, now: float) -> bool:
        return self.part.patience is not None and now - self._unwell_since > self.part.patience

    def _ended(self, now: float) -> None:
        """Account for a process that is gone, and for what it left in its group: its port may still be held."""
        if self._process is None:
            return
        code = self._process.returncode
        self._kill_group()
        self._process = None
        if self.part.ready is None and code == 0:
            self.state = PartState.READY
            return
        steady = now - self._since > _STEADY_SECONDS
        self._pause = 0.5 if steady else min(self._pause * 2, _LONGEST_PAUSE)
        self.state = PartState.DOWN
        self.restarts += 1
        self._next = now + self._pause

    def _kill_group(self) -> None:
        if self._process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
