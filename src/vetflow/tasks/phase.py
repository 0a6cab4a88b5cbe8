"""How far what a case came to may travel."""

from vetflow.domain.finding import Assessment
from vetflow.domain.rollout import Phase
from vetflow.domain.signalment import Species
from vetflow.wiring import services
from vetflow.wiring.phases import in_force


def phase_of(use_case: str, assessment: Assessment | None, species: Species | None) -> Phase:
    """Return the phase in force for the models that an assessment is of; None stands for those in charge."""
    named = assessment.model.digest if assessment and assessment.model else ""
    return in_force(services().ledger, services().settings, use_case, species=species, named=named)
