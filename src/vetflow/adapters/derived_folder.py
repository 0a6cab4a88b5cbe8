"""A folder of derived objects: whole or absent, checked when read, safe to delete."""

import hashlib
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class DerivedFolder:
    """Keeps bytes that can be made again; each file starts with the SHA-256 of the rest."""

    folder: Path

    def get(self, key: str) -> bytes | None:
        """Return what was kept under a key, None when it was not or is damaged."""
        with suppress(FileNotFoundError):
            with self._path(key).open("rb") as file:
                expected, data = file.read(_DIGEST_BYTES), file.read()
            if hashlib.sha256(data).digest() == expected:
                return data
        return None

    def put(self, key: str, data: bytes) -> None:
        """Keep bytes under a key; not synced, since losing them costs time only."""
        path = self._path(key)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{secrets.token_hex(4)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(hashlib.sha256(data).digest())
            file.write(data)
        fresh.replace(path)

    def _path(self, key: str) -> Path:
        if not key.isalnum():
            raise ValueError("a key is a hexadecimal digest")
        return self.folder / key[:2] / key
