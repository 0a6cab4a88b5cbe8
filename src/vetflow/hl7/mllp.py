"""Minimal lower layer protocol: where a message begins and ends in a stream (HL7 v2 transport, appendix C)."""

START = b"\x0b"
END = b"\x1c\r"
LARGEST = 1 << 20
"""Bytes of one frame; a longer one is not a message."""


class FrameError(ValueError):
    """The stream holds something that is not an MLLP frame."""


def framed(message: bytes) -> bytes:
    """Return the message as one frame."""
    return START + message + END


class Unframer:
    """Takes a stream in pieces and gives whole messages.

    Parameters
    ----------
    largest
        Bytes one message may have.
    """

    def __init__(self, largest: int = LARGEST) -> None:
        self._held = bytearray()
        self._largest = largest

    @property
    def partial(self) -> bool:
        """Whether the beginning of a frame is held."""
        return bool(self._held)

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the messages that this piece completes; FrameError when it can't become one."""
        self._held += piece
        messages: list[bytes] = []
        while (end := self._held.find(END)) >= 0:
            messages.append(self._message(end))
            del self._held[: end + len(END)]
        self._check()
        return messages

    def _message(self, end: int) -> bytes:
        frame = bytes(self._held[:end])
        if not frame.startswith(START) or len(frame) > self._largest + 1:
            raise FrameError("a frame begins with a vertical tab and has a bounded length")
        return frame[1:]

    def _check(self) -> None:
        if self._held and not self._held.startswith(START):
            raise FrameError("a frame begins with a vertical tab")
        if len(self._held) > self._largest + len(END):
            raise FrameError("the frame is longer than allowed")
