"""Commands about the keys that de-identified studies hang on."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from vetflow.cli.options import Home, Json, settings
from vetflow.cli.talk import FAILED, OK, data, say, show

if TYPE_CHECKING:
    from vetflow.settings import Settings

app = typer.Typer(help="Keys: of replaced UIDs, and of the sealed map of what was taken out of studies.")


@app.command()
def make(
    home: Home = None,
    replace: Annotated[bool, typer.Option("--replace", help="Also on a home that has received films.")] = False,
    as_json: Json = False,
) -> None:
    """Make the keys that are missing; those that are there are left as they are."""
    from vetflow.cli.machine import make_home
    from vetflow.settings import load
    from vetflow.wiring import keys

    site = load(home=home)
    lacking = keys.missing(site.secrets)
    if lacking and not replace and _has_received(site):
        _refuse(site, lacking)
    if lacking:
        make_home(site)
    made = keys.make(site.secrets)
    if made:
        say(f"made {' and '.join(made)} in {site.secrets}; keep a copy elsewhere, nobody can make the same again")
    if as_json:
        data(made)


@app.command()
def rotate(home: Home = None) -> None:
    """Add a new key to the sealed map's ring; it seals from now on, and the older ones still open."""
    from vetflow.wiring import keys

    site = settings(home)
    say(f"{keys.rotate(site.secrets)} is the current key in {site.secrets / keys.MAP_KEYS}; keep a copy elsewhere")


@app.command("ls")
def list_keys(home: Home = None, as_json: Json = False) -> None:
    """List the ids of the keys; the keys themselves are never shown."""
    from vetflow.wiring import keys

    show([asdict(line) for line in keys.lines(settings(home).secrets)], as_json=as_json)


@app.command()
def reseal(home: Home = None, as_json: Json = False) -> None:
    """Put all that is sealed under the current key, so that older ones can go; exit 1 when something did not open."""
    from vetflow.wiring import build

    services = build(settings(home))
    found = services.ledger.reseal() + services.export_map(services.settings.home / "exports").reseal()
    if as_json:
        data(asdict(found))
    else:
        say(f"{found.done} resealed, {found.left} could not be opened")
    raise typer.Exit(FAILED if found.left else OK)


def _has_received(site: "Settings") -> bool:
    """Whether the home's own database exists; one on another server is asked for films."""
    from vetflow.domain.errors import ConfigurationError
    from vetflow.wiring import build

    if not site.database_url:
        return (site.home / "database").exists()
    try:
        return any(build(site).ledger.counts().instances.values())
    except ConfigurationError:  # it has no tables yet
        return False


def _refuse(site: "Settings", lacking: list[str]) -> None:
    from vetflow.domain.errors import ConfigurationError
    from vetflow.wiring import keys

    lost = "; ".join(f"without the old {name}, {keys.LOST[name]}" for name in lacking)
    raise ConfigurationError(
        f"{site.home} has a ledger already: bring {' and '.join(lacking)} back from your copy to {site.secrets}. If "
        f"there is none, `vetflow keys make --replace` makes new ones: {lost}"
    )
