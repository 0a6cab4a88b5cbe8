"""The models that ship with vetflow, and how one comes to be in charge."""

import importlib.resources
from pathlib import Path

from vetflow.domain.bundle import Bundle, from_folder
from vetflow.domain.rollout import Phase
from vetflow.ports import Champion
from vetflow.wiring import Services

_SUPERVISOR = "vetflow up"


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
    for use_case in sorted({route.use_case for route in services.settings.routes}):
        if services.ledger.champion(use_case) is not None or not shipped(use_case).is_dir():
            continue
        champion = enthrone(services, from_folder(shipped(use_case)), actor=_SUPERVISOR)
        if services.settings.site.simulated:
            services.ledger.grant(use_case, Phase.INTEGRATED, model=champion.model.digest, actor=_SUPERVISOR)


def show_in_registry(services: Services, tracking_uri: str) -> None:
    """Show the shipped models in MLflow's registry, each champion under its alias."""
    from vetflow.adapters.registry_mlflow import register

    for use_case in sorted({route.use_case for route in services.settings.routes}):
        champion = services.ledger.champion(use_case)
        folder = shipped(use_case)
        if champion and champion.model == from_folder(folder).manifest.model:
            register(folder, tracking_uri=tracking_uri, alias="champion")
