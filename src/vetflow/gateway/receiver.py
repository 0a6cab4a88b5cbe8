"""The DICOM port: C-ECHO and C-STORE, with Success given only for what is durable."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import structlog
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity

from vetflow.domain.errors import TransientError
from vetflow.domain.study import Arrival, Refusal, is_uid
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
from vetflow.gateway.part10 import IMPLEMENTATION_UID, file_head
from vetflow.gateway.peek import Claimed, UnreadableDataset, claimed
from vetflow.gateway.transport import BoundedServer, Service
from vetflow.ports import Intake, ObjectStore

if TYPE_CHECKING:
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.pdu_primitives import A_ASSOCIATE

log = structlog.stdlib.get_logger()

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
MISMATCH = 0xA900
NOT_UNDERSTOOD = 0xC000
_BUSY_SECONDS = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where the receiver listens and to whom.

    Parameters
    ----------
    ae_title
        The only called AE title answered.
    peers
        Who may send; nobody when empty.
    """

    ae_title: str
    host: str
    port: int
    peers: Sequence[Peer]
    limits: TransportLimits = field(default_factory=TransportLimits)


class _Refused(Exception):
    """An instance the sender must keep."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


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
    """A C-STORE SCP that writes to the store and the ledger before it says Success.

    Parameters
    ----------
    listening
        Address, titles and limits.
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
        self._store = store
        self._intake = intake
        self._room = room
        self._server: BoundedServer | None = None
        self._draining = threading.Event()
        self._under_way = _UnderWay()
        self._last = float("-inf")

    @property
    def port(self) -> int:
        """The port listened on, once started."""
        if self._server is None:
            raise RuntimeError("the receiver is not started")
        return self._server.port

    def start(self) -> None:
        """Listen in threads of its own."""
        self._draining.clear()
        entity = ApplicationEntity(self._listening.ae_title)
        entity.implementation_class_uid = IMPLEMENTATION_UID
        entity.implementation_version_name = "VETFLOW"
        entity.maximum_associations = 1 << 16  # counted by the server, which leaves idle sockets out
        service = Service(requested=self._requested, stored=self._stored)
        address = (self._listening.host, self._listening.port)
        self._server = BoundedServer(entity, address, service, self._listening.limits)
        threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True, args=(0.2,)).start()
        log.info("receiver listening", port=self._server.port)

    @property
    def busy(self) -> bool:
        """Whether an instance came in just now."""
        return time.monotonic() - self._last < _BUSY_SECONDS

    def stop(self, *, seconds: float = 5.0) -> None:
        """Take nothing new, let what is being stored end within the time given, then abort the associations.

        An answer already given to pynetdicom leaves before the abort, so no Success is lost on the way.
        """
        if self._server is None:
            return
        server, self._server = self._server, None
        self._draining.set()
        server.shutdown()
        end = time.monotonic() + seconds
        while self._under_way.count and time.monotonic() < end:
            time.sleep(0.01)
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
        self._refuse(request.calling_ae_title, rejection.reason, rejection.status)
        association.acse.send_reject(rejection.result, rejection.source, rejection.diagnostic)
        evt.trigger(association, evt.EVT_REJECTED, {})
        association.kill()

    def _settle(self, event: evt.Event, request: "A_ASSOCIATE") -> None:
        """Accept what can be taken, and record that a class came in no transfer syntax we take."""
        proposed = request.presentation_context_definition_list
        event.assoc.acceptor.supported_contexts = (taken := acceptable(proposed))
        if untaken(proposed, taken):
            self._refuse(request.calling_ae_title, "transfer_syntax_unknown", "context rejected 0x04")

    def _rejection(self, *, called: str, calling: str, address: str) -> Rejection | None:
        if called.strip() != self._listening.ae_title:
            return CALLED_UNKNOWN
        if reason := unwanted(self._listening.peers, calling=calling, address=address):
            return reason
        if self._server is not None and self._server.crowded(address):
            return CROWDED
        return None if self._room() else DISK_LOW

    def _stored(self, event: evt.Event) -> int:
        sender = event.assoc.requestor.ae_title
        with self._under_way:
            self._last = time.monotonic()
            return self._answer(event, sender)

    def _answer(self, event: evt.Event, sender: str) -> int:
        try:
            self._keep(cast("C_STORE", event.request), syntax=str(event.context.transfer_syntax), sender=sender)
        except _Refused as refused:
            self._refuse(sender, refused.reason, f"0x{refused.status:04X}")
            return refused.status
        except TransientError as error:
            log.warning("instance not stored", error=type(error).__name__)
            return OUT_OF_RESOURCES
        return SUCCESS

    def _keep(self, request: "C_STORE", *, syntax: str, sender: str) -> None:
        if self._draining.is_set():
            raise TransientError("the receiver is stopping")
        if not self._room():
            raise TransientError("the disk is low")
        data = request.DataSet.getvalue() if request.DataSet else b""
        claim = _checked(data, syntax, request)
        head = file_head(sop_class=claim.sop_class, sop=claim.sop, transfer_syntax=syntax)
        digest = self._store.put((head, data))
        arrival = Arrival(
            study_uid=claim.study,
            series_uid=claim.series,
            sop_uid=claim.sop,
            sop_class=claim.sop_class,
            transfer_syntax=syntax,
            digest=digest,
            size=len(head) + len(data),
            sender=sender,
        )
        self._intake.admit(arrival)

    def _refuse(self, sender: str, reason: str, status: str) -> None:
        log.warning("refused", reason=reason, status=status)
        try:
            self._intake.refuse(Refusal(sender=_printable(sender), reason=reason, status=status))
        except TransientError:
            log.warning("refusal not recorded", reason=reason)


def _checked(data: bytes, syntax: str, request: "C_STORE") -> Claimed:
    if not is_uid(str(request.AffectedSOPInstanceUID)) or not is_uid(str(request.AffectedSOPClassUID)):
        raise _Refused("uid_invalid", MISMATCH)
    try:
        claim = claimed(data, syntax)
    except UnreadableDataset:
        raise _Refused("dataset_unreadable", NOT_UNDERSTOOD) from None
    if not (claim.study and claim.series and claim.sop and claim.sop_class):
        raise _Refused("uid_missing", MISMATCH)
    if not all(map(is_uid, (claim.study, claim.series, claim.sop, claim.sop_class))):
        raise _Refused("uid_invalid", MISMATCH)
    if claim.sop != request.AffectedSOPInstanceUID or claim.sop_class != request.AffectedSOPClassUID:
        raise _Refused("uid_not_of_command", MISMATCH)
    return claim


def _printable(title: str) -> str:
    return "".join(letter for letter in title[:16] if letter.isascii() and letter.isprintable())
