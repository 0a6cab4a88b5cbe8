"""One association's threads: bounded in what they read and hold, and woken by what arrives.

pynetdicom reads whatever length a PDU header claims and waits for it for ever, assembles messages of any size, and has
two threads per association look for work every millisecond. The subclasses here replace these habits; nothing of
pynetdicom is patched.
"""

# pyright: reportPrivateUsage=false
# pynetdicom has no public place for the state these methods replace.

import queue
import select
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dul import DULServiceProvider
from pynetdicom.transport import AssociationSocket

from vetflow.gateway.limits import TransportLimits

if TYPE_CHECKING:
    from pynetdicom.dimse import _QueueItem
    from pynetdicom.pdu_primitives import P_DATA, _PDUPrimitiveType

_CHUNK = 1 << 18
_IDLE_SECONDS = 0.01
"""Longest sleep of an association's threads: what wakes neither of them, such as a timer, is seen this late."""


class DoorBell:
    """Lets one thread wait for a peer and for its own side at once, where pynetdicom asks both 1000 times a second."""

    def __init__(self) -> None:
        self._hear, self._ring = socket.socketpair()
        self._hear.setblocking(False)
        self._ring.setblocking(False)

    def ring(self) -> None:
        """End the wait; nothing happens when nobody waits any more."""
        with suppress(OSError):
            self._ring.send(b"\0")

    def wait(self, peer: socket.socket, seconds: float) -> bool:
        """Return whether the peer sent something within the time; sooner when the bell rings."""
        if isinstance(peer, ssl.SSLSocket) and peer.pending():
            return True
        ready, _, _ = select.select([peer, self._hear], [], [], seconds)
        if self._hear in ready:
            self._hear.recv(1024)
        return peer in ready

    def close(self) -> None:
        """Take it down."""
        self._hear.close()
        self._ring.close()


class PromptProvider(DULServiceProvider):
    """pynetdicom's upper layer, woken by what arrives instead of looking for it."""

    def __init__(self, assoc: Association) -> None:
        super().__init__(assoc)
        self.bell = DoorBell()
        self.daemon = True
        self._run_loop_delay = 0.0

    def send_pdu(self, primitive: "_PDUPrimitiveType") -> None:
        """Hand something over for sending and wake the thread that sends."""
        super().send_pdu(primitive)
        self.bell.ring()

    def stop_dul(self) -> bool:
        """End the thread if the association has ended, and say whether it had."""
        if self.state_machine.current_state != "Sta1":
            return False
        self._kill_thread = True
        self.bell.ring()
        if threading.current_thread() is not self:
            self.join()
        return True

    def run_reactor(self) -> None:
        """Serve until the association ends."""
        try:
            super().run_reactor()
        finally:
            self.bell.close()


class BoundedSocket(AssociationSocket):
    """A socket that reads at most one PDU's worth, within a deadline."""

    def __init__(
        self, assoc: Association, client_socket: socket.socket, limits: TransportLimits, bell: DoorBell
    ) -> None:
        super().__init__(assoc, client_socket=client_socket)
        self._limits = limits
        self._bell = bell

    @property
    def ready(self) -> bool:
        """Whether the peer has sent something; waits a moment for it, or for something to be sent."""
        if self.socket is None or not self._is_connected:
            return False
        try:
            return self._bell.wait(self.socket, _IDLE_SECONDS)
        except (OSError, ValueError):
            self.event_queue.put("Evt17")
            return False

    def recv(self, nr_bytes: int) -> bytearray:
        """Read exactly that many bytes, or what came before the peer closed; OSError past the cap or the deadline."""
        if nr_bytes > self._limits.largest_pdu:
            raise OSError("PDU over the limit")
        peer = cast("socket.socket", self.socket)
        end = time.monotonic() + self._limits.pdu_seconds
        received = bytearray()
        while len(received) < nr_bytes:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("PDU did not arrive in time")
            peer.settimeout(left)
            part = peer.recv(min(_CHUNK, nr_bytes - len(received)))
            if not part:
                break
            received += part
        return received

    def send(self, bytestream: bytes) -> None:
        """Send, waiting no longer than the deadline for a peer that does not read."""
        if self.socket is not None:
            self.socket.settimeout(self._limits.pdu_seconds)
        super().send(bytestream)


class BoundedMessages(DIMSEServiceProvider):
    """Assembles messages up to the largest object; beyond that the association ends as after an invalid PDU."""

    def __init__(self, assoc: Association, largest: int) -> None:
        super().__init__(assoc)
        self._largest = largest

    def get_msg(  # pyright: ignore[reportUnknownParameterType] — pynetdicom's alias for messages is a string
        self,
        block: bool = False,
    ) -> "_QueueItem":
        """Return the next message, waiting a moment for it where pynetdicom would look again and again."""
        seconds = self.dimse_timeout if block else _IDLE_SECONDS
        try:
            return self.msg_queue.get(timeout=seconds)  # pyright: ignore[reportUnknownVariableType]
        except queue.Empty:
            return None, None

    def receive_primitive(self, primitive: "P_DATA") -> None:
        """Add a fragment to the message under way."""
        held = self.message.data_set.tell() if self.message and self.message.data_set else 0
        held += self.message.encoded_command_set.tell() if self.message else 0
        if held > self._largest:
            self.message = None
            self.dul.event_queue.put("Evt19")
            return
        super().receive_primitive(primitive)
