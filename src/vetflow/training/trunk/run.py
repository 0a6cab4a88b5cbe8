"""Training the trunk model from nothing or on from another: phantoms, network, calibration, figures, bundle."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from vetflow.adapters.runtime_torch import loaded
from vetflow.adapters.runtime_trunk import TrunkRuntime
from vetflow.adapters.trunk_network import TrunkNetwork, trunk
from vetflow.domain.bundle import TRUNK, Bundle
from vetflow.domain.errors import ConfigurationError
from vetflow.domain.trunk_card import UNTRIED
from vetflow.domain.trunk_sight import HEADS
from vetflow.phantoms.trunk.ranges import training
from vetflow.training.journal import Journal, NoJournal
from vetflow.training.pictures import Progress
from vetflow.training.target import written
from vetflow.training.trunk import calibrating, journalling, scores
from vetflow.training.trunk.bundling import NAME, Draft, bundled
from vetflow.training.trunk.card import card
from vetflow.training.trunk.evaluating import Evaluation, evaluate
from vetflow.training.trunk.fitting import Schedule, fit
from vetflow.training.trunk.pictures import Pictures
from vetflow.training.trunk.shots import LOOKS, Shots, Wanted, rendered

SETTINGS: dict[str, int | str | tuple[int, ...]] = {
    "widths": (32, 48, 96, 160, 192), "depth": 64, "rows": 192, "columns": 320, "neighbours": 1024,
}  # fmt: skip
WORKERS = 2
_SHOWN = frozenset({"real.png", "reliability.png", "roc.png"})
"""Pictures that go into the bundle, beside its card."""
_TAKES = 2
"""Films of each animal that is learnt from."""
_RATE, _RATE_ON = 2e-3, 1e-3
"""Highest learning rate from nothing, and of weights that have been learnt."""
_WIDER = 1.25
"""How much wider than in training the ranges are that certainties are calibrated on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to make, fit and measure; it follows from the minutes alone, so that a seed gives the same model.

    Parameters
    ----------
    films, nothing
        Phantoms and pictures that are no films, to learn from.
    checks
        Phantoms to calibrate on.
    steps
        Steps of the fit, of 16 films.
    limit
        Held-out films of each group that are measured on; None for all.
    """

    films: int
    nothing: int
    checks: int
    steps: int
    limit: int | None

    @classmethod
    def of(cls, minutes: float) -> "Plan":
        """Return what two cores do in about so many minutes; after an hour there are more steps, but no more films."""
        share = min(1.0, minutes / 60)
        films, nothing, checks = (
            max(least, round(full * share)) for full, least in ((4800, 48), (400, 16), (1000, 32))
        )
        return cls(
            films=films, nothing=nothing, checks=checks, steps=max(4, round(minutes * 65)),
            limit=40 if share == 1.0 else max(2, round(40 * share)),
        )  # fmt: skip


def train(
    out: Path,
    *,
    seed: int,
    minutes: float,
    folder: Path,
    progress: Progress,
    journal: Journal | None = None,
    parent: Bundle | None = None,
) -> Evaluation:
    """Train in about `minutes`, write the bundle into the folder `out` and return its figures.

    Parameters
    ----------
    seed
        Phantoms, first weights and looks follow from it and from the minutes. A test holds that a training that was
        killed and went on has the weights of one that was not, to a hundredth.
    folder
        Where phantoms and checkpoints are kept; a training that was killed goes on from there.
    progress
        Called with the stage (``render``, ``fit``, ``calibrate``, ``measure``), how much is done and how much there is.
    journal
        Where settings, figures and pictures are kept; None for nowhere.
    parent
        A trunk model whose weights are learnt on; None to begin from nothing.

    Raises
    ------
    ConfigurationError
        The ``train`` extra isn't installed, or the parent has another network.
    """
    plan, kept, begun = Plan.of(minutes), journal or NoJournal(), _begun(parent)
    kept.settings({"seed": seed, "minutes": minutes, "films": plan.films, "steps": plan.steps, "network": NAME,
                   "parent": begun.weights})  # fmt: skip
    wanted = Wanted(seed=seed, count=plan.films, nothing=plan.nothing, takes=_TAKES)
    shots = rendered(folder, wanted, workers=WORKERS, progress=progress)
    kept.dataset("phantoms", digest=shots.digest, count=len(shots))
    draft = _calibrated(_fitted(shots, plan, begun, seed=seed, folder=folder, progress=progress, journal=kept),
                        folder, plan, seed=seed, progress=progress)  # fmt: skip
    draft = replace(draft, films=plan.films, looks=LOOKS, dataset=shots.digest, parent=begun.weights)
    return measured(draft, out, folder=folder, limit=plan.limit, progress=progress, journal=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """What a fit begins with: a network, the digest of its weights if they were learnt, and the learning rate."""

    make: Callable[[], TrunkNetwork]
    weights: str
    rate: float


def _begun(parent: Bundle | None) -> _Begun:
    if parent is None:
        return _Begun(make=_made, weights="", rate=_RATE)
    if parent.manifest.network != TRUNK or dict(parent.manifest.settings) != SETTINGS:
        raise ConfigurationError("only a trunk model with the settings of today's network can be learnt on")

    def make() -> TrunkNetwork:
        return cast("TrunkNetwork", loaded(parent).float())

    return _Begun(make=make, weights=parent.manifest.weights, rate=_RATE_ON)


def _made() -> TrunkNetwork:
    return trunk(SETTINGS, outputs=sum(map(len, HEADS.values())))


def _fitted(
    shots: Shots, plan: Plan, begun: _Begun, *, seed: int, folder: Path, progress: Progress, journal: Journal
) -> Draft:  # fmt: skip
    here = folder / f"fit-{shots.digest[:12]}-{plan.steps}{begun.weights and '-'}{begun.weights[:12]}"
    here.mkdir(parents=True, exist_ok=True)
    pictures = Pictures(shots=shots, shape=_made().shape, seed=seed)
    schedule = Schedule(steps=plan.steps, rate=begun.rate)
    network, losses = fit(begun.make, pictures, schedule, folder=here, progress=progress)
    calibrating.keep_neighbours(network, shots)
    for name, values in losses.items():
        for step, value in enumerate(values):
            journal.metrics({f"loss_{name.replace(' ', '_')}": value}, step=100 * (step + 1))
    last = losses.get("all", [])
    return Draft(
        settings=SETTINGS, weights=dict(network.state_dict()), temperatures={}, card=UNTRIED, seed=seed,
        steps=plan.steps, last_loss=last[-1] if last else None,
    )  # fmt: skip


def _calibrated(draft: Draft, folder: Path, plan: Plan, *, seed: int, progress: Progress) -> Draft:
    wanted = Wanted(
        seed=seed + 1, count=plan.checks, nothing=plan.checks // 8, ranges=training().stretched(_WIDER), forced=0.0
    )
    checks = rendered(folder, wanted, workers=WORKERS, progress=progress)
    network = _made()
    network.load_state_dict(dict(draft.weights))
    films = calibrating.checked(network.eval(), checks, progress=progress)
    return replace(draft, temperatures=calibrating.temperatures(films), card=calibrating.card(films))


def measured(
    draft: Draft, out: Path, *, folder: Path, limit: int | None, progress: Progress, journal: Journal
) -> Evaluation:
    """Measure a draft through the runtime that the product uses, write the bundle and return the figures."""
    runtime = TrunkRuntime(bundled(draft))
    films = folder / "held-out"
    evaluation = evaluate(runtime.look, folder=films, progress=progress, limit=limit, workers=WORKERS)
    pictures = journalling.pictures(evaluation, runtime.look, folder=films)
    journalling.record(journal, evaluation, pictures)
    figures = {name: dict(scores.metrics(evaluation.of(name))) for name in ("held-out", "inside the card")}
    shown = {f"docs/{name}": png for name, png in pictures.items() if name in _SHOWN}
    told = {"holdout_sha256": evaluation.holdout, **figures}
    written(bundled(draft, card=card(draft, evaluation), measured=told, pictures=shown), out)
    return evaluation
