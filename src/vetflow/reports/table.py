"""The table of differentials and advice, read from TOML."""

import tomllib

from pydantic import TypeAdapter, ValidationError

from vetflow.domain.differentials import Table
from vetflow.domain.errors import ConfigurationError

FILE = "differentials.toml"

_TABLE = TypeAdapter(Table)


def parse(text: str, *, name: str) -> Table:
    """Return the table that a TOML text holds.

    Parameters
    ----------
    name
        What to call the text when something is wrong with it.

    Raises
    ------
    ConfigurationError
        Names the place and what is wrong there.
    """
    try:
        return _TABLE.validate_python(tomllib.loads(text), extra="forbid")
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name}: not valid TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part + 1) if isinstance(part, int) else part for part in first["loc"])
        raise ConfigurationError(f"{name}: {place}: {first['msg']}") from None
