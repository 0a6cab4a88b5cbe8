"""Commands that show studies, cases and deliveries, and send a delivery again."""

from enum import StrEnum
from typing import Annotated, TypeVar

import typer

from vetflow.cli.options import Home, Json, settings
from vetflow.cli.talk import say

State = TypeVar("State", bound=StrEnum)
Limit = Annotated[int, typer.Option("--limit", min=1, help="Most lines shown, newest first.")]

studies = typer.Typer(help="Studies: what arrived, in which state, and why something was refused.")
cases = typer.Typer(help="Cases: one use case applied to one film or study.")
deliveries = typer.Typer(help="Deliveries: what is owed to PACS and practice.")


@studies.command("ls")
def list_studies(home: Home = None, limit: Limit = 100, as_json: Json = False) -> None:
    """List studies, newest first."""
    from vetflow.cli.rows import listed
    from vetflow.wiring import build

    lines = build(settings(home)).ledger.studies(limit=limit)
    columns = ("id", "opened_at", "last_arrival", "revision", "instances", "quarantined", "conflicted")
    listed(lines, as_json=as_json, columns=columns, empty="no study has arrived")


@studies.command("show")
def show_study(
    study: Annotated[str, typer.Argument(help="Id of a study, or `refused` for what belongs to none.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show a study's revisions, instances and cases with reasons; `refused` shows what senders were told to keep."""
    from vetflow.cli.rows import listed, page
    from vetflow.wiring import build

    ledger = build(settings(home)).ledger
    if study == "refused":
        columns = ("at", "sender", "reason", "status")
        listed(ledger.refusals(), as_json=as_json, columns=columns, empty="nothing was refused")
        return
    found = ledger.study(study)
    if found is None:
        raise _unknown("study", study)
    page(found, as_json=as_json)


@cases.command("ls")
def list_cases(
    home: Home = None,
    state: Annotated[str, typer.Option("--state", help="Only cases in this state.")] = "",
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List cases, newest first."""
    from vetflow.cli.rows import listed
    from vetflow.domain.case import CaseState
    from vetflow.wiring import build

    wanted = _state(CaseState, state) if state else None
    lines = build(settings(home)).ledger.cases(state=wanted, limit=limit)
    columns = ("id", "use_case", "study_id", "queue", "state", "attempt", "reason", "opened_at", "ended_at")
    listed(lines, as_json=as_json, columns=columns, empty="no case")


@cases.command("show")
def show_case(
    case: Annotated[str, typer.Argument(help="Id of a case.")], home: Home = None, as_json: Json = False
) -> None:
    """Show a case: what was found, every attempt, its results and where they went."""
    from vetflow.cli.rows import page
    from vetflow.wiring import build

    found = build(settings(home)).ledger.case(case)
    if found is None:
        raise _unknown("case", case)
    page(found, as_json=as_json)


@deliveries.command("ls")
def list_deliveries(
    home: Home = None,
    state: Annotated[str, typer.Option("--state", help="Only deliveries in this state.")] = "",
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List deliveries, newest first."""
    from vetflow.cli.rows import listed
    from vetflow.domain.delivery import DeliveryState
    from vetflow.wiring import build

    wanted = _state(DeliveryState, state) if state else None
    lines = build(settings(home)).ledger.deliveries(state=wanted, limit=limit)
    columns = ("id", "case_id", "destination", "kind", "state", "attempts", "next_at", "last_error")
    listed(lines, as_json=as_json, columns=columns, empty="nothing is owed or was sent")


@deliveries.command("replay")
def replay(
    delivery: Annotated[str, typer.Argument(help="Id of a dead or held delivery, or `dead` for all of those.")],
    home: Home = None,
) -> None:
    """Owe a dead or held delivery again."""
    from vetflow.domain.delivery import DeliveryState
    from vetflow.wiring import build

    ledger = build(settings(home)).ledger
    dead = ledger.deliveries(state=DeliveryState.DEAD, limit=100_000) if delivery == "dead" else None
    chosen = [delivery] if dead is None else [line.id for line in dead]
    for one in chosen:
        ledger.replay(one)
    say(f"{len(chosen)} owed again")


def _unknown(kind: str, name: str) -> typer.BadParameter:
    return typer.BadParameter(
        f"there is no {kind} {name}; `vetflow {'studies' if kind == 'study' else 'cases'} ls` lists"
    )


def _state(kind: type[State], state: str) -> State:
    try:
        return kind(state)
    except ValueError:
        raise typer.BadParameter(f"{state} is not a state; there are {', '.join(kind)}") from None
