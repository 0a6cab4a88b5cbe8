"""A site's settings put into the words of the gateway and the courier."""

from vetflow.dicom import header
from vetflow.domain.case import Queue
from vetflow.domain.errors import ConfigurationError
from vetflow.domain.rollout import Phase
from vetflow.domain.routing import Route
from vetflow.domain.study import Facts
from vetflow.gateway.completer import Completer, Quiet
from vetflow.gateway.courier import Destination, Pace
from vetflow.gateway.courier_service import CourierParts
from vetflow.gateway.dispatcher import Dispatcher
from vetflow.gateway.drafter import Drafter
from vetflow.gateway.limits import TransportLimits
from vetflow.gateway.negotiation import Peer
from vetflow.gateway.receiver import Listening, Receiver, SecurePort
from vetflow.gateway.reconciler import Patience, Reconciler
from vetflow.gateway.service import GatewayParts
from vetflow.gateway.sorter import QueueOf, Sorter, Wishes
from vetflow.settings import Settings
from vetflow.supervisor.places import has_room
from vetflow.wiring import Services
from vetflow.wiring.certificates import server_side
from vetflow.wiring.phases import in_force, weights_of

ARRIVAL, CASE, OWED = "vetflow_arrival", "vetflow_case", "vetflow_owed"
"""What the ledger rings for: an instance arrived, a case waits, a delivery is owed."""


def gateway(services: Services) -> GatewayParts:
    """Return everything the gateway runs."""
    settings, ledger, store, runs = services.settings, services.ledger, services.store, services.runs
    wanted = Wishes(routes=wishes(settings), queue_of=queue_by_phase(services))
    quiet = Quiet(
        by_modality=settings.completeness.seconds,
        default=settings.completeness.default_seconds,
        longest=settings.completeness.longest_seconds,
    )
    receiver = Receiver(_listening(settings), store=store, intake=ledger, room=lambda: has_room(settings))
    return GatewayParts(
        receiver=receiver,
        sorter=Sorter(ledger, ledger, store=store, read_facts=header.facts, wishes=wanted, busy=lambda: receiver.busy),
        completer=Completer(ledger, ledger, runs=runs, quiet=quiet, wishes=wanted),
        drafter=Drafter(ledger, ledger, wishes=wanted),
        dispatcher=Dispatcher(ledger, runs),
        reconciler=Reconciler(ledger, runs, patience=Patience(attempts=settings.limits.attempts)),
        arrivals=services.bell(ARRIVAL).wait,
        cases=services.bell(CASE).wait,
    )


def courier(services: Services) -> CourierParts:
    """Return everything the courier runs."""
    places = [Destination(name=name, send=sink.store) for name, sink in services.sinks().items()]
    places += [Destination(name=name, send=practice.send) for name, practice in services.practices().items()]
    retries = services.settings.retries
    return CourierParts(
        outbox=services.ledger,
        store=services.store,
        destinations=places,
        pace=Pace(first_seconds=retries.first_seconds, cap_seconds=retries.cap_seconds),
        owed=lambda: services.bell(OWED).wait,
    )


def wishes(settings: Settings) -> tuple[Route, ...]:
    """Return the site's routes."""
    return tuple(Route(**dict(route)) for route in settings.routes)


def queue_by_phase(services: Services) -> QueueOf:
    """Return what chooses a case's queue: its route's, unless the results of its models stay here."""
    settings, ledger = services.settings, services.ledger

    def choose(route: Route, facts: Facts) -> Queue:
        weights = weights_of(ledger, route.use_case)
        if not weights:
            return route.queue
        phase = in_force(ledger, settings, route.use_case, weights, species=facts.species)
        return Queue.SILENT if phase is Phase.SILENT else route.queue

    return choose


def _listening(settings: Settings) -> Listening:
    said = settings.gateway
    if not (said.plain or said.tls):
        raise ConfigurationError(
            "gateway.plain is false and gateway.tls is not set: nobody could send; set one of them"
        )
    limits = TransportLimits(
        largest_pdu=said.largest_pdu,
        pdu_seconds=said.pdu_seconds,
        associations=said.associations,
        associations_per_peer=said.associations_per_peer,
    )
    peers = tuple(Peer(ae_title=sender.ae_title, host=sender.host) for sender in said.senders)
    return Listening(
        ae_title=said.ae_title,
        host=said.host,
        port=said.port if said.plain else None,
        peers=peers,
        limits=limits,
        secure=SecurePort(port=said.tls.port, context=server_side(settings, said.tls)) if said.tls else None,
    )
