"""Commands that take owner and clinic out of DICOM files for research, and give results their identity back."""

import functools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vetflow.cli.options import Home, Json, settings
from vetflow.cli.talk import FAILED, OK, Row, data, say, show

if TYPE_CHECKING:
    from vetflow.cli.exports import Export

_NAMED = 3
"""Keywords that the table names; the report names all."""

_Source = Annotated[Path, typer.Argument(exists=True, help="A DICOM file, or a folder searched for files.")]


def deidentify(
    source: _Source,
    out: Annotated[Path | None, typer.Argument(help="Folder to write to, new or empty.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Look for leaks in what was written, or in SOURCE when there is no OUT.")
    ] = False,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write de-identified copies for research, or look for leaks; exit 1 when a file was left out or leaks."""
    if out is None and not check:
        raise typer.BadParameter("name a folder to write to, or --check the source")
    export = _exported(source, out, home) if out else None
    leaks = _leaks(out or source) if check else []
    if as_json:
        data({**(export.report() if export else {}), **({"leaks": leaks} if check else {})})
    else:
        if export:
            _tell(export)
        if check:
            show(leaks, as_json=False, empty="no leak found")
    raise typer.Exit(FAILED if leaks or (export and not export.whole) else OK)


def reidentify(
    source: _Source,
    out: Annotated[Path, typer.Argument(help="Folder to write to, new or empty.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Give results made from exported studies the identity of these; exit 1 when one's study is not known."""
    from vetflow.cli import exports
    from vetflow.domain.errors import StudyRefused
    from vetflow.supervisor.account import own_name
    from vetflow.wiring import build

    site = settings(home)
    sealed = build(site).export_map(site.home / "exports")
    recall = functools.cache(functools.partial(sealed.recall, actor=own_name(), purpose="reidentify"))
    rows: list[Row] = []
    exports.empty_folder(out)
    for number, path in _progress(exports.files_of(source)):
        name, note = f"{number:04}.dcm", ""
        try:
            (out / name).write_bytes(exports.bring_back(path.read_bytes(), recall))
        except StudyRefused as refused:
            name, note = "", str(refused)
        rows.append({"file": str(path), "written": name, "note": note})
    show(rows, as_json=as_json, empty="no file found")
    raise typer.Exit(OK if rows and all(row["written"] for row in rows) else FAILED)


def _exported(source: Path, out: Path, home: Path | None) -> "Export":
    from vetflow.cli import exports
    from vetflow.dicom.deidentify import deidentify as cleaned
    from vetflow.wiring import build, unpacking

    site = settings(home)
    services = build(site)
    key = services.uid_key
    clean = functools.partial(cleaned, key=key, masks=unpacking.rules(site), decoder=unpacking.decoder(site))
    say(f"what leads back is sealed under key {services.sealer.current} in {site.home / 'exports'}")
    files, remember = exports.files_of(source), services.export_map(site.home / "exports").remember
    export = exports.Export(out=exports.empty_folder(out), key=key, clean=clean, remember=remember)
    for number, path in _progress(files):
        if reason := export.take(number, path):
            say(f"left out {number}, {path}: {reason.replace('_', ' ')}")
    (out / exports.REPORT).write_text(json.dumps(export.report(), indent=2) + "\n", encoding="utf-8")
    return export


def _leaks(folder: Path) -> list[Row]:
    from vetflow.cli import exports

    return [{"file": str(path), "leak": leak} for path, leak in exports.leaks_in(folder)]


def _tell(export: "Export") -> None:
    rows = [
        {
            "study": study.study,
            "files": study.files,
            "masked": study.masked,
            "private": study.private,
            "removed": _most(study.removed),
            "cleaned": _most(study.cleaned),
            "replaced": _most(study.replaced),
            "left out": _most(Counter(one.reason.replace("_", " ") for one in study.left_out)),
        }
        for study in export.studies.values()
    ]
    show(rows, as_json=False, empty="nothing was written")
    if export.unreadable:
        say(f"{len(export.unreadable)} files belong to no study")
    say(f"{sum(study.files for study in export.studies.values())} files in {export.out}; all of it in report.json")


def _most(counted: Counter[str]) -> str:
    named = ", ".join(name for name, _ in counted.most_common(_NAMED))
    return f"{counted.total()}: {named}{' …' if len(counted) > _NAMED else ''}" if counted else ""


def _progress(files: Sequence[Path]) -> Iterator[tuple[int, Path]]:
    """Yield files with their numbers and show on stderr how far it has come."""
    from rich.console import Console
    from rich.progress import track

    yield from track(
        enumerate(files, 1), total=len(files), description="files", console=Console(stderr=True), transient=True
    )
