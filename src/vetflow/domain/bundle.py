"""A model bundle: files in MONAI's layout, its manifest, and the digests it is known by."""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import cast

from vetflow.domain.errors import ConfigurationError
from vetflow.domain.finding import ModelVersion
from vetflow.domain.signalment import Species

METADATA = "configs/metadata.json"
WEIGHTS = "models/model.safetensors"
CARD = "docs/README.md"
TRUNK = "trunk"
"""Name of the network whose answers are a `vetflow.domain.trunk_sight.TrunkSight`."""
_LARGEST = 64 * 2**20
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SECTION = "vetflow"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")

Setting = int | str | tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What vetflow reads of a bundle's ``configs/metadata.json``.

    Parameters
    ----------
    network, settings
        Name of an allowed network and what it is built with.
    size
        Side of the square input, or the longer side of a rectangle, pixels.
    heads
        Classes of each head in the order of the network's outputs.
    temperatures
        What the outputs of each head are divided by, so that certainty means share of right answers.
    sure
        Certainty below which the model abstains.
    weights
        SHA-256 of the weights file.
    species
        Species the card is for; the model abstains on others.
    trained_on
        What the weights come from, in the card's words, such as ``synthetic radiographs``.
    """

    name: str
    version: str
    network: str
    settings: Mapping[str, Setting]
    size: int
    heads: Mapping[str, tuple[str, ...]]
    temperatures: Mapping[str, float]
    sure: float
    weights: str
    species: tuple[Species, ...]
    trained_on: str

    def __post_init__(self) -> None:
        if not (_NAME.fullmatch(self.name) and _NAME.fullmatch(self.version) and self.heads):
            raise ConfigurationError("a bundle's name and version are letters, digits, dots and dashes; it has heads")
        if not 32 <= self.size <= 2048 or not 0.0 < self.sure <= 1.0:
            raise ConfigurationError("a bundle's input size lies between 32 and 2048, its threshold between 0 and 1")
        if set(self.temperatures) != set(self.heads) or min(self.temperatures.values()) <= 0:
            raise ConfigurationError("a bundle's manifest needs a positive temperature for each head")

    @property
    def of_trunk(self) -> bool:
        """Whether it gives a trunk sight, and not one of any body part."""
        return self.network == TRUNK

    @property
    def outputs(self) -> int:
        """Number of network outputs."""
        return sum(len(classes) for classes in self.heads.values())

    @property
    def model(self) -> ModelVersion:
        """Name, version and weights digest, as they stand in every result."""
        words = ", ".join(f"{head} {value:.3g}" for head, value in self.temperatures.items())
        return ModelVersion(
            name=self.name, version=self.version, digest=self.weights, calibration=f"temperature: {words}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The files of one model, by path within the bundle.

    Raises
    ------
    ConfigurationError
        A file is missing, a path leaves the bundle, or the weights aren't those of the manifest.
    """

    files: Mapping[str, bytes]
    manifest: Manifest = field(init=False)

    def __post_init__(self) -> None:
        bad = [path for path in self.files if not _plain(path)]
        missing = {METADATA, WEIGHTS, CARD} - set(self.files)
        if bad or missing:
            raise ConfigurationError(f"not a model bundle: missing {sorted(missing)}, unusable paths: {len(bad)}")
        object.__setattr__(self, "manifest", read_manifest(self.files[METADATA]))
        if hashlib.sha256(self.files[WEIGHTS]).hexdigest() != self.manifest.weights:
            raise ConfigurationError("the weights are not those that the bundle's manifest names")

    @property
    def digest(self) -> str:
        """SHA-256 over paths and bytes of all files, in order of path."""
        whole = hashlib.sha256()
        for path in sorted(self.files):
            data = self.files[path]
            whole.update(f"{path}\0{len(data)}\0".encode())
            whole.update(data)
        return whole.hexdigest()

    def archive(self) -> bytes:
        """Return the bundle as a zip; the same files give the same bytes."""
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as packed:
            for path in sorted(self.files):
                packed.writestr(zipfile.ZipInfo(path, _EPOCH), self.files[path])
        return held.getvalue()


def _plain(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\\" not in path


def from_archive(data: bytes) -> Bundle:
    """Return the bundle of a zip made by `Bundle.archive`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > _LARGEST:
                raise ConfigurationError("a model bundle unpacks to at most 64 MB")
            return Bundle(files={entry.filename: packed.read(entry) for entry in packed.infolist()})
    except zipfile.BadZipFile as error:
        raise ConfigurationError("not a model bundle: the archive is damaged") from error


def manifest_of(archive: bytes) -> Manifest:
    """Return the manifest in a zip made by `Bundle.archive`, the rest of it unread."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            if packed.getinfo(METADATA).file_size > _LARGEST:
                raise ConfigurationError("a model bundle unpacks to at most 64 MB")
            return read_manifest(packed.read(METADATA))
    except (KeyError, zipfile.BadZipFile) as error:
        raise ConfigurationError("not a model bundle: the archive is damaged") from error


def from_folder(folder: Path) -> Bundle:
    """Return the bundle that lies in a folder."""
    if not folder.is_dir():
        raise ConfigurationError(f"no model bundle called {folder.name}")
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if sum(path.stat().st_size for path in paths) > _LARGEST:
        raise ConfigurationError("a model bundle holds at most 64 MB")
    return Bundle(files={path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})


def read_manifest(data: bytes) -> Manifest:
    """Return the manifest in the bytes of a ``metadata.json``."""
    try:
        whole = cast("Mapping[str, object]", json.loads(data))
        own = cast("Mapping[str, object]", whole[_SECTION])
        network = cast("Mapping[str, object]", own["network"])
        settings = cast("Mapping[str, int | str | list[int]]", network["settings"])
        return Manifest(
            name=str(whole["name"]),
            version=str(whole["version"]),
            network=str(network["name"]),
            settings={key: tuple(v) if isinstance(v, list) else v for key, v in settings.items()},
            size=int(cast("int", own["size"])),
            heads={key: tuple(v) for key, v in cast("Mapping[str, list[str]]", own["heads"]).items()},
            temperatures={key: float(v) for key, v in cast("Mapping[str, float]", own["temperatures"]).items()},
            sure=float(cast("float", own["sure"])),
            weights=str(own["weights_sha256"]),
            species=tuple(Species(name) for name in cast("Mapping[str, str]", own["species"])),
            trained_on=str(whole["data_type"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"configs/metadata.json is not a manifest vetflow can read: {error!r}") from error
