"""What the worker asks Prefect's server."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.client.schemas.sorting import FlowRunSort

from vetflow.domain.case import Queue

_AT_ONCE = 12
_LAST_CANCELLED = 50


class Questions:
    """Asks about the runs of a work pool.

    Parameters
    ----------
    client
        An open client.
    pool
        Name of the work pool.
    """

    def __init__(self, client: PrefectClient, pool: str) -> None:
        self._client = client
        self._pool = pool
        self._queues: dict[UUID, str] = {}
        self._entrypoints: dict[UUID, str] = {}

    async def due(self, queues: Sequence[str] | None) -> list[tuple[FlowRun, str]]:
        """Return runs that should start and their queues, most urgent queue first, then oldest.

        Parameters
        ----------
        queues
            Names of the queues asked; None asks all.
        """
        asked = {"work_queue_names": list(queues)} if queues else {}
        response = await self._client.request(
            "POST",
            "/work_pools/{name}/get_scheduled_flow_runs",
            path_params={"name": self._pool},
            json={**asked, "scheduled_before": datetime.now(UTC).isoformat(), "limit": _AT_ONCE},
        )
        found = WorkerFlowRunResponse.model_validate_list(response.json())
        return [(entry.flow_run, await self._queue(entry.work_queue_id)) for entry in found]

    async def cancelling(self) -> Sequence[FlowRun]:
        """Return runs that a person wants stopped."""
        return await self._in_state(StateType.CANCELLING)

    async def cancelled(self) -> Sequence[FlowRun]:
        """Return runs that were cancelled last."""
        return await self._in_state(StateType.CANCELLED, limit=_LAST_CANCELLED, sort=FlowRunSort.END_TIME_DESC)

    async def _in_state(
        self, state: StateType, *, limit: int | None = None, sort: FlowRunSort | None = None
    ) -> Sequence[FlowRun]:
        return await self._client.read_flow_runs(
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[self._pool])),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[state]))),
            limit=limit,
            sort=sort,
        )

    async def entrypoint(self, deployment: UUID | None) -> str:
        """Return ``module:function`` of a deployment's flow, empty when it has none; remembered."""
        if deployment is None:
            return ""
        if deployment not in self._entrypoints:
            self._entrypoints[deployment] = (await self._client.read_deployment(deployment)).entrypoint or ""
        return self._entrypoints[deployment]

    async def _queue(self, queue: UUID) -> str:
        if queue not in self._queues:
            known = await self._client.read_work_queues(work_pool_name=self._pool)
            self._queues = {each.id: each.name for each in known}
        return self._queues.get(queue, Queue.ROUTINE)
