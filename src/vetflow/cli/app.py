"""The tree of commands. Nothing heavy is imported here: ``vetflow --help`` has to be quick."""

import typer

from vetflow.cli import bench, demo, draft, films, keys, ledger, machine, models, privacy, review, run, upkeep

app = typer.Typer(
    name="vetflow",
    help="AI in veterinary radiology, between the PACS and the radiologist.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(machine.up)
app.command()(demo.demo)
app.command()(machine.status)
app.command()(machine.doctor)
app.command()(films.send)
app.command()(run.run)
app.command()(draft.draft)
app.add_typer(ledger.studies, name="studies", no_args_is_help=True)
app.add_typer(ledger.cases, name="cases", no_args_is_help=True)
app.add_typer(ledger.deliveries, name="deliveries", no_args_is_help=True)
app.add_typer(review.app, name="review", no_args_is_help=True)
app.command()(privacy.deidentify)
app.command()(privacy.reidentify)
app.add_typer(models.app, name="models", no_args_is_help=True)
app.add_typer(films.phantoms, name="phantoms", no_args_is_help=True)
app.add_typer(keys.app, name="keys", no_args_is_help=True)
app.command()(upkeep.fsck)
app.add_typer(upkeep.audit, name="audit", no_args_is_help=True)
app.command()(upkeep.phase)
app.command()(bench.bench)


@app.callback()
def _root() -> None:
    """AI in veterinary radiology, between the PACS and the radiologist."""


@films.phantoms.callback()
@upkeep.audit.callback()
def _group() -> None:
    """Keep a group of one command a group."""
