"""The models that can be trained here, by name, each started in the same way."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from vetflow.domain.bundle import Bundle
from vetflow.domain.errors import ConfigurationError
from vetflow.training.journal import Journal
from vetflow.training.pictures import Progress

Figures = Mapping[str, object]
GATE_SEED = 1001
"""Seed of the phantoms that models of any body part are measured on."""
_SEEDS = 3
"""Seeds from the one asked for on that a training of such a model uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A training to be done.

    Parameters
    ----------
    out
        Folder the bundle is written to.
    folder
        Where phantoms and checkpoints are kept, if the training keeps any.
    parent
        The model whose weights are learnt on; None to begin from nothing.
    """

    out: Path
    seed: int
    minutes: float
    folder: Path
    parent: Bundle | None = None


def _positioning(wanted: Wanted, progress: Progress, journal: Journal) -> Figures:
    from vetflow.training.positioning import train

    if wanted.parent:
        raise ConfigurationError("the positioning model is trained from nothing; leave out --from")
    if GATE_SEED in range(wanted.seed, wanted.seed + _SEEDS):
        raise ConfigurationError(
            f"a training with seed {wanted.seed} would learn the films of seed {GATE_SEED}, which models are measured "
            "on before they take charge; choose another --seed"
        )
    return asdict(train(wanted.out, seed=wanted.seed, minutes=wanted.minutes, progress=progress, journal=journal))


def _trunk(wanted: Wanted, progress: Progress, journal: Journal) -> Figures:
    from vetflow.training.trunk import scores
    from vetflow.training.trunk.evaluating import SUBSETS
    from vetflow.training.trunk.run import train

    found = train(
        wanted.out, seed=wanted.seed, minutes=wanted.minutes, folder=wanted.folder, progress=progress, journal=journal,
        parent=wanted.parent,
    )  # fmt: skip
    return {"holdout": found.holdout} | {name: dict(scores.metrics(found.of(name))) for name in SUBSETS}


TRAININGS: Mapping[str, Callable[[Wanted, Progress, Journal], Figures]] = MappingProxyType(
    {"positioning": _positioning, "trunk": _trunk}
)
"""By name of the model; each returns its figures."""
