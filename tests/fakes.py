"""Stand-ins for the outside world: small, in memory, and told how to misbehave."""

import hashlib
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from vetflow.domain.case import CaseOrder, CaseRef, Lapsed, WaitingCase
from vetflow.domain.delivery import Delivery
from vetflow.domain.errors import StudyRefused, TransientError
from vetflow.domain.study import Admission, Arrival, Completeness, Facts, Instance, OpenStudy, Refusal


class FakeStore:
    """An object store in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.full = False
        self.before_put: Callable[[], None] = lambda: None

    def put(self, parts: Iterable[bytes]) -> str:
        self.before_put()
        if self.full:
            raise TransientError("no space")
        data = b"".join(parts)
        digest = hashlib.sha256(data).hexdigest()
        self.objects[digest] = data
        return digest

    def get(self, digest: str) -> bytes:
        if digest not in self.objects:
            raise StudyRefused("object_missing")
        return self.objects[digest]

    def has(self, digest: str) -> bool:
        return digest in self.objects

    def digests(self) -> Iterator[str]:
        yield from list(self.objects)


class FakeIntake:
    """The receiver's side of a ledger."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.refusals: list[Refusal] = []
        self.away = False
        self._lock = threading.Lock()

    def admit(self, arrival: Arrival) -> Admission:
        if self.away:
            raise TransientError("the database is away")
        with self._lock:
            known = [held for held in self.arrivals if held.sop_uid == arrival.sop_uid]
            self.arrivals.append(arrival)
        if not known:
            return Admission.NEW
        same = any(held.digest == arrival.digest for held in known)
        return Admission.DUPLICATE if same else Admission.CONFLICT

    def refuse(self, refusal: Refusal) -> None:
        if self.away:
            raise TransientError("the database is away")
        self.refusals.append(refusal)


@dataclass
class FakeSorting:
    """The dispatcher's side of a ledger."""

    received: list[Instance] = field(default_factory=list)
    sorted_: dict[str, Facts] = field(default_factory=dict)
    aside: dict[str, str] = field(default_factory=dict)
    studies: list[OpenStudy] = field(default_factory=list)
    closed: list[tuple[str, Completeness]] = field(default_factory=list)
    of_revision: dict[tuple[str, int], list[Facts]] = field(default_factory=dict)
    open_revisions: list[tuple[str, int]] = field(default_factory=list)
    done: list[tuple[str, int]] = field(default_factory=list)

    def unsorted(self, limit: int, *, sop_classes: Collection[str] | None = None) -> Sequence[Instance]:
        done = {*self.sorted_, *self.aside}
        wanted = [one for one in self.received if sop_classes is None or one.sop_class in sop_classes]
        return [instance for instance in wanted if instance.id not in done][:limit]

    def sort(self, instance_id: str, facts: Facts) -> None:
        self.sorted_[instance_id] = facts

    def set_aside(self, instance_id: str, reason: str) -> None:
        self.aside[instance_id] = reason

    def facts(self, study_id: str, revision: int) -> Sequence[Facts]:
        return self.of_revision.get((study_id, revision), [])

    def open_studies(self) -> Sequence[OpenStudy]:
        return list(self.studies)

    def close_revision(self, study_id: str, decision: Completeness) -> int:
        study = next(study for study in self.studies if study.id == study_id)
        self.studies.remove(study)
        self.closed.append((study_id, decision))
        self.open_revisions.append((study_id, study.revision + 1))
        return study.revision + 1

    def unrouted(self) -> Sequence[tuple[str, int]]:
        return list(self.open_revisions)

    def routed(self, study_id: str, revision: int) -> None:
        self.open_revisions.remove((study_id, revision))
        self.done.append((study_id, revision))


@dataclass
class FakeCases:
    """Cases as dispatcher and reconciler see them."""

    waiting: list[WaitingCase] = field(default_factory=list)
    opened: list[CaseOrder] = field(default_factory=list)
    runs: dict[str, str] = field(default_factory=dict)
    gone: list[Lapsed] = field(default_factory=list)
    retried: list[CaseRef] = field(default_factory=list)
    most_attempts_seen: int = 0

    def open_case(self, order: CaseOrder) -> str:
        if order not in self.opened:
            self.opened.append(order)
        return f"case-{self.opened.index(order):08x}"

    def waiting_cases(self, limit: int) -> Sequence[WaitingCase]:
        return [case for case in self.waiting if case.ref.key not in self.runs][:limit]

    def submitted(self, ref: CaseRef, run_id: str) -> None:
        self.runs[ref.key] = run_id

    def lapsed(self, *, submitted_seconds: float) -> Sequence[Lapsed]:
        return list(self.gone)

    def again(self, ref: CaseRef, *, most: int, reason: str) -> CaseRef | None:
        self.most_attempts_seen = most
        self.gone = [lapsed for lapsed in self.gone if lapsed.ref != ref]
        if ref.attempt >= most:
            return None
        self.retried.append(following := replace(ref, attempt=ref.attempt + 1))
        return following


@dataclass
class FakeRuns:
    """Prefect, as the dispatcher sees it."""

    down: bool = False
    submitted: list[str] = field(default_factory=list)
    live: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    crashed: list[str] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)

    def submit(self, case: WaitingCase) -> str:
        if self.down:
            raise TransientError("Prefect is away")
        self.submitted.append(case.ref.key)
        return f"run-{case.ref.key}"

    def alive(self, run_id: str) -> bool:
        if self.down:
            raise TransientError("Prefect is away")
        return run_id in self.live

    def queued(self, run_id: str) -> bool:
        if self.down:
            raise TransientError("Prefect is away")
        return run_id in self.waiting

    def crash(self, run_id: str, reason: str) -> None:
        if self.down:
            raise TransientError("Prefect is away")
        self.crashed.append(run_id)

    def announce(self, event: str, subject: str) -> None:
        if self.down:
            raise TransientError("Prefect is away")
        self.events.append((event, subject))


class FakeOutbox:
    """The courier's side of a ledger; postponed rows are due again at once unless ``patient``."""

    def __init__(self, owed: Iterable[Delivery] = ()) -> None:
        self.owed = {delivery.id: delivery for delivery in owed}
        self.leased: set[str] = set()
        self.done: list[str] = []
        self.errors: list[tuple[str, str, float]] = []
        self.buried: list[tuple[str, str]] = []
        self.patient = False
        self._lock = threading.Lock()

    def lease_due(self, *, limit: int, lease_seconds: float, destination: str | None = None) -> Sequence[Delivery]:
        with self._lock:
            wanted = [owed for owed in self.owed.values() if destination in {None, owed.destination}]
            due = [delivery for delivery in wanted if delivery.id not in self.leased][:limit]
            self.leased.update(delivery.id for delivery in due)
            return due

    def sent(self, delivery_id: str) -> None:
        with self._lock:
            del self.owed[delivery_id]
            self.done.append(delivery_id)

    def postpone(self, delivery_id: str, *, error: str, seconds: float) -> None:
        with self._lock:
            self.errors.append((delivery_id, error, seconds))
            tried = self.owed[delivery_id]
            self.owed[delivery_id] = replace(tried, attempts=tried.attempts + 1)
            if not self.patient:
                self.leased.discard(delivery_id)

    def bury(self, delivery_id: str, *, error: str, status: str) -> None:
        with self._lock:
            del self.owed[delivery_id]
            self.buried.append((delivery_id, status))

    def replay(self, delivery_id: str) -> None:
        self.leased.discard(delivery_id)
