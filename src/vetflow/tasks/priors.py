"""Bring the earlier studies of an animal."""

from vetflow.dicom import header
from vetflow.domain.priors import Priors
from vetflow.tasks.search import Search
from vetflow.tasks.step import step
from vetflow.wiring import services
from vetflow.wiring.priors import prior_sources


@step
def priors(digest: str) -> Priors:
    """Return the earlier studies of the animal on an instance in the store, their images stored too.

    Parameters
    ----------
    digest
        SHA-256 of any instance of the study whose priors are wanted.
    """
    held = services()
    search = Search(prior_sources(held), held.store, limits=held.settings.priors.limits)
    return search.of(header.read(held.store.get(digest)))
