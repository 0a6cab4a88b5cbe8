"""Training the positioning model: phantoms, network, calibration, figures, bundle."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from vetflow.adapters.networks import build
from vetflow.adapters.runtime_torch import TorchRuntime
from vetflow.domain.bundle import Bundle
from vetflow.training.bundling import Draft, bundled
from vetflow.training.calibration import outputs, temperatures, threshold
from vetflow.training.evaluation import Evaluation, evaluate
from vetflow.training.figures import confusion, sheet
from vetflow.training.fitting import Schedule, fit
from vetflow.training.heads import HEADS
from vetflow.training.journal import Journal, NoJournal
from vetflow.training.pictures import Pictures, Progress, Variety, digest, rendered
from vetflow.training.target import written

NETWORK = "small_resnet"
SETTINGS: dict[str, int | str | tuple[int, ...]] = {"layers": (1, 1, 1, 1), "widths": (32, 64, 128, 192)}
SIZE = 160
WORKERS = 2
_CHECK = Variety(nothing=0.0, leaning=18.0, squash=0.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to make and measure in the time there is.

    Parameters
    ----------
    films
        Phantoms to learn from.
    checks
        Phantoms to calibrate with.
    held_out
        Phantoms to measure on.
    seconds
        Time there is.
    """

    films: int
    checks: int
    held_out: int
    seconds: float

    @classmethod
    def of(cls, minutes: float) -> "Plan":
        """Return what fits into so many minutes on two cores: the rendering as it comes, an eighth for measuring."""
        share = min(1.0, minutes / 20)
        films, checks, held_out = (max(16, round(full * share)) for full in (2000, 200, 300))
        return cls(films=films, checks=checks, held_out=held_out, seconds=60 * minutes)

    def fitting(self, spent: float) -> float:
        """Return the seconds left for fitting after rendering took `spent`; never less than two fifths of all."""
        return max(0.875 * self.seconds - spent, 0.4 * self.seconds)


def train(out: Path, *, seed: int, minutes: float, progress: Progress, journal: Journal | None = None) -> Evaluation:
    """Train in about `minutes`, write the bundle into the folder `out` and return its figures.

    Parameters
    ----------
    seed
        Phantoms, first weights and looks follow from it; how far the fit gets depends on the machine as well.
    progress
        Called with the stage (``render``, ``fit``, ``evaluate``), how much is done and how much there is.
    journal
        Where settings, figures and pictures are kept; None for nowhere.

    Raises
    ------
    ConfigurationError
        The ``train`` extra isn't installed.
    """
    begun = time.monotonic()
    plan = Plan.of(minutes)
    kept = journal or NoJournal()
    kept.settings({"seed": seed, "minutes": minutes, "films": plan.films, "network": NETWORK, "size": SIZE})
    made = rendered(plan.films, seed=seed, workers=WORKERS, progress=progress)
    checks = rendered(plan.checks, seed=seed + 1, workers=WORKERS, progress=progress)
    pictures = Pictures(made=made, size=SIZE, seed=seed, variety=Variety())
    known = _noted(kept, pictures)
    schedule = Schedule(seconds=plan.fitting(time.monotonic() - begun))
    network, losses = _fitted(pictures, schedule, seed=seed, progress=progress)
    calibrated = _calibrated(network, Pictures(made=checks, size=SIZE, seed=seed + 1, variety=_CHECK))
    draft = replace(calibrated, seed=seed, films=plan.films, dataset=known, losses=tuple(losses))
    evaluation, finished = _measured(draft, plan.held_out, seed=seed + 2, progress=progress)
    written(finished, out)
    _recorded(kept, evaluation, losses)
    return evaluation


def _noted(journal: Journal, pictures: Pictures) -> str:
    """Record the films learnt from and return their digest."""
    known = digest(pictures.made)
    journal.dataset("phantoms", digest=known, count=len(pictures))
    few, _ = pictures.batch(range(min(48, len(pictures))))
    journal.picture("films.png", sheet(list(few[:, 0])))
    return known


def _fitted(pictures: Pictures, schedule: Schedule, *, seed: int, progress: Progress) -> tuple[nn.Module, list[float]]:
    torch.manual_seed(seed)
    network = build(NETWORK, SETTINGS, outputs=sum(len(classes) for classes in HEADS.values()))
    losses = fit(network.train(), pictures, schedule, seed=seed, progress=progress)
    return network.eval(), losses


def _calibrated(network: nn.Module, checks: Pictures) -> Draft:
    logits, right = outputs(network, checks)
    warmth = temperatures(logits, right)
    return Draft(
        network=NETWORK,
        settings=SETTINGS,
        size=SIZE,
        weights=dict(network.state_dict()),
        temperatures=warmth,
        sure=threshold(logits, right, warmth),
    )


def _measured(draft: Draft, count: int, *, seed: int, progress: Progress) -> tuple[Evaluation, Bundle]:
    """Measure through the same runtime that the product uses, then write the figures into the bundle."""
    runtime = TorchRuntime(bundled(draft, None))
    evaluation = evaluate(
        lambda pixels, inverted: runtime.look(pixels, inverted=inverted),
        seed=seed,
        count=count,
        sure=draft.sure,
        progress=progress,
    )
    return evaluation, bundled(draft, evaluation)


def _recorded(journal: Journal, evaluation: Evaluation, losses: list[float]) -> None:
    for epoch, value in enumerate(losses):
        journal.metrics({"loss": value}, step=epoch)
    for head, score in evaluation.heads.items():
        journal.metrics(
            {
                f"{head}_accuracy": score.accuracy,
                f"{head}_covered": score.covered,
                f"{head}_accuracy_when_sure": score.accuracy_when_sure,
                f"{head}_calibration_error": score.calibration_error,
            }
        )
        if score.films:
            journal.picture(f"confusion_{head}.png", confusion(score, HEADS[head]))
    if evaluation.real:
        journal.metrics({"real_film_right": sum(one.right for one in evaluation.real) / len(evaluation.real)})
