"""Champions, phases and the journal on a real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from tests.ledgers import digest_of, execute

from vetflow.adapters.ledger import PostgresLedger
from vetflow.domain.errors import TransientError
from vetflow.domain.finding import ModelVersion
from vetflow.domain.rollout import Phase
from vetflow.domain.signalment import Species
from vetflow.ports import Champion


def champion(version: str) -> Champion:
    model = ModelVersion(name="positioning", version=version, digest=digest_of(version), calibration="temperature 1.2")
    return Champion(model=model, bundle=digest_of(f"bundle {version}"))


def test_there_is_no_champion_before_one_is_crowned(ledger: PostgresLedger) -> None:
    assert ledger.champion("positioning") is None


def test_the_last_one_crowned_is_in_charge(ledger: PostgresLedger) -> None:
    ledger.crown(champion("1"), actor="registrar")

    ledger.crown(champion("2"), actor="registrar")

    assert ledger.champion("positioning") == champion("2")


def test_a_challenger_waits_without_being_in_charge(ledger: PostgresLedger) -> None:
    ledger.crown(champion("1"), actor="registrar")

    ledger.enrol(champion("2"), actor="registrar")

    assert (ledger.champion("positioning"), ledger.challenger("positioning")) == (champion("1"), champion("2"))


def test_a_challenger_that_was_promoted_challenges_no_more(ledger: PostgresLedger) -> None:
    ledger.crown(champion("1"), actor="registrar")
    ledger.enrol(champion("2"), actor="registrar")

    ledger.promote(champion("2"), over=champion("1"), actor="registrar", why="no figure is worse", silenced={})

    assert (ledger.champion("positioning"), ledger.challenger("positioning")) == (champion("2"), None)


def test_a_promotion_over_a_champion_that_was_replaced_meanwhile_changes_nothing(
    ledger: PostgresLedger, ledger_url: str
) -> None:
    ledger.crown(champion("1"), actor="registrar")
    ledger.crown(champion("2"), actor="somebody else")

    with pytest.raises(TransientError, match="meanwhile"):
        ledger.promote(champion("3"), over=champion("1"), actor="registrar", why="no figure is worse", silenced={})

    with psycopg.connect(ledger_url) as connection:
        actions = connection.execute("SELECT action FROM audit ORDER BY seq").fetchall()
    assert ledger.champion("positioning") == champion("2")
    assert actions == [("model.crown",), ("model.crown",)]


def test_a_promotion_takes_back_what_was_granted_to_its_weights_for_the_use_cases_named(ledger: PostgresLedger) -> None:
    digest = champion("1").model.digest
    for use_case in ("positioning", "triage", "anatomy"):
        ledger.grant(use_case, Phase.INTEGRATED, model=digest, actor="admin")
    silenced = {"positioning": digest, "triage": digest}

    ledger.promote(champion("1"), over=None, actor="registrar", why="again", silenced=silenced)

    phases = [ledger.phase(name, model=digest, species=Species.DOG) for name in ("positioning", "triage", "anatomy")]
    assert phases == [Phase.SILENT, Phase.SILENT, Phase.INTEGRATED]


def test_a_promotion_that_is_refused_silences_nothing(ledger: PostgresLedger) -> None:
    ledger.crown(champion("1"), actor="registrar")
    ledger.grant("triage", Phase.INTEGRATED, model=champion("2").model.digest, actor="admin")

    with pytest.raises(TransientError, match="meanwhile"):
        ledger.promote(
            champion("2"), over=None, actor="registrar", why="", silenced={"triage": champion("2").model.digest}
        )

    assert ledger.phase("triage", model=champion("2").model.digest, species=None) is Phase.INTEGRATED


def test_a_promotion_says_in_the_journal_what_it_rests_on(ledger: PostgresLedger, ledger_url: str) -> None:
    silenced = {"triage": digest_of("1")}

    ledger.promote(champion("1"), over=None, actor="registrar", why="the first of its name", silenced=silenced)

    with psycopg.connect(ledger_url) as connection:
        entries = connection.execute("SELECT action, subject, detail FROM audit ORDER BY seq").fetchall()
    assert entries == [
        ("model.promote", "positioning", f"version 1, weights {digest_of('1')}; the first of its name"),
        ("phase.grant", "triage", f"silent for weights {digest_of('1')}"),
    ]


def test_every_model_is_silent_until_a_phase_is_granted_to_its_weights(ledger: PostgresLedger) -> None:
    ledger.grant("positioning", Phase.ASSISTIVE, model="weights-1", actor="admin")

    assert ledger.phase("positioning", model="weights-1", species=Species.DOG) is Phase.ASSISTIVE
    assert ledger.phase("positioning", model="weights-1", species=None) is Phase.ASSISTIVE
    assert ledger.phase("positioning", model="weights-2", species=Species.DOG) is Phase.SILENT
    assert ledger.phase("triage", model="weights-1", species=Species.DOG) is Phase.SILENT


def test_the_last_grant_counts(ledger: PostgresLedger) -> None:
    ledger.grant("positioning", Phase.INTEGRATED, model="weights-1", actor="admin")

    ledger.grant("positioning", Phase.SILENT, model="weights-1", actor="admin")

    assert ledger.phase("positioning", model="weights-1", species=Species.DOG) is Phase.SILENT


def test_a_phase_of_one_species_is_for_no_other(ledger: PostgresLedger, ledger_url: str) -> None:
    ledger.grant("positioning", Phase.ASSISTIVE, model="weights-1", actor="admin")
    statement = "INSERT INTO phases (use_case, model, species, phase, actor) VALUES (%s, %s, %s, %s, %s)"
    execute(ledger_url, statement, "positioning", "weights-1", Species.CAT.value, "silent", "admin")

    assert ledger.phase("positioning", model="weights-1", species=Species.CAT) is Phase.SILENT
    assert ledger.phase("positioning", model="weights-1", species=Species.DOG) is Phase.ASSISTIVE


def test_crowning_and_granting_are_in_the_journal(ledger: PostgresLedger, ledger_url: str) -> None:
    ledger.crown(champion("1"), actor="registrar")
    ledger.grant("positioning", Phase.ASSISTIVE, model="weights-1", actor="admin")

    with psycopg.connect(ledger_url) as connection:
        entries = connection.execute("SELECT actor, action, subject FROM audit ORDER BY seq").fetchall()

    assert entries == [("registrar", "model.crown", "positioning"), ("admin", "phase.grant", "positioning")]


def test_an_untouched_journal_is_sound(ledger: PostgresLedger) -> None:
    for number in range(5):
        ledger.record(actor="admin", action="test", subject=f"case-{number}", detail="ünïcode")

    chain = ledger.verify_chain()

    assert (chain.entries, chain.broken_at) == (5, None)


def test_writers_side_by_side_make_one_chain(ledger: PostgresLedger) -> None:
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda number: ledger.record(actor="a", action="b", subject=str(number)), range(40)))

    chain = ledger.verify_chain()

    assert (chain.entries, chain.broken_at) == (40, None)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE audit SET actor = 'somebody else' WHERE seq = 2",
        "UPDATE audit SET at = at + interval '1 s' WHERE seq = 2",
        "UPDATE audit SET action = 'te', subject = 'stcase' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 2",
    ],
)
def test_an_entry_that_was_changed_or_removed_breaks_the_chain(
    ledger: PostgresLedger, ledger_url: str, tampering: str
) -> None:
    for _ in range(3):
        ledger.record(actor="admin", action="test", subject="case")

    execute(ledger_url, "ALTER TABLE audit DISABLE TRIGGER audit_is_append_only")
    execute(ledger_url, tampering)

    chain = ledger.verify_chain()
    assert chain.entries == 1
    assert chain.broken_at in {2, 3}


@pytest.mark.parametrize("tampering", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
def test_the_database_itself_refuses_to_change_the_journal(
    ledger: PostgresLedger, ledger_url: str, tampering: str
) -> None:
    ledger.record(actor="admin", action="test", subject="case")

    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        execute(ledger_url, tampering)
