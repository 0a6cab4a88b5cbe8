"""The folder that a bundle is written to: it takes the place of an earlier bundle and of nothing else."""

import tempfile
from pathlib import Path

from vetflow.domain.bundle import METADATA, WEIGHTS, Bundle
from vetflow.domain.errors import ConfigurationError

_PARTS = frozenset({"configs", "docs", "golden", "models"})


def free(folder: Path) -> None:
    """Return when a bundle may be written to a folder: when it is not there, is empty, or holds nothing but a bundle.

    Raises
    ------
    ConfigurationError
        It is a file, or holds something that would be lost.
    """
    if not folder.exists():
        return
    why = "is not a folder" if not folder.is_dir() else _lost(folder)
    if why:
        raise ConfigurationError(f"{folder} {why}; name another folder, new or empty, or that of an earlier bundle")


def _lost(folder: Path) -> str:
    names = {path.name for path in folder.iterdir()}
    others = sorted(names - _PARTS)
    if others:
        return f"holds {others[0]}, which is no part of a bundle and would be lost"
    bundle = (folder / METADATA).is_file() and (folder / WEIGHTS).is_file()
    return "holds something that is no bundle and would be lost" if names and not bundle else ""


def written(bundle: Bundle, folder: Path) -> None:
    """Write a bundle beside a folder and let it take its place, so that a half-written one is never there.

    Raises
    ------
    ConfigurationError
        As in `free`.
    """
    free(folder)
    place = folder.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as held:
        for path, data in bundle.files.items():
            file = Path(held, "new", path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        if place.exists():
            place.rename(Path(held, "old"))
        Path(held, "new").rename(place)
