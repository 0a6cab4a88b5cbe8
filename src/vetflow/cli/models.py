"""Commands about models."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vetflow.cli.options import Home, Json, settings
from vetflow.cli.talk import FAILED, OK, Row, data, log_apart, say, show
from vetflow.domain.errors import TransientError

if TYPE_CHECKING:
    from vetflow.domain.bundle import Bundle
    from vetflow.settings import Settings
    from vetflow.training.pictures import Progress
    from vetflow.training.promotion import Decision
    from vetflow.training.trials import Films, Unseen
    from vetflow.wiring import Services

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="Name of a shipped model or of a use case, or the folder of a bundle.")]
Data = Annotated[Path | None, typer.Option("--data", help="Folder with DICOM files and truth.json.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Held-out films of each group at most.")]
Out = Annotated[
    Path, typer.Option("--out", help="Folder the bundle is written to: new, empty, or an earlier bundle's.")
]
Minutes = Annotated[
    float | None, typer.Option("--minutes", min=0.1, help="Time to spend; 20 for positioning, 60 for trunk.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=998_000, help="Same seed, same films and first weights.")]
Cache = Annotated[
    Path | None, typer.Option("--cache", help="Folder a trunk training goes on from; else one in the home.")
]
Parent = Annotated[
    str | None, typer.Option("--from", help="Model whose weights a trunk training learns on; else from nothing.")
]
_MINUTES = {"positioning": 20.0, "trunk": 60.0}


@app.callback()
def _models() -> None:
    """Models: list, register, train, measure, promote."""
    log_apart()


@app.command("ls")
def list_models(home: Home = None, as_json: Json = False) -> None:
    """List the model in charge of each use case of the site, and the one that waits for its promotion."""
    from vetflow.wiring import build
    from vetflow.wiring.catalogue import standings

    site = settings(home)
    services = build(site)
    rows = [asdict(standing) | {"challenger": _waiting(services, standing.model)} for standing in standings(services)]
    show(rows, as_json=as_json, empty="no route names a use case")
    _aligned(services, site)


@app.command()
def register(name: Name, home: Home = None, as_json: Json = False) -> None:
    """Keep a bundle; it takes charge when no model of its name has, else `vetflow models promote` decides."""
    from vetflow.supervisor.account import own_name
    from vetflow.wiring import build, registry

    site, bundle = settings(home), _bundle(name)
    services = build(site)
    model = bundle.manifest.model
    if registry.register(services, bundle, actor=own_name()):
        say(f"{model.name} {model.version} is in charge, weights {model.digest[:12]}")
        _aligned(services, site)
    else:
        say(f"{model.name} {model.version} waits: `vetflow models promote` measures it beside the model in charge")
        _followed(site, lambda address: registry.show_challenger(bundle, address))
    show([{"name": model.name, "version": model.version, "weights": model.digest, "bundle": bundle.digest}],
         as_json=as_json)  # fmt: skip


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="Model or use case to train for.")] = "positioning",
    *,
    out: Out = Path("bundle"),
    minutes: Minutes = None,
    seed: Seed = 1,
    cache: Cache = None,
    parent: Parent = None,
    home: Home = None,
) -> None:
    """Train on synthetic films, note it in MLflow and write a bundle for `vetflow models promote`."""
    from vetflow.domain.bundle import from_folder
    from vetflow.training import target, trainings
    from vetflow.training.progress import bar
    from vetflow.wiring.catalogue import journal
    from vetflow.wiring.registry import name_of

    model = name_of(name)
    if model not in trainings.TRAININGS:
        raise typer.BadParameter(f"{name} can't be trained; there are {', '.join(trainings.TRAININGS)}")
    if model != name:
        say(f"{name} asks the model {model}, so that is trained")
    target.free(out)
    site = settings(home)
    wanted = trainings.Wanted(
        out=out, seed=seed, minutes=minutes or _MINUTES[model], folder=cache or site.home / "training" / model,
        parent=_bundle(parent) if parent else None,
    )  # fmt: skip
    with journal(_tracking(site), model) as kept, bar() as progress:
        figures = trainings.TRAININGS[model](wanted, progress, kept)
        kept.files("bundle", from_folder(out).files)
    data(figures)


@app.command()
def evaluate(
    name: Name = "positioning",
    *,
    films: Data = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for figures, records and plots.")] = None,
    limit: Limit = None,
    count: Annotated[int, typer.Option("--count", min=1, help="Fresh phantoms, for positioning.")] = 300,
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=999_999, help="Of fresh phantoms; must not be the training's.")
    ] = 1001,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Measure a bundle on a folder with truth, else on the held-out set or fresh phantoms; exit 1 if a film failed."""
    from vetflow.training import trial_pages, trials
    from vetflow.training.progress import bar

    bundle = _bundle(name)
    with bar() as progress:
        unseen = trials.Unseen(limit=limit, count=count, seed=seed)
        chosen = _films(bundle, settings(home), folder=films, unseen=unseen, progress=progress)
        trial = chosen.trial(bundle, progress)
        figures = trials.figures(trial.records, progress)
    page = trial_pages.told(bundle, chosen, trial, figures)
    if out:
        trial_pages.write(out, bundle, trial, page)
    for film, why in trial.refused.items():
        say(f"{film}: {why}")
    if trial.elsewhere:
        say(f"{trial.elsewhere} films show body parts that the model is not made for")
    if as_json:
        data(page)
    else:
        show([_short(asdict(figure)) for figure in figures], as_json=False, empty="no film was measured")
    raise typer.Exit(FAILED if trial.refused or not trial.records else OK)


