"""A Prefect worker whose runs start in children that have imported everything already."""

import logging
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import anyio
import anyio.abc
import anyio.to_thread
import httpx
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectNotFound, PrefectException
from prefect.settings import PREFECT_API_URL
from prefect.states import Cancelled, Crashed, Failed, Pending
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult
from typing_extensions import override

from vetflow.adapters.runs_prefect import bell
from vetflow.adapters.sandbox import Child
from vetflow.adapters.sandbox.wire import WireBroken
from vetflow.domain.errors import ConfigurationError, TransientError
from vetflow.worker.crew import Crew, wired
from vetflow.worker.endings import Ending, ending
from vetflow.worker.questions import Questions
from vetflow.worker.slots import Slots

_LOG = logging.getLogger(__name__)
_OUTSIDE = (httpx.HTTPError, PrefectException, TransientError, OSError)
_REFILL_SECONDS = 0.3
_WATCH_SECONDS = 0.5
_NOTE_SECONDS = 2.0
_DECLARE_SECONDS = 5.0
_MOST_NOTED = 1000
_BACKOFF_SECONDS = 1.0
_ORPHAN_SECONDS = 10.0
_LAST_WORDS_SECONDS = 3.0
_STEP_BACK = 5
"""Added niceness of what is not urgent: beside a run of ``stat`` it gets a quarter of the processor."""


class WarmConfiguration(BaseJobConfiguration):
    """Nothing to configure: a run gets the process it gets."""


class WarmVariables(BaseVariables):
    """Nothing to vary."""


class WarmResult(BaseWorkerResult):
    """What the worker reports of an ended child."""


