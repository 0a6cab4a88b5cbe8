"""The far side of a nursery: one thread, a select loop, a fork for each request."""

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, cast

from vetflow.adapters.sandbox import kernel

COMMAND = "from vetflow.adapters.sandbox.zygote import main; main()"
READY = b"ready"

Entry = Callable[[int], int]


def main() -> NoReturn:
    """Serve a nursery: ``argv`` holds the control descriptor and what to import (or call) first."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _import(sys.argv[2:])
        only_one_thread()
    except (ImportError, AttributeError, RuntimeError, OSError) as error:
        control.send(f"{type(error).__name__}: {error}"[:4000].encode())
        raise SystemExit(1) from None
    gc.collect()
    gc.freeze()
    control.send(READY)
    _serve(control)


def serve_forked(control: socket.socket, parent: int) -> NoReturn:
    """Serve a nursery in a process that was just forked."""
    kernel.die_with(parent)
    kernel.keep_only(control.fileno())
    control.send(READY)
    _serve(control)


def only_one_thread() -> None:
    """Raise RuntimeError when this process has threads, which a fork would lose with the locks they hold."""
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        raise RuntimeError(f"{threads} threads run where only one may: an import started them")


def resolve(name: str) -> Callable[..., object]:
    """Return the function named ``module:function``."""
    module, _, function = name.partition(":")
    return cast("Callable[..., object]", getattr(importlib.import_module(module), function))


def _import(names: Sequence[str]) -> None:
    for name in names:
        if ":" in name:
            resolve(name)()
        else:
            importlib.import_module(name)


def _serve(control: socket.socket) -> NoReturn:
    statuses: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not control:
                    _bury(selector, key.fd, statuses.pop(key.fd))
                elif not _answer(control, selector, statuses):
                    os._exit(0)


def _answer(control: socket.socket, selector: selectors.BaseSelector, statuses: dict[int, socket.socket]) -> bool:
    request, fds, _, _ = socket.recv_fds(control, 4096, 2)
    if not request:
        return False
    line, status = fds
    parent, order = os.getpid(), json.loads(request)
    pid = os.fork()
    if pid == 0:
        _live(order["entry"], line, parent, leader=order["leader"])
    os.close(line)
    grave = os.pidfd_open(pid)
    statuses[grave] = socket.socket(fileno=status)
    selector.register(grave, selectors.EVENT_READ)
    _tell(statuses[grave], pid=pid)
    return True


def _bury(selector: selectors.BaseSelector, grave: int, status: socket.socket) -> None:
    ended = os.waitid(os.P_PIDFD, grave, os.WEXITED)
    selector.unregister(grave)
    os.close(grave)
    if ended is not None:
        _tell(status, code=ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status)
    status.close()


def _tell(status: socket.socket, **facts: int) -> None:
    try:
        status.send(json.dumps(facts).encode())
    except OSError:
        return  # whoever asked for the child is gone; so will the child be


def _live(entry: str, line: int, parent: int, *, leader: bool) -> NoReturn:
    code = 1
    try:
        if leader:
            os.setpgid(0, 0)
        kernel.die_with(parent)
        kernel.keep_only(line)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        code = cast("Entry", resolve(entry))(line)
    except BaseException:  # noqa: BLE001 -- the outermost frame of a process
        traceback.print_exc()
    finally:
        os._exit(code)
