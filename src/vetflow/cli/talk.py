"""Say things to people on stderr and hand out data on stdout."""

import json
import sys
from collections.abc import Mapping, Sequence

from vetflow.domain.errors import ConfigurationError, VetflowError

OK, FAILED, USAGE, UNHEALTHY = 0, 1, 2, 3

Row = Mapping[str, object]


def say(sentence: str) -> None:
    """Tell a person something."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def log_apart() -> None:
    """Let what is logged while a command works go to stderr, apart from its data."""
    import structlog

    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def failed(error: VetflowError) -> int:
    """Tell what went wrong and return the exit code for it."""
    say(f"error: {error}")
    return USAGE if isinstance(error, ConfigurationError) else FAILED


def show(rows: Sequence[Row], *, as_json: bool, columns: Sequence[str] = (), empty: str = "nothing") -> None:
    """Print rows as JSON, or as a table for people; piped tables are tab-separated and never cut.

    Parameters
    ----------
    columns
        Keys to show in a table; those of the first row when empty.
    empty
        What to say when there are none.
    """
    if as_json:
        data(list(rows))
    elif not rows:
        say(empty)
    elif sys.stdout.isatty():
        _table(rows, columns or list(rows[0]))
    else:
        for row in rows:
            sys.stdout.write("\t".join(_cell(row.get(column)) for column in columns or rows[0]) + "\n")


def data(value: object) -> None:
    """Print one value as JSON."""
    sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False, indent=2) + "\n")


def _table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    Console().print(table)


def _cell(value: object) -> str:
    return "" if value is None else str(value)
