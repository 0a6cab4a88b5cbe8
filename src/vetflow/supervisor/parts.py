"""The parts of a machine: what each is started with, after whom, and how it is seen to be ready."""

import sys
from dataclasses import dataclass

from vetflow.settings import Settings
from vetflow.supervisor.places import dicom_ports, mlflow_url, prefect_url, web_url
from vetflow.supervisor.probes import Probe, answers, keeps_tables, known_to_prefect, lasts, listens

_POOL = "vetflow"
_PREFECT_PATIENCE = 30.0  # it makes lost tables anew only when it starts


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A process of the tree.

    Parameters
    ----------
    command
        Program and arguments.
    ready
        Whether it works; None for a step that is ready once it has ended well.
    after
        Names of the parts that must be ready before it is started.
    address
        Where people or peers find it.
    needed
        Whether films wait for it; the tree is ready without the others, and they give way for the processor.
    """

    name: str
    command: tuple[str, ...]
    ready: Probe | None
    after: tuple[str, ...] = ()
    address: str = ""
    needed: bool = True
    patience: float | None = None


def plan(settings: Settings) -> tuple[Part, ...]:
    """Return the parts beside the database, all startable in parallel except where one needs another's result."""
    gateway = settings.gateway
    return (
        _own("ledger"),
        Part(
            name="prefect",
            command=_python("prefect", "server", "start", "--host", "127.0.0.1", "--port", str(settings.ports.prefect)),
            ready=keeps_tables(prefect_url(settings)),
            address=prefect_url(settings).removesuffix("/api"),
            patience=_PREFECT_PATIENCE,
        ),
        _mlflow(settings),
        _own("registry", after=("ledger", "mlflow"), needed=False),
        _own(
            "gateway",
            ready=listens(*dicom_ports(settings)),
            after=("ledger",),
            address=f"{gateway.ae_title}@{gateway.host}:{'+'.join(map(str, dicom_ports(settings)))}",
        ),
        _own("courier", ready=lasts(1.0), after=("ledger",)),
        # It waits for Prefect by itself and uses the time to import what its runs need.
        Part(
            name="worker",
            command=_python("vetflow.worker"),
            ready=known_to_prefect(prefect_url(settings), _POOL),
            after=("ledger",),
        ),
        _web(settings),
    )


def _web(settings: Settings) -> Part:
    """Where somebody may store by it, films wait for it."""
    stores = bool(settings.web.senders)
    after = ("ledger",) if stores else ()
    return _own("web", ready=listens(settings.ports.web), after=after, address=web_url(settings), needed=stores)


def _mlflow(settings: Settings) -> Part:
    """MLflow's first start migrates its database for half a minute; no film waits for it."""
    port = settings.ports.mlflow
    hosts = f"127.0.0.1:{port},localhost:{port}"
    return Part(
        name="mlflow",
        command=_python(
            *("mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
            *("--workers", "1", "--serve-artifacts", "--allowed-hosts", hosts),
        ),
        ready=answers(f"{mlflow_url(settings)}/health"),
        address=mlflow_url(settings),
        needed=False,
    )


def _own(
    name: str, *, ready: Probe | None = None, after: tuple[str, ...] = (), address: str = "", needed: bool = True
) -> Part:
    command = _python("vetflow.supervisor.part", name)
    return Part(name=name, command=command, ready=ready, after=after, address=address, needed=needed)


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)
