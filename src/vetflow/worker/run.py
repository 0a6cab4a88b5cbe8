"""The worker as a process: declare, preload, serve until told to stop."""

import logging
import os
import platform
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import anyio
from prefect.settings import PREFECT_API_URL

from vetflow.domain.errors import ConfigurationError, TransientError
from vetflow.settings import Settings
from vetflow.wiring import services
from vetflow.worker.crew import Crew, crew
from vetflow.worker.deploy import POOL, apply, ensure
from vetflow.worker.endings import Cases
from vetflow.worker.warm import WarmWorker

_LOG = logging.getLogger(__name__)
_WAIT_SECONDS = 120.0
_PAUSE_SECONDS = 1.0


def run_worker(settings: Settings, *, cases: Callable[[], Cases] | None = None) -> None:
    """Serve the pool ``vetflow`` until SIGTERM or SIGINT; running cases are ended and left to their leases.

    Parameters
    ----------
    cases
        Returns the ledger; None takes this process's own.

    Raises
    ------
    ConfigurationError
        ``PREFECT_API_URL`` is not set, or a preloaded module can't be imported.
    TransientError
        Prefect did not answer for two minutes.
    """
    address = PREFECT_API_URL.value()
    if not address:
        raise ConfigurationError("PREFECT_API_URL is not set; vetflow up sets it")
    manned = crew(settings, cases=cases or (lambda: services().ledger))  # imports while Prefect may still be starting
    _declare(address)
    serve(POOL, replace(manned, declare=partial(ensure, address)))


def serve(pool: str, manned: Crew) -> None:
    """Serve a pool until SIGTERM or SIGINT."""
    worker = WarmWorker(pool, name=f"warm-{platform.node()}-{os.getpid()}").equip(manned)
    anyio.run(_serve, worker)


def _declare(address: str) -> None:
    until = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            return apply(address)
        except TransientError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE_SECONDS)


async def _serve(worker: WarmWorker) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(_stop_on_signal, group.cancel_scope)
        await worker.start(printer=_LOG.info)
        group.cancel_scope.cancel()


async def _stop_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()
            break
