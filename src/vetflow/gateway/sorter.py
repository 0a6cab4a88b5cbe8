"""What has arrived gets its facts and, if it is a film, its own cases."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from vetflow.domain.case import CaseOrder, Queue
from vetflow.domain.errors import StudyRefused, TransientError
from vetflow.domain.routing import FILM_CLASSES, Route, film_routes
from vetflow.domain.study import Facts, Instance
from vetflow.ports import Cases, ObjectStore, Sorting

log = structlog.stdlib.get_logger()

_BATCH = 50
_STRIKES = 3
_PATIENCE_SECONDS = 5.0
ReadFacts = Callable[[bytes], Facts]
QueueOf = Callable[[Route, Facts], Queue]


def queue_of_route(route: Route, _facts: Facts) -> Queue:
    """Return the queue a route names."""
    return route.queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a site wants run.

    Parameters
    ----------
    routes
        Which films and studies get which use case.
    queue_of
        Which queue a case waits in; a silent phase has its own.
    """

    routes: Sequence[Route]
    queue_of: QueueOf = queue_of_route


class Sorter:
    """Looks at the header of each received instance.

    Parameters
    ----------
    read_facts
        Reads a stored file's header; StudyRefused when it can't.
    wishes
        Which cases to open.
    busy
        Whether the receiver is taking images in: what is no film then waits, for seconds at most.
    monotonic
        Seconds that never run backwards.
    """

    def __init__(
        self,
        sorting: Sorting,
        cases: Cases,
        *,
        store: ObjectStore,
        read_facts: ReadFacts,
        wishes: Wishes,
        busy: Callable[[], bool] = lambda: False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sorting = sorting
        self._cases = cases
        self._store = store
        self._read_facts = read_facts
        self._wishes = wishes
        self._busy = busy
        self._monotonic = monotonic
        self._looked = monotonic()
        self._strikes: Counter[str] = Counter()

    def step(self) -> bool:
        """Sort what is there, films first; True when a full batch was."""
        films = self._sorting.unsorted(_BATCH, sop_classes=FILM_CLASSES)
        for film in films:
            self._sort(film)
        if len(films) == _BATCH:
            return True
        if self._busy() and self._monotonic() - self._looked < _PATIENCE_SECONDS:
            return False
        batch = self._sorting.unsorted(_BATCH)
        for instance in batch:
            self._sort(instance)
        self._looked = self._monotonic()
        return len(batch) == _BATCH

    def _sort(self, instance: Instance) -> None:
        """Sort one; an instance that breaks this step again and again is set aside, so that others get their turn."""
        self._strikes[instance.id] += 1
        if self._strikes[instance.id] > _STRIKES:
            self._set_aside(instance, "header_unreadable")
            return
        try:
            facts = self._read_facts(self._store.get(instance.digest))
            self._open_cases(instance, facts)
        except StudyRefused as refused:
            self._set_aside(instance, refused.reason)
        except TransientError:
            del self._strikes[instance.id]
            raise
        else:
            self._sorting.sort(instance.id, facts)
            del self._strikes[instance.id]

    def _open_cases(self, instance: Instance, facts: Facts) -> None:
        """Open a film's cases before it counts as sorted: a crash between is mended by sorting it again."""
        for route in film_routes(self._wishes.routes, facts):
            queue = self._wishes.queue_of(route, facts)
            order = CaseOrder(use_case=route.use_case, study_id=instance.study_id, queue=queue, instance_id=instance.id)
            case = self._cases.open_case(order)
            log.info("case opened", case=case, instance=instance.id, use_case=route.use_case, queue=queue.value)

    def _set_aside(self, instance: Instance, reason: str) -> None:
        self._sorting.set_aside(instance.id, reason)
        self._strikes.pop(instance.id, None)
        log.warning("instance set aside", instance=instance.id, reason=reason)
