"""The object store in a folder: ``objects/ab/<sha256>``, each object durable before its name is known.

One level of 256 folders, made at the start, because a folder made on the way would cost each arrival two more syncs
of the disk; tens of thousands of names in one folder are no burden to ext4 or XFS.
"""

import hashlib
import os
import secrets
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vetflow.adapters.durable import make_folder, sync_folder
from vetflow.domain.errors import StudyRefused, TransientError

_STALE_SECONDS = 3600.0  # an upload that old has no process any more: associations end long before
_FOLDER_MODE, _FILE_MODE = 0o750, 0o640


class FolderStore:
    """Bytes by SHA-256 in a folder of one file system; several processes may share it.

    Parameters
    ----------
    root
        The folder; made with its parents when it is not there.
    """

    def __init__(self, root: Path) -> None:
        self._objects = root / "objects"
        self._incoming = root / "incoming"
        with _disk():
            self._prepare(root)

    def put(self, parts: Iterable[bytes]) -> str:
        """Return the hexadecimal SHA-256 of the joined parts once they are durable; the same bytes are kept once.

        Bytes that are there already are replaced by themselves: an object that was damaged is whole again.

        Raises
        ------
        TransientError
            When the disk is full or fails; nothing is left behind.
        """
        draft = self._incoming / secrets.token_hex(16)
        try:
            digest = _write(draft, parts)
            place = self._place(digest)
            with _disk():
                draft.rename(place)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise
        with _disk():
            sync_folder(place.parent)
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes; StudyRefused ``object_missing`` or ``object_damaged`` when they are not what was put."""
        try:
            with _disk():
                data = self._place(digest).read_bytes()
        except FileNotFoundError:
            raise StudyRefused("object_missing") from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise StudyRefused("object_damaged")
        return data

    def has(self, digest: str) -> bool:
        """Whether the object is there, by name only."""
        return self._place(digest).is_file()

    def digests(self) -> Iterator[str]:
        """Yield every digest held."""
        for folder in sorted(self._objects.iterdir()):
            with os.scandir(folder) as entries:
                yield from sorted(entry.name for entry in entries)

    def _place(self, digest: str) -> Path:
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise ValueError("an object is named by a SHA-256 in lower-case hexadecimal")
        return self._objects / digest[:2] / digest

    def _prepare(self, root: Path) -> None:
        """Make the folders durable and remove what dead processes left half written."""
        make_folder(root, mode=_FOLDER_MODE)
        for folder in (self._incoming, self._objects):
            make_folder(folder, mode=_FOLDER_MODE)
        for first in range(256):
            (self._objects / f"{first:02x}").mkdir(mode=_FOLDER_MODE, exist_ok=True)
        sync_folder(self._objects)
        oldest = time.time() - _STALE_SECONDS
        for draft in self._incoming.iterdir():
            with suppress(FileNotFoundError):
                if draft.stat().st_mtime < oldest:
                    draft.unlink()


def _write(draft: Path, parts: Iterable[bytes]) -> str:
    """Write the parts to the disk itself and return their digest; errors of whoever sends them pass unchanged."""
    known = hashlib.sha256()
    with _disk():
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
    try:
        for part in parts:
            known.update(part)
            with _disk():
                _write_all(number, part)
        with _disk():
            os.fsync(number)
    finally:
        os.close(number)
    return known.hexdigest()


def _write_all(number: int, part: bytes) -> None:
    rest = memoryview(part)
    while rest:
        rest = rest[os.write(number, rest) :]


@contextmanager
def _disk() -> Generator[None]:
    """Turn faults of the disk into ours; what is not there is the caller's to judge."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise TransientError(f"the object store's disk failed: {os.strerror(error.errno or 0)}") from None
