"""A whole simulated clinic for the demo: a home of its own, free ports, a tree, a PACS and a practice system."""

import importlib.resources
import importlib.util
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from vetflow.domain.errors import ConfigurationError, TransientError
from vetflow.hospital.pacs import HospitalPacs
from vetflow.hospital.practice import Practice
from vetflow.settings import DicomDestination, Hl7Destination, Settings, load, write
from vetflow.supervisor.account import database_account, open_way
from vetflow.supervisor.death import tied_to_parent
from vetflow.supervisor.places import located
from vetflow.supervisor.report import PartState, TreeReport
from vetflow.wiring import keys

_MARK = ".vetflow-demo"
_READY_SECONDS = 240.0
_FILM = "data/animals/cat.dcm"

Tell = Callable[[str], None]


def real_film() -> Path:
    """Return the real film of the package deid-data."""
    found = importlib.util.find_spec("deid_data")
    if found is None or not found.submodule_search_locations:
        raise ConfigurationError(
            "the demo's film is not installed; run: pip install 'vetflow[demo]', or name one: --film"
        )
    return Path(next(iter(found.submodule_search_locations))) / _FILM


def fresh_home(home: Path) -> Settings:
    """Empty the demo's home and return the settings of a simulated clinic in it, on free ports."""
    if home.exists() and any(home.iterdir()) and not (home / _MARK).exists():
        raise ConfigurationError(f"{home} is not a demo's home and is left alone; choose another with --home")
    if TreeReport.read(home):
        raise ConfigurationError(f"a demo runs on {home} already; wait for it or choose another with --home")
    shutil.rmtree(home, ignore_errors=True)
    open_way(database_account(), home)
    (home / _MARK).touch()
    shipped = Path(str(importlib.resources.files("vetflow") / "deployments/sites/demo.toml"))
    write(_on_free_ports(load(shipped, home=home)), home / "vetflow.toml")
    keys.make(load(home / "vetflow.toml", home=home).secrets)
    return located(load(home / "vetflow.toml", home=home))


@contextmanager
def hospital(settings: Settings) -> Generator[tuple[HospitalPacs, Practice]]:
    """Run the PACS and the practice system that the settings send to."""
    pacs = next(place for place in settings.destinations if isinstance(place, DicomDestination))
    practice = next(place for place in settings.destinations if isinstance(place, Hl7Destination))
    with (
        HospitalPacs(settings.home / "pacs", pacs.ae_title, pacs.port) as archive,
        Practice(settings.home / "practice", practice.port) as system,
    ):
        yield archive, system


@contextmanager
def tree(settings: Settings, *, tell: Tell) -> Generator[None]:
    """Run ``vetflow up`` on the home, yield when films can travel, and stop all of it in the end."""
    with (settings.home / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "vetflow.cli", "up", "--home", str(settings.home)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
            preexec_fn=tied_to_parent(signal.SIGTERM),
        )
    try:
        _await_ready(settings, process, tell=tell)
        yield
    finally:
        process.terminate()
        process.wait()


def _await_ready(settings: Settings, process: "subprocess.Popen[bytes]", *, tell: Tell) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    told: set[str] = set()
    while process.poll() is None and time.monotonic() < deadline:
        report = TreeReport.read(settings.home)
        if report:
            for part in report.parts:
                if part.state is PartState.READY and part.name not in told:
                    told.add(part.name)
                    tell(f"{part.name} is ready")
        if report and report.ready:
            return
        time.sleep(0.2)
    raise TransientError(f"the demo did not start; {settings.home / 'up.log'} and {settings.home / 'logs'} say why")


def _on_free_ports(site: Settings) -> Settings:
    """Return the site with each port that is taken replaced by a free one."""
    wanted = [site.gateway.port, *site.ports.model_dump().values(), *(place.port for place in _reached_by_port(site))]
    gateway, prefect, mlflow, web, *places = _free_ports(wanted)
    destinations = [
        place.model_copy(update={"port": port}) for place, port in zip(_reached_by_port(site), places, strict=True)
    ]
    update = {
        "gateway": site.gateway.model_copy(update={"port": gateway}),
        "ports": site.ports.model_copy(update={"prefect": prefect, "mlflow": mlflow, "web": web}),
        "destinations": tuple(destinations),
    }
    return site.model_copy(update=update)


def _reached_by_port(site: Settings) -> list[DicomDestination | Hl7Destination]:
    return [place for place in site.destinations if isinstance(place, DicomDestination | Hl7Destination)]


def _free_ports(wanted: Iterable[int]) -> list[int]:
    """Return each wanted port, or a free one in its place; all are held until all are found."""
    held: list[socket.socket] = []
    try:
        for port in wanted:
            held.append(_bound(port))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def _bound(port: int) -> socket.socket:
    for choice in (port, 0):
        probe = socket.socket()
        try:
            probe.bind(("127.0.0.1", choice))
        except OSError:
            probe.close()
        else:
            return probe
    raise TransientError("no free port is left on this machine")
