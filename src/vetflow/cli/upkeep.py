"""Commands that prove nothing is lost, and that move a model between phases."""

from dataclasses import asdict
from typing import Annotated

import typer

from vetflow.cli.options import Home, Json, settings
from vetflow.cli.talk import FAILED, OK, data, say, show

audit = typer.Typer(help="The journal of what people and vetflow decided.")


def fsck(
    home: Home = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only look for the bytes, don't read them.")] = False,
    as_json: Json = False,
) -> None:
    """Prove that every accepted image is in one state and every byte is as it was stored; exit 1 when not."""
    from vetflow.wiring import build

    services = build(settings(home))
    found = services.ledger.inspect(services.store, rehash=not quick)
    if as_json:
        data(asdict(found))
    else:
        for fault in found.faults:
            say(f"broken rule: {fault.rule} ({', '.join(fault.subjects)})")
        for what, digests in (("missing", found.missing), ("damaged", found.damaged), ("orphaned", found.orphaned)):
            for digest in digests:
                say(f"{what}: {digest}")
        say(f"{found.accepted} images accepted; {'clean' if found.clean else 'NOT clean'}")
    raise typer.Exit(OK if found.clean else FAILED)


@audit.command("verify")
def verify(home: Home = None, as_json: Json = False) -> None:
    """Check that no entry of the journal was changed, removed or put between; exit 1 when one was."""
    from vetflow.wiring import build

    chain = build(settings(home)).ledger.verify_chain()
    if as_json:
        data(asdict(chain))
    elif chain.broken_at is None:
        say(f"{chain.entries} entries, all as written; head {chain.head}")
    else:
        say(f"the journal is broken at entry {chain.broken_at}; {chain.entries} before it are as written")
    raise typer.Exit(OK if chain.broken_at is None else FAILED)


def phase(
    use_case: Annotated[str, typer.Argument(help="Use case; all of the site when absent.")] = "",
    grant: Annotated[str, typer.Argument(help="Phase to grant: silent, assistive or integrated.")] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show how far results travel, or grant the champion of a use case another phase; a draft has no model."""
    from vetflow.domain.rollout import Phase
    from vetflow.supervisor.account import own_name
    from vetflow.wiring import build
    from vetflow.wiring.catalogue import granted, standings

    services = build(settings(home))
    if grant and grant not in list(Phase):
        raise typer.BadParameter(f"{grant} is not a phase; there are {', '.join(Phase)}")
    if grant:
        granted(services, use_case, Phase(grant), actor=own_name())
    rows = [asdict(standing) for standing in standings(services) if use_case in {"", standing.use_case}]
    show(rows, as_json=as_json, empty="no route names a use case")
