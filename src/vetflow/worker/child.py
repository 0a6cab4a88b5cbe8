"""What runs in a forked child: get ready, wait for one flow run, run it to its end."""

import asyncio
import logging
import os
from collections.abc import Coroutine, Mapping
from typing import cast

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import SyncClientContext, refresh_global_settings_context
from prefect.events.worker import EventsWorker
from prefect.exceptions import Abort
from prefect.flow_engine import run_flow
from prefect.flows import Flow
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import get_state_exception

from vetflow.adapters.sandbox import ENTRY, Nursery, adopt, kernel, zygote
from vetflow.adapters.sandbox.wire import JsonValue, Message, Wire, WireBroken
from vetflow.worker.codes import OUT_OF_MEMORY
from vetflow.worker.endings import case_of

_DRAIN_SECONDS = 5.0


def main(line: int) -> int:
    """Serve a worker: take the environment, say ready, run the one flow run that comes.

    The nursery of sandboxes is split off first, before this process holds an address, a key or a thread.
    """
    sandboxes = Nursery.forked()
    adopt(sandboxes)
    wire = Wire(fd=line)
    try:
        _settle(wire.receive().values)
        # The ledger's lease tells whether a run lives; Prefect's heartbeat would hold up the end for a second.
        with (
            temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
            SyncClientContext.get_or_create() as context,
        ):
            _acquaint(context.client)
            sandboxes.keep_ready(ENTRY)
            wire.send(Message(values={"ready": True}))
            return _served(wire.receive().values)
    except WireBroken:
        return 0
    except MemoryError:
        return OUT_OF_MEMORY


def _settle(birth: Mapping[str, JsonValue]) -> None:
    os.environ.update(cast("Mapping[str, str]", birth["environment"]))
    refresh_global_settings_context()
    kernel.cap_memory(cast("int", birth["memory_mb"]))


def _acquaint(client: SyncPrefectClient) -> None:
    """Open the connection and get what the first write would ask for, while there is time."""
    client.hello()
    client.read_work_pools(limit=1)


def _served(job: Mapping[str, JsonValue]) -> int:
    flow_run = FlowRun.model_validate_json(str(job["flow_run"]))
    # Its presence makes the engine watch for "Suspended" over a websocket before it starts: 0.1 s and a thread.
    flow_run.deployment_id = None
    flow = _flow(str(job["entrypoint"]), flow_run)
    try:
        state = _run(flow, flow_run)
    except Abort:
        return 0
    finally:
        logging.getLogger("EventsWorker").setLevel(logging.ERROR)  # it warns of being drained
        EventsWorker.drain_all(timeout=_DRAIN_SECONDS)
        APILogWorker.drain_all(timeout=_DRAIN_SECONDS)
    return OUT_OF_MEMORY if _out_of_memory(state) else 0


def _flow(entrypoint: str, flow_run: FlowRun) -> Flow[..., object]:
    flow = cast("Flow[..., object]", zygote.resolve(entrypoint))
    case = case_of(flow_run.parameters)
    if case is not None and flow_run.name == case.id:
        flow.flow_run_name = None  # it has its name; setting it again is a call to the server before every start
    return flow


def _run(flow: Flow[..., object], flow_run: FlowRun) -> State[object]:
    ended = run_flow(flow, flow_run=flow_run, return_type="state")
    if isinstance(ended, Coroutine):
        return asyncio.run(cast("Coroutine[object, object, State[object]]", ended))
    return cast("State[object]", ended)


def _out_of_memory(state: State[object]) -> bool:
    return state.is_failed() and isinstance(get_state_exception(state), MemoryError)
