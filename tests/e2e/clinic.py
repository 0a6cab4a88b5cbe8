"""A whole clinic: a tree as `vetflow up` runs it, a PACS and a practice system, and Orthanc where it is installed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
import psycopg
from psycopg import sql

from vetflow.bench import peers
from vetflow.bench.site import free_port
from vetflow.hospital import modality
from vetflow.hospital.pacs import HospitalPacs
from vetflow.hospital.practice import Practice
from vetflow.settings import Settings, load, write
from vetflow.supervisor.places import database_url, prefect_url
from vetflow.wiring import keys

START_SECONDS = 240
STOP_SECONDS = 10
SENDER = "MOD"

SITE = """
[site]
name = "e2e"
simulated = true

[[gateway.senders]]
ae_title = "MOD"

[completeness]
seconds = {{ DX = 1.0 }}

[[routes]]
use_case = "positioning"
queue = "stat"

[[destinations]]
name = "pacs"
kind = "dicom"
ae_title = "PACS"
host = "127.0.0.1"
port = {pacs}

[[destinations]]
name = "practice"
kind = "hl7"
host = "127.0.0.1"
port = {practice}

[phases]
positioning = "integrated"

# A dead case is found sooner than a clinic would want, and one film may be hit by every kill of a test.
[limits]
lease_seconds = 10
renew_seconds = 2
attempts = 8

[retries]
first_seconds = 1
cap_seconds = 4

