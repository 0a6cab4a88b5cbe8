"""Applying the declarations of ``prefect.yaml``: work pool, queues with priorities, deployments."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from typing import cast

import httpx
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import WorkQueue
from prefect.exceptions import ObjectAlreadyExists, PrefectException
from prefect.flows import Flow
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.utilities.callables import parameter_schema

from vetflow.adapters.sandbox import zygote
from vetflow.domain.case import Queue
from vetflow.domain.errors import TransientError
from vetflow.worker.warm import WarmWorker

POOL = "vetflow"
PRIORITIES = {Queue.STAT: 1, Queue.ROUTINE: 2, Queue.SILENT: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A deployment as declared.

    Parameters
    ----------
    entrypoint
        ``module:function`` of the flow.
    pool, queue
        Where runs go that name no queue.
    """

    name: str
    entrypoint: str
    pool: str
    queue: str
    description: str = ""


def declared() -> tuple[Declared, ...]:
    """Return the deployments this version of vetflow declares."""
    text = resources.files("vetflow").joinpath("deployments/prefect.yaml").read_text(encoding="utf-8")
    return tuple(
        _read(each) for each in cast("Mapping[str, list[Mapping[str, object]]]", yaml.safe_load(text))["deployments"]
    )


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
                _deploy(client, each)
        except (httpx.HTTPError, PrefectException) as error:
            raise TransientError(f"Prefect did not take the deployments: {type(error).__name__}") from error


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


def _deploy(client: SyncPrefectClient, each: Declared) -> None:
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


def _read(each: Mapping[str, object]) -> Declared:
    place = cast("Mapping[str, str]", each["work_pool"])
    return Declared(
        name=str(each["name"]),
        entrypoint=str(each["entrypoint"]),
        pool=place["name"],
        queue=place["work_queue_name"],
        description=str(each.get("description", "")),
    )
