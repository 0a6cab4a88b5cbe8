"""Cases whose attempt is not known to be alive get another, or fail when attempts are used up."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from vetflow.domain.case import Lapsed
from vetflow.domain.errors import StaleAttempt, TransientError
from vetflow.ports import Cases, Runs

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an attempt is believed in.

    Parameters
    ----------
    submitted_seconds
        A submitted case is looked at when nothing claimed it for this long.
    claim_seconds
        A run that a worker took and whose case is not claimed for this long is given up, whatever Prefect calls it: a
        worker killed between the two leaves it "Pending" or "Running" for ever. While it waits in its queue it may wait
        as long as the queue is.
    attempts
        Attempts a case gets.
    """

    submitted_seconds: float = 30.0
    claim_seconds: float = 20.0
    attempts: int = 3


class Reconciler:
    """Believes leases, takes Prefect's states as hints.

    Parameters
    ----------
    monotonic
        Seconds that never run backwards.
    """

    def __init__(
        self, cases: Cases, runs: Runs, *, patience: Patience, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._cases = cases
        self._runs = runs
        self._patience = patience
        self._monotonic = monotonic
        self._since: dict[str, float] = {}

    def step(self) -> bool:
        """Look at every lapsed case once."""
        lapsed = self._cases.lapsed(submitted_seconds=self._patience.submitted_seconds)
        seen = {case.ref.key for case in lapsed}
        self._since = {key: since for key, since in self._since.items() if key in seen}
        for case in lapsed:
            if case.running or self._hopeless(case):
                self._again(case)
        return False

    def _hopeless(self, case: Lapsed) -> bool:
        """Whether a submitted run will never claim its case."""
        try:
            if not (case.run_id and self._runs.alive(case.run_id)):
                return True
            if self._runs.queued(case.run_id):
                self._since.pop(case.ref.key, None)
                return False
        except TransientError:
            return False  # Prefect is away; its workers get nothing either
        now = self._monotonic()
        return now - self._since.setdefault(case.ref.key, now) >= self._patience.claim_seconds

    def _again(self, case: Lapsed) -> None:
        reason = "lease_ended" if case.running else "never_claimed"
        try:
            following = self._cases.again(case.ref, most=self._patience.attempts, reason=reason)
        except StaleAttempt:
            return  # it was claimed, renewed or ended meanwhile
        if following is None:
            log.error("case failed", case=case.ref.id, attempts=case.ref.attempt, reason=reason)
        else:
            log.warning("case tried again", case=case.ref.id, attempt=following.attempt, reason=reason)
        self._crash(case, reason)

    def _crash(self, case: Lapsed, reason: str) -> None:
        """Tidy Prefect's view; the ledger has decided already."""
        if not case.run_id:
            return
        try:
            self._runs.crash(case.run_id, reason)
        except TransientError:
            log.warning("run not marked as crashed", run=case.run_id)
