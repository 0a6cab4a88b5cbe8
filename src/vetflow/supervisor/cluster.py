"""The embedded PostgreSQL: initialised, started and stopped by us, reachable over a private socket only."""

import hashlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

from vetflow.domain.errors import ConfigurationError, TransientError
from vetflow.supervisor.account import Account, database_account, open_way, own_name, private_directory
from vetflow.supervisor.binaries import MAJOR, programs
from vetflow.supervisor.death import tied_to_parent

ROLE = "vetflow"
DATABASES = ("ledger", "prefect", "mlflow")
_LONGEST_SOCKET_DIRECTORY = 85  # bytes; sun_path holds 107 and the file's own name needs 21
_START_SECONDS = 60.0  # crash recovery of a large write-ahead log may take long
_STOPPING_SECONDS = 10.0
_SERVER = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Values may be owner data: no statement, parameter or "Key (…)=(…)" ever reaches the log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    # One machine, small queries: helper processes would only cost memory.
    "io_method": "sync",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "max_logical_replication_workers": "0",
}


class Cluster:
    """One PostgreSQL with the databases ``ledger``, ``prefect`` and ``mlflow``.

    Clients are known by their operating-system user (peer authentication): only the user who runs vetflow, and root,
    become the role ``vetflow``. There is no password and no TCP port. The server stops when our process dies.

    Parameters
    ----------
    home
        vetflow's data directory. Under it: ``database/data`` (the cluster), ``run`` (the socket), and
        ``postgres-<version>`` when the account of the server can't reach the wheel.
    """

    def __init__(self, home: Path) -> None:
        self._home = home.absolute()
        self._folder = self._home / "database"
        self._data = self._folder / "data"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def sockets(self) -> Path:
        """Directory of the socket."""
        near = self._home / "run"
        if len(os.fsencode(near)) <= _LONGEST_SOCKET_DIRECTORY:
            return near
        # Root's own runtime directory is closed to the account the server runs under.
        base = os.environ.get("XDG_RUNTIME_DIR", "") if os.geteuid() else ""
        name = f"vetflow-{hashlib.sha256(os.fsencode(self._home)).hexdigest()[:12]}"
        return Path(base or "/tmp", name)  # noqa: S108 - private_directory checks whose it is

    def url(self, database: str) -> str:
        """Return the libpq URL of one of the databases."""
        return f"postgresql://{ROLE}@/{database}?host={self.sockets}"

    @property
    def pid(self) -> int | None:
        """Process id of the running server, None when it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, log: Path | None = None) -> None:
        """Return once the server takes connections; initialise it when it is new. Call it from the main thread.

        Parameters
        ----------
        log
            File the server's messages are appended to, ``logs/database.log`` under the home when None.

        Raises
        ------
        ConfigurationError
            When a person must change something first: another server, a wrong version, a closed directory.
        TransientError
            When the server did not come up; its log says why.
        """
        account = database_account()
        open_way(account, self._home)
        binaries = programs(account, self._home)
        self._folder.mkdir(exist_ok=True)
        self._folder.chmod(0o711)  # whatever the umask is, the server's account must pass
        private_directory(self.sockets, account)
        log = log or self._home / "logs/database.log"
        log.parent.mkdir(mode=0o700, exist_ok=True)
        with log.open("ab") as messages:
            if not self._data.is_dir():
                self._initialise(binaries, account, messages)
            self._check_version()
            self._clear_the_way()
            self._write_access()
            self._process = self._launch(binaries, account, messages)
        self._await_ready(log)

    def stop(self, seconds: float = 8.0) -> None:
        """Shut down: disconnect clients and write everything out; after the given seconds recovery is left to later."""
        if not self._process:
            return
        for number, patience in ((signal.SIGINT, seconds), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 5.0)):
            if self._process.poll() is None:
                self._process.send_signal(number)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
            break
        self._process = None

    def _initialise(self, binaries: Path, account: Account, messages: IO[bytes]) -> None:
        """Make the cluster beside its place and move it there whole, so that a crash leaves none half made."""
        draft = self._data.with_name("data.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        os.chown(draft, account.uid, account.gid)
        options = ("--auth=peer", "--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions")
        _run([binaries / "initdb", "-D", draft, "-U", ROLE, *options], account, messages)
        orders = "".join(f"CREATE DATABASE {name}\n" for name in DATABASES).encode()
        _run([binaries / "postgres", "--single", "-D", draft, "postgres"], account, messages, given=orders)
        draft.rename(self._data)

    def _check_version(self) -> None:
        found = (self._data / "PG_VERSION").read_text(encoding="ascii").strip()
        if found != MAJOR:
            raise ConfigurationError(
                f"{self._data} was made by PostgreSQL {found} and this vetflow brings {MAJOR}; "
                "dump it with the old version and restore it, or start with a new home"
            )

    def _clear_the_way(self) -> None:
        """Wait for a server that is still stopping, and forget one that died without removing its pid file."""
        pid_file = self._data / "postmaster.pid"
        deadline = time.monotonic() + _STOPPING_SECONDS
        while pid := _running_server(pid_file):
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"another PostgreSQL (pid {pid}) runs on {self._data}; stop it with: kill -INT {pid}"
                )
            time.sleep(0.05)
        # PostgreSQL would refuse to start when an unrelated process of our user now has that pid.
        pid_file.unlink(missing_ok=True)

    def _write_access(self) -> None:
        """Write who may connect, outside the data so that only we can change it."""
        (self._folder / "hba.conf").write_text(f"local all {ROLE} peer map={ROLE}\n", encoding="ascii")
        known = {"root", own_name()}
        lines = [f'{ROLE} "{name}" {ROLE}\n' for name in sorted(known)]
        (self._folder / "ident.conf").write_text("".join(lines), encoding="utf-8")
        for name in ("hba.conf", "ident.conf"):
            (self._folder / name).chmod(0o644)

    def _launch(self, binaries: Path, account: Account, messages: IO[bytes]) -> subprocess.Popen[bytes]:
        places = {
            "unix_socket_directories": str(self.sockets),
            "hba_file": str(self._folder / "hba.conf"),
            "ident_file": str(self._folder / "ident.conf"),
        }
        options = [f"--{name}={value}" for name, value in (_SERVER | places).items()]
        return subprocess.Popen(
            [binaries / "postgres", "-D", self._data, *options],
            cwd="/",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=messages,
            stderr=messages,
            umask=0o077,
            process_group=0,
            preexec_fn=tied_to_parent(signal.SIGINT),
            **account.popen,
        )

    def _await_ready(self, log: Path) -> None:
        """Read the status that the server keeps in the last line of its pid file, as pg_ctl does."""
        deadline = time.monotonic() + _START_SECONDS
        while self.pid and time.monotonic() < deadline:
            lines = _lines(self._data / "postmaster.pid")
            if len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready":
                return
            time.sleep(0.01)
        self.stop()
        raise TransientError(f"PostgreSQL did not start; {log} says why")


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _run(command: list[str | Path], account: Account, messages: IO[bytes], *, given: bytes = b"") -> None:
    done = subprocess.run(
        command,
        input=given,
        stdout=messages,
        stderr=messages,
        cwd="/",
        env=_environment(),
        umask=0o077,
        check=False,
        **account.popen,
    )
    if done.returncode:
        raise TransientError(f"{Path(command[0]).name} failed with code {done.returncode}; {messages.name} says why")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _running_server(pid_file: Path) -> int:
    """Return the pid in the file when that process is a PostgreSQL on this data directory, else 0."""
    lines = _lines(pid_file)
    if not lines or not lines[0].isdecimal():
        return 0
    try:
        here = Path(f"/proc/{lines[0]}/cwd").readlink()
        name = Path(f"/proc/{lines[0]}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return 0
    return int(lines[0]) if here == pid_file.parent and name == "postgres" else 0