[ports]
prefect = {prefect}
mlflow = {mlflow}
web = {web}
"""

ARCHIVE = """
[[destinations]]
name = "archive"
kind = "dicom"
ae_title = "ORTHANC"
host = "127.0.0.1"
port = {port}
"""


class Clinic:
    """A home, what runs on it, and who gets results.

    Parameters
    ----------
    folder
        Everything lies under it; what is in ``home`` is vetflow's own.
    pacs, practice
        Who gets results; both keep what they got outside the home.
    archive
        HTTP port of Orthanc, None when it is not installed.
    """

    def __init__(self, folder: Path, *, pacs: HospitalPacs, practice: Practice, archive: int | None) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.pacs = pacs
        self.practice = practice
        self.archive = archive
        self.up: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> Settings:
        return load(self.home / "vetflow.toml", home=self.home)

    def start(self) -> None:
        """Run ``vetflow up`` until films can travel; its output is kept beside the home."""
        with (self.folder / "up.log").open("ab") as log:
            self.up = subprocess.Popen(
                command("up", "--home", self.home),
                env=plain(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        wait_until(lambda: self._is_ready, seconds=START_SECONDS, meanwhile=self._is_up)

    def stop(self) -> float:
        """Press Ctrl-C and return the seconds it took; the terminal sends it to the whole group."""
        assert self.up is not None
        begun = time.monotonic()
        os.killpg(self.up.pid, signal.SIGINT)
        self.up.wait(60)
        return time.monotonic() - begun

    @property
    def runs(self) -> bool:
        return self.up is not None and self.up.poll() is None

    def family(self) -> list[psutil.Process]:
        """Return every process of the tree."""
        assert self.up is not None
        return [psutil.Process(self.up.pid), *psutil.Process(self.up.pid).children(recursive=True)]

    def tree(self) -> dict:
        """Return what the supervisor last wrote of its parts."""
        try:
            return json.loads((self.home / "tree.json").read_text())
        except FileNotFoundError:
            return {}

    def part(self, name: str) -> dict:
        return next(part for part in self.tree()["parts"] if part["name"] == name)

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command of ``vetflow`` on the home, as a person would."""
        asked = [*command(*arguments), "--home", str(self.home)]
        return subprocess.run(asked, env=plain(), capture_output=True, text=True, timeout=120, check=False)

    def told(self, *arguments: str | Path) -> object:
        """Return what a command prints as JSON."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def send(self, films: Iterable[Path], *, seconds: float = 120) -> None:
        """Send films as a modality does: again, until each was answered with Success."""
        receiver = modality.Receiver(
            host="127.0.0.1", port=self.settings.gateway.port, called="VETFLOW", calling=SENDER, seconds=20
        )
        left, end = list(films), time.monotonic() + seconds
        while left:
            left = [sent.file for sent in modality.send(left, receiver) if not sent.taken]
            assert time.monotonic() < end, f"{len(left)} films were not taken"
            if left:
                time.sleep(0.3)

    def ask(self, question: str, *values: object) -> list[tuple]:
        """Ask the ledger."""
        with psycopg.connect(database_url(self.settings, "ledger"), connect_timeout=10) as connection:
            return connection.execute(question, values).fetchall()

    def order(self, *statements: sql.SQL) -> None:
        """Give orders to the database server, outside any of its databases."""
        with psycopg.connect(database_url(self.settings, "postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def states(self, studies: Iterable[str]) -> list[str]:
        """Return the states of the cases of studies."""
        question = "SELECT state FROM cases JOIN studies ON studies.id = study_id WHERE study_uid = ANY(%s)"
        return [state for (state,) in self.ask(question, list(studies))]

    def wait_for(self, studies: Iterable[str], *, cases: int = 0, seconds: float = 240) -> None:
        """Wait until that many cases of studies, one a study else, have ended and nothing is owed any more."""
        studies = list(studies)
        wanted = cases or len(studies)
        owed = "SELECT count(*) FROM deliveries WHERE state = 'owed'"
        ended = {"done", "refused", "failed", "cancelled"}

        def settled() -> bool:
            states = self.states(studies)
            return len(states) >= wanted and set(states) <= ended and self.ask(owed) == [(0,)]

        wait_until(settled, seconds=seconds, meanwhile=self._is_up, every=0.5)

    def prefect(self, path: str) -> httpx.Response:
        """Ask Prefect."""
        return httpx.get(prefect_url(self.settings) + path, trust_env=False, timeout=30)

    def orthanc(self, method: str, path: str, **body: object) -> httpx.Response:
        """Ask Orthanc."""
        address = f"http://127.0.0.1:{self.archive}{path}"
        return httpx.request(method, address, trust_env=False, timeout=30, json=body or None)

    @property
    def _is_ready(self) -> bool:
        """Whether this tree says so; one that was killed leaves its last word behind."""
        said = self.tree()
        return bool(said.get("ready")) and said["pid"] in {process.pid for process in self.family()}

    def _is_up(self) -> None:
        assert self.runs, "the tree has ended"


@contextmanager
def opened() -> Iterator[Clinic]:
    """Make a clinic with peers that run; its tree is started by who needs it."""
    # Not pytest's 0700 folder: as root the database runs under another account.
    folder = Path(tempfile.mkdtemp(prefix="vetflow-e2e-"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        pacs = stack.enter_context(HospitalPacs(folder / "pacs"))
        practice = stack.enter_context(Practice(folder / "practice"))
        archive = http = None
        if shutil.which("Orthanc"):
            http = free_port()
            archive = stack.enter_context(peers.orthanc(folder / "orthanc", port=free_port(), http=http))
        clinic = Clinic(folder, pacs=pacs, practice=practice, archive=http)
        clinic.home.mkdir(mode=0o711)
        _configure(clinic, archive)
        stack.callback(_end, clinic)
        yield clinic


def _configure(clinic: Clinic, archive: int | None) -> None:
    said = SITE.format(
        pacs=clinic.pacs.port, practice=clinic.practice.port, prefect=free_port(), mlflow=free_port(), web=free_port()
    )
    file = clinic.home / "vetflow.toml"
    file.write_text(said + (ARCHIVE.format(port=archive) if archive else ""))
    site = load(file, home=clinic.home)
    write(site.model_copy(update={"gateway": site.gateway.model_copy(update={"port": free_port()})}), file)
    keys.make(site.secrets)


def _end(clinic: Clinic) -> None:
    if clinic.runs:
        clinic.stop()


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "vetflow.cli", *map(str, arguments)]


def plain() -> dict[str, str]:
    """Return the environment without what would change vetflow's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("VETFLOW_", "PREFECT_"))}


def wait_until(
    is_so: Callable[[], object],
    *,
    seconds: float,
    meanwhile: Callable[[], None] = lambda: None,
    every: float = 0.1,
) -> None:
    """Wait for something, and fail when it takes longer or when ``meanwhile`` raises."""
    end = time.monotonic() + seconds
    while not is_so():
        meanwhile()
        assert time.monotonic() < end, f"it did not come about in {seconds:g} s"
        time.sleep(every)
