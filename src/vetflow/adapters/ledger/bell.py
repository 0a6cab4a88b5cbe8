"""The bell: it wakes services when the ledger has something for them; a ring that is missed does no harm."""

import contextlib
import threading
from typing import Self

import psycopg
from psycopg import sql

from vetflow.adapters.ledger.database import Database, ring
from vetflow.domain.errors import VetflowError


class Ringer:
    """Rings for the receiver from a thread of its own; what comes while it rings is one ring.

    PostgreSQL lets only one transaction at a time commit with a notification: arrivals that rang themselves would
    queue for the disk one behind the other, and a ring after the commit would keep the sender waiting.
    """

    def __init__(self, database: Database, channel: str) -> None:
        self._database = database
        self._channel = channel
        self._wanted = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def ring(self) -> None:
        """Ring soon, and return at once."""
        self._wanted.set()
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._serve, name="ringer", daemon=True)
                    self._thread.start()

    def _serve(self) -> None:
        while self._wanted.wait():
            self._wanted.clear()
            # The row is committed already: whoever waits for the bell looks for it sooner or later.
            with contextlib.suppress(VetflowError), self._database.statement() as connection:
                ring(connection, self._channel)


class Bell:
    """Wakes a service when the ledger has something for it; missing a ring does no harm, waiting always ends.

    Parameters
    ----------
    url
        libpq URL of the ledger.
    channels
        What to listen for: ``vetflow_arrival``, ``vetflow_case``, ``vetflow_owed``.
    """

    def __init__(self, url: str, *channels: str) -> None:
        self._url = url
        self._channels = channels
        self._connection: psycopg.Connection | None = None
        self._pause = threading.Event()

    def wait(self, seconds: float) -> None:
        """Return at a ring, or after the given time; at once when the bell was only just hung up."""
        try:
            if self._connection is None:
                self._connection = self._listening()
                return  # what was rung before nobody heard: the caller looks once more
            _hear(self._connection, seconds)
            _hear(self._connection, 0)  # rings that came together count as one
        except psycopg.Error:
            self.close()
            self._pause.wait(min(seconds, 1.0))

    def close(self) -> None:
        """Stop listening."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listening(self) -> psycopg.Connection:
        connection = psycopg.connect(self._url, autocommit=True, connect_timeout=5, application_name="vetflow bell")
        for channel in self._channels:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        return connection


def _hear(connection: psycopg.Connection, seconds: float) -> None:
    for _ in connection.notifies(timeout=seconds, stop_after=1):
        pass
