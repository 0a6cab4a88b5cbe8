"""Which model a use case is run by, and how far its results travel, on a real ledger."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bundles import untrained_trunk

from vetflow.domain.case import Queue
from vetflow.domain.errors import ConfigurationError
from vetflow.domain.rollout import Phase
from vetflow.domain.routing import Route as Wish
from vetflow.domain.study import Facts
from vetflow.domain.use_cases import MODELS
from vetflow.settings import Route, Settings, Site
from vetflow.supervisor.assembly import queue_by_phase
from vetflow.wiring import Services, build
from vetflow.wiring.catalogue import Standing, enthrone, granted, seed, standings

DX = Facts(modality="DX")


@pytest.fixture
def services(ledger_url: str, tmp_path: Path) -> Iterator[Services]:
    """A simulated site that runs everything."""
    routes = tuple(Route(use_case=name, queue=Queue.STAT) for name in MODELS)
    made = build(Settings(home=tmp_path, database_url=ledger_url, site=Site(simulated=True), routes=routes))
    yield made
    made.ledger.close()


def standing(services: Services, use_case: str) -> Standing:
    return next(one for one in standings(services) if one.use_case == use_case)


def test_a_simulated_site_starts_with_what_ships_and_lets_it_travel(services: Services) -> None:
    seed(services)

    film, draft = standing(services, "positioning"), standing(services, "draft")
    assert (film.model, film.in_force) == ("positioning", "integrated")
    assert (draft.model, draft.weights, draft.in_force) == ("", "", "integrated")


def test_a_phase_that_a_person_lowered_stays_low_when_the_site_starts_again(services: Services) -> None:
    seed(services)
    for use_case in ("positioning", "draft"):
        granted(services, use_case, Phase.SILENT, actor="operator")

    seed(services)

    assert {standing(services, name).in_force for name in ("positioning", "draft")} == {"silent"}


def test_a_real_site_starts_silent(services: Services) -> None:
    real = services.settings.model_copy(update={"site": Site()})

    seed(build(real))

    assert standing(services, "positioning").in_force == "silent"


def test_use_cases_that_share_a_model_have_phases_of_their_own(services: Services) -> None:
    champion = enthrone(services, untrained_trunk(), actor="test")

    granted(services, "cardiac", Phase.ASSISTIVE, actor="operator")

    cardiac, triage = standing(services, "cardiac"), standing(services, "triage")
    assert cardiac.weights == triage.weights == champion.model.digest
    assert (cardiac.granted, triage.granted) == ("assistive", "silent")


def test_a_use_case_travels_no_further_than_each_model_that_it_asks_may(services: Services) -> None:
    seed(services)
    newer = enthrone(services, untrained_trunk(seed=5), actor="test")

    promoted = standing(services, "positioning").in_force
    weights = standing(services, "positioning").weights
    granted(services, "positioning", Phase.ASSISTIVE, actor="operator")

    assert promoted == "silent"
    assert standing(services, "positioning").in_force == "assistive"
    assert newer.model.digest != weights
    assert services.ledger.phase("positioning", model=newer.model.digest, species=None) is Phase.ASSISTIVE


def test_a_phase_needs_a_use_case_that_there_is_and_its_model(services: Services) -> None:
    with pytest.raises(ConfigurationError, match="astrology is not a use case; there are positioning"):
        granted(services, "astrology", Phase.SILENT, actor="operator")
    with pytest.raises(ConfigurationError, match="cardiac has no model in charge"):
        granted(services, "cardiac", Phase.SILENT, actor="operator")


def test_a_case_waits_where_its_route_says_unless_its_results_stay_here(services: Services) -> None:
    enthrone(services, untrained_trunk(), actor="test")
    for use_case in ("cardiac", "draft"):
        granted(services, use_case, Phase.ASSISTIVE, actor="operator")
    queue_of = queue_by_phase(services)

    queues = {name: queue_of(Wish(use_case=name, queue=Queue.STAT), DX) for name in ("cardiac", "triage", "draft")}

    assert queues == {"cardiac": Queue.STAT, "triage": Queue.SILENT, "draft": Queue.STAT}
