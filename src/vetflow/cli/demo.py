"""``vetflow demo``: one real film through everything, from the X-ray room to the PACS."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vetflow.cli.options import Json
from vetflow.cli.talk import FAILED, OK, data, say

if TYPE_CHECKING:
    from vetflow.cli.story import Line
    from vetflow.domain.overview import CasePage, StudyPage
    from vetflow.settings import Settings
    from vetflow.wiring import Services

_FILM_SECONDS = 120.0


def demo(
    home: Annotated[Path | None, typer.Option("--home", help="Emptied and used; else beside the usual home.")] = None,
    film: Annotated[Path | None, typer.Option("--film", exists=True, help="A DICOM file; else a real cat.")] = None,
    stay: Annotated[bool, typer.Option("--stay", help="Keep everything running until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """Start a simulated clinic, send one real film through it, and tell what came of it."""
    from vetflow.cli import stage
    from vetflow.settings import default_home
    from vetflow.wiring import build

    usual = default_home()
    sent = film or stage.real_film()
    site = stage.fresh_home(home.absolute() if home else usual.with_name(f"{usual.name}-demo"))
    say(f"a simulated clinic in {site.home}")
    begun = time.monotonic()
    with stage.hospital(site), stage.tree(site, tell=lambda part: say(f"{time.monotonic() - begun:5.1f} s  {part}")):
        services = build(site)
        study, cases = _travelled(services, site, sent)
        lines = list(_told(services, study, cases))
        runs = f"http://127.0.0.1:{site.ports.prefect}/runs/flow-run"
        lines += [(f"Prefect, {case.case.use_case}", f"{runs}/{case.case.run_id}") for case in cases]
        _show(lines, as_json=as_json)
        if stay:
            _linger()
    raise typer.Exit(OK if all(map(_well, cases)) else FAILED)


def _travelled(services: "Services", site: "Settings", film: Path) -> "tuple[StudyPage, list[CasePage]]":
    """Send a film and return its study and cases once nothing more will happen; the first is about the film alone."""
    from vetflow.domain.errors import TransientError
    from vetflow.hospital import modality

    receiver = modality.Receiver(
        host=site.gateway.host,
        port=site.gateway.port,
        called=site.gateway.ae_title,
        calling=site.gateway.senders[0].ae_title,
    )
    for sent in modality.send([film], receiver):
        if not sent.taken:
            raise TransientError(f"the film was not taken: {sent.note}")
    say("the film is received and durable")
    deadline = time.monotonic() + _FILM_SECONDS
    while time.monotonic() < deadline:
        if done := _finished(services):
            return done
        time.sleep(0.1)
    raise TransientError(f"no result after {_FILM_SECONDS:g} s; {site.home / 'logs'} and `vetflow cases ls` say why")


def _finished(services: "Services") -> "tuple[StudyPage, list[CasePage]] | None":
    """Return what came of the film; None while there is more to come, a draft that is opened just now included."""
    ledger = services.ledger
    if _ended(services) is None or ledger.open_studies() or ledger.unrouted() or ledger.undrafted():
        return None
    return _ended(services)


def _ended(services: "Services") -> "tuple[StudyPage, list[CasePage]] | None":
    from vetflow.domain.delivery import DeliveryState

    lines = services.ledger.studies(limit=1)
    study = services.ledger.study(lines[0].id) if lines else None
    pages = [services.ledger.case(line.id) for line in study.cases] if study else []
    cases = [page for page in pages if page and page.case.state.ended]
    owed = any(delivery.state is DeliveryState.OWED for case in cases for delivery in case.deliveries)
    return (study, cases) if study and cases and len(cases) == len(pages) and not owed else None


def _told(services: "Services", study: "StudyPage", cases: "list[CasePage]") -> "list[Line]":
    from vetflow.cli.story import brief, story
    from vetflow.domain.delivery import ResultKind
    from vetflow.domain.rollout import Phase
    from vetflow.wiring.catalogue import standings

    home, first = services.settings.home, cases[0]
    standing = next(one for one in standings(services) if one.use_case == first.case.use_case)
    lines = [*story(study, first, Phase(standing.in_force or Phase.SILENT)), *map(brief, cases[1:])]
    shown = {ResultKind.PICTURE: ("picture", "png"), ResultKind.TEXT: ("draft report", "txt")}
    for use_case, result in ((case.case.use_case, result) for case in cases for result in case.results):
        if result.kind not in shown:
            continue
        what, suffix = shown[result.kind]
        path = home / f"{use_case}-{result.digest[:8]}.{suffix}"
        path.write_bytes(services.store.get(result.digest))
        lines.append((what, str(path)))
    lines += [("in the PACS", str(path)) for path in sorted((home / "pacs").glob("**/*.dcm"))]
    lines += [("in the practice", str(path)) for path in sorted((home / "practice").glob("*.hl7"))]
    return lines


def _show(lines: "list[Line]", *, as_json: bool) -> None:
    if as_json:
        data([{"what": what, "says": says} for what, says in lines])
        return
    if not sys.stdout.isatty():
        sys.stdout.write("".join(f"{what:<16} {says}\n" for what, says in lines))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for what, says in lines:
        table.add_row(what, says)
    Console().print(table)


def _linger() -> None:
    say("all of it keeps running; Ctrl-C stops it")
    while True:
        time.sleep(1)


def _well(case: "CasePage") -> bool:
    from vetflow.domain.case import CaseState
    from vetflow.domain.delivery import DeliveryState

    sent = [delivery.state is DeliveryState.SENT for delivery in case.deliveries]
    return case.case.state is CaseState.DONE and bool(sent) and all(sent)
