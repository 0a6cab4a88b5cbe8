"""Tell the ledger how an unsuccessful run ended."""

from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow

from vetflow.domain.case import CaseRef
from vetflow.domain.errors import StaleAttempt, StudyRefused, TransientError
from vetflow.wiring import services


def settle(flow: Flow[..., object], flow_run: FlowRun, state: State[object]) -> None:
    """End the case as refused, or open its next attempt; a stale attempt changes nothing."""
    case = CaseRef(**flow_run.parameters["case"])
    error = state.result(raise_on_failure=False)
    if isinstance(error, StaleAttempt):
        return
    ledger, most = services().ledger, services().settings.limits.attempts
    if isinstance(error, StudyRefused):
        ledger.refuse_case(case, error.reason)
    elif isinstance(error, MemoryError):
        ledger.fail(case, "memory_limit", again=False, most=most)
    else:
        reason = "outside_not_ready" if isinstance(error, TransientError) else "step_failed"
        ledger.fail(case, f"{reason}: {type(error).__name__}", again=True, most=most)