class WarmWorker(BaseWorker[WarmConfiguration, WarmVariables, WarmResult]):
    """Executes flow runs of a ``warm`` work pool in forked children.

    A run of the ``stat`` queue finds a place soon, the process of a cancelled run is gone within seconds, and a case
    that outruns its time or memory is stopped.
    """

    type: str = "warm"
    job_configuration = WarmConfiguration
    job_configuration_variables = WarmVariables
    _crew: Crew | None = None

    def equip(self, crew: Crew) -> "WarmWorker":
        """Return the worker with what it works with; a worker without asks the site's settings."""
        self._crew = crew
        return self

    @property
    def crew(self) -> Crew:
        """What the worker works with."""
        if self._crew is None:
            raise ConfigurationError("the warm worker has not been set up")
        return self._crew

    @override
    async def setup(self) -> None:
        """Get ready and start to look for runs."""
        if self._crew is None:
            self.equip(await anyio.to_thread.run_sync(wired))
        self._slots = Slots(limit=self._limit or self.crew.limit)
        self._running: dict[UUID, Child] = {}
        self._unwanted: set[UUID] = set()
        self._noted: dict[UUID, None] = {}
        self._loops: list[anyio.CancelScope] = []
        self._wake = anyio.Event()
        await super().setup()
        self._questions = Questions(self.client, self._work_pool_name)
        self._start(self._refill, 0.0)
        self._start(self._repeat, self.get_and_submit_flow_runs, self._until_woken)
        self._start(self._listen)
        self._start(self._repeat, self._stop_unwanted, partial(anyio.sleep, _WATCH_SECONDS))
        self._start(self._repeat, self._note_cancelled, partial(anyio.sleep, _NOTE_SECONDS))
        declare = partial(anyio.to_thread.run_sync, self.crew.declare)
        self._start(self._repeat, declare, partial(anyio.sleep, _DECLARE_SECONDS))

    @override
    async def teardown(self, *exc_info: object) -> None:
        """Stop looking, end every child, say so to Prefect."""
        for scope in self._loops:
            scope.cancel()
        for child in list(self._running.values()):
            child.kill(group=True)
        try:
            await super().teardown(*exc_info)
        finally:
            self.crew.brood.close()

    @override
    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Start the runs that are due and have a place; called by our own loop, and rarely by Prefect's."""
        queues = self._slots.open_queues()
        self._last_polled_time = datetime.now(UTC)
        if queues == () or not self._has_successfully_synced:
            return []
        try:
            found = await self._questions.due(queues)
        except ObjectNotFound:
            return []
        started = [run for run, queue in found if self._slots.take(run.id, queue)]
        for run in started:
            self._start(self._carry, run)
        return started

    @override
    async def run(
        self,
        flow_run: FlowRun,
        configuration: WarmConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> WarmResult:
        """Run a flow run in a child, to its end or its limits."""
        child = await anyio.to_thread.run_sync(self.crew.brood.take)
        self._running[flow_run.id] = child
        if not self._slots.urgent(flow_run.id):
            _step_back(child)
        if flow_run.id in self._unwanted:
            child.kill(group=True)
        try:
            self._start(self._refill, _REFILL_SECONDS)
            entrypoint = await self._questions.entrypoint(flow_run.deployment_id)
            self.crew.brood.send(child, {"flow_run": flow_run.model_dump_json(), "entrypoint": entrypoint})
            if task_status:
                task_status.started(child.pid)
            code = await self._attend(child)
        except WireBroken:
            code = child.wait(1.0) or 1
        finally:
            self._running.pop(flow_run.id, None)
            child.kill(group=True)
        await self._close(flow_run, ending(code, cancelled=flow_run.id in self._unwanted), code)
        child.close()
        return WarmResult(status_code=code or 0, identifier=str(child.pid))

    async def _attend(self, child: Child) -> int | None:
        with anyio.move_on_after(self.crew.case_seconds):
            await anyio.wait_readable(child.status)
            return child.wait(0)
        return None

    async def _carry(self, flow_run: FlowRun) -> None:
        try:
            if await self._propose_pending_state(flow_run):
                flow_run.state = Pending()
                await self.run(flow_run, WarmConfiguration())
        except _OUTSIDE as error:
            _LOG.warning("run %s was lost: %s", flow_run.id, type(error).__name__)
            await self._settle(flow_run, Crashed(message="the worker lost it"))
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(_LAST_WORDS_SECONDS, shield=True):
                await self._settle(flow_run, Crashed(message="the worker was stopped"))
            raise
        finally:
            self._unwanted.discard(flow_run.id)
            self._slots.free(flow_run.id)
            self._wake.set()

    async def _close(self, flow_run: FlowRun, how: Ending, code: int | None) -> None:
        if how is Ending.DONE:
            return
        await self._note(flow_run, how)
        await self._settle(flow_run, self._state(how, code))

    def _state(self, how: Ending, code: int | None) -> State[object]:
        match how:
            case Ending.CANCELLED:
                return Cancelled(message="its process was ended")
            case Ending.TIME_LIMIT:
                return Failed(message=f"stopped at the time limit of {self.crew.case_seconds:g} s")
            case Ending.MEMORY_LIMIT:
                return Failed(message=f"stopped at the memory limit of {self.crew.brood.memory_mb} MB")
            case _:
                return Crashed(message=f"its process ended with {code}")

    async def _settle(self, flow_run: FlowRun, state: State[object]) -> None:
        """Set a state whatever the present one is: the process is gone."""
        try:
            await self.client.set_flow_run_state(flow_run.id, state, force=True)
        except _OUTSIDE as error:
            _LOG.warning("run %s stays as Prefect has it: %s", flow_run.id, type(error).__name__)

    async def _repeat(self, step: Callable[[], Awaitable[object]], pause: Callable[[], Awaitable[None]]) -> None:
        with anyio.CancelScope() as scope:
            self._loops.append(scope)
            while True:
                try:
                    await step()
                except _OUTSIDE as error:
                    _LOG.warning("Prefect could not be asked: %s", type(error).__name__)
                    await anyio.sleep(_BACKOFF_SECONDS)
                await pause()

    async def _until_woken(self) -> None:
        with anyio.move_on_after(self.crew.poll_seconds):
            await self._wake.wait()
        self._wake = anyio.Event()

    async def _listen(self) -> None:
        """Look at once when a run was made on this machine; one worker a machine hears the bell, others poll."""
        with anyio.CancelScope() as scope, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
            self._loops.append(scope)
            ear.setblocking(False)
            try:
                ear.bind(bell(PREFECT_API_URL.value() or ""))
            except OSError:
                return
            while True:
                await anyio.wait_readable(ear)
                with suppress(BlockingIOError):
                    while True:
                        ear.recv(16)
                self._wake.set()

    async def _stop_unwanted(self) -> None:
        for flow_run in await self._questions.cancelling():
            await self._stop(flow_run)

    async def _stop(self, flow_run: FlowRun) -> None:
        if self._slots.holds(flow_run.id):
            self._unwanted.add(flow_run.id)
            if child := self._running.get(flow_run.id):
                child.kill(group=True)
        elif flow_run.state and (datetime.now(UTC) - flow_run.state.timestamp).total_seconds() > _ORPHAN_SECONDS:
            await self._close(flow_run, Ending.CANCELLED, None)  # its own worker is gone

    async def _note_cancelled(self) -> None:
        """Tell the ledger of runs that Prefect cancelled by itself because they had not started."""
        for flow_run in await self._questions.cancelled():
            if flow_run.id not in self._noted and not self._slots.holds(flow_run.id):
                await self._note(flow_run, Ending.CANCELLED)

    async def _note(self, flow_run: FlowRun, how: Ending) -> None:
        await anyio.to_thread.run_sync(self.crew.scribe.note, flow_run.parameters, how)
        self._noted[flow_run.id] = None
        while len(self._noted) > _MOST_NOTED:
            del self._noted[next(iter(self._noted))]

    async def _refill(self, delay: float) -> None:
        await anyio.sleep(delay)
        try:
            await anyio.to_thread.run_sync(self.crew.brood.fill)
        except _OUTSIDE as error:
            _LOG.warning("no child could be made ready: %s", type(error).__name__)

    def _start(self, work: Callable[..., Coroutine[object, object, None]], *arguments: object) -> None:
        if self._runs_task_group is None:
            raise ConfigurationError("the warm worker has not been set up")
        self._runs_task_group.start_soon(work, *arguments)


def _step_back(child: Child) -> None:
    """Let a child and its sandboxes, one process group, give way to urgent ones."""
    with suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PGRP, child.pid, os.getpriority(os.PRIO_PROCESS, 0) + _STEP_BACK)
