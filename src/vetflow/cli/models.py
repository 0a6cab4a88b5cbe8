"""Commands about models."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vetflow.cli.options import Home, Json, settings
from vetflow.cli.talk import data, say, show

app = typer.Typer(help="Models: list, register, train, measure.")

Name = Annotated[str, typer.Argument(help="Name of a shipped model, or the folder of a bundle.")]


@app.command("ls")
def list_models(home: Home = None, as_json: Json = False) -> None:
    """List the model in charge of each use case of the site."""
    from vetflow.wiring import build
    from vetflow.wiring.catalogue import standings

    rows = [asdict(standing) for standing in standings(build(settings(home)))]
    show(rows, as_json=as_json, empty="no route names a use case")


@app.command()
def register(name: Name, home: Home = None, as_json: Json = False) -> None:
    """Put a bundle in charge of its use case; it starts silent until `vetflow phase` says otherwise."""
    from vetflow.domain.bundle import from_folder
    from vetflow.supervisor.account import own_name
    from vetflow.supervisor.places import mlflow_url
    from vetflow.wiring import build
    from vetflow.wiring.catalogue import enthrone, folder_of, show_champion

    site = settings(home)
    folder = folder_of(name)
    champion = enthrone(build(site), from_folder(folder), actor=own_name())
    say(f"{champion.model.name} {champion.model.version} is in charge, weights {champion.model.digest[:12]}")
    shown = show_champion(folder, mlflow_url(site))
    show([asdict(shown)], as_json=as_json)


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="Use case to train for.")] = "positioning",
    out: Annotated[Path, typer.Option("--out", help="Folder the bundle is written to.")] = Path("bundle"),
    minutes: Annotated[float, typer.Option("--minutes", min=0.1, help="Time to spend.")] = 20.0,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same films and first weights.")] = 1,
    home: Home = None,
) -> None:
    """Train on synthetic films, note it in MLflow and write a bundle for `vetflow models register`."""
    from vetflow.training import positioning
    from vetflow.training.progress import bar
    from vetflow.wiring.catalogue import journal

    if name != "positioning":
        raise typer.BadParameter(f"{name} can't be trained; there is positioning")
    site = settings(home)
    with journal(_tracking(site.home, site.ports.mlflow), name) as kept, bar() as progress:
        evaluation = positioning.train(out, seed=seed, minutes=minutes, progress=progress, journal=kept)
    data(asdict(evaluation))


@app.command()
def evaluate(
    name: Name = "positioning",
    count: Annotated[int, typer.Option("--count", min=1, help="Synthetic films to measure on.")] = 300,
    seed: Annotated[int, typer.Option("--seed", help="Must not be the training's.")] = 1001,
) -> None:
    """Measure a bundle on synthetic films it has not seen, and on the real film when deid-data is installed."""
    from vetflow.training import evaluation
    from vetflow.training.progress import bar
    from vetflow.wiring.catalogue import folder_of, runtime

    model = runtime(folder_of(name))
    with bar() as progress:
        figures = evaluation.evaluate(model.look, seed=seed, count=count, sure=model.sure, progress=progress)
    data(asdict(figures))


def _tracking(home: Path, port: int) -> str:
    """Return the running MLflow of the home, else a file under it."""
    from vetflow.supervisor.report import TreeReport

    if TreeReport.read(home):
        return f"http://127.0.0.1:{port}"
    folder = home / "training"
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'mlflow.db'}"
