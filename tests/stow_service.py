"""Our STOW-RS service on a port of its own, with fakes behind it."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tests.fakes import FakeIntake, FakeStore

from vetflow.gateway.desk import Desk
from vetflow.web.app import app
from vetflow.web.server import server
from vetflow.web.stow import Door, Patience, Stow
from vetflow.web.upload import Bounds

TOKEN = "a-token-of-more-than-twenty-letters"  # noqa: S105 — of no real service
SENDER = "cloud"
MULTIPART = 'multipart/related; type="application/dicom"; boundary=edge'


class Service:
    """The service and what it was given.

    Parameters
    ----------
    folder
        Where bodies lie while they come in.
    port
        Where it listens.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store, self.intake = FakeStore(), FakeIntake()
        self.room = True
        self.tokens = {SENDER: TOKEN}
        self.port = 0

    def door(self, patience: Patience, *, largest: int) -> Door:
        desk = Desk(store=self.store, intake=self.intake, room=lambda: self.room)
        bounds = Bounds(folder=self.folder, room=desk.room, instance=largest, request=4 * largest, parts=200)
        return Door(
            tokens=lambda: self.tokens.items(),
            hand_in=desk.hand_in,
            refuse=desk.refuse,
            bounds=bounds,
            patience=patience,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicomweb"

    @property
    def reasons(self) -> list[str]:
        return [refusal.reason for refusal in self.intake.refusals]

    def post(self, *files: bytes, study: str = "", kind: str = "application/dicom", **headers: str) -> httpx.Response:
        """Store files as one request; headers are named with underscores for hyphens."""
        return self.send(multipart(*files, kind=kind), study=study, **headers)

    def send(self, body: bytes, *, study: str = "", **headers: str) -> httpx.Response:
        """Send a body as it is."""
        sent = {"Content-Type": MULTIPART, "Authorization": f"Bearer {TOKEN}"}
        sent |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        path = f"{self.url}/studies/{study}" if study else f"{self.url}/studies"
        return httpx.post(path, content=body, headers=sent, timeout=30, trust_env=False)


@contextmanager
def serving(
    folder: Path,
    *,
    patience: Patience = Patience(),  # noqa: B008 — frozen
    largest: int = 64 << 20,
    tls: Callable[[], ssl.SSLContext] | None = None,
) -> Iterator[Service]:
    """Run the service until the end of the context."""
    service = Service(folder)
    stow = Stow(service.door(patience, largest=largest))
    running = server(app(lambda: {"it": True}, stow.store), host="127.0.0.1", port=0, tls=tls)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        until(lambda: running.started or not thread.is_alive())
        service.port = running.servers[0].sockets[0].getsockname()[1]
        yield service
    finally:
        running.should_exit = True
        thread.join(20)


def multipart(*files: bytes, kind: str = "application/dicom") -> bytes:
    head = f"Content-Type: {kind}\r\n\r\n" if kind else "\r\n"
    return b"".join(b"--edge\r\n" + head.encode() + file + b"\r\n" for file in files) + b"--edge--\r\n"


def until(true: Callable[[], object], *, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def open_files(folder: Path) -> list[str]:
    """Return the files of a folder this process holds open, nameless ones included."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [name for link in links if (name := _target(link)).startswith(str(folder))]


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""
