"""How far what a case came to may travel."""

from vetflow.domain.finding import ModelVersion
from vetflow.domain.rollout import Phase
from vetflow.domain.signalment import Species
from vetflow.wiring import services
from vetflow.wiring.phases import in_force, weights_of


def phase_of(use_case: str, named: ModelVersion | None, species: Species | None) -> Phase:
    """Return the phase in force for results that name a model; None stands for the one in charge."""
    ledger = services().ledger
    return in_force(ledger, services().settings, use_case, weights_of(ledger, use_case, named), species=species)
