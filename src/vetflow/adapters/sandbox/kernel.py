"""What the Linux kernel is asked for: death with the parent, limits, no way back to privileges."""

import ctypes
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int = 0) -> None:
    """Call prctl(2); OSError when the kernel refuses."""
    zero = ctypes.c_ulong(0)
    if _libc.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def syscall(number: int, *arguments: int) -> int:
    """Call a system call that has no wrapper; OSError when the kernel refuses."""
    result = int(_libc.syscall(ctypes.c_long(number), *(ctypes.c_ulong(argument) for argument in arguments)))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def die_with(parent: int) -> None:
    """Be killed when the parent dies, at once when it already has.

    Parameters
    ----------
    parent
        Process id the caller was forked from; only its main thread may have forked, since the kernel
        watches the thread.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def cap_memory(megabytes: int) -> None:
    """Bound the address space of this process; what is mapped already stays."""
    _cap(resource.RLIMIT_AS, megabytes << 20)


def cap_everything(*, memory_mb: int, cpu_seconds: int) -> None:
    """Bound memory, CPU time, open files and written bytes; no core files."""
    cap_memory(memory_mb)
    _cap(resource.RLIMIT_CPU, cpu_seconds)
    for which, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, 16)):
        _cap(which, most)


def keep_only(*kept: int) -> None:
    """Close every file descriptor but those named and the three standard ones."""
    spared = {0, 1, 2, *kept}
    for number in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if number not in spared:
            with suppress(OSError):
                os.close(number)


def silence() -> None:
    """Point the three standard streams at nothing."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.close(null)


def _cap(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (bound, bound))
