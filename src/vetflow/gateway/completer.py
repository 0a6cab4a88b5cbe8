"""Studies that have gone quiet become revisions, and revisions get their cases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from vetflow.domain.case import CaseOrder
from vetflow.domain.completeness import completeness
from vetflow.domain.errors import StudyRefused, TransientError
from vetflow.domain.routing import revision_routes
from vetflow.domain.study import OpenStudy
from vetflow.gateway.sorter import Wishes
from vetflow.ports import Cases, Runs, Sorting

log = structlog.stdlib.get_logger()

STUDY_COMPLETE = "vetflow.study.complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """When a study counts as complete, seconds.

    Parameters
    ----------
    by_modality
        Time without a new image.
    default
        For modalities not named.
    longest
        After this a study is closed all the same.
    """

    by_modality: Mapping[str, float]
    default: float = 60.0
    longest: float = 5400.0


class Completer:
    """Closes revisions and opens their cases; a late image makes the next revision in the same way.

    Parameters
    ----------
    runs
        Told of complete studies; losing that does no harm.
    quiet
        When a study counts as complete.
    wishes
        Which cases to open.
    """

    def __init__(
        self,
        sorting: Sorting,
        cases: Cases,
        *,
        runs: Runs,
        quiet: Quiet,
        wishes: Wishes,
    ) -> None:
        self._sorting = sorting
        self._cases = cases
        self._announce: Callable[[str, str], None] = runs.announce
        self._quiet = quiet
        self._wishes = wishes

    def step(self) -> bool:
        """Close what is complete and route what is closed; never more to do at once."""
        for study in self._sorting.open_studies():
            self._close(study)
        for study_id, revision in self._sorting.unrouted():
            self._route(study_id, revision)
        return False

    def _close(self, study: OpenStudy) -> None:
        quiet = self._quiet
        decision = completeness(study, quiet.by_modality, default=quiet.default, longest=quiet.longest)
        if decision.complete:
            revision = self._sorting.close_revision(study.id, decision)
            log.info("revision closed", study=study.id, revision=revision, forced=decision.forced)

    def _route(self, study_id: str, revision: int) -> None:
        """Open what the revision gets; only then is it routed, so that a crash between opens the rest again."""
        facts = self._sorting.facts(study_id, revision)
        for route in revision_routes(self._wishes.routes, facts):
            fitting = next(fact for fact in facts if route.wants(fact))
            queue = self._wishes.queue_of(route, fitting)
            order = CaseOrder(use_case=route.use_case, study_id=study_id, queue=queue, revision=revision)
            try:
                log.info("case opened", case=self._cases.open_case(order), use_case=route.use_case)
            except StudyRefused as refused:
                log.warning("case not opened", study=study_id, revision=revision, reason=refused.reason)
        self._sorting.routed(study_id, revision)
        try:
            self._announce(STUDY_COMPLETE, study_id)
        except TransientError:
            log.warning("event not sent", event_name=STUDY_COMPLETE, study=study_id)
