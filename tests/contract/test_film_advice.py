"""What the ledger knows of the advice on a film, from its arrival to its end, on a real PostgreSQL."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.ledgers import FILM, arrival, assessment, film, film_order, owed, result, running_case, waiting_case

from vetflow.adapters.ledger import PostgresLedger
from vetflow.domain.film_advice import AdviceState, FilmAdvice
from vetflow.domain.rollout import Phase
from vetflow.domain.signalment import Species
from vetflow.settings import Settings
from vetflow.supervisor.reception import advice_on
from vetflow.wiring import Services

SOP = arrival().sop_uid
WEIGHTS = assessment().model.digest


def asked(ledger: PostgresLedger, sop_uid: str = SOP) -> FilmAdvice | None:
    return ledger.film_advice(sop_uid, use_case="positioning")


def states(ledger: PostgresLedger) -> AdviceState | None:
    found = asked(ledger)
    return found and found.state


def test_a_film_waits_from_its_arrival_until_its_case_ends(ledger: PostgresLedger) -> None:
    ledger.admit(arrival())
    arrived = states(ledger)
    running = running_case(ledger)
    judged = states(ledger)
    ledger.finish(running, assessment(), [result()], [owed()])

    done = asked(ledger)

    assert (arrived, judged) == (AdviceState.WAITING, AdviceState.WAITING)
    assert (done.state, done.assessment, done.reason) == (AdviceState.DONE, assessment(), "")
    assert done.received_at < done.ended_at


def test_a_film_that_never_came_or_that_no_route_wants_gets_none(ledger: PostgresLedger) -> None:
    film(ledger)

    assert asked(ledger) is None
    assert asked(ledger, "1.2.3") is None


def test_a_case_of_another_use_case_is_no_advice(ledger: PostgresLedger) -> None:
    ledger.open_case(film_order(film(ledger), use_case="triage"))

    assert asked(ledger) is None


def test_a_refused_film_says_why(ledger: PostgresLedger) -> None:
    ledger.refuse_case(running_case(ledger), "decoder_crashed")

    refused = asked(ledger)

    assert (refused.state, refused.reason, refused.assessment) == (AdviceState.REFUSED, "decoder_crashed", None)


def test_a_film_set_aside_before_it_had_a_case_is_refused(ledger: PostgresLedger) -> None:
    ledger.admit(arrival())
    ledger.set_aside(ledger.unsorted(1)[0].id, "header_unreadable")

    assert (asked(ledger).state, asked(ledger).reason) == (AdviceState.REFUSED, "header_unreadable")


@pytest.mark.parametrize(("again", "state"), [(True, AdviceState.WAITING), (False, AdviceState.FAILED)])
def test_a_failed_attempt_waits_for_the_next_one_while_there_is_one(
    ledger: PostgresLedger, again: bool, state: AdviceState
) -> None:
    ledger.fail(running_case(ledger), "step_failed: KeyError", again=again, most=3)

    assert states(ledger) is state
    assert asked(ledger).reason == ("" if again else "step_failed: KeyError")


def test_a_cancelled_case_has_failed(ledger: PostgresLedger) -> None:
    ledger.cancel(waiting_case(ledger))

    assert states(ledger) is AdviceState.FAILED


def test_other_bytes_under_the_same_uid_leave_the_first_film_s_advice(ledger: PostgresLedger) -> None:
    ledger.finish(running_case(ledger), assessment(), [], [])
    ledger.admit(arrival(content="other bytes"))

    assert states(ledger) is AdviceState.DONE


@pytest.mark.parametrize(
    ("granted", "ceiling", "state"),
    [
        (None, None, AdviceState.WITHHELD),
        (Phase.ASSISTIVE, None, AdviceState.DONE),
        (Phase.INTEGRATED, Phase.SILENT, AdviceState.WITHHELD),
    ],
)
def test_nothing_of_a_judgement_leaves_while_the_phase_is_silent(
    ledger: PostgresLedger, tmp_path: Path, granted: Phase | None, ceiling: Phase | None, state: AdviceState
) -> None:
    services = Services(Settings(home=tmp_path, phases={"positioning": ceiling} if ceiling else {}))
    services.ledger = ledger
    ledger.finish(running_case(ledger), assessment(), [], [])
    if granted:
        ledger.grant("positioning", granted, model=WEIGHTS, actor="test")

    told = advice_on(services, SOP)

    assert told.state is state
    assert (told.assessment is None) is (state is AdviceState.WITHHELD)


def test_species_is_the_one_by_tags(ledger: PostgresLedger) -> None:
    ledger.open_case(film_order(film(ledger, facts=replace(FILM, species=Species.CAT))))

    assert asked(ledger).species is Species.CAT
