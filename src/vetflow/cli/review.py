"""Commands of a veterinarian: see how a case stands, reject findings, sign."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from vetflow.cli.options import Home, Json, settings
from vetflow.cli.talk import data, say, show

if TYPE_CHECKING:
    from vetflow.domain.finding import Assessment
    from vetflow.domain.review import Edition
    from vetflow.wiring import Services

app = typer.Typer(help="Reviews: what veterinarians decided about a case that is done.")

Case = Annotated[str, typer.Argument(help="Id of a case.")]
Numbers = Annotated[list[int], typer.Argument(min=1, help="Numbers of findings, as `vetflow review show` lists them.")]
By = Annotated[str, typer.Option("--by", help="Who decides.")]


@app.command("show")
def show_review(case: Case, home: Home = None, as_json: Json = False) -> None:
    """Show a case's findings with what was decided on each, who signed, and the latest results."""
    from vetflow.wiring import build

    services = build(settings(home))
    _tell(services, services.ledger.edition(case), as_json=as_json)


@app.command()
def reject(case: Case, numbers: Numbers, by: By, home: Home = None, as_json: Json = False) -> None:
    """Reject findings: a new report without them replaces the one before, wherever that went, unless it is signed."""
    from vetflow import review
    from vetflow.wiring import build

    services = build(settings(home))
    _tell(services, review.reject(services, case, _positions(numbers), by=by), as_json=as_json)


@app.command()
def accept(case: Case, numbers: Numbers, by: By, home: Home = None, as_json: Json = False) -> None:
    """Accept findings, also ones that were rejected by mistake."""
    from vetflow import review
    from vetflow.wiring import build

    services = build(settings(home))
    _tell(services, review.accept(services, case, _positions(numbers), by=by), as_json=as_json)


@app.command()
def sign(
    case: Case,
    by: Annotated[str, typer.Option("--by", help='Who signs, as "Family^Given".')],
    organization: Annotated[str, typer.Option("--organization", help="Where the signer works.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Sign what stands: a verified, final report follows the one before, wherever that went."""
    from vetflow import review
    from vetflow.domain.standing import Signature
    from vetflow.wiring import build

    if not (by.strip() and organization.strip()):
        raise typer.BadParameter("a signature needs a name and an organization")
    services = build(settings(home))
    signature = Signature(name=by, organization=organization, at=datetime.now(UTC))
    _tell(services, review.sign(services, case, signature=signature), as_json=as_json)


def _positions(numbers: list[int]) -> list[int]:
    return [number - 1 for number in numbers]


def _tell(services: "Services", edition: "Edition", *, as_json: bool) -> None:
    page = services.ledger.case(edition.case_id)
    findings = _findings(edition, page.assessment if page else None)
    if as_json:
        data(_whole(edition, findings))
        return
    show(findings, as_json=False, empty="the case has no findings")
    if signature := edition.signature:
        say(f"edition {edition.number}, signed by {signature.name} at {signature.organization}, {signature.at}")
    elif edition.corrects:
        say(f"edition {edition.number}: the signed report stands until somebody signs this correction of it")
    else:
        say(f"edition {edition.number}, not signed")


def _findings(edition: "Edition", assessment: "Assessment | None") -> list[dict[str, object]]:
    return [
        {
            "number": at + 1,
            "presence": finding.presence.value,
            "certainty": None if finding.certainty is None else round(finding.certainty, 4),
            "says": finding.says,
            "decision": str(edition.decisions.get(at, "")),
        }
        for at, finding in enumerate(assessment.findings if assessment else ())
    ]


def _whole(edition: "Edition", findings: list[dict[str, object]]) -> dict[str, object]:
    signature = edition.signature
    return {
        "case": edition.case_id,
        "edition": edition.number,
        "signed_by": signature.name if signature else None,
        "organization": signature.organization if signature else None,
        "signed_at": signature.at if signature else None,
        "findings": findings,
        "results": [{"kind": result.kind, "uid": result.uid, "digest": result.digest} for result in edition.results],
        "reviews": [
            {"edition": one.edition, "by": one.by, "at": one.at, "note": one.note, "signed": one.signature is not None}
            for one in edition.reviews
        ],
    }
