"""Waiting cases get their flow runs."""

import structlog

from vetflow.domain.case import WaitingCase
from vetflow.domain.errors import PermanentFailure, StaleAttempt, TransientError
from vetflow.ports import Cases, Runs

log = structlog.stdlib.get_logger()

_BATCH = 200


class Dispatcher:
    """Creates one flow run per case and attempt; creating it twice finds the first by its key.

    While Prefect is away cases wait in the ledger and the loop tries again; nothing else waits with them.
    """

    def __init__(self, cases: Cases, runs: Runs) -> None:
        self._cases = cases
        self._runs = runs

    def step(self) -> bool:
        """Submit what waits, most urgent first; True when some of it was.

        Raises
        ------
        TransientError
            When a use case can't be submitted now; the others were.
        """
        failed: dict[str, TransientError] = {}
        submitted = False
        for case in self._cases.waiting_cases(_BATCH):
            if case.use_case in failed:
                continue
            try:
                submitted = self._submit(case) or submitted
            except TransientError as error:
                failed[case.use_case] = error
        if failed:
            raise next(iter(failed.values()))
        return submitted

    def _submit(self, case: WaitingCase) -> bool:
        try:
            run_id = self._runs.submit(case)
            self._cases.submitted(case.ref, run_id)
        except StaleAttempt:
            return False
        except PermanentFailure as failure:
            log.warning("case not submitted", case=case.ref.id, attempt=case.ref.attempt, status=failure.status)
            return False
        log.info("case submitted", case=case.ref.id, attempt=case.ref.attempt, run=run_id, queue=case.queue.value)
        return True
