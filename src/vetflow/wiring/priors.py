"""A site's PACS as places to find studies in."""

from collections.abc import Mapping
from functools import partial

from vetflow.ports import PriorSource
from vetflow.settings import DicomPriors, DicomwebPriors
from vetflow.wiring import Services, keys
from vetflow.wiring.certificates import client_side


def prior_sources(services: Services) -> Mapping[str, PriorSource]:
    """Return the site's places to find studies in, by name, in the order of its file."""
    return {
        place.name: _dimse(services, place) if isinstance(place, DicomPriors) else _dicomweb(services, place)
        for place in services.settings.prior_sources
    }


def _dimse(services: Services, place: DicomPriors) -> PriorSource:
    from vetflow.adapters.dimse import DimseNode
    from vetflow.adapters.priors_dimse import DimsePriors

    node = DimseNode(
        host=place.host,
        port=place.port,
        called=place.ae_title,
        calling=services.settings.gateway.ae_title,
        tls=client_side(services.settings, place.tls) if place.tls else None,
    )
    if place.retrieve == "get":
        return DimsePriors(node)
    return DimsePriors(node, received=lambda study_uid: services.ledger.received(study_uid))


def _dicomweb(services: Services, place: DicomwebPriors) -> PriorSource:
    from vetflow.adapters.priors_dicomweb import DicomwebPriors as Source

    token = partial(keys.secret, services.settings.secrets, place.token) if place.token else str
    tls = client_side(services.settings, place.tls) if place.tls else None
    return Source(place.url, token=token, tls=tls)
