"""A site's settings put into the words of STOW-RS and advice; apart from the gateway's, which the web never imports."""

from collections.abc import Iterator

import structlog

from vetflow.domain.errors import ConfigurationError
from vetflow.domain.film_advice import FilmAdvice
from vetflow.gateway.desk import Desk
from vetflow.settings import Settings
from vetflow.supervisor.places import has_room
from vetflow.web.advice import Adviser
from vetflow.web.app import Answer
from vetflow.web.stow import Door, Stow
from vetflow.web.upload import Bounds
from vetflow.wiring import Services, keys
from vetflow.wiring.phases import in_force, weights_of

log = structlog.stdlib.get_logger()

_USE_CASE = "positioning"
"""The use case that advises."""
_REQUEST_INSTANCES = 4
"""Largest request, in largest instances."""


def store_endpoint(services: Services) -> Answer:
    """Return what answers a STOW-RS request."""
    settings, said = services.settings, services.settings.web
    desk = Desk(store=services.store, intake=services.ledger, room=lambda: has_room(settings))
    bounds = Bounds(
        folder=settings.home / "store" if settings.store.kind == "folder" else settings.home,
        room=desk.room,
        instance=said.largest_instance_mb << 20,
        request=_REQUEST_INSTANCES * said.largest_instance_mb << 20,
    )
    door = Door(tokens=lambda: _tokens(settings), hand_in=desk.hand_in, refuse=desk.refuse, bounds=bounds)
    return Stow(door).store


def advice_endpoint(services: Services) -> Answer:
    """Return what answers a request for advice on a film."""
    settings = services.settings
    return Adviser(tokens=lambda: _tokens(settings), look=lambda sop: advice_on(services, sop)).advise


def advice_on(services: Services, sop_uid: str) -> FilmAdvice | None:
    """Return what may be told of a film: nothing of its judgement while the phase is silent."""
    found = services.ledger.film_advice(sop_uid, use_case=_USE_CASE)
    if found is None or found.assessment is None:
        return found
    weights = weights_of(services.ledger, _USE_CASE, found.assessment.model)
    phase = in_force(services.ledger, services.settings, _USE_CASE, weights, species=found.species)
    return found if phase.reach else found.withheld()


def _tokens(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield each sender's name and token, as its file is now; who has none can't store, and doctor says so."""
    for sender in settings.web.senders:
        try:
            yield sender.name, keys.secret(settings.secrets, sender.token)
        except ConfigurationError:
            log.warning("token not usable", file=sender.token)
