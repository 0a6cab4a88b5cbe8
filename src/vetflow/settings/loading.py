"""Read a site's TOML and the environment into settings, and say plainly what is wrong with them."""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

import tomli_w
from pydantic import BaseModel, ValidationError

from vetflow.domain.errors import ConfigurationError
from vetflow.settings.sections import Settings, SiteFile

_PREFIX = "VETFLOW_"
_Tables = dict[str, object]
_KINDS = frozenset({"dicom", "dicomweb", "hl7"})
"""Words in the place of an error that say which of several models was meant; they are no keys."""


def default_home() -> Path:
    """Return ``VETFLOW_HOME``, else /var/lib/vetflow for root and ~/.local/share/vetflow for others."""
    if chosen := os.environ.get("VETFLOW_HOME"):
        return Path(chosen).absolute()
    return Path("/var/lib/vetflow") if os.geteuid() == 0 else Path.home() / ".local/share/vetflow"


def load(file: Path | None = None, *, home: Path | None = None) -> Settings:
    """Return the settings; ConfigurationError names key, file and nearest valid key.

    Parameters
    ----------
    file
        A site's TOML; None takes ``VETFLOW_CONFIG``, then ``vetflow.toml`` in the home, then the defaults.
    home
        Data directory; None takes the default.

    Notes
    -----
    ``VETFLOW_<SECTION>__<KEY>``, such as ``VETFLOW_GATEWAY__PORT``, wins over the file.
    """
    base = (home or default_home()).absolute()
    path = file.absolute() if file else _found(base)
    values = _overlaid(_read(path) if path else {}, os.environ)
    try:
        return Settings.model_validate(
            {**values, "home": base, "file": path, "database_url": os.environ.get("VETFLOW_DATABASE_URL", "")}
        )
    except ValidationError as error:
        raise ConfigurationError(_explained(error, path)) from None


def write(site: SiteFile, path: Path) -> None:
    """Write a site's file, only what differs from the defaults."""
    said = site.model_dump(mode="json", exclude_defaults=True, exclude={"home", "file", "database_url"})
    path.write_text(tomli_w.dumps(said), encoding="utf-8")


def _overlaid(values: _Tables, environment: Mapping[str, str]) -> _Tables:
    """Return the file's values with those of the environment over them."""
    merged = dict(values)
    for variable, value in environment.items():
        if variable.startswith(_PREFIX) and "__" in variable:
            section, _, key = variable.removeprefix(_PREFIX).lower().partition("__")
            table = merged.get(section, {})
            merged[section] = {**table, key: value} if isinstance(table, dict) else {key: value}
    return merged


def _found(home: Path) -> Path | None:
    if chosen := os.environ.get("VETFLOW_CONFIG"):
        return Path(chosen).absolute()
    return next((path for path in (home / "vetflow.toml",) if path.is_file()), None)


def _read(path: Path) -> _Tables:
    try:
        values: _Tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"{path}: can't be read ({error.strerror}); check --config or VETFLOW_CONFIG"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from None
    for key in ("home", "file", "database_url"):
        if key in values:
            raise ConfigurationError(f"{path}: {key} is not a key of this file; set VETFLOW_{key.upper()} instead")
    return values


def _explained(error: ValidationError, path: Path | None) -> str:
    return "\n".join(_sentence(detail["loc"], detail["type"], detail["msg"], path) for detail in error.errors())


def _sentence(location: tuple[int | str, ...], kind: str, message: str, path: Path | None) -> str:
    key = ".".join(str(part) for part in location if part not in _KINDS)
    variable = _PREFIX + "__".join(str(part) for part in location).upper()
    where = variable if variable in os.environ or not path else str(path)
    if kind != "extra_forbidden":
        return f"{where}: {key or 'file'}: {message}"
    near = difflib.get_close_matches(str(location[-1]), _keys_at(location[:-1]), n=1, cutoff=0.0)
    return f"{where}: {key} is not a key here; the nearest valid key is {near[0] if near else 'none'}"


def _keys_at(location: tuple[int | str, ...]) -> list[str]:
    models: list[type[BaseModel]] = [SiteFile]
    for part in location:
        known = models[0].model_fields
        if part in _KINDS and "kind" in known:
            models = [model for model in models if part in get_args(model.model_fields["kind"].annotation)]
        elif isinstance(part, str) and part in known:
            models = list(_inner(known[part].annotation)) or models
    return list(models[0].model_fields)


def _inner(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _inner(part)
