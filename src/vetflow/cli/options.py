"""Options that many commands share, and the settings they lead to."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vetflow.settings import Settings

Home = Annotated[Path | None, typer.Option("--home", help="Data directory; else VETFLOW_HOME.")]
Config = Annotated[
    Path | None, typer.Option("--config", help="The site's TOML; else VETFLOW_CONFIG or HOME/vetflow.toml.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings(home: Path | None, config: Path | None = None) -> "Settings":
    """Return the settings of a command, with the ledger's address filled in."""
    from vetflow.settings import load
    from vetflow.supervisor.places import located

    return located(load(config, home=home))
