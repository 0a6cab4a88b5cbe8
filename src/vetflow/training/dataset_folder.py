"""A folder with films and their truth, as ``vetflow phantoms make`` writes it; what isn't known may be left out."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeInt, TypeAdapter, ValidationError

from vetflow.dicom import header
from vetflow.dicom.pixels import greyscale
from vetflow.domain.errors import ConfigurationError, StudyRefused
from vetflow.domain.place import Box
from vetflow.domain.trunk_sight import VERTEBRAE
from vetflow.phantoms.trunk.truth import Body, Mask, TrunkTruth, from_runs
from vetflow.phantoms.truth import Truth

TRUTH = "truth.json"
T = TypeVar("T")
Decoder = Callable[[bytes], NDArray[np.generic]]
"""Gives the stored values of Part 10 bytes; StudyRefused where it can't."""

_NOWHERE = Body(centre=(0, 0), cranial=((0, 0), (0, 0)), caudal=((0, 0), (0, 0)), shown=False)
_PLAIN: Mapping[str, object] = {
    "inverted": False, "orientation": ("A", "F"), "head": "left", "limbs_over": None, "cut": (), "catlike": False,
}  # fmt: skip
"""What stands in a truth for what isn't known, to be taken away again from the answers."""
_TRUNK: Mapping[str, object] = {
    "species": "dog", "weight_kg": 0.0, "build": 1.0, "rotation": 0.0, "lean": 0.0, "breath": 0.0, "missing": (),
    "rib_pairs": 13, "rib_heads": {}, "heart": None, "heart_score": None, "atrial_size": None, "diaphragm": (),
    "lesions": (),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labelled:
    """A film with what is known of it.

    Parameters
    ----------
    name
        Of its file.
    pixels
        Stored values, rows by columns.
    inverted
        Whether low values are bright (MONOCHROME1).
    plain, trunk
        Its truth; what isn't known has a value that means nothing.
    known
        Keys of both that mean something, those of the trunk's as ``trunk.heart``, and names of vertebrae.
    masks
        By name; None when no outlines are known.
    foreign
        Whether noise and processing are those that training never sees.
    """

    name: str
    pixels: NDArray[np.generic]
    inverted: bool
    plain: Truth
    trunk: TrunkTruth
    known: frozenset[str]
    masks: Mapping[str, Mask] | None
    foreign: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Films of a folder.

    Parameters
    ----------
    truths
        By name of the film's file.
    """

    path: Path
    truths: Mapping[str, Mapping[str, object]]

    @property
    def digest(self) -> str:
        """SHA-256 over the truth and all films that are there, in order of their names."""
        whole = hashlib.sha256((self.path / TRUTH).read_bytes())
        for name in sorted(self.truths):
            if (self.path / name).is_file():
                whole.update(hashlib.sha256((self.path / name).read_bytes()).digest())
        return whole.hexdigest()

    def film(self, name: str, decode: Decoder) -> Labelled:
        """Return a film.

        Raises
        ------
        StudyRefused
            ``file_missing``, ``truth_unreadable``, ``not_greyscale``, and what reading and decoding refuse.
        """
        truth = self.truths[name]
        pixels, inverted = self._read(name, decode)
        rows, columns = pixels.shape
        field = asdict(Box(left=0, top=0, right=columns, bottom=rows))
        about = _section(truth, "trunk")
        bodies = _section(about, "vertebrae")
        # A heart whose points are given is shown unless the truth says that part of it isn't.
        filled = {**_TRUNK, "heart_shown": about.get("heart") is not None, **about}
        filled["vertebrae"] = {**dict.fromkeys(VERTEBRAE, _NOWHERE), **bodies}
        return Labelled(
            name=name,
            pixels=pixels,
            inverted=inverted,
            plain=_understood(Truth, {**_PLAIN, "field": field, **_of(truth, Truth)}),
            trunk=_understood(TrunkTruth, filled, "trunk"),
            known=frozenset(truth) | {f"trunk.{key}" for key in about} | frozenset(bodies),
            masks=_masks(truth, (rows, columns)),
            foreign=bool(_section(truth, "exposure").get("foreign", False)),
        )

    def _read(self, name: str, decode: Decoder) -> tuple[NDArray[np.generic], bool]:
        path = self.path / name
        try:
            data = path.read_bytes()
        except OSError:
            raise StudyRefused("file_missing", "The file is missing or can't be read.") from None
        inverted, pixels = greyscale(header.read(data)).inverted, decode(data)
        if pixels.ndim != 2:
            raise StudyRefused("not_greyscale", "The file does not hold one greyscale picture.")
        return pixels, inverted


def opened(path: Path) -> Folder:
    """Return the films that a folder's truth names.

    Raises
    ------
    ConfigurationError
        There is no truth, or it is not one by file name.
    """
    try:
        found: object = json.loads((path / TRUTH).read_bytes(), parse_constant=_no_number)
    except OSError:
        raise ConfigurationError(
            f"{path} holds no {TRUTH}; it maps file names to what is true of them, as `vetflow phantoms make` writes it"
        ) from None
    except ValueError:
        raise ConfigurationError(f"{path / TRUTH} is not JSON") from None
    truths = _mapping(found) or {}
    outside = [name for name in truths if Path(name).name != name]
    if not truths or outside or any(_mapping(truth) is None for truth in truths.values()):
        raise ConfigurationError(f"{path / TRUTH} must map the names of files beside it to what is true of them")
    return Folder(path=path, truths={name: _mapping(truth) or {} for name, truth in truths.items()})


def _no_number(word: str) -> float:
    raise ValueError(word)


def _mapping(value: object) -> Mapping[str, object] | None:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None


def _section(truth: Mapping[str, object], key: str) -> Mapping[str, object]:
    section = _mapping({} if truth.get(key) is None else truth[key])
    if section is None:
        raise _unreadable(f"{key} is not an object")
    return section


def _of(truth: Mapping[str, object], kind: type[Truth]) -> dict[str, object]:
    return {key: value for key, value in truth.items() if key in kind.__dataclass_fields__}


def _understood(kind: type[T], values: Mapping[str, object], *where: str) -> T:
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise _unreadable(f"{'.'.join((*where, *map(str, first['loc'])))}: {first['msg']}") from None


def _masks(truth: Mapping[str, object], shape: tuple[int, int]) -> Mapping[str, Mask] | None:
    if truth.get("masks") is None:
        return None
    try:
        runs = TypeAdapter(dict[str, list[NonNegativeInt]]).validate_python(truth["masks"])
    except ValidationError:
        raise _unreadable("masks are not lists of lengths of runs") from None
    if any(sum(lengths) != shape[0] * shape[1] for lengths in runs.values()):
        raise _unreadable("runs of a mask do not fill the film")
    return {name: from_runs(lengths, shape) for name, lengths in runs.items()}


def _unreadable(why: str) -> StudyRefused:
    return StudyRefused("truth_unreadable", f"Its truth can't be understood: {why}.")
