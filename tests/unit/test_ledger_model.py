"""The ledger against a model of plain dicts: whatever happens in whatever order, both tell the same story."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.ledgers import COMPLETE, FILM, arrival, assessment, digest_of, empty, end_lease, revision_order

from vetflow.adapters.ledger import PostgresLedger
from vetflow.adapters.store_folder import FolderStore
from vetflow.domain.case import CaseOrder, CaseRef, CaseState, Queue
from vetflow.domain.delivery import Channel, DeliveryState, Owed, ResultKind, ResultObject
from vetflow.domain.errors import StaleAttempt, StudyRefused
from vetflow.domain.study import Admission, InstanceState

MOST = 3
STUDIES = ("1.2.1", "1.2.2")


@dataclass
class Film:
    id: str
    study: str
    digest: str
    sorted: bool = False
    reason: str = ""
    revision: int | None = None


@dataclass
class Case:
    id: str
    study: str
    revision: int | None
    film: str | None
    state: CaseState = CaseState.WAITING
    attempt: int = 1
    owner: str = ""
    over: bool = False
    owed: dict[str, DeliveryState] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        return not self.state.ended or DeliveryState.OWED in self.owed.values()

    def wants(self, film: Film) -> bool:
        if self.film is not None:
            return self.film == film.id
        return self.study == film.study and film.revision is not None and film.revision <= self.revision


class LedgerMachine(RuleBasedStateMachine):
    """Does to the ledger what a hospital does, and to the model what the rules say."""

    url = ""
    store: FolderStore

    def __init__(self) -> None:
        super().__init__()
        empty(self.url)
        self.ledger = PostgresLedger(self.url, connections=2)
        self.connection = psycopg.connect(self.url, autocommit=True)
        self.names: dict[str, str] = {}
        self.copies: dict[tuple[str, str], int] = {}
        self.films: dict[str, Film] = {}
        self.revisions: dict[str, int] = {}
        self.routed: dict[str, int] = {}
        self.cases: dict[str, Case] = {}

    @initialize(numbers=st.lists(st.integers(1, 3), unique=True))
    def some_films_are_there(self, numbers: list[int]) -> None:
        for number in numbers:
            one = arrival(number, study=STUDIES[0])
            self.ledger.admit(one)
            self.copies[one.sop_uid, one.digest] = 1
            self.meet(one.digest, STUDIES[0], "")
        for film in self.films.values():
            self.ledger.sort(film.id, FILM)
            film.sorted = True

    def teardown(self) -> None:
        inspection = self.ledger.inspect(self.store, rehash=False)
        self.ledger.close()
        self.connection.close()

        assert inspection.faults == []
        assert inspection.accepted == len(self.films)
        assert sum(self.copies.values()) >= inspection.accepted

    # What happens

    @rule(study=st.sampled_from(STUDIES), number=st.integers(1, 3), content=st.sampled_from(["", "", "", "flipped"]))
    def an_instance_arrives(self, study: str, number: int, content: str) -> None:
        one = arrival(number, study=study, content=content and f"{content} {study} {number}")
        known = [digest for sop, digest in self.copies if sop == one.sop_uid]

        admission = self.ledger.admit(one)

        expected = Admission.DUPLICATE if one.digest in known else Admission.CONFLICT if known else Admission.NEW
        assert admission is expected
        self.copies[one.sop_uid, one.digest] = self.copies.get((one.sop_uid, one.digest), 0) + 1
        if admission is not Admission.DUPLICATE:
            self.meet(one.digest, study, "uid_conflict" if admission is Admission.CONFLICT else "")

    @precondition(lambda self: self.films)
    @rule(data=st.data())
    def a_film_is_sorted(self, data: st.DataObject) -> None:
        film = self.any_film(data)

        self.ledger.sort(film.id, FILM)

        film.sorted = film.sorted or not film.reason

    @precondition(lambda self: self.films)
    @rule(data=st.data())
    def a_film_is_set_aside(self, data: st.DataObject) -> None:
        film = self.any_film(data)

        self.ledger.set_aside(film.id, "bad_header")

        film.reason = film.reason or "bad_header"

    @precondition(lambda self: self.names)
    @rule(data=st.data())
    def a_study_is_closed(self, data: st.DataObject) -> None:
        study = data.draw(st.sampled_from(sorted(self.names)))
        fresh = [one for one in self.of(study) if one.sorted and not one.reason and one.revision is None]

        number = self.ledger.close_revision(self.names[study], COMPLETE)

        self.revisions[study] = self.revisions.get(study, 0) + bool(fresh)
        assert number == self.revisions[study]
        for film in fresh:
            film.revision = number

    @precondition(lambda self: any(self.revisions.values()))
    @rule(data=st.data())
    def a_revision_is_routed(self, data: st.DataObject) -> None:
        study = data.draw(st.sampled_from([name for name, number in self.revisions.items() if number]))

        self.ledger.routed(self.names[study], self.revisions[study])

        self.routed[study] = self.revisions[study]

    @precondition(lambda self: self.films)
    @rule(data=st.data())
    def a_film_gets_a_case(self, data: st.DataObject) -> None:
        film = self.any_film(data)
        queue = data.draw(st.sampled_from(Queue))
        order = CaseOrder(use_case="positioning", study_id=self.names[film.study], queue=queue, instance_id=film.id)
        self.open(order, film.study, fits=not film.reason)

    @precondition(lambda self: any(self.revisions.values()))
    @rule(data=st.data())
    def a_revision_gets_a_case(self, data: st.DataObject) -> None:
        study = data.draw(st.sampled_from([name for name, number in self.revisions.items() if number]))
        number = data.draw(st.integers(1, self.revisions[study]))
        held = [one for one in self.of(study) if one.revision is not None and one.revision <= number]
        self.open(revision_order(self.names[study], number), study, fits=any(not one.reason for one in held))

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def a_case_is_submitted(self, data: st.DataObject) -> None:
        case, ref = self.any_case(data)

        self.expect(case, ref, lambda: self.ledger.submitted(ref, "run"))

        if ref.attempt == case.attempt and case.state is CaseState.WAITING:
            case.state, case.over = CaseState.SUBMITTED, False

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), owner=st.sampled_from(["a", "b"]))
    def a_case_is_claimed(self, data: st.DataObject, owner: str) -> None:
        case, ref = self.any_case(data)
        free = case.state in {CaseState.WAITING, CaseState.SUBMITTED}
        mine = case.state is CaseState.RUNNING and (case.over or case.owner == owner)

        done = self.expect(case, ref, lambda: self.ledger.claim(ref, owner=owner, lease_seconds=600), when=free or mine)

        if done:
            case.state, case.owner, case.over = CaseState.RUNNING, owner, False

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def time_runs_out_for_a_case(self, data: st.DataObject) -> None:
        case, ref = self.any_case(data)

        end_lease(self.url, ref)

        case.over = case.over or case.state in {CaseState.SUBMITTED, CaseState.RUNNING}

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def a_case_finishes(self, data: st.DataObject) -> None:
        case, ref = self.any_case(data)
        report = ResultObject(kind=ResultKind.SR, digest=digest_of(f"report of {case.id}"), uid="2.25.1")
        held = data.draw(st.booleans())
        owed = [
            Owed(destination=name, channel=Channel.DICOM, result=report, held=held and name == "practice")
            for name in data.draw(st.sets(st.sampled_from(["pacs", "practice"])))
        ]

        done = self.expect(
            case,
            ref,
            lambda: self.ledger.finish(ref, assessment(), [report], owed),
            when=case.state is CaseState.RUNNING,
        )

        if done:
            self.end(case, CaseState.DONE)
            for name, state in self.rows("SELECT id, state FROM deliveries WHERE case_id = %s", case.id):
                case.owed[name] = DeliveryState(state)
            assert len(case.owed) == len(owed)

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), again=st.booleans())
    def a_case_fails(self, data: st.DataObject, again: bool) -> None:
        case, ref = self.any_case(data)

        done = self.expect(
            case,
            ref,
            lambda: self.ledger.fail(ref, "step_failed", again=again, most=MOST),
            when=not case.state.ended,
        )

        if done:
            self.next_attempt(case, again=again)

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def a_case_is_refused(self, data: st.DataObject) -> None:
        case, ref = self.any_case(data)

        done = self.expect(
            case, ref, lambda: self.ledger.refuse_case(ref, "pixels_truncated"), when=not case.state.ended
        )

        if done:
            self.end(case, CaseState.REFUSED)
            for film in self.films.values():
                if film.id == case.film:
                    film.reason = film.reason or "pixels_truncated"

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def a_case_is_cancelled(self, data: st.DataObject) -> None:
        case, ref = self.any_case(data)

        if self.expect(case, ref, lambda: self.ledger.cancel(ref), when=not case.state.ended):
            self.end(case, CaseState.CANCELLED)

    @precondition(lambda self: self.cases)
    @rule(data=st.data())
    def a_lapsed_case_is_tried_again(self, data: st.DataObject) -> None:
        case, ref = self.any_case(data)
        dead = case.state is CaseState.SUBMITTED or (case.state is CaseState.RUNNING and case.over)

        done = self.expect(case, ref, lambda: self.ledger.again(ref, most=MOST, reason="lease_ended"), when=dead)

        if done:
            self.next_attempt(case, again=True)

    @precondition(lambda self: any(case.owed for case in self.cases.values()))
    @rule(data=st.data(), what=st.sampled_from(["sent", "postpone", "bury", "replay"]))
    def something_happens_to_a_delivery(self, data: st.DataObject, what: str) -> None:
        case = data.draw(st.sampled_from([one for one in self.cases.values() if one.owed]))
        name = data.draw(st.sampled_from(sorted(case.owed)))
        state = case.owed[name]

        if what == "sent":
            self.ledger.sent(name)
            case.owed[name] = DeliveryState.SENT
        elif what == "postpone":
            self.ledger.postpone(name, error="no connection", seconds=0)
        elif what == "bury":
            self.ledger.bury(name, error="no", status="0xA900")
            case.owed[name] = DeliveryState.DEAD if state is DeliveryState.OWED else state
        else:
            self.ledger.replay(name)
            back = state in {DeliveryState.DEAD, DeliveryState.HELD}
            case.owed[name] = DeliveryState.OWED if back else state

    # What must hold

    @invariant()
    def everything_is_where_the_model_says(self) -> None:
        films = {name: rest for name, *rest in self.rows("SELECT id, state, reason, revision FROM instances")}
        cases = {name: rest for name, *rest in self.rows("SELECT id, state, attempt FROM cases")}
        owed = dict(self.rows("SELECT id, state FROM deliveries"))

        assert films == {film.id: [self.state(film), film.reason, film.revision] for film in self.films.values()}
        assert cases == {case.id: [case.state, case.attempt] for case in self.cases.values()}
        assert owed == {name: state for case in self.cases.values() for name, state in case.owed.items()}

    @invariant()
    def reconciler_and_dispatcher_see_what_they_should(self) -> None:
        lapsed = {one.ref.id for one in self.ledger.lapsed(submitted_seconds=60)}
        waiting = {one.ref.id for one in self.ledger.waiting_cases(100)}
        unsorted = {one.id for one in self.ledger.unsorted(100)}

        assert lapsed == {case.id for case in self.cases.values() if not case.state.ended and case.over}
        assert waiting == {case.id for case in self.cases.values() if case.state is CaseState.WAITING}
        assert unsorted == {film.id for film in self.films.values() if not film.sorted and not film.reason}

    # The model

    def meet(self, digest: str, study: str, reason: str) -> None:
        """Learn the opaque ids of a new instance."""
        [(name, study_id)] = self.rows("SELECT id, study_id FROM instances WHERE digest = %s", digest)
        self.names[study] = study_id
        self.films[name] = Film(name, study, digest, reason=reason)

    def rows(self, query: str, *values: object) -> list[tuple]:
        return self.connection.execute(query, values).fetchall()

    def state(self, film: Film) -> InstanceState:
        wanting = [case for case in self.cases.values() if case.wants(film)]
        if film.reason:
            return InstanceState.QUARANTINED
        if not film.sorted:
            return InstanceState.RECEIVED
        if any(case.busy for case in wanting):
            return InstanceState.PROCESSING
        if wanting or (film.revision is not None and film.revision <= self.routed.get(film.study, 0)):
            return InstanceState.DELIVERED
        return InstanceState.WAITING if film.revision is None else InstanceState.PROCESSING

    def of(self, study: str) -> list[Film]:
        return [film for film in self.films.values() if film.study == study]

    def any_film(self, data: st.DataObject) -> Film:
        return data.draw(st.sampled_from(list(self.films.values())))

    def any_case(self, data: st.DataObject) -> tuple[Case, CaseRef]:
        """Draw a case, mostly under its present attempt."""
        case = data.draw(st.sampled_from(list(self.cases.values())))
        attempt = data.draw(st.sampled_from([case.attempt, case.attempt, case.attempt, 1, case.attempt + 1]))
        return case, CaseRef(id=case.id, attempt=attempt)

    def open(self, order: CaseOrder, study: str, *, fits: bool) -> None:
        same = [
            case
            for case in self.cases.values()
            if (case.study, case.revision, case.film) == (study, order.revision, order.instance_id)
        ]
        if not same and not fits:
            with pytest.raises(StudyRefused):
                self.ledger.open_case(order)
            return
        name = self.ledger.open_case(order)
        assert not same or same[0].id == name
        self.cases.setdefault(name, Case(name, study, order.revision, order.instance_id))

    def expect(self, case: Case, ref: CaseRef, act: Callable[[], object], *, when: bool = True) -> bool:
        """Do it; whether it was allowed is what the model says."""
        if when and ref.attempt == case.attempt:
            act()
            return True
        with pytest.raises(StaleAttempt):
            act()
        return False

    def end(self, case: Case, state: CaseState) -> None:
        case.state, case.over = state, False

    def next_attempt(self, case: Case, *, again: bool) -> None:
        if not again or case.attempt >= MOST:
            self.end(case, CaseState.FAILED)
        else:
            case.state, case.over, case.attempt = CaseState.WAITING, False, case.attempt + 1


def test_whatever_happens_the_ledger_tells_the_same_story_as_the_model(migrated_url: str, tmp_path: Path) -> None:
    machine = type("Machine", (LedgerMachine,), {"url": migrated_url, "store": FolderStore(tmp_path)})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
