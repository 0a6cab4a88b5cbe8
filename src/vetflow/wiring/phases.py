"""How far what a use case says may travel, and whose leave that takes."""

from vetflow.domain.rollout import Phase, effective_phase
from vetflow.domain.signalment import Species
from vetflow.domain.use_cases import MODELS
from vetflow.ports import Rollout
from vetflow.settings import Settings


def weights_of(ledger: Rollout, use_case: str) -> tuple[str, ...]:
    """Return the weights digests that a phase is granted for: of the champion of each model that the use case asks.

    One that asks no model has one, empty. Without a champion of the model that its results name there is none.
    """
    champions = [ledger.champion(name) for name in MODELS[use_case]]
    if not champions:
        return ("",)
    return tuple(one.model.digest for one in champions if one) if champions[0] else ()


def in_force(ledger: Rollout, settings: Settings, use_case: str, *, species: Species | None, named: str = "") -> Phase:
    """Return the phase of a use case: the least that any of its models was granted, and no more than the site allows.

    Parameters
    ----------
    named
        Weights digest of the model that results name, which may no longer be in charge; empty for the one that is.
    """
    weights = weights_of(ledger, use_case)
    asked = (named, *weights[1:]) if named else weights
    phases = [ledger.phase(use_case, model=one, species=species) for one in asked]
    least = min(phases, key=lambda phase: phase.reach, default=Phase.SILENT)
    return effective_phase(least, settings.ceiling(use_case))
