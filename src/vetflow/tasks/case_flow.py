"""What every use case's flow has in common: one parameter, and a ledger that hears how its runs end."""

from collections.abc import Callable

from prefect import flow
from prefect.flows import Flow

from vetflow.domain.case import CaseRef
from vetflow.tasks.settle import settle


def case_flow(function: Callable[[CaseRef], str]) -> Flow[[CaseRef], str]:
    """Return the function as the Prefect flow of its own name; its runs are named by their case."""
    as_flow = flow(
        name=function.__name__,
        flow_run_name="{case.id}",
        on_failure=[settle],
        on_crashed=[settle],
        persist_result=False,
        log_prints=False,
    )
    return as_flow(function)
