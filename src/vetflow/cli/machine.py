"""Commands about the machine: start it, ask how it is."""

from typing import TYPE_CHECKING

import typer

from vetflow.cli.options import Config, Home, Json, settings
from vetflow.cli.talk import OK, UNHEALTHY, data, say, show

if TYPE_CHECKING:
    from vetflow.settings import Settings


def up(home: Home = None, config: Config = None) -> None:
    """Run everything on this machine until Ctrl-C."""
    from vetflow.settings import load
    from vetflow.supervisor.lock import sole_owner
    from vetflow.supervisor.warden import guarded
    from vetflow.wiring import keys

    site = load(config, home=home)
    keys.check(site.secrets)
    make_home(site)
    with sole_owner(site.home):
        _warn(site)
        code = guarded(lambda: _run(site))
    raise typer.Exit(code)


def status(home: Home = None, config: Config = None, as_json: Json = False) -> None:
    """Say how each part is and how much work is in which state; exit 3 when something is not well."""
    from vetflow.supervisor.status import look

    seen = look(settings(home, config))
    if as_json:
        data(seen.values())
    elif not seen.running:
        say("nothing runs on this home; start it with: vetflow up")
    else:
        show(seen.rows(), as_json=False)
        show(seen.count_rows(), as_json=False, empty="the ledger is empty")
    raise typer.Exit(OK if seen.well else UNHEALTHY)


def doctor(home: Home = None, config: Config = None, as_json: Json = False) -> None:
    """Check ports, versions, disk, models, secrets and destinations; exit 3 when something must be mended."""
    from vetflow.supervisor.doctor import examine

    checks = examine(settings(home, config))
    show([check.row() for check in checks], as_json=as_json)
    raise typer.Exit(OK if all(check.well for check in checks) else UNHEALTHY)


def _warn(site: "Settings") -> None:
    """Say what a file left out that nothing works without."""
    where = site.file or site.home / "vetflow.toml"
    if not site.gateway.senders:
        say(f"nobody may send yet: name a [[gateway.senders]] in {where}; deployments/sites/clinic.toml shows how")
    if not site.routes:
        say(f"nothing is looked at yet: name [[routes]] in {where}")


def make_home(site: "Settings") -> None:
    """Make the home, open to the account of its database and to nobody else."""
    from vetflow.supervisor.account import database_account, open_way

    if site.database_url:
        site.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    else:
        open_way(database_account(), site.home)


def _run(site: "Settings") -> int:
    from vetflow.domain.errors import VetflowError
    from vetflow.supervisor.tree import Tree

    try:
        Tree(site, tell=say).run()
    except VetflowError as error:
        from vetflow.cli.talk import failed

        return failed(error)
    return OK
