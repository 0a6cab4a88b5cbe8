"""``python -m vetflow.supervisor.part NAME`` is one part of the tree in a process of its own."""

import logging
import sys
from collections.abc import Callable, Mapping

from vetflow.domain.errors import ConfigurationError, VetflowError
from vetflow.settings import Settings, load

_RUNNING = "ready"


def ledger(settings: Settings) -> None:
    """Bring the schema up to date and put in place what a new home needs."""
    from vetflow.migrations import upgrade

    upgrade(settings.database_url)


def web(settings: Settings) -> None:
    """Serve the health endpoint."""
    from vetflow.supervisor.report import PartState, TreeReport
    from vetflow.web.health import serve

    def health() -> Mapping[str, bool]:
        report = TreeReport.read(settings.home)
        if report is None:
            return {"supervisor": False}
        return {part.name: part.state is PartState.READY for part in report.parts if part.needed}

    serve(health, host="127.0.0.1", port=settings.ports.web)


PARTS: Mapping[str, Callable[[Settings], None]] = {"ledger": ledger, "web": web}


def run(name: str) -> None:
    """Run one part until it ends; its settings come from the environment.

    Raises
    ------
    ConfigurationError
        When there is no such part.
    """
    if name not in PARTS:
        raise ConfigurationError(f"{name} is not a part; there are {', '.join(PARTS)}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    PARTS[name](load())


if __name__ == "__main__":
    try:
        run(sys.argv[1])
    except VetflowError as error:
        sys.exit(f"{type(error).__name__}: {error}")
