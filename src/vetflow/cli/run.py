"""``vetflow run``: a use case on a study that a person names, before everything else."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from vetflow.cli.options import Home, Json, settings
from vetflow.cli.talk import FAILED, OK, log_apart, say, show

if TYPE_CHECKING:
    from vetflow.domain.overview import CaseLine
    from vetflow.supervisor.on_demand import Opened
    from vetflow.wiring import Services

_SORTED_SECONDS = 30.0
_SPARE_SECONDS = 60.0
_LOOK_SECONDS = 0.25


def run(
    use_case: Annotated[str, typer.Argument(help="Use case to run.")],
    study: Annotated[
        str, typer.Argument(help="Id of a study; or StudyInstanceUID or accession number of one here or at a PACS.")
    ],
    home: Home = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end; exit 1 when it is not a good one.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Run it once more where it has ended.")] = False,
    as_json: Json = False,
) -> None:
    """Run a use case on a study before everything else; one that is not here is fetched from the site's PACS first."""
    from vetflow.wiring import build

    _check(use_case)
    log_apart()
    services = build(settings(home))
    opened = _opened(services, use_case, study, again=again)
    for case in opened:
        say(_told(case))
    lines = _awaited(services, opened) if wait else [_line(services, case) for case in opened]
    columns = ("id", "use_case", "study_id", "queue", "state", "attempt", "reason")
    show([{name: asdict(line)[name] for name in columns} for line in lines], as_json=as_json, columns=columns)
    raise typer.Exit(FAILED if any(_badly_ended(line) for line in lines) else OK)


def _check(use_case: str) -> None:
    from vetflow.domain.use_cases import MODELS

    if use_case not in MODELS:
        raise typer.BadParameter(f"{use_case} is not a use case; there are {', '.join(MODELS)}")


def _opened(services: "Services", use_case: str, study: str, *, again: bool) -> "Sequence[Opened]":
    from vetflow.domain.errors import StudyRefused, TransientError
    from vetflow.supervisor.account import own_name
    from vetflow.supervisor.on_demand import open_cases, study_named

    try:
        study_id = study_named(services, study, tell=say)
    except StudyRefused as refused:
        raise typer.BadParameter(str(refused)) from None
    deadline = time.monotonic() + _SORTED_SECONDS
    while True:
        try:
            return open_cases(services, use_case, study_id, actor=own_name(), again=again)
        except TransientError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECONDS)


def _told(case: "Opened") -> str:
    if case.before is None:
        return f"{case.id} is opened"
    if case.before.state.ended:
        return (
            f"{case.id} ended as {case.before.state} before: `vetflow cases show {case.id}`; --again runs it once more"
        )
    return f"{case.id} is {case.before.state} already, in the queue {case.before.queue}"


def _awaited(services: "Services", opened: "Sequence[Opened]") -> "list[CaseLine]":
    """Return the cases once all have ended, telling each change on the way."""
    from vetflow.domain.errors import TransientError

    limits = services.settings.limits
    deadline = time.monotonic() + limits.attempts * limits.case_seconds + _SPARE_SECONDS
    told: dict[str, str] = {}
    while time.monotonic() < deadline:
        lines = [_line(services, case) for case in opened]
        for line in lines:
            if told.get(line.id) != line.state:
                told[line.id] = line.state
                say(f"{line.id} is {line.state}{f' ({line.reason})' if line.reason else ''}")
        if all(line.state.ended for line in lines):
            return lines
        time.sleep(_LOOK_SECONDS)
    raise TransientError("it has not ended in time and goes on; `vetflow cases ls` shows it")


def _line(services: "Services", case: "Opened") -> "CaseLine":
    from vetflow.domain.errors import StudyRefused

    page = services.ledger.case(case.id)
    if page is None:
        raise StudyRefused("unknown_case", f"{case.id} is gone")
    return page.case


def _badly_ended(line: "CaseLine") -> bool:
    from vetflow.domain.case import CaseState

    return line.state.ended and line.state is not CaseState.DONE
