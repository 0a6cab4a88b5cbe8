"""How far what a use case says may travel, and whose leave that takes."""

from collections.abc import Sequence

from vetflow.domain.finding import ModelVersion
from vetflow.domain.rollout import Phase, effective_phase, least
from vetflow.domain.signalment import Species
from vetflow.domain.use_cases import MODELS
from vetflow.ports import Rollout
from vetflow.settings import Settings


def weights_of(ledger: Rollout, use_case: str, named: ModelVersion | None = None) -> tuple[str, ...]:
    """Return the weights digests that a phase is granted for: of each model that the use case asks.

    One that asks no model has one, empty. Without a model that its results name there is none.

    Parameters
    ----------
    named
        Model that results name, which may no longer be in charge; None for the one that is.
    """
    names = MODELS[use_case]
    if not names:
        return ("",)
    first = named or _in_charge(ledger, names[0])
    models = (first, *(_in_charge(ledger, name) for name in names[1:])) if first else ()
    return tuple(model.digest for model in models if model)


def _in_charge(ledger: Rollout, name: str) -> ModelVersion | None:
    champion = ledger.champion(name)
    return champion.model if champion else None


def granted_to(ledger: Rollout, use_case: str, weights: Sequence[str], *, species: Species | None) -> Phase:
    """Return the least phase that any of these weights was granted."""
    return least(*(ledger.phase(use_case, model=one, species=species) for one in weights))


def in_force(
    ledger: Rollout, settings: Settings, use_case: str, weights: Sequence[str], *, species: Species | None
) -> Phase:
    """Return the phase of a use case that asks models with these weights; no more than the site's file allows."""
    granted = granted_to(ledger, use_case, weights, species=species)
    return effective_phase(granted, settings.ceiling(use_case))
