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
from vetflow.domain.use_cases import MODELS, model_of
from vetflow.ports import Champion
from vetflow.wiring import Services
from vetflow.wiring.phases import granted_to, weights_of

if TYPE_CHECKING:
    from vetflow.adapters.registry_mlflow import MlflowJournal
    from vetflow.domain.sight import Sight

_SUPERVISOR = "vetflow up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A use case, the model in charge of it, and how far its results travel.

    Parameters
    ----------
    model
        Name; empty of a use case that asks none.
    granted
        Phase by the ledger, the least of its models'.
    in_force
        The same, or lower when the site's file says so.
    """

    use_case: str
    model: str
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
    """Crown what ships wherever a use case asks for a model that has no champion.

    A simulated site lets the results of use cases travel at once when their model is new, and those of use cases that
    ask none when any is.
    """
    crowned = {name for name in _models(services) if _crowned(services, name)}
    if not (crowned and services.settings.site.simulated):
        return
    for use_case in _use_cases(services):
        if not MODELS[use_case] or crowned & {*MODELS[use_case]}:
            granted(services, use_case, Phase.INTEGRATED, actor=_SUPERVISOR)


def _crowned(services: Services, name: str) -> bool:
    """Make the shipped model of a name the champion when there is none, and say whether that was done."""
    if services.ledger.champion(name) is not None or not shipped(name).is_dir():
        return False
    enthrone(services, from_folder(shipped(name)), actor=_SUPERVISOR)
    return True


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
    """Grant a phase to the champion of each model of a use case, or to the use case itself when it asks none.

    Raises
    ------
    ConfigurationError
        When there is no such use case, or it has no model in charge.
    """
    if use_case not in MODELS:
        raise ConfigurationError(f"{use_case} is not a use case; there are {', '.join(MODELS)}")
    weights = weights_of(services.ledger, use_case)
    if not weights:
        raise ConfigurationError(f"{use_case} has no model in charge; put one there with: vetflow models register")
    for one in weights:
        services.ledger.grant(use_case, phase, model=one, actor=actor)


def _standing(services: Services, use_case: str) -> Standing:
    name = model_of(use_case) or ""
    champion = services.ledger.champion(name) if name else None
    if name and champion is None:
        return Standing(use_case=use_case, model=name, version="none", weights="", granted="", in_force="")
    digests = weights_of(services.ledger, use_case)
    phase = granted_to(services.ledger, use_case, digests, species=None)
    return Standing(
        use_case=use_case,
        model=name,
        version=champion.model.version if champion else "",
        weights=digests[0],
        granted=phase,
        in_force=effective_phase(phase, services.settings.ceiling(use_case)),
    )


def _use_cases(services: Services) -> list[str]:
    return sorted({route.use_case for route in services.settings.routes})


def _models(services: Services) -> list[str]:
    return sorted({name for use_case in _use_cases(services) for name in MODELS[use_case]})
