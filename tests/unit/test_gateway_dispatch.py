import pytest
from tests.fakes import FakeCases, FakeRuns

from vetflow.domain.case import CaseRef, Lapsed, Queue, WaitingCase
from vetflow.domain.errors import PermanentFailure, StaleAttempt, TransientError
from vetflow.gateway.dispatcher import Dispatcher
from vetflow.gateway.reconciler import Patience, Reconciler


def waiting(number: int, attempt: int = 1) -> WaitingCase:
    ref = CaseRef(id=f"case-{number:08x}", attempt=attempt)
    return WaitingCase(ref=ref, use_case="positioning", queue=Queue.ROUTINE)


def test_every_waiting_case_gets_a_run_under_its_key_once() -> None:
    cases, runs = FakeCases(waiting=[waiting(1), waiting(2)]), FakeRuns()
    dispatcher = Dispatcher(cases, runs)

    first, second = dispatcher.step(), dispatcher.step()

    assert (first, second) == (True, False)
    assert runs.submitted == ["case-00000001:1", "case-00000002:1"]
    assert cases.runs["case-00000001:1"] == "run-case-00000001:1"


def test_cases_wait_while_prefect_is_away_and_go_when_it_is_back() -> None:
    cases, runs = FakeCases(waiting=[waiting(1)]), FakeRuns(down=True)
    dispatcher = Dispatcher(cases, runs)

    with pytest.raises(TransientError):
        dispatcher.step()
    runs.down = False
    dispatcher.step()

    assert runs.submitted == ["case-00000001:1"]


class RefusingRuns(FakeRuns):
    """Prefect that has no deployment for one case."""

    def submit(self, case: WaitingCase) -> str:
        if case.ref.id == "case-00000001":
            raise PermanentFailure("no deployment", status="404")
        return super().submit(case)


def test_a_case_that_cannot_be_submitted_does_not_hold_up_the_next() -> None:
    cases, runs = FakeCases(waiting=[waiting(1), waiting(2)]), RefusingRuns()

    Dispatcher(cases, runs).step()

    assert runs.submitted == ["case-00000002:1"]


class PartlyDeployed(FakeRuns):
    """Prefect that has lost the deployment of one use case."""

    def submit(self, case: WaitingCase) -> str:
        if case.use_case == "fracture":
            raise TransientError("no deployment")
        return super().submit(case)


def test_a_use_case_without_deployment_does_not_hold_up_another() -> None:
    lost = WaitingCase(ref=CaseRef(id="case-00000007"), use_case="fracture", queue=Queue.STAT)
    cases, runs = FakeCases(waiting=[lost, waiting(1)]), PartlyDeployed()

    with pytest.raises(TransientError):
        Dispatcher(cases, runs).step()

    assert runs.submitted == ["case-00000001:1"]


class Clock:
    """Seconds set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def lapsed(*, running: bool, attempt: int = 1, run_id: str = "run-1") -> Lapsed:
    return Lapsed(ref=CaseRef(id="case-00000001", attempt=attempt), run_id=run_id, running=running)


def reconciler(cases: FakeCases, runs: FakeRuns, clock: Clock) -> Reconciler:
    return Reconciler(cases, runs, patience=Patience(claim_seconds=20, attempts=3), monotonic=clock)


def test_a_case_whose_lease_ended_gets_the_next_attempt_and_its_run_is_marked() -> None:
    cases, runs = FakeCases(gone=[lapsed(running=True)]), FakeRuns(live={"run-1"})

    reconciler(cases, runs, Clock()).step()

    assert [ref.attempt for ref in cases.retried] == [2]
    assert runs.crashed == ["run-1"]


def test_a_run_that_waits_in_its_queue_may_wait_as_long_as_it_is() -> None:
    cases, runs, clock = FakeCases(gone=[lapsed(running=False)]), FakeRuns(live={"run-1"}, waiting={"run-1"}), Clock()
    watch = reconciler(cases, runs, clock)

    for clock.now in (0, 100, 100_000):
        watch.step()

    assert cases.retried == []
    assert runs.crashed == []


@pytest.mark.parametrize("run_id", ["run-1", ""])
def test_a_submitted_run_that_prefect_lost_is_submitted_again(run_id: str) -> None:
    cases, runs = FakeCases(gone=[lapsed(running=False, run_id=run_id)]), FakeRuns()

    reconciler(cases, runs, Clock()).step()

    assert [ref.key for ref in cases.retried] == ["case-00000001:2"]


def test_a_run_that_was_taken_and_never_claims_is_given_up() -> None:
    cases, runs, clock = FakeCases(gone=[lapsed(running=False)]), FakeRuns(live={"run-1"}), Clock()
    watch = reconciler(cases, runs, clock)

    watch.step()
    clock.now = 19
    watch.step()
    early = list(cases.retried)
    clock.now = 21
    watch.step()

    assert early == []
    assert [ref.attempt for ref in cases.retried] == [2]
    assert runs.crashed == ["run-1"]


def test_the_time_to_claim_begins_when_a_run_is_taken_not_when_it_was_made() -> None:
    cases, runs, clock = FakeCases(gone=[lapsed(running=False)]), FakeRuns(live={"run-1"}, waiting={"run-1"}), Clock()
    watch = reconciler(cases, runs, clock)

    watch.step()
    clock.now = 500
    watch.step()
    runs.waiting.clear()
    clock.now = 510
    watch.step()
    clock.now = 520
    watch.step()

    assert cases.retried == []


def test_prefect_being_away_gives_nobody_up() -> None:
    cases, runs = FakeCases(gone=[lapsed(running=False)]), FakeRuns(down=True)

    reconciler(cases, runs, Clock()).step()

    assert cases.retried == []


def test_a_lapsed_lease_is_acted_on_though_prefect_is_away() -> None:
    cases, runs = FakeCases(gone=[lapsed(running=True)]), FakeRuns(down=True)

    reconciler(cases, runs, Clock()).step()

    assert [ref.attempt for ref in cases.retried] == [2]


def test_used_up_attempts_open_no_further_one() -> None:
    cases, runs = FakeCases(gone=[lapsed(running=True, attempt=3)]), FakeRuns()

    reconciler(cases, runs, Clock()).step()

    assert cases.retried == []
    assert runs.crashed == ["run-1"]


class LateCases(FakeCases):
    """A ledger in which the case was renewed between being seen and being acted on."""

    def again(self, ref: CaseRef, *, most: int, reason: str) -> CaseRef | None:
        raise StaleAttempt("renewed")


def test_a_case_renewed_in_the_meantime_keeps_its_run() -> None:
    cases, runs = LateCases(gone=[lapsed(running=True)]), FakeRuns()

    reconciler(cases, runs, Clock()).step()

    assert runs.crashed == []
