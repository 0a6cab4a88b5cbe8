"""Applying the declarations of ``prefect.yaml``: work pool, queues with priorities, deployments."""

from collections.abc import Iterable
from contextlib import suppress
from typing import cast

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import WorkQueue
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectException
from prefect.flows import Flow
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.utilities.callables import parameter_schema

from vetflow.adapters.sandbox import zygote
from vetflow.domain.case import Queue
from vetflow.domain.errors import TransientError
from vetflow.worker.declared import Declared, declared
from vetflow.worker.warm import WarmWorker

POOL = "vetflow"
PRIORITIES = {Queue.STAT: 1, Queue.ROUTINE: 2, Queue.SILENT: 3}


def apply(api_url: str, deployments: Iterable[Declared] | None = None) -> None:
    """Make the server hold what is declared; doing it again changes nothing. TransientError when it is away.

    Parameters
    ----------
    api_url
        Address of Prefect's API.
    deployments
        Other declarations than our own.
    """
    with temporary_settings({PREFECT_API_URL: api_url}), get_client(sync_client=True) as client:
        try:
            for each in declared() if deployments is None else deployments:
                prepare(client, each.pool)
                deploy(client, each)
        except (httpx.HTTPError, PrefectException) as error:
            raise TransientError(f"Prefect did not take the deployments: {type(error).__name__}") from error


def ensure(api_url: str, deployments: Iterable[Declared] | None = None) -> None:
    """Apply what is declared if the server has lost any of it; TransientError when it is away.

    Parameters
    ----------
    api_url
        Address of Prefect's API.
    deployments
        Other declarations than our own.
    """
    wanted = tuple(declared() if deployments is None else deployments)
    with temporary_settings({PREFECT_API_URL: api_url}), get_client(sync_client=True) as client:
        try:
            present = all(_present(client, each) for each in wanted)
        except (httpx.HTTPError, PrefectException) as error:
            raise TransientError(f"Prefect can't be asked for deployments: {type(error).__name__}") from error
    if not present:
        apply(api_url, wanted)


def prepare(client: SyncPrefectClient, pool: str) -> None:
    """Make a work pool and its queues, most urgent first, whatever was there."""
    template = WarmWorker.get_default_base_job_template()
    with suppress(ObjectAlreadyExists):
        client.create_work_pool(WorkPoolCreate(name=pool, type=WarmWorker.type, base_job_template=template))
    present = {queue.name: queue for queue in _queues(client, pool)}
    for name, priority in PRIORITIES.items():
        _queue(client, pool, present.get(name), name=name, priority=priority)


def _queues(client: SyncPrefectClient, pool: str) -> list[WorkQueue]:
    response = client.request(
        "POST", "/work_pools/{work_pool_name}/queues/filter", path_params={"work_pool_name": pool}, json={}
    )
    return WorkQueue.model_validate_list(response.json())


def _queue(client: SyncPrefectClient, pool: str, present: WorkQueue | None, *, name: str, priority: int) -> None:
    if present is None:
        client.create_work_queue(name, work_pool_name=pool, priority=priority)
    elif present.priority != priority:
        path = {"work_pool_name": pool, "name": name}
        client.request(
            "PATCH", "/work_pools/{work_pool_name}/queues/{name}", path_params=path, json={"priority": priority}
        )


def deploy(client: SyncPrefectClient, each: Declared) -> None:
    """Make or renew one deployment; its pool must be there."""
    flow = cast("Flow[..., object]", zygote.resolve(each.entrypoint))
    client.create_deployment(
        client.create_flow_from_name(flow.name),
        each.name,
        entrypoint=each.entrypoint,
        work_pool_name=each.pool,
        work_queue_name=each.queue,
        description=each.description,
        enforce_parameter_schema=True,
        parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
    )


def _present(client: SyncPrefectClient, each: Declared) -> bool:
    flow = cast("Flow[..., object]", zygote.resolve(each.entrypoint))
    try:
        held = client.read_deployment_by_name(f"{flow.name}/{each.name}")
    except ObjectNotFound:
        return False
    return held.work_pool_name == each.pool
