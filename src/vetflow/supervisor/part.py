"""``python -m vetflow.supervisor.part NAME`` is one part of the tree in a process of its own."""

import logging
import sys
from collections.abc import Callable, Mapping

from vetflow.domain.errors import ConfigurationError, VetflowError
from vetflow.settings import Settings, load
from vetflow.supervisor.places import mlflow_url
from vetflow.wiring import build


def ledger(settings: Settings) -> None:
    """Bring the schema up to date and put in place what a new home needs."""
    from vetflow.migrations import upgrade
    from vetflow.wiring.catalogue import seed

    upgrade(settings.database_url)
    seed(build(settings))


def registry(settings: Settings) -> None:
    """Show the models in charge in MLflow; the ledger decides which those are."""
    from vetflow.wiring.registry import align

    align(build(settings), mlflow_url(settings))


def gateway(settings: Settings) -> None:
    """Receive, sort, dispatch and reconcile."""
    from vetflow.gateway.service import run_gateway
    from vetflow.supervisor import assembly

    run_gateway(assembly.gateway(build(settings)))


def courier(settings: Settings) -> None:
    """Deliver what is owed."""
    from vetflow.gateway.courier_service import run_courier
    from vetflow.supervisor import assembly

    run_courier(assembly.courier(build(settings)))


def web(settings: Settings) -> None:
    """Serve health, and DICOMweb and advice for those who may store."""
    from vetflow.supervisor.report import PartState, TreeReport
    from vetflow.web.app import app, nobody
    from vetflow.web.server import server
    from vetflow.wiring.certificates import server_side

    def health() -> Mapping[str, bool]:
        report = TreeReport.read(settings.home)
        if report is None:
            return {"supervisor": False}
        return {part.name: part.state is PartState.READY for part in report.parts if part.needed}

    store, advise, said = nobody, nobody, settings.web
    if said.senders:
        # What a store needs triples the memory of this process.
        from vetflow.supervisor.reception import advice_endpoint, store_endpoint

        services = build(settings)
        store, advise = store_endpoint(services), advice_endpoint(services)
    tls = server_side(settings, said.tls) if said.tls else None
    server(app(health, store, advise=advise), host=said.host, port=settings.ports.web, tls=tls).run()


PARTS: Mapping[str, Callable[[Settings], None]] = {
    "ledger": ledger,
    "registry": registry,
    "gateway": gateway,
    "courier": courier,
    "web": web,
}


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
