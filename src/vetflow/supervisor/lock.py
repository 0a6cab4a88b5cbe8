"""One supervisor a home."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from vetflow.domain.errors import ConfigurationError


@contextmanager
def sole_owner(home: Path) -> Generator[None]:
    """Hold the home for this process and those it forks; ConfigurationError with the pid when it is held already.

    The kernel gives the lock back however the processes end, so a crash leaves nothing to clean up.
    """
    path = home / "vetflow.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise ConfigurationError(
            f"vetflow already runs on {home} (pid {holder}); "
            f"stop it with: kill {holder}, or choose another VETFLOW_HOME"
        ) from None
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
