"""``vetflow draft``: the latest draft report on a study, as text."""

from typing import TYPE_CHECKING, Annotated

import typer

from vetflow.cli.options import Home, Json, settings
from vetflow.cli.talk import FAILED, data, say

if TYPE_CHECKING:
    from vetflow.wiring import Services


def draft(
    study: Annotated[str, typer.Argument(help="Id or StudyInstanceUID of a study that is here.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Print the latest draft report on a study; exit 1 when there is none."""
    from vetflow.wiring import build

    services = build(settings(home))
    study_id = study if study.startswith("study-") else services.ledger.study_of(study)
    found = _latest(services, study_id or "")
    if found is None:
        say(f"no draft of it is written; `vetflow run draft {study_id}` writes one")
        raise typer.Exit(FAILED)
    case_id, text = found
    if as_json:
        data({"case": case_id, "text": text})
    else:
        typer.echo(text, nl=False)


def _latest(services: "Services", study_id: str) -> tuple[str, str] | None:
    """Return the case of the latest draft that is written, and its text; usage error when the study is not known."""
    from vetflow.domain.case import CaseState
    from vetflow.domain.delivery import ResultKind
    from vetflow.domain.use_cases import DRAFT

    page = services.ledger.study(study_id)
    if page is None:
        raise typer.BadParameter("there is no such study; `vetflow studies ls` lists")
    cases = [line for line in page.cases if line.use_case == DRAFT]
    for line in cases:
        if not line.state.ended:
            say(f"another draft is {line.state}: {line.id}")
    done = [line for line in cases if line.state is CaseState.DONE]
    if not done:
        return None
    latest = max(reversed(done), key=lambda line: line.revision or 0).id
    text = services.ledger.edition(latest).result(ResultKind.TEXT)
    return (latest, services.store.get(text.digest).decode()) if text else None
