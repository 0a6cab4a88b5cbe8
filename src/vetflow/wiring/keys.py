"""Secrets from files that only their owner can read: the key of replaced UIDs, and the key ring of the sealed map."""

import fcntl
import hmac
import os
import re
import secrets as randomness
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vetflow.adapters import private_file
from vetflow.domain.errors import ConfigurationError

UID_KEY = "uid.key"
"""64 hexadecimal digits: UIDs, patient ids and date shifts are derived under it."""
MAP_KEYS = "map.keys"
"""A line ``KEY_ID HEX`` a key of the sealed map; the last one is current."""
LOST: Mapping[str, str] = {
    UID_KEY: "an animal that comes again gets other UIDs and other dates in de-identified films than before",
    MAP_KEYS: "what was taken out of the films received so far can't be read in the map again, and exports of them "
    "can't be re-identified; the films in the store stay whole",
}
"""What is gone with each."""

_KEY_BYTES = 32
_MAKE = "on a new home make one with: vetflow keys make; on one that has received films bring it back from your copy"
_LINE = re.compile(r"([0-9a-f]{12}) ([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLine:
    """A key, by what may be shown of it.

    Parameters
    ----------
    current
        Used for what is new.
    """

    file: str
    id: str
    current: bool


def secret(folder: Path, name: str, *, mend: str = "write it there, readable by you alone") -> str:
    """Return the content of a secret file, without the line's end; ConfigurationError says how to mend it."""
    path = folder / name
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{path} can be read by others; run: chmod 600 {path}")
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise ConfigurationError(f"the secret {path} is missing; {mend}") from None
    except OSError as error:
        raise ConfigurationError(f"the secret {path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"the secret {path} holds no text") from None


def uid_key(folder: Path) -> bytes:
    """Return the key that original UIDs are replaced under; ConfigurationError says how to make it."""
    text = secret(folder, UID_KEY, mend=_MAKE)
    if not re.fullmatch(rf"[0-9a-f]{{{2 * _KEY_BYTES}}}", text):
        raise ConfigurationError(f"{folder / UID_KEY} must hold {_KEY_BYTES} bytes in hexadecimal")
    return bytes.fromhex(text)


def map_keys(folder: Path) -> Mapping[str, bytes]:
    """Return the keys of the sealed map by id, the current one last; ConfigurationError says what is wrong."""
    keys: dict[str, bytes] = {}
    for number, line in enumerate(secret(folder, MAP_KEYS, mend=_MAKE).splitlines(), start=1):
        where = f"{folder / MAP_KEYS}, line {number}"
        found = _LINE.fullmatch(line.strip())
        if found is None:
            raise ConfigurationError(f"{where}: not a key's id and its 64 hexadecimal digits")
        name, key = found[1], bytes.fromhex(found[2])
        if key_id(key) != name:
            raise ConfigurationError(f"{where}: this is not the key {name}; bring the line back from your copy")
        keys[name] = key
    if not keys:
        raise ConfigurationError(f"{folder / MAP_KEYS} is empty; bring it back from your copy")
    return keys


READERS: Mapping[str, Callable[[Path], object]] = {UID_KEY: uid_key, MAP_KEYS: map_keys}
"""What reads and checks each key file."""


def key_id(key: bytes) -> str:
    """Return the name of a random key: it tells a key from another and a mistyped one, and nothing of its bits."""
    return hmac.digest(key, b"vetflow key id", "sha256").hex()[:12]


def missing(folder: Path) -> list[str]:
    """Return the names of the key files that are not there."""
    with _folder_of_keys(folder):
        there = {path.name for path in folder.iterdir()} if folder.is_dir() else set[str]()
    return [name for name in READERS if name not in there]


def check(folder: Path) -> None:
    """Raise ConfigurationError unless every key is there and can be read."""
    for read in READERS.values():
        read(folder)


def make(folder: Path) -> list[str]:
    """Make the key files that are missing and return their names; one that is there is never touched."""
    if not missing(folder):
        return []
    with _folder_of_keys(folder):
        private_file.make_folder(folder)
    with _alone(folder):
        made = missing(folder)
        for name in made:
            key = randomness.token_bytes(_KEY_BYTES)
            private_file.write(folder / name, (key.hex() if name == UID_KEY else _line(key)).encode())
    return made


def rotate(folder: Path) -> str:
    """Add a new current key to the ring and return its id; what the older ones sealed stays readable."""
    check(folder)
    with _alone(folder):
        keys, key = map_keys(folder), randomness.token_bytes(_KEY_BYTES)
        private_file.write(folder / MAP_KEYS, "".join(map(_line, (*keys.values(), key))).encode())
    return key_id(key)


def lines(folder: Path) -> list[KeyLine]:
    """Return every key by its id; ConfigurationError as their readers."""
    ring = list(map_keys(folder))
    first = KeyLine(file=UID_KEY, id=key_id(uid_key(folder)), current=True)
    return [first, *(KeyLine(file=MAP_KEYS, id=name, current=name == ring[-1]) for name in ring)]


def _line(key: bytes) -> str:
    return f"{key_id(key)} {key.hex()}\n"


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Keep other processes from changing keys at the same time; none would see the other's."""
    with _folder_of_keys(folder):
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            yield
        finally:
            os.close(number)


@contextmanager
def _folder_of_keys(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"the keys in {folder} can't be kept: {error.strerror}") from None
