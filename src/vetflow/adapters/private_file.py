"""Files that only their owner can read, whole or absent, durable before they are relied on."""

import os
import secrets
from pathlib import Path

from vetflow.adapters import durable


def write(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 at once, in place of one of that name, synced with its folder."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    durable.sync_folder(path.parent)


def append(path: Path, line: str) -> None:
    """Add a line to a file of mode 0600 and return once it is durable; lines of several writers stay whole."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(number, "wb", buffering=0) as file:
        file.write(f"{line}\n".encode())
        os.fsync(file.fileno())


def make_folder(folder: Path) -> None:
    """Make a folder of mode 0700 and what is missing above it, each name durable."""
    durable.make_folder(folder, mode=0o700)
