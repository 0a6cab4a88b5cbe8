"""Values of the ledger as rows and pages."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from vetflow.cli.talk import data, show

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Value = Mapping[str, object]


def listed(lines: Sequence["DataclassInstance"], *, as_json: bool, columns: Sequence[str], empty: str) -> None:
    """Print lines of a list, the given columns for people and all for programs."""
    rows = [asdict(line) for line in lines]
    show(rows if as_json else [_short(row) for row in rows], as_json=as_json, columns=columns, empty=empty)


def page(value: "DataclassInstance", *, as_json: bool) -> None:
    """Print all about one thing: its own values first, then a table for each of its lists."""
    if as_json:
        data(asdict(value))
        return
    for name, part in asdict(value).items():
        if isinstance(part, (list, tuple)):
            _section(name, cast("Sequence[object]", part))
        elif isinstance(part, Mapping):
            _fields(cast("Value", part))


def _section(name: str, parts: Sequence[object]) -> None:
    sys.stdout.write(f"\n{name}\n")
    show([_flat(cast("Value", part)) for part in parts if isinstance(part, Mapping)], as_json=False, empty="none")


def _fields(values: Value) -> None:
    for key, value in values.items():
        if isinstance(value, (list, tuple)):
            _section(key, cast("Sequence[object]", value))
        elif value not in (None, ""):
            text = _flat(cast("Value", value)) if isinstance(value, Mapping) else _cell(value)
            sys.stdout.write(f"{key.replace('_', ' ')}: {text}\n")


def _flat(row: Value) -> dict[str, object]:
    """Return a row with the values of inner values beside its own."""
    flat: dict[str, object] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            inner = cast("Value", value)
            flat |= {key: inner["meaning"]} if "meaning" in inner else _flat(inner)
        elif not isinstance(value, (list, tuple)):
            flat[key] = _cell(value)
    return flat


def _short(row: Value) -> dict[str, object]:
    return {key: _cell(value) for key, value in row.items()}


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
