"""A practice system reached over MLLP, one connection a message."""

import socket
import time

from vetflow.domain.errors import PermanentFailure, TransientError
from vetflow.hl7.ack import NotHl7, control_id, read_ack
from vetflow.hl7.mllp import FrameError, Unframer, framed

_CHUNK = 1 << 16


class MllpPractice:
    """A practice system that acknowledges each message it takes.

    Parameters
    ----------
    host, port
        Where it listens.
    seconds
        Time from connecting to the whole acknowledgement.
    """

    def __init__(self, host: str, port: int, *, seconds: float = 15.0) -> None:
        self._address = (host, port)
        self._seconds = seconds

    def send(self, message: bytes) -> None:
        """Send one message as stored and check who acknowledges what; PermanentFailure on AR and CR.

        The bytes are the same on every try, MSH-10 included, so that a receiver can tell a repetition.
        """
        try:
            expected = control_id(message)
        except NotHl7:
            raise PermanentFailure("the message is not HL7", status="unreadable") from None
        try:
            ack = read_ack(self._exchange(message))
        except (NotHl7, FrameError):
            raise TransientError("the practice system sent no acknowledgement that can be read") from None
        if ack.control_id != expected:
            raise TransientError("the practice system acknowledged another message")
        if ack.code.rejected:
            raise PermanentFailure("the practice system rejects the message", status=ack.code.value)
        if not ack.code.accepted:
            raise TransientError(f"the practice system could not take the message ({ack.code})")

    def _exchange(self, message: bytes) -> bytes:
        end = time.monotonic() + self._seconds
        try:
            with socket.create_connection(self._address, timeout=self._seconds) as peer:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer.sendall(framed(message))
                return _answer(peer, end)
        except OSError as error:
            raise TransientError(f"the practice system can't be reached ({type(error).__name__})") from None


def _answer(peer: socket.socket, end: float) -> bytes:
    unframer = Unframer()
    while (left := end - time.monotonic()) > 0:
        peer.settimeout(left)
        piece = peer.recv(_CHUNK)
        if not piece:
            raise TransientError("the practice system hung up without acknowledging")
        if messages := unframer.feed(piece):
            return messages[0]
    raise TransientError("the practice system did not acknowledge in time")
