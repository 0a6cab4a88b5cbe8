"""The tree of one machine: the database and every part, kept alive until told to stop."""

import os
import signal
import time
from collections.abc import Callable

from vetflow.domain.errors import TransientError
from vetflow.settings import Settings
from vetflow.supervisor.child import Child, Surroundings
from vetflow.supervisor.cluster import Cluster
from vetflow.supervisor.parts import Part, plan
from vetflow.supervisor.places import environment, logs
from vetflow.supervisor.report import PartState, PartStatus, TreeReport

_BEAT_SECONDS = 2.0
_PART_SECONDS = 6.0
_DATABASE_SECONDS = 2.5  # with the parts' grace that is less than the ten seconds a stop may take
_DATABASE = "database"


class Tree:
    """Everything one machine runs.

    Parameters
    ----------
    settings
        The site.
    tell
        Called with a sentence for a person when a part changes.
    parts
        What to run beside the database; all of a machine's parts when None.
    """

    def __init__(
        self, settings: Settings, *, tell: Callable[[str], None], parts: tuple[Part, ...] | None = None
    ) -> None:
        self._settings = settings
        self._tell = tell
        around = Surroundings(home=settings.home, environment=environment(settings), logs=logs(settings))
        self._children = [Child(part, around) for part in (plan(settings) if parts is None else parts)]
        self._cluster = None if settings.database_url else Cluster(settings.home)
        self._database_restarts = 0
        self._database_next = 0.0
        self._shown: dict[str, PartState] = {}
        self._beat = 0.0
        self._stopping = False

    @property
    def ready(self) -> bool:
        """Whether films can travel: every needed part is ready."""
        return all(part.state is PartState.READY for part in self.statuses() if part.needed)

    def statuses(self) -> tuple[PartStatus, ...]:
        """Return where each part stands, the database first."""
        return (
            *((self._database_status(),) if self._cluster else ()),
            *(
                PartStatus(
                    name=child.part.name,
                    state=child.state,
                    pid=child.pid,
                    restarts=child.restarts,
                    address=child.part.address,
                    needed=child.part.needed,
                )
                for child in self._children
            ),
        )

    def run(self) -> None:
        """Start all, keep all alive, and return when SIGINT or SIGTERM has come and all have stopped."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        os.umask(0o077)
        logs(self._settings).mkdir(mode=0o700, exist_ok=True)
        try:
            if self._cluster:
                self._cluster.start(logs(self._settings) / f"{_DATABASE}.log")
            while not self._stopping:
                self._tick()
                time.sleep(0.1 if any(part.state is PartState.STARTING for part in self.statuses()) else 0.4)
        finally:
            self._stop()

    def _ask_to_stop(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def _tick(self) -> None:
        self._keep_database()
        ready = {child.part.name for child in self._children if child.state is PartState.READY}
        for child in self._children:
            child.tick(ready)
        self._announce()
        if time.monotonic() - self._beat >= _BEAT_SECONDS:
            self._write()
            for child in self._children:
                child.rotate()

    def _keep_database(self) -> None:
        """Start a database that died again; its clients connect anew by themselves."""
        now = time.monotonic()
        if not self._cluster or self._cluster.pid or now < self._database_next:
            return
        self._database_restarts += 1
        self._database_next = now + min(0.5 * 2.0**self._database_restarts, 30.0)
        self._tell(f"{_DATABASE} died and is started again")
        try:
            self._cluster.start(logs(self._settings) / f"{_DATABASE}.log")
        except TransientError as error:
            self._tell(str(error))

    def _database_status(self) -> PartStatus:
        pid = self._cluster.pid if self._cluster else None
        return PartStatus(
            name=_DATABASE,
            state=PartState.READY if pid else PartState.DOWN,
            pid=pid,
            restarts=self._database_restarts,
            address=str(self._cluster.sockets) if self._cluster else "",
            needed=True,
        )

    def _announce(self) -> None:
        before = all(self._shown.get(part.name) is PartState.READY for part in self.statuses() if part.needed)
        for part in self.statuses():
            if self._shown.get(part.name) is not part.state:
                self._shown[part.name] = part.state
                self._tell(self._sentence(part))
                self._beat = 0.0
        if self.ready and not before:
            self._tell("ready for films")

    def _sentence(self, part: PartStatus) -> str:
        if part.state is PartState.DOWN:
            return f"{part.name} ended and is started again; {logs(self._settings) / part.name}.log says why"
        where = f" at {part.address}" if part.address and part.state is PartState.READY else ""
        return f"{part.name} {part.state}{where}"

    def _write(self) -> None:
        """Leave what we know where other processes find it."""
        self._beat = time.monotonic()
        report = TreeReport(
            pid=os.getpid(), beat=time.time(), ready=self.ready and not self._stopping, parts=self.statuses()
        )
        report.write(self._settings.home)

    def _stop(self) -> None:
        """Stop the parts, then the database they write to."""
        self._stopping = True
        self._tell("stopping")
        for child in self._children:
            child.ask_to_stop()
        deadline = time.monotonic() + _PART_SECONDS
        for child in self._children:
            child.end(deadline)
        if self._cluster:
            self._cluster.stop(_DATABASE_SECONDS)
        TreeReport.remove(self._settings.home)
