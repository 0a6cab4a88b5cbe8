"""Commands that send films and make synthetic ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from vetflow.cli.options import Home, Json, settings
from vetflow.cli.talk import FAILED, OK, say, show

phantoms = typer.Typer(help="Synthetic radiographs with exact truth.")


def send(
    paths: Annotated[list[Path], typer.Argument(exists=True, help="Files, or folders searched for files.")],
    home: Home = None,
    calling: Annotated[str, typer.Option("--calling", help="Our AE title; else the first sender of the site.")] = "",
    as_json: Json = False,
) -> None:
    """Send DICOM files to this machine's receiver as a modality does; exit 1 when one was not taken."""
    from vetflow.hospital import modality

    site = settings(home)
    senders = [sender.ae_title for sender in site.gateway.senders]
    receiver = modality.Receiver(
        host=site.gateway.host,
        port=site.gateway.port,
        called=site.gateway.ae_title,
        calling=calling or next(iter(senders), "MODALITY"),
    )
    results = list(modality.send(_files(paths), receiver))
    rows = [
        {"file": sent.file, "taken": sent.taken, "status": _hex(sent.status), "note": sent.note} for sent in results
    ]
    show(rows, as_json=as_json, empty="no file found")
    raise typer.Exit(OK if results and all(sent.taken for sent in results) else FAILED)


@phantoms.command()
def make(
    where: Annotated[
        list[str], typer.Argument(metavar="[REGION] OUT", help="Body region, all when absent; folder to write to.")
    ],
    region: Annotated[str, typer.Option("--region", help="Body region, instead of the first argument.")] = "",
    count: Annotated[int, typer.Option("--count", "--n", "-n", min=1, help="Films to make.")] = 10,
    seed: Annotated[int, typer.Option("--seed", min=0, max=999_999, help="Same seed, same films.")] = 1,
) -> None:
    """Make synthetic films as DICOM files beside truth.json."""
    from vetflow.domain.view import Region
    from vetflow.phantoms import batch
    from vetflow.phantoms.films import REGIONS

    *first, out = where
    if len(first) + bool(region) > 1:
        raise typer.BadParameter("there is at most one region, and one folder")
    wanted = region or next(iter(first), "")
    if wanted and wanted not in REGIONS:
        raise typer.BadParameter(f"{wanted} is not a region of phantoms; there are {', '.join(REGIONS)}")

    def told(done: int, whole: int) -> None:
        say(f"{done} of {whole}")

    chosen = Region(wanted) if wanted else None
    for path in batch.make(Path(out), count=count, seed=seed, region=chosen, progress=told):
        typer.echo(path)


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        yield from (sorted(found for found in path.rglob("*") if found.is_file()) if path.is_dir() else (path,))


def _hex(status: int | None) -> str:
    return "" if status is None else f"0x{status:04X}"
