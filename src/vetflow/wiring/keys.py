"""Secrets from files that only their owner can read."""

import os
import secrets as randomness
from pathlib import Path

from vetflow.domain.errors import ConfigurationError

_UID_KEY = "uid.key"
_KEY_BYTES = 32


def secret(folder: Path, name: str) -> str:
    """Return the content of a secret file, without the line's end."""
    path = folder / name
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{path} can be read by others; run: chmod 600 {path}")
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise ConfigurationError(f"the secret {path} is missing; write it there, readable by you alone") from None
    except OSError as error:
        raise ConfigurationError(f"the secret {path} can't be read: {error.strerror}") from None


def uid_key(folder: Path) -> bytes:
    """Return the key that original UIDs are replaced under; ConfigurationError says how to make it."""
    if not (folder / _UID_KEY).exists():
        raise ConfigurationError(
            f"the key {folder / _UID_KEY} is missing. A new home makes it at its first `vetflow up`; when films were "
            "received already, bring the old key back, or their replaced UIDs can't be told again"
        )
    key = bytes.fromhex(secret(folder, _UID_KEY))
    if len(key) != _KEY_BYTES:
        raise ConfigurationError(f"{folder / _UID_KEY} must hold {_KEY_BYTES} bytes in hexadecimal")
    return key


def make_uid_key(folder: Path) -> None:
    """Make the key of a new home; an existing one is never touched."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / _UID_KEY
    if path.exists():
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(randomness.token_hex(_KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