@app.command()
def promote(
    name: Annotated[str, typer.Argument(metavar="BUNDLE", help="Folder of a bundle, or name of a shipped one.")],
    films: Data = None,
    limit: Limit = None,
    actor: Annotated[str, typer.Option("--actor", help="Who asks; else the user of the system.")] = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Measure a bundle beside the model in charge, and let it take over unless a figure is worse; exit 1 if one is."""
    from vetflow.supervisor.account import own_name
    from vetflow.training.progress import bar
    from vetflow.training.promotion import Promotion
    from vetflow.training.trials import Unseen
    from vetflow.wiring import build
    from vetflow.wiring.catalogue import journal

    site, bundle = settings(home), _bundle(name)
    services = build(site)
    with journal(_tracking(site), f"promote {bundle.manifest.name}") as kept, bar() as progress:
        chosen = _films(bundle, site, folder=films, unseen=Unseen(limit=limit), progress=progress)
        promotion = Promotion(
            services=services, films=chosen, journal=kept, progress=progress, actor=actor or own_name()
        )  # fmt: skip
        decision = promotion.of(bundle)
    _told(decision)
    if decision.well:
        _aligned(services, site)
    rows = [asdict(one) | {"worse": one.worse} for one in decision.comparisons]
    show(rows if as_json else [*map(_short, rows)], as_json=as_json, empty="nothing was measured")
    raise typer.Exit(OK if decision.well else FAILED)


def _told(decision: "Decision") -> None:
    model = f"{decision.candidate.name} {decision.candidate.version}"
    if decision.gate is None and not decision.promoted:
        say(f"{model} is in charge already")
        return
    if decision.gate is None:
        which = "the one in charge no longer loads" if decision.champion else "it is the first of its name"
        say(f"{which}, so {model} was measured against nothing")
    for film, why in decision.refused.items():
        say(f"{film}: {why}")
    for reason in decision.gate.reasons if decision.gate else ():
        say(reason)
    if decision.promoted:
        say(f"{model} is in charge; its results stay silent until `vetflow phase` grants its weights more")
    else:
        say(f"{model} is refused; nothing was moved")


def _short(row: Row) -> Row:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()}


def _bundle(name: str) -> "Bundle":
    """Return the bundle in a folder, or the shipped one of a model or use case."""
    from vetflow.domain.bundle import from_folder
    from vetflow.wiring.catalogue import folder_of
    from vetflow.wiring.registry import name_of

    return from_folder(folder_of(name if Path(name).is_dir() else name_of(name)))


def _films(
    bundle: "Bundle", site: "Settings", *, folder: Path | None, unseen: "Unseen", progress: "Progress"
) -> "Films":
    """Return the films of a folder, else what a model is measured on that it has not seen."""
    from vetflow.training import dataset_folder, trials
    from vetflow.wiring.unpacking import decoder

    if folder:
        return trials.of_folder(dataset_folder.opened(folder), decoder(site))
    if bundle.manifest.of_trunk:
        return trials.of_holdout(site.home / "training" / "trunk" / "held-out", unseen)
    return trials.of_phantoms(unseen, progress=progress)


def _waiting(services: "Services", model: str) -> str:
    found = services.ledger.challenger(model) if model else None
    return found.model.version if found else ""


def _aligned(services: "Services", site: "Settings") -> None:
    """Let MLflow follow the ledger."""
    from vetflow.wiring.registry import align

    moved: list[str] = []
    _followed(site, lambda address: moved.extend(align(services, address)))
    for name in moved:
        say(f"MLflow's alias champion of {name} had been moved by hand and was put back; promote decides what runs")


def _followed(site: "Settings", follow: Callable[[str], object]) -> None:
    """Tell MLflow what the ledger holds; where it is away it follows later."""
    from vetflow.supervisor.places import mlflow_url
    from vetflow.supervisor.report import TreeReport

    if TreeReport.read(site.home) is None:
        return
    try:
        follow(mlflow_url(site))
    except TransientError as error:
        say(f"{error}; it follows on the next `vetflow models ls`")


def _tracking(site: "Settings") -> str:
    """Return the running MLflow of the home, else a file under it."""
    from vetflow.supervisor.places import mlflow_url
    from vetflow.supervisor.report import TreeReport

    if TreeReport.read(site.home):
        return mlflow_url(site)
    folder = site.home / "training"
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'mlflow.db'}"
