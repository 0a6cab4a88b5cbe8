"""Where the parts find each other: database URLs, HTTP addresses, and the environment they are started with."""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from vetflow.settings import Settings
from vetflow.supervisor.cluster import Cluster

_OTHERS = ("PREFECT_", "MLFLOW_", "GX_")
"""Variables of a shell's own Prefect or MLflow: a profile or key of another server must not reach ours."""


def database_url(settings: Settings, name: str) -> str:
    """Return the libpq URL of ``ledger``, ``prefect`` or ``mlflow``.

    With ``VETFLOW_DATABASE_URL`` that is the ledger, and the others are databases of their names on the same server.
    """
    if not settings.database_url:
        return Cluster(settings.home).url(name)
    if name == "ledger":
        return settings.database_url
    return urlsplit(settings.database_url)._replace(path=f"/{name}").geturl()


def located(settings: Settings) -> Settings:
    """Return the settings with the ledger's URL filled in, as every part and command wants them."""
    return settings.model_copy(update={"database_url": database_url(settings, "ledger")})


def prefect_url(settings: Settings) -> str:
    """Return the address of Prefect's API."""
    return f"http://127.0.0.1:{settings.ports.prefect}/api"


def mlflow_url(settings: Settings) -> str:
    """Return the address of MLflow."""
    return f"http://127.0.0.1:{settings.ports.mlflow}"


def web_url(settings: Settings) -> str:
    """Return the address of the health page."""
    scheme = "https" if settings.web.tls else "http"
    return f"{scheme}://{settings.web.host}:{settings.ports.web}/healthz"


def dicom_ports(settings: Settings) -> tuple[int, ...]:
    """Return where DICOM is listened for, the plain port first."""
    said = settings.gateway
    return (*((said.port,) if said.plain else ()), *((said.tls.port,) if said.tls else ()))


def environment(settings: Settings) -> dict[str, str]:
    """Return the whole environment of a part: ours over what the shell had."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}
    spared = [kept.get("NO_PROXY", ""), "127.0.0.1", "localhost"]
    ours = {
        "VETFLOW_HOME": str(settings.home),
        "VETFLOW_DATABASE_URL": database_url(settings, "ledger"),
        "NO_PROXY": ",".join(filter(None, spared)),
        "PYTHONUNBUFFERED": "1",
        "PYTHONSAFEPATH": "1",  # a file in the working directory must not pass for a module
    }
    if settings.file:
        ours["VETFLOW_CONFIG"] = str(settings.file)
    return kept | ours | _prefect(settings) | _mlflow(settings) | _silence()


def _prefect(settings: Settings) -> dict[str, str]:
    home = settings.home / "prefect"
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_API_URL": prefect_url(settings),
        "PREFECT_API_DATABASE_CONNECTION_URL": _dialect(database_url(settings, "prefect"), "asyncpg"),
        # The package's own folder may not be writable.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "ui"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLI_PROMPT": "false",
    }


def _mlflow(settings: Settings) -> dict[str, str]:
    return {
        "MLFLOW_TRACKING_URI": mlflow_url(settings),
        # Not on the command line, where a password would be seen in the list of processes.
        "MLFLOW_BACKEND_STORE_URI": _dialect(database_url(settings, "mlflow"), "psycopg"),
        "MLFLOW_ARTIFACTS_DESTINATION": str(settings.home / "mlflow"),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }


def _silence() -> dict[str, str]:
    return {
        "DO_NOT_TRACK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GX_ANALYTICS_ENABLED": "false",
    }


def _dialect(url: str, driver: str) -> str:
    return f"postgresql+{driver}://{url.partition('://')[2]}"


def logs(settings: Settings) -> Path:
    """Return the folder of the parts' logs."""
    return settings.home / "logs"


def has_room(settings: Settings) -> bool:
    """Whether the disk has room for what arrives."""
    return shutil.disk_usage(settings.home).free >= settings.gateway.free_disk_mb * 2**20
