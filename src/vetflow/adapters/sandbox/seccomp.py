"""A seccomp filter that leaves a process its memory, its threads and the descriptors it holds, nothing else.

The filter names what is allowed; every other system call fails with EPERM: no file can be opened, no socket
made, no program or process started, no other process touched. Numbers are the kernel's
(``asm/unistd_64.h`` for x86-64, ``asm-generic/unistd.h`` for arm64).
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable, Sequence

from vetflow.adapters.sandbox import kernel
from vetflow.domain.errors import ConfigurationError

_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_SET_MODE_FILTER, _SYNC_THREADS = 1, 1
_CLONE_THREAD = 0x00010000
_PR_SET_VMA = 0x53564D41

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_COLUMN = {"x86_64": 0, "aarch64": 1}
_SPECIAL = {
    "seccomp": (317, 277),
    "clone": (56, 220),
    "clone3": (435, 435),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "tgkill": (234, 131),
}
_FREE = {
    # descriptors already held
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "close": (3, 57),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    # memory
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    "mbind": (237, 235),
    "get_mempolicy": (239, 236),
    "set_mempolicy": (238, 237),
    # threads and waiting
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "get_robust_list": (274, 100),
    "set_tid_address": (218, 96),
    "rseq": (334, 293),
    "membarrier": (324, 283),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getcpu": (309, 168),
    "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115),
    "restart_syscall": (219, 128),
    "arch_prctl": (158, None),
    # signals to itself
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    # facts about itself and the clock
    "getpid": (39, 172),
    "gettid": (186, 178),
    "uname": (63, 160),
    "sysinfo": (99, 179),
    "getrlimit": (97, 163),
    "getrusage": (98, 165),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "getrandom": (318, 278),
    # the end
    "exit": (60, 93),
    "exit_group": (231, 94),
}

_Step = tuple[int, int, int, int]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def lock() -> None:
    """Give up every system call but the allowed ones, in all threads and for good.

    Raises
    ------
    ConfigurationError
        The kernel or the processor has no such filter.
    """
    machine = platform.machine()
    if machine not in _AUDIT:
        raise ConfigurationError(f"the sandbox knows no system calls of {machine}")
    steps = program(machine, os.getpid())
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    held = ctypes.create_string_buffer(code, len(code))
    wanted = _Program(len(steps), ctypes.addressof(held))
    try:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        number = _number("seccomp", machine)
        if kernel.syscall(number, _SET_MODE_FILTER, _SYNC_THREADS, ctypes.addressof(wanted)):
            raise ConfigurationError("a thread of the sandbox could not be locked")
    except OSError as error:
        raise ConfigurationError(f"this kernel has no seccomp filter ({error.strerror})") from None


def program(machine: str, pid: int) -> Sequence[_Step]:
    """Return the filter: classic BPF over ``struct seccomp_data``.

    Parameters
    ----------
    machine
        ``x86_64`` or ``aarch64``.
    pid
        The process that may get signals from itself.
    """
    column = _COLUMN[machine]
    free = [numbers[column] for numbers in _FREE.values()]
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _AUDIT[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        *(step for number in free if number is not None for step in _only(number, [(_RETURN, 0, 0, _ALLOW)])),
        *_only(_number("clone", machine), _when(_ANY_BIT, 0, [_CLONE_THREAD])),
        *_only(_number("clone3", machine), [(_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]),
        *_only(_number("prctl", machine), _when(_EQUAL, 0, [kernel.PR_SET_NAME, _PR_SET_VMA])),
        *_only(_number("prlimit64", machine), _reading_limits()),
        *_only(_number("tgkill", machine), _when(_EQUAL, 0, [pid])),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
    ]


def _number(name: str, machine: str) -> int:
    return _SPECIAL[name][_COLUMN[machine]]


def _only(number: int, then: Sequence[_Step]) -> list[_Step]:
    return [(_EQUAL, 0, len(then), number), *then]


def _when(test: int, argument: int, values: Iterable[int]) -> list[_Step]:
    tests = [step for value in values for step in [(test, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]]
    return [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument), *tests, (_RETURN, 0, 0, _ERRNO | errno.EPERM)]


def _reading_limits() -> list[_Step]:
    new_limit = _ARGUMENTS + 8 * 2
    return [
        (_LOAD, 0, 0, new_limit),
        (_EQUAL, 0, 3, 0),
        (_LOAD, 0, 0, new_limit + 4),
        (_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
    ]
