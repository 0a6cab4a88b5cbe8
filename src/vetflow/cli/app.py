"""The tree of commands. Nothing heavy is imported here: ``vetflow --help`` has to be quick."""

import typer

from vetflow.cli import machine

app = typer.Typer(
    name="vetflow",
    help="AI in veterinary radiology, between the PACS and the radiologist.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(machine.up)
app.command()(machine.status)
app.command()(machine.doctor)
