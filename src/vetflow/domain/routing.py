"""Which use case a film or a study gets; a pure match of facts against a site's routes."""

from collections.abc import Iterable
from dataclasses import dataclass

from vetflow.domain.case import Queue
from vetflow.domain.signalment import Species
from vetflow.domain.study import Facts
from vetflow.domain.use_cases import DRAFT
from vetflow.domain.view import Region, View

FILM_USE_CASES = frozenset({"positioning"})
"""Use cases that get a case per film as it arrives, so that advice comes while the animal is on the table."""

FILM_CLASSES = frozenset({
    "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1.1",
})  # fmt: skip
"""SOP classes of films: CR, DX for presentation, DX for processing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A wish of the site; an empty tuple means any, known or not.

    A film whose species, region or view is not known matches only routes that leave it open: a use case made for dogs
    must not run on an animal that may be a cat, while one made for any film runs.

    Parameters
    ----------
    use_case
        Flow to run.
    queue
        Where its runs wait.
    """

    use_case: str
    species: tuple[Species, ...] = ()
    regions: tuple[Region, ...] = ()
    modalities: tuple[str, ...] = ()
    views: tuple[View, ...] = ()
    queue: Queue = Queue.ROUTINE

    @property
    def of_film(self) -> bool:
        """Whether it makes a case per film, not per revision."""
        return self.use_case in FILM_USE_CASES

    def wants(self, facts: Facts) -> bool:
        """Whether the facts of an instance fit."""
        return (
            (not self.modalities or facts.modality in self.modalities)
            and (not self.species or facts.species in self.species)
            and (not self.regions or any(facts.region is not None and facts.region.overlaps(r) for r in self.regions))
            and (not self.views or any(_covers(view, facts.view) for view in self.views))
        )


def _covers(wanted: View, seen: View | None) -> bool:
    """Whether a view is the wanted one, or a known side of a wanted plane."""
    if wanted in {View.LATERAL, View.SAGITTAL} and seen is not None:
        return seen.plane == wanted.plane
    return seen == wanted


def film_routes(routes: Iterable[Route], facts: Facts) -> tuple[Route, ...]:
    """Return what one film gets as it arrives, the first fitting route of each use case."""
    return _first_of_each(route for route in routes if route.of_film and route.wants(facts))


def revision_routes(routes: Iterable[Route], study: Iterable[Facts]) -> tuple[Route, ...]:
    """Return what a revision gets at once: use cases that at least one of its instances fits."""
    held = tuple(study)
    wanted = (route for route in routes if not route.of_film and route.use_case != DRAFT)
    return _first_of_each(route for route in wanted if any(map(route.wants, held)))


def draft_route(routes: Iterable[Route], study: Iterable[Facts]) -> Route | None:
    """Return the route by which a revision gets a draft once all else about it has ended, None when it gets none."""
    held = tuple(study)
    return next((route for route in routes if route.use_case == DRAFT and any(map(route.wants, held))), None)


def _first_of_each(routes: Iterable[Route]) -> tuple[Route, ...]:
    first: dict[str, Route] = {}
    for route in routes:
        first.setdefault(route.use_case, route)
    return tuple(first.values())
