"""How an unsuccessful run is told to the ledger."""

from types import SimpleNamespace
from typing import cast
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.flows import Flow
from prefect.states import Failed

from vetflow.domain.case import CaseRef
from vetflow.domain.errors import StaleAttempt, StudyRefused, TransientError
from vetflow.tasks.settle import settle
from vetflow.wiring import Services, use_services


class _Ledger:
    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def refuse_case(self, ref: CaseRef, reason: str) -> None:
        self.told.append(("refused", ref.attempt, reason))

    def fail(self, ref: CaseRef, reason: str, *, again: bool, most: int) -> None:
        self.told.append(("failed", ref.attempt, reason, again, most))

    def put_off(self, ref: CaseRef, reason: str, *, first: float, cap: float) -> None:
        self.told.append(("put off", ref.attempt, reason, 0 < first < cap))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StudyRefused("no_film"), [("refused", 2, "no_film")]),
        (MemoryError(), [("failed", 2, "memory_limit", False, 3)]),
        (TransientError("S3 is away"), [("put off", 2, "outside_not_ready: TransientError", True)]),
        (ValueError("secret"), [("failed", 2, "step_failed: ValueError", True, 3)]),
        (StaleAttempt("old"), []),
    ],
)
def test_an_outage_postpones_a_case_and_only_its_own_faults_count(
    error: Exception, told: list[tuple[object, ...]]
) -> None:
    ledger = _Ledger()
    site = SimpleNamespace(ledger=ledger, settings=SimpleNamespace(limits=SimpleNamespace(attempts=3)))
    run = FlowRun(flow_id=uuid4(), parameters={"case": {"id": "case-1", "attempt": 2}})

    with use_services(cast("Services", site)):
        settle(cast("Flow[..., object]", None), run, Failed(data=error))

    assert ledger.told == told
