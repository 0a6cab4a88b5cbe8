"""Draft: put into the words of a report what the other use cases came to."""

from vetflow.domain.case import CaseRef
from vetflow.tasks.case_flow import case_flow
from vetflow.tasks.deliver import deliver
from vetflow.tasks.draft import gather, write
from vetflow.tasks.priors import priors
from vetflow.tasks.retrieve import retrieve


@case_flow
def draft(case: CaseRef) -> str:
    """Write a report for a radiologist to edit, each sentence of software marked.

    The opinions on the revision are gathered, with what did not run and why; earlier studies are looked for within the
    site's limits, and missing ones said to be; both are written by the site's templates, as text and as structured
    report, and owed as far as the phase lets it travel.
    """
    study = retrieve(case)
    return deliver(write(study, gather(study), priors(study.films[0].digest)))
