"""Models that a site keeps: in charge, or waiting for a gate; MLflow's registry follows what the ledger says."""

from typing import TYPE_CHECKING

import structlog

from vetflow.domain.bundle import TRUNK, Bundle, from_archive
from vetflow.domain.errors import ConfigurationError
from vetflow.domain.use_cases import MODELS, model_of
from vetflow.ports import Champion
from vetflow.wiring import Services
from vetflow.wiring.catalogue import Runtime

if TYPE_CHECKING:
    from vetflow.adapters.registry_mlflow import RegisteredVersion
    from vetflow.adapters.runtime_trunk import TrunkRuntime

EVENT = "vetflow.model.promoted"
log = structlog.stdlib.get_logger()
_NAMES = frozenset(name for names in MODELS.values() for name in names)


def name_of(name: str) -> str:
    """Return the name of the model that a use case's results name; any other name is that of a model."""
    return (model_of(name) if name in MODELS else None) or name


def kept(services: Services, bundle: Bundle) -> Champion:
    """Put a bundle into the store, and return it as the ledger knows it.

    Raises
    ------
    ConfigurationError
        No use case asks for a model of its name, or its network answers other questions or can't be built.
    """
    manifest = bundle.manifest
    if manifest.name not in _NAMES or manifest.of_trunk != (manifest.name == TRUNK):
        known = ", ".join(sorted(_NAMES))
        raise ConfigurationError(f"no use case asks for this model: a bundle is of {known}, with a network of its kind")
    built(bundle)
    return Champion(model=manifest.model, bundle=services.store.put([bundle.archive()]))


def built(bundle: Bundle) -> None:
    """Build the network of a bundle once, as those who ask it will.

    Raises
    ------
    ConfigurationError
        It can't be built, so the bundle is good for nothing.
    """
    _ = trunk_runtime(bundle) if bundle.manifest.of_trunk else Runtime(bundle)


def register(services: Services, bundle: Bundle, *, actor: str) -> bool:
    """Keep a bundle as a challenger, in charge when nobody of its name is, and return whether it is."""
    own = kept(services, bundle)
    champion = services.ledger.champion(own.model.name)
    if champion is None:
        services.ledger.crown(own, actor=actor)
    elif own not in {champion, services.ledger.challenger(own.model.name)}:
        services.ledger.enrol(own, actor=actor)
    return champion in {None, own}


def bundle_of(services: Services, champion: Champion) -> Bundle:
    """Return the bundle of a model that the ledger knows."""
    return from_archive(services.store.get(champion.bundle))


def show_challenger(bundle: Bundle, tracking_uri: str) -> "RegisteredVersion":
    """Show a bundle in MLflow's registry under the alias ``challenger``."""
    from vetflow.adapters.registry_mlflow import CHALLENGER, show

    return show(bundle, tracking_uri=tracking_uri, alias=CHALLENGER)


def align(services: Services, tracking_uri: str) -> tuple[str, ...]:
    """Let MLflow's aliases follow the ledger, and return the models whose alias a person had moved.

    A moved alias is put back with an alarm: what runs is decided by `vetflow models promote` alone.

    Raises
    ------
    TransientError
        MLflow is away.
    """
    from vetflow.adapters.registry_mlflow import follow

    moved: list[str] = []
    for name in sorted(_NAMES):
        champion = services.ledger.champion(name)
        if champion and follow(bundle_of(services, champion), tracking_uri=tracking_uri):
            moved.append(name)
            log.warning("registry.alias_put_back", model=name)
            detail = f"put back to version {champion.model.version}, weights {champion.model.digest}"
            services.ledger.record(actor="vetflow", action="model.alias-moved", subject=name, detail=detail)
    return tuple(moved)


def trunk_runtime(bundle: Bundle) -> "TrunkRuntime":
    """Return a trunk model, ready to look."""
    from vetflow.adapters.runtime_trunk import TrunkRuntime

    return TrunkRuntime(bundle)
