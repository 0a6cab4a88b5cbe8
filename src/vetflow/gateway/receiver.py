"""The DICOM port: C-ECHO and C-STORE, with Success given only for what is durable."""

import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import structlog
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity

from vetflow.domain.errors import TransientError
from vetflow.domain.study import is_uid
from vetflow.gateway.desk import MISMATCH, OUT_OF_RESOURCES, SUCCESS, Desk, Encoded, Refused, fit, walked
from vetflow.gateway.limits import TransportLimits
from vetflow.gateway.negotiation import (
    CALLED_UNKNOWN,
    CROWDED,
    DISK_LOW,
    Peer,
    Rejection,
    acceptable,
    untaken,
    unwanted,
)
from vetflow.gateway.part10 import IMPLEMENTATION_UID
from vetflow.gateway.peek import Claimed
from vetflow.gateway.transport import BoundedServer, Service, Slots, crowded
from vetflow.ports import Intake, ObjectStore

if TYPE_CHECKING:
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.pdu_primitives import A_ASSOCIATE

log = structlog.stdlib.get_logger()

_BUSY_SECONDS = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurePort:
    """A port for TLS.

    Parameters
    ----------
    context
        Gives the context for each connection, so that certificates can be renewed.
    """

    port: int
    context: Callable[[], ssl.SSLContext]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where the receiver listens and to whom.

    Parameters
    ----------
    ae_title
        The only called AE title answered.
    port
        For plain associations; None takes none.
    secure
        For those over TLS; None takes none.
    peers
        Who may send; nobody when empty.
    """

    ae_title: str
    host: str
    port: int | None
    peers: Sequence[Peer]
    limits: TransportLimits = field(default_factory=TransportLimits)
    secure: SecurePort | None = None

    @property
    def doors(self) -> list[tuple[int, Callable[[], ssl.SSLContext] | None]]:
        """Ports and what makes a connection to them secure, the plain one first."""
        plain = [] if self.port is None else [(self.port, None)]
        return [*plain, *([(self.secure.port, self.secure.context)] if self.secure else [])]


class _UnderWay:
    """How many instances are being stored."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.count += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.count -= 1


