"""Tell the ledger how an unsuccessful run ended."""

from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow

from vetflow.domain.case import CaseRef
from vetflow.domain.errors import StaleAttempt, StudyRefused, TransientError
from vetflow.wiring import services

_FIRST_SECONDS, _CAP_SECONDS = 5.0, 300.0
"""Pace at which a case that met an outage tries again; it doubles in between."""


def settle(flow: Flow[..., object], flow_run: FlowRun, state: State[object]) -> None:
    """End the case as refused, or open its next attempt; a stale attempt changes nothing.

    What waits for the outside waits as long as that takes: an outage is no fault of the case.
    """
    case = CaseRef(**flow_run.parameters["case"])
    error = state.result(raise_on_failure=False)
    if isinstance(error, StaleAttempt):
        return
    ledger, most = services().ledger, services().settings.limits.attempts
    if isinstance(error, StudyRefused):
        ledger.refuse_case(case, error.reason)
    elif isinstance(error, MemoryError):
        ledger.fail(case, "memory_limit", again=False, most=most)
    elif isinstance(error, TransientError):
        ledger.put_off(case, f"outside_not_ready: {type(error).__name__}", first=_FIRST_SECONDS, cap=_CAP_SECONDS)
    else:
        ledger.fail(case, f"step_failed: {type(error).__name__}", again=True, most=most)
