"""The sealed map in a folder, for exports: one file an instance, and a line for each look into it."""

import json
import os
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from vetflow.adapters import private_file
from vetflow.domain.errors import ConfigurationError, StudyRefused, TransientError
from vetflow.domain.privacy import Identity, Resealed, Sealed
from vetflow.ports import Sealer

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_HEAD = re.compile(rb"([0-9a-z]{1,64})\n")


class SealedFolder:
    """Identities as ``map/<study>/<instance>``: a line with the key's id, then the sealed bytes.

    Parameters
    ----------
    folder
        Made when something is first remembered. Studies and instances have opaque names, which become file names.
    sealer
        Gives the key ring when it is first needed.
    """

    def __init__(self, folder: Path, *, sealer: Callable[[], Sealer]) -> None:
        self._map = folder / "map"
        self._journal = folder / "audit.jsonl"
        self._sealer = sealer

    def remember(self, study: str, instance: str, identity: Identity) -> None:
        """Keep what ties an instance to its original; the same again changes nothing, a later word counts."""
        path = self._map / _named(study) / _named(instance)
        with _disk():
            private_file.make_folder(path.parent)
            _keep(path, self._sealer().seal(identity.to_json(), study, instance))

    def recall(self, study: str, *, actor: str, purpose: str) -> Identity:
        """Return what is known of all instances of a study; the look is on record before it returns.

        Raises
        ------
        ConfigurationError, StudyRefused
            As :meth:`vetflow.ports.Sealer.unseal`.
        """
        known = Identity()
        entry = {"at": datetime.now(UTC).isoformat(), "actor": actor, "action": "privacy.recall", "subject": study}
        with _disk():
            for path in sorted((self._map / _named(study)).glob("[!.]*")):
                known = known.joined(Identity.from_json(self._sealer().unseal(_kept(path), study, path.name)))
            private_file.make_folder(self._journal.parent)
            private_file.append(self._journal, json.dumps({**entry, "detail": purpose}))
        return known

    def reseal(self) -> Resealed:
        """Put every identity under the current key."""
        sealer, done, left = self._sealer(), 0, 0
        for path in self._paths():
            about = (path.parent.name, path.name)
            try:
                with _disk():
                    sealed = _kept(path)
                    if sealed.key_id != sealer.current:
                        _keep(path, sealer.seal(sealer.unseal(sealed, *about), *about))
                        done += 1
            except (ConfigurationError, StudyRefused):
                left += 1
        return Resealed(done=done, left=left)

    def _paths(self) -> Iterator[Path]:
        yield from sorted(self._map.glob("*/[!.]*"))


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("studies and instances are named by letters, digits, dots and dashes")
    return name


def _keep(path: Path, sealed: Sealed) -> None:
    private_file.write(path, b"\n".join((sealed.key_id.encode(), sealed.data)))


def _kept(path: Path) -> Sealed:
    data = path.read_bytes()
    head = _HEAD.match(data)
    if head is None:
        raise StudyRefused("map_damaged", "what is known of a study's identity was changed")
    return Sealed(key_id=head[1].decode("ascii"), data=data[head.end() :])


@contextmanager
def _disk() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise TransientError(f"the map of an export can't be kept: {os.strerror(error.errno or 0)}") from None