class Receiver:
    """A C-STORE SCP that hands in what it gets before it says Success.

    Parameters
    ----------
    listening
        Addresses, titles and limits.
    store
        Takes the bytes.
    intake
        Takes the row, and what was refused.
    room
        Whether the store's disk has room; asked before each association and each instance.
    """

    def __init__(
        self, listening: Listening, *, store: ObjectStore, intake: Intake, room: Callable[[], bool] = lambda: True
    ) -> None:
        self._listening = listening
        self._desk = Desk(store=store, intake=intake, room=room)
        self._servers: list[BoundedServer] = []
        self._draining = threading.Event()
        self._under_way = _UnderWay()
        self._last = float("-inf")

    @property
    def port(self) -> int:
        """The port listened on, once started; the plain one when there are two."""
        if not self._servers:
            raise RuntimeError("the receiver is not started")
        return self._servers[0].port

    @property
    def secure_port(self) -> int:
        """The port for TLS, once started."""
        return next(server.port for server in self._servers if server.tls is not None)

    @property
    def open_sockets(self) -> int:
        """How many peers are connected."""
        return self._servers[0].slots.taken if self._servers else 0

    def start(self) -> None:
        """Listen in threads of its own; ConfigurationError when there is no certificate to begin with."""
        self._draining.clear()
        if self._listening.secure is not None:
            self._listening.secure.context()
        entity = ApplicationEntity(self._listening.ae_title)
        entity.implementation_class_uid = IMPLEMENTATION_UID
        entity.implementation_version_name = "VETFLOW"
        entity.maximum_associations = 1 << 16  # counted by the server, which leaves idle sockets out
        service = Service(requested=self._requested, stored=self._stored, insecure=self._refused_tls)
        slots = Slots(self._listening.limits)
        for port, tls in self._listening.doors:
            server = BoundedServer(entity, (self._listening.host, port), service=service, slots=slots, tls=tls)
            self._servers.append(server)
            threading.Thread(target=server.serve_forever, name="receiver", daemon=True, args=(0.2,)).start()
            log.info("receiver listening", port=server.port, tls=tls is not None)

    @property
    def busy(self) -> bool:
        """Whether an instance came in just now."""
        return time.monotonic() - self._last < _BUSY_SECONDS

    def stop(self, *, seconds: float = 5.0) -> None:
        """Take nothing new, let what is being stored end within the time given, then abort the associations.

        An answer already given to pynetdicom leaves before the abort, so no Success is lost on the way.
        """
        servers, self._servers = self._servers, []
        self._draining.set()
        for server in servers:
            server.shutdown()
        end = time.monotonic() + seconds
        while self._under_way.count and time.monotonic() < end:
            time.sleep(0.01)
        for server in servers:
            server.cut()
        log.info("receiver stopped")

    def _requested(self, event: evt.Event) -> None:
        association = event.assoc
        request = cast("A_ASSOCIATE", association.requestor.primitive)
        rejection = self._rejection(
            called=request.called_ae_title, calling=request.calling_ae_title, address=association.requestor.address
        )
        if rejection is None:
            self._settle(event, request)
            return
        self._desk.refuse(request.calling_ae_title, rejection.reason, rejection.status)
        association.acse.send_reject(rejection.result, rejection.source, rejection.diagnostic)
        evt.trigger(association, evt.EVT_REJECTED, {})
        association.kill()

    def _settle(self, event: evt.Event, request: "A_ASSOCIATE") -> None:
        """Accept what can be taken, and record that a class came in no transfer syntax we take."""
        proposed = request.presentation_context_definition_list
        event.assoc.acceptor.supported_contexts = (taken := acceptable(proposed))
        if untaken(proposed, taken):
            self._desk.refuse(request.calling_ae_title, "transfer_syntax_unknown", "context rejected 0x04")

    def _rejection(self, *, called: str, calling: str, address: str) -> Rejection | None:
        if called.strip() != self._listening.ae_title:
            return CALLED_UNKNOWN
        if reason := unwanted(self._listening.peers, calling=calling, address=address):
            return reason
        if crowded(self._servers, address, self._listening.limits):
            return CROWDED
        return None if self._desk.room() else DISK_LOW

    def _refused_tls(self, host: str, error: Exception) -> None:
        """Record a handshake that a certificate, an old protocol or a plain association failed; a knock is no news."""
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            why = getattr(error, "verify_message", "") or error.reason or type(error).__name__
            self._desk.refuse(host, "tls_refused", why.lower().replace("_", " "))
        else:
            log.info("TLS handshake broken off", error=type(error).__name__)

    def _stored(self, event: evt.Event) -> int:
        sender = event.assoc.requestor.ae_title
        with self._under_way:
            self._last = time.monotonic()
            return self._answer(event, sender)

    def _answer(self, event: evt.Event, sender: str) -> int:
        try:
            self._keep(cast("C_STORE", event.request), syntax=str(event.context.transfer_syntax), sender=sender)
        except Refused as refused:
            self._desk.refuse(sender, refused.reason, f"0x{refused.status:04X}")
            return refused.status
        except TransientError as error:
            log.warning("instance not stored", error=type(error).__name__)
            return OUT_OF_RESOURCES
        return SUCCESS

    def _keep(self, request: "C_STORE", *, syntax: str, sender: str) -> None:
        if self._draining.is_set():
            raise TransientError("the receiver is stopping")
        data = request.DataSet.getvalue() if request.DataSet else b""
        claim = _checked(data, syntax, request)
        self._desk.take(claim, Encoded(syntax=syntax, size=len(data), pieces=(data,)), sender=sender)


def _checked(data: bytes, syntax: str, request: "C_STORE") -> Claimed:
    if not is_uid(str(request.AffectedSOPInstanceUID)) or not is_uid(str(request.AffectedSOPClassUID)):
        raise Refused("uid_invalid", MISMATCH)
    claim = walked(data, syntax)
    fit(claim)
    if claim.sop != request.AffectedSOPInstanceUID or claim.sop_class != request.AffectedSOPClassUID:
        raise Refused("uid_not_of_command", MISMATCH)
    return claim
