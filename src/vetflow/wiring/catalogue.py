"""The models that ship with vetflow, and how one comes to be in charge."""

import importlib.resources
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vetflow.domain.bundle import Bundle, from_folder
from vetflow.domain.errors import ConfigurationError
from vetflow.domain.rollout import Phase, effective_phase
from vetflow.ports import Champion
from vetflow.wiring import Services

if TYPE_CHECKING:
    from vetflow.adapters.registry_mlflow import MlflowJournal, RegisteredVersion
    from vetflow.domain.sight import Sight

_SUPERVISOR = "vetflow up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A use case, the model in charge of it, and how far its results travel.

    Parameters
    ----------
    granted
        Phase by the ledger.
    in_force
        The same, or lower when the site's file says so.
    """

    use_case: str
    version: str
    weights: str
    granted: str
    in_force: str


class Runtime:
    """A model as evaluation asks it.

    Parameters
    ----------
    bundle
        What to load.
    """

    def __init__(self, bundle: Bundle) -> None:
        from vetflow.adapters.runtime_torch import TorchRuntime

        self._runtime = TorchRuntime(bundle)
        self.sure = self._runtime.sure

    def look(self, pixels: np.ndarray, inverted: bool, /) -> "Sight":
        """Return what the model sees."""
        return self._runtime.look(pixels, inverted=inverted)


def shipped(name: str) -> Path:
    """Return the folder of a model that ships with vetflow."""
    return Path(str(importlib.resources.files("vetflow") / "models" / name))


def enthrone(services: Services, bundle: Bundle, *, actor: str) -> Champion:
    """Put a bundle into the store and make it the champion of its name."""
    digest = services.store.put([bundle.archive()])
    champion = Champion(model=bundle.manifest.model, bundle=digest)
    services.ledger.crown(champion, actor=actor)
    return champion


def seed(services: Services) -> None:
    """Crown what ships for every use case that has no champion; a simulated site lets its results travel at once."""
    for use_case in _use_cases(services):
        if services.ledger.champion(use_case) is not None or not shipped(use_case).is_dir():
            continue
        champion = enthrone(services, from_folder(shipped(use_case)), actor=_SUPERVISOR)
        if services.settings.site.simulated:
            services.ledger.grant(use_case, Phase.INTEGRATED, model=champion.model.digest, actor=_SUPERVISOR)


def show_in_registry(services: Services, tracking_uri: str) -> None:
    """Show the shipped models that are in charge in MLflow's registry."""
    for use_case in _use_cases(services):
        champion = services.ledger.champion(use_case)
        folder = shipped(use_case)
        if champion and folder.is_dir() and champion.model == from_folder(folder).manifest.model:
            show_champion(folder, tracking_uri)


def show_champion(folder: Path, tracking_uri: str) -> "RegisteredVersion":
    """Show a bundle in MLflow's registry under the alias ``champion``."""
    from vetflow.adapters.registry_mlflow import register

    return register(folder, tracking_uri=tracking_uri, alias="champion")


def folder_of(name: str) -> Path:
    """Return the folder of a bundle, given itself or the name of a shipped one."""
    return Path(name) if Path(name).is_dir() else shipped(name)


def runtime(folder: Path) -> Runtime:
    """Return the model of a bundle, ready to look."""
    return Runtime(from_folder(folder))


def journal(tracking_uri: str, name: str) -> "AbstractContextManager[MlflowJournal]":
    """Return a training run's record in MLflow."""
    from vetflow.adapters.registry_mlflow import MlflowJournal

    return MlflowJournal(tracking_uri=tracking_uri, name=name)


def standings(services: Services) -> list[Standing]:
    """Return each use case of the site with its model and phase."""
    return [_standing(services, use_case) for use_case in _use_cases(services)]


def granted(services: Services, use_case: str, phase: Phase, *, actor: str) -> None:
    """Grant the champion of a use case a phase; ConfigurationError when it has none."""
    champion = services.ledger.champion(use_case)
    if champion is None:
        raise ConfigurationError(f"{use_case} has no model in charge; put one there with: vetflow models register")
    services.ledger.grant(use_case, phase, model=champion.model.digest, actor=actor)


def _standing(services: Services, use_case: str) -> Standing:
    champion = services.ledger.champion(use_case)
    if champion is None:
        return Standing(use_case=use_case, version="none", weights="", granted="", in_force="")
    phase = services.ledger.phase(use_case, model=champion.model.digest, species=None)
    return Standing(
        use_case=use_case,
        version=champion.model.version,
        weights=champion.model.digest,
        granted=phase,
        in_force=effective_phase(phase, services.settings.ceiling(use_case)),
    )


def _use_cases(services: Services) -> list[str]:
    return sorted({route.use_case for route in services.settings.routes})
