"""Draft reports are opened once all else about a revision has ended, and again when more was said later."""

from dataclasses import replace

import structlog

from vetflow.domain.case import CaseOrder, Queue, Undrafted
from vetflow.domain.errors import StudyRefused
from vetflow.domain.routing import draft_route
from vetflow.domain.use_cases import DRAFT
from vetflow.gateway.sorter import Wishes
from vetflow.ports import Drafts, Sorting

log = structlog.stdlib.get_logger()


class Drafter:
    """Opens the cases of drafts, as urgent as the most urgent case that they speak of, but for ``stat``.

    A draft waits for archives; the place that is kept for ``stat`` is kept for films with the animal on the table.

    Parameters
    ----------
    wishes
        Which revisions get a draft.
    """

    def __init__(self, sorting: Sorting, drafts: Drafts, *, wishes: Wishes) -> None:
        self._sorting = sorting
        self._drafts = drafts
        self._wishes = wishes

    def step(self) -> bool:
        """Open what is due; never more to do at once."""
        for due in self._drafts.undrafted():
            try:
                self._draft(due)
            except StudyRefused as refused:
                log.warning("draft not opened", study=due.study_id, revision=due.revision, reason=refused.reason)
                self._drafts.leave_undrafted(due.study_id, due.revision)
        return False

    def _draft(self, due: Undrafted) -> None:
        facts = self._sorting.facts(due.study_id, due.revision)
        route = draft_route(self._wishes.routes, facts)
        if route is None:
            self._drafts.leave_undrafted(due.study_id, due.revision)
            return
        fitting = next(fact for fact in facts if route.wants(fact))
        wanted = due.queue or route.queue
        own = replace(route, queue=Queue.ROUTINE if wanted is Queue.STAT else wanted)
        queue = self._wishes.queue_of(own, fitting)
        order = CaseOrder(use_case=DRAFT, study_id=due.study_id, queue=queue, revision=due.revision, again=True)
        if case := self._drafts.open_draft(order):
            log.info("case opened", case=case, use_case=DRAFT, queue=queue.value)
