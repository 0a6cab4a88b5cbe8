"""A practice system: takes HL7 messages over MLLP, keeps them in a folder, acknowledges as told."""

import socketserver
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from vetflow.hl7.ack import AckCode, NotHl7, ack_of, control_id
from vetflow.hl7.mllp import FrameError, Unframer, framed

_IDLE_SECONDS = 30.0


class Mood(StrEnum):
    """How the practice system answers."""

    ACCEPT = "AA"
    COMMIT = "CA"
    ERROR = "AE"
    REJECT = "AR"
    SILENT = "silent"
    """Keeps the message and says nothing."""
    HALF = "half"
    """Sends half an acknowledgement and hangs up."""
    OTHER = "other"
    """Acknowledges a message nobody sent."""
    LOST = "lost"
    """Keeps the message and hangs up: the acknowledgement is lost on the way."""


def accepting(_control_id: str) -> Mood:
    """Accept every message."""
    return Mood.ACCEPT


class Practice:
    """An MLLP receiver in this process; a message repeated under the same MSH-10 is kept once.

    Parameters
    ----------
    folder
        Where messages go, one file each.
    port
        0 takes a free one.
    mood
        How to answer a control id.
    """

    def __init__(self, folder: Path, port: int = 0, *, mood: Callable[[str], Mood] = accepting) -> None:
        self._folder = folder
        self._port = port
        self._mood = mood
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self.asked: list[str] = []
        """Control ids in the order they came, repeated ones included."""

    @property
    def port(self) -> int:
        """Port it listens on; the same again after a stop and a start."""
        return self._port

    def start(self) -> None:
        """Listen."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._server = _Server(("127.0.0.1", self._port), self)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="practice", daemon=True).start()

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def messages(self) -> list[Path]:
        """Return the files kept, oldest first."""
        return sorted(self._folder.glob("*.hl7"))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def take(self, message: bytes) -> tuple[bytes, bool]:
        """Keep a message and return what to send back, and whether to hang up after."""
        name = control_id(message)
        with self._lock:
            self.asked.append(name)
            mood = self._mood(name)
            if mood not in {Mood.ERROR, Mood.REJECT, Mood.HALF, Mood.OTHER}:
                self._keep(name, message)
        return _reply(message, mood), mood in {Mood.HALF, Mood.LOST}

    def _keep(self, name: str, message: bytes) -> None:
        safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)
        known = list(self._folder.glob(f"*-{safe}.hl7"))
        if not known:
            (self._folder / f"{time.time_ns()}-{safe}.hl7").write_bytes(message)


def _reply(message: bytes, mood: Mood) -> bytes:
    now = datetime.now(UTC)
    match mood:
        case Mood.SILENT | Mood.LOST:
            return b""
        case Mood.HALF:
            whole = framed(ack_of(message, AckCode.AA, now=now))
            return whole[: len(whole) // 2]
        case Mood.OTHER:
            return framed(ack_of(message, AckCode.AA, now=now, answers="somebody-elses"))
        case _:
            return framed(ack_of(message, AckCode(mood.value), now=now))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], practice: Practice) -> None:
        self.practice = practice
        super().__init__(address, _Handler)


class _Handler(socketserver.BaseRequestHandler):
    """Serves one connection, any number of messages."""

    def handle(self) -> None:
        practice = cast("_Server", self.server).practice
        unframer = Unframer()
        self.request.settimeout(_IDLE_SECONDS)
        try:
            while piece := self.request.recv(1 << 16):
                for message in unframer.feed(piece):
                    reply, hang_up = practice.take(message)
                    self.request.sendall(reply)
                    if hang_up:
                        return
        except (OSError, FrameError, NotHl7):
            return  # a sender that breaks the protocol is hung up on
