"""Make sure that a child never outlives the process that started it."""

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def tied_to_parent(number: signal.Signals, *, nice: int = 0) -> Callable[[], None]:
    """Return a ``preexec_fn`` that has the kernel send a signal to the child when its parent dies.

    The kernel watches the *thread* that forked, so start children from a thread that lives as long as the process.
    subprocess calls it after it has changed the user, which would otherwise have cleared the wish.

    Parameters
    ----------
    nice
        How much the child gives way to others for the processor, 0 to 19.
    """
    parent = os.getpid()

    def tie() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if nice:
            os.nice(nice)
        if os.getppid() != parent:  # it died before the wish was made
            os.kill(os.getpid(), number)

    return tie


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, instead of process 1."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
