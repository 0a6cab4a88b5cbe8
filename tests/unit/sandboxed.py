"""Functions that tests run in the sandbox, good ones and hostile ones."""

import ctypes
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vetflow.domain.errors import StudyRefused


def warm() -> None:
    import torch

    torch.nn.functional.conv2d(torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 3, 3))


def double(image: np.ndarray, factor: int) -> np.ndarray:
    return image * factor


def mixed(data: bytes) -> dict[str, object]:
    return {"length": len(data), "reversed": data[::-1], "nested": {"list": [1, None, "x"]}}


def convolve(image: np.ndarray) -> np.ndarray:
    import torch

    torch.manual_seed(1)
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU()).eval()
    with torch.inference_mode():
        return network(torch.from_numpy(image)[None, None]).numpy()


def refuse(data: bytes) -> bytes:
    raise StudyRefused("pixels_truncated", "12 bytes are missing")


def raise_secret(data: bytes) -> bytes:
    raise ValueError("ZZOWNERZZ")


def attempt(path: str, port: int, database: str, only: list[str] | None = None) -> dict[str, str]:
    """Try everything a sandbox must not do and say how each ended."""
    tries: dict[str, Callable[[], object]] = {
        "read": lambda: Path(path).read_bytes(),
        "write": lambda: Path(path + ".new").write_bytes(b"x"),
        "list": lambda: list(Path("/").iterdir()),
        "stat": lambda: Path(path).stat(),
        "connect": lambda: socket.socket().connect(("127.0.0.1", port)),
        "database": lambda: socket.socket(socket.AF_UNIX).connect(database),
        "fork": _fork,
        "exec": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606 -- what must be denied
        "kill": lambda: os.kill(os.getppid(), 0),
        "ptrace": lambda: _ptrace(os.getppid()),
        "environment": lambda: dict(os.environ)["PATH"],
        "descriptors": _open_descriptors,
    }
    return {name: _outcome(action) for name, action in tries.items() if only is None or name in only}


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _ptrace(pid: int) -> None:
    if ctypes.CDLL(None, use_errno=True).ptrace(16, pid, 0, 0) < 0:
        raise PermissionError(ctypes.get_errno(), "ptrace")


def _open_descriptors() -> None:
    held = 0
    for number in range(256):
        try:
            os.lseek(number, 0, os.SEEK_CUR)
        except OSError as error:
            held += error.errno != 9
        else:
            held += 1
    if held <= 4:
        raise PermissionError(f"{held} held")


def _outcome(action: Callable[[], object]) -> str:
    try:
        action()
    except PermissionError:
        return "denied"
    except KeyError:
        return "absent"
    except OSError as error:
        return f"{type(error).__name__} {error.errno}"
    return "done"


def crash(data: bytes) -> bytes:
    ctypes.string_at(0)
    return data


def spin(data: bytes) -> bytes:
    while True:
        pass


def sleep(data: bytes) -> bytes:
    time.sleep(3600)
    return data


def hog(data: bytes) -> np.ndarray:
    return np.ones(1 << 34, dtype=np.uint8)


def hog_torch(data: bytes) -> np.ndarray:
    import torch

    return torch.ones(1 << 34, dtype=torch.uint8).numpy()
