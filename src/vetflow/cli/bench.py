"""``vetflow bench``: the speed tables, every row against a named peer in the same run."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vetflow.cli.options import Json
from vetflow.cli.talk import data, say, show

if TYPE_CHECKING:
    from vetflow.bench.rows import Row

Bench = Callable[[Path, Callable[[str], None]], "list[Row]"]
NAMES = ("latency", "ingest", "film", "throughput", "advice", "trunk", "memory", "tree", "deid", "report")


def bench(
    names: Annotated[list[str] | None, typer.Argument(help=f"Which of {', '.join(NAMES)}; all when absent.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where to write; its disk is what is measured.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure speed and memory beside named peers, on a machine that does nothing else meanwhile."""
    from vetflow.domain.errors import ConfigurationError

    wanted = names or list(NAMES)
    if unknown := sorted(set(wanted) - set(NAMES)):
        raise ConfigurationError(f"there is no bench called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    rows: list[Row] = []
    for name in wanted:
        say(f"bench {name}")
        with_room = Path(tempfile.mkdtemp(prefix=f"vetflow-bench-{name}-", dir=folder))
        with_room.chmod(0o755)  # the database's own account passes through
        try:
            rows += _benches()[name](with_room, lambda sentence: say(f"  {sentence}"))
        finally:
            shutil.rmtree(with_room, ignore_errors=True)
    if as_json:
        data({"rows": [row.as_json() for row in rows]})
    else:
        show([_shown(row) for row in rows], as_json=False)


def _benches() -> Mapping[str, Bench]:
    from vetflow.bench import advice, deid, film, ingest, latency, memory, report, tree, trunk

    return {
        "latency": latency.measure,
        "ingest": ingest.measure,
        "film": film.measure_film,
        "throughput": film.measure_throughput,
        "advice": advice.measure,
        "trunk": trunk.measure,
        "memory": memory.measure,
        "tree": tree.measure,
        "deid": deid.measure,
        "report": report.measure,
    }


def _shown(row: "Row") -> dict[str, object]:
    ratio = row.ratio
    return {
        "what": row.what,
        "ours": f"{row.ours:.4g} {row.unit}",
        "peer": "" if row.peer is None else f"{row.peer:.4g} {row.unit}",
        "times better": "" if ratio is None else f"{ratio:.2f}",
        "peer name": row.peer_name,
        "runs": str(row.runs),
    }
