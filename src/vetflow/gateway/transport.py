"""Who gets a connection: pynetdicom's server with bounds on their number, and associations made for it.

pynetdicom counts idle sockets as associations, so that ten of them keep everybody out; here sockets have slots by
address, and only established associations count as such. For one server only; nothing of pynetdicom is patched.
"""

# pyright: reportPrivateUsage=false
# pynetdicom offers no public place for the server an association belongs to, nor for its message provider.

import socket
import ssl
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import structlog
from pynetdicom import evt
from pynetdicom._globals import MODE_ACCEPTOR
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.service_class import ServiceClass, StorageServiceClass
from pynetdicom.sop_class import uid_to_service_class
from pynetdicom.transport import (
    AddressInformation,
    AssociationServer,
    RequestHandler,
)

from vetflow.gateway.limits import TransportLimits
from vetflow.gateway.upper_layer import BoundedMessages, BoundedSocket, PromptProvider

if TYPE_CHECKING:
    from pynetdicom.dimse_primitives import DimseServiceType  # pyright: ignore[reportUnknownVariableType]
    from pynetdicom.transport import ThreadedAssociationServer

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What a server does with requests.

    Parameters
    ----------
    requested
        Called before negotiation; settles contexts, or rejects.
    stored
        Called with each C-STORE request; returns the status.
    insecure
        Called with the address of a peer whose TLS handshake failed, and how.
    """

    requested: Callable[[evt.Event], None]
    stored: Callable[[evt.Event], int]
    insecure: Callable[[str, Exception], None]


class Slots:
    """Open sockets by address, of all servers that share them, counted from accept until their thread ends."""

    def __init__(self, limits: TransportLimits) -> None:
        self.limits = limits
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """How many there are now."""
        return self._open.total()

    def enter(self, host: str) -> bool:
        """Take a slot, or say that there is none."""
        with self._lock:
            spare = self.limits.spare
            if self._open[host] >= self.limits.associations_per_peer + spare:
                return False
            if self._open.total() >= self.limits.associations + 2 * spare:
                return False
            self._open[host] += 1
            return True

    def leave(self, host: str) -> None:
        """Give a slot back."""
        with self._lock:
            self._open[host] -= 1
            if self._open[host] <= 0:
                del self._open[host]


class BoundedAssociation(Association):
    """An association that gives its slot back when its thread ends."""

    def __init__(self, ae: ApplicationEntity, server: "BoundedServer", host: str) -> None:
        super().__init__(ae, MODE_ACCEPTOR)
        self._server = server
        self._leave = partial(server.slots.leave, host)
        self._insecure = partial(server.service.insecure, host)
        self.provider = PromptProvider(self)
        self.dul = self.provider
        self.dimse = BoundedMessages(self, server.limits.largest_object)
        self.acse_timeout = server.limits.pdu_seconds
        self.network_timeout = ae.network_timeout

    def run_reactor(self) -> None:
        """Serve until the peer or a limit ends it."""
        try:
            if self._is_agreed():
                super().run_reactor()
        finally:
            self._leave()

    def _is_agreed(self) -> bool:
        """Whether a peer on the TLS port has shaken hands, here and not where others wait to be accepted."""
        peer = cast("BoundedSocket", self.dul.socket).socket
        if not isinstance(peer, ssl.SSLSocket):
            return True
        try:
            peer.settimeout(self.acse_timeout)
            peer.do_handshake()
        except (OSError, ValueError) as error:
            self._insecure(error)
            self.provider.bell.close()
            peer.close()
            return False
        return True

    def _serve_request(self, msg: "DimseServiceType", context_id: int) -> None:  # pyright: ignore[reportUnknownParameterType]
        """Serve C-STORE of classes pynetdicom has no service for: private ones, and those newer than it."""
        context = self._accepted_cx.get(context_id)
        unknown = isinstance(msg, C_STORE) and uid_to_service_class(str(msg.AffectedSOPClassUID)) is ServiceClass
        if unknown and context is not None and msg.is_valid_request:
            StorageServiceClass(self).SCP(cast("C_STORE", msg), context)
            return
        super()._serve_request(msg, context_id)


class BoundedHandler(RequestHandler):
    """Makes bounded associations; contexts are settled per request, so none are copied here."""

    def _create_association(self) -> Association:
        server = cast("BoundedServer", self.server)
        request = cast("socket.socket", self.request)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if server.tls is not None:
            request = server.tls().wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        host = cast("tuple[str, int]", self.client_address)[0]
        assoc = BoundedAssociation(self.ae, server, host)
        assoc.name = f"AcceptorThread@{host}"
        assoc.set_socket(BoundedSocket(assoc, request, server.limits, assoc.provider.bell))
        assoc.acceptor.maximum_length = min(server.limits.largest_pdu, 1 << 20)
        assoc.acceptor.ae_title = server.ae_title
        assoc.acceptor.address_info = self.local
        assoc.acceptor.implementation_class_uid = self.ae.implementation_class_uid
        assoc.acceptor.implementation_version_name = self.ae.implementation_version_name
        assoc.requestor.address_info = AddressInformation.from_tuple(self.client_address)
        server.bind_service(assoc)
        return assoc


class BoundedServer(AssociationServer):
    """pynetdicom's server under limits; each association has threads of its own, accepting needs none.

    Parameters
    ----------
    ae
        The application entity it serves.
    address
        Host and port; port 0 takes a free one.
    service
        What to do with requests.
    slots
        Limits and what is taken of them.
    tls
        Gives the context of each connection; None takes plain ones.
    """

    request_queue_size = 64

    def __init__(
        self,
        ae: ApplicationEntity,
        address: tuple[str, int],
        *,
        service: Service,
        slots: Slots,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self.slots = slots
        self.limits = slots.limits
        self.service = service
        self.tls = tls
        super().__init__(ae, address, ae.ae_title, [], request_handler=BoundedHandler)
        ae._servers.append(cast("ThreadedAssociationServer", self))

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.server_address[1]

    def verify_request(self, request: object, client_address: tuple[str, int] | str) -> bool:
        """Whether there is a slot for the peer; its socket is closed at once when there is none."""
        return self.slots.enter(client_address[0])

    def handle_error(self, request: object, client_address: tuple[str, int] | str) -> None:
        """Give the slot of a connection back that could not be served; its socket is closed by the caller."""
        self.slots.leave(client_address[0])
        log.warning("connection not served", error=type(sys.exception()).__name__)

    def cut(self) -> None:
        """End what is still open: an abort for associations, an ended connection for those that never became one."""
        for assoc in self.active_associations:
            if assoc.is_established:
                assoc.abort(block=False)
            elif assoc.dul.socket is not None and assoc.dul.socket.socket is not None:
                with suppress(OSError):
                    # Below TLS: its thread is at the TLS socket, which must not be closed under it.
                    socket.socket.shutdown(assoc.dul.socket.socket, socket.SHUT_RDWR)

    def bind_service(self, assoc: Association) -> None:
        """Give an association this server's handlers; pynetdicom's own would format every PDU and name senders."""
        for event in evt._INTERVENTION_EVENTS:
            assoc.bind(event, evt.get_default_handler(event))
        assoc.bind(evt.EVT_REQUESTED, self.service.requested)
        assoc.bind(evt.EVT_C_STORE, self.service.stored)

    def _bind_defaults(self) -> None:
        """Leave pynetdicom's logging handlers out."""


def crowded(servers: Iterable[BoundedServer], host: str, limits: TransportLimits) -> bool:
    """Whether as many associations are established as may be, in all or with this address."""
    associations = [assoc for server in servers for assoc in server.active_associations if assoc.is_established]
    hosts = [assoc.requestor.address for assoc in associations]
    return len(hosts) >= limits.associations or hosts.count(host) >= limits.associations_per_peer
