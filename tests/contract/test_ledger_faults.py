"""Migrations, the bell, and a database that is away, old, new or busy."""

import importlib.util
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, event
from tests.ledgers import arrival, execute, film, finish, owed, running_case, waiting_case

from vetflow.adapters.ledger import ARRIVAL, CASE, OWED, Bell, PostgresLedger
from vetflow.adapters.ledger.schema import Table
from vetflow.domain.errors import ConfigurationError, TransientError, VetflowError
from vetflow.domain.study import Admission
from vetflow.migrations import upgrade
from vetflow.supervisor.cluster import Cluster

PAST = (
    """INSERT INTO studies (id, study_uid, revision)
        SELECT 's' || n, '1.' || n, 1 FROM generate_series(1, 20000) n""",
    """INSERT INTO instances (id, study_id, series_uid, sop_uid, sop_class, transfer_syntax, digest, size, sender,
            state, modality, revision)
        SELECT 'i' || n, 's' || n, '1', '1.' || n, '1', '1', 'd' || n, 1, 'MODALITY', 'delivered', 'DX', 1
        FROM generate_series(1, 20000) n""",
    """INSERT INTO revisions (study_id, number, reason, forced, routed_at)
        SELECT 's' || n, 1, 'quiet', false, now() FROM generate_series(1, 20000) n""",
    """INSERT INTO cases (id, use_case, study_id, instance_id, queue, state, ended_at, verdict)
        SELECT 'c' || n, 'positioning', 's' || n, 'i' || n, 'stat', 'done', now(), 'findings'
        FROM generate_series(1, 20000) n""",
    """INSERT INTO deliveries (id, case_id, destination, channel, kind, uid, digest, state)
        SELECT 'd' || n, 'c' || n, 'pacs', 'dicom', 'SR', '1', 'd', 'sent' FROM generate_series(1, 20000) n""",
    "ANALYZE",
)

OLD = (
    "INSERT INTO studies (id, study_uid) VALUES ('study-old', '1.2')",
    "INSERT INTO uid_map VALUES ('study-old', '1.2', '2.25.1')",
    """INSERT INTO cases (id, use_case, study_id, revision, queue, state, verdict, ended_at)
        VALUES ('case-old', 'positioning', 'study-old', 1, 'stat', 'done', 'findings', now())""",
    "INSERT INTO results (case_id, kind, uid, digest) VALUES ('case-old', 'SR', '2.25.7', 'd')",
    """INSERT INTO findings (case_id, position, code, presence, source, says, measurements)
        VALUES ('case-old', 0, '{"value": "a", "scheme": "99VETFLOW", "meaning": "A"}', 'present', 'tags', 'Old.',
            '[{"name": {"value": "n", "scheme": "SCT", "meaning": "N"}, "value": 1.5,
               "unit": {"value": "mm", "scheme": "UCUM", "meaning": "mm"}}]')""",
)


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A server that may be stopped and started."""
    home = Path(tempfile.mkdtemp(prefix="vetflow-"))
    cluster = Cluster(home)
    cluster.start()
    yield cluster
    cluster.stop()
    shutil.rmtree(home, ignore_errors=True)


def test_the_tables_are_what_the_migrations_make(ledger_url: str) -> None:
    engine = create_engine(ledger_url.replace("postgresql:", "postgresql+psycopg:"))

    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_object": comparable}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), Table.metadata)
    engine.dispose()

    assert differences == []


def comparable(_thing: object, name: str | None, *_: object) -> bool:
    """Whether Alembic can compare it: PostgreSQL tells an expression in other words than it was told."""
    return name not in {"alembic_version", "cases_waiting"}


def test_polls_read_only_what_is_open(ledger: PostgresLedger, ledger_url: str) -> None:
    fill(ledger_url)
    statements: list[tuple[str, object]] = []
    engine = ledger._database._engine

    @event.listens_for(engine, "before_cursor_execute")
    def _note(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        statements.append((statement, values))

    ledger.unsorted(100)
    ledger.open_studies()
    ledger.unrouted()
    ledger.waiting_cases(100)
    ledger.lapsed(submitted_seconds=30)
    ledger.lease_due(limit=10, lease_seconds=30)
    ledger.oldest_owed_seconds()

    assert len(statements) == 7
    with psycopg.connect(ledger_url) as connection:
        for statement, values in statements:
            plan = "\n".join(line for (line,) in connection.execute(f"EXPLAIN {statement}", values))
            assert "Seq Scan" not in plan, plan


def fill(url: str) -> None:
    """Keep 20,000 studies of the past."""
    for statement in PAST:
        execute(url, statement)


def test_migrating_again_changes_nothing_and_starting_together_does_no_harm(database_url: str) -> None:
    with ThreadPoolExecutor(4) as parts:
        list(parts.map(upgrade, [database_url] * 4))
    upgrade(database_url)

    with psycopg.connect(database_url) as connection:
        versions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert versions == [("0005",)]


def test_what_an_older_vetflow_wrote_is_read_as_before(database_url: str) -> None:
    upgrade(database_url, to="0001")
    for statement in OLD:
        execute(database_url, statement)

    upgrade(database_url)

    ledger = PostgresLedger(database_url)
    [finding] = ledger.case("case-old").assessment.findings
    edition = ledger.edition("case-old")
    ledger.close()
    assert (finding.says, finding.points, finding.image, finding.measurements[0].lines) == ("Old.", (), 0, ())
    assert (edition.number, [result.uid for result in edition.results]) == (0, ["2.25.7"])


def test_a_ledger_of_a_newer_vetflow_is_left_alone(database_url: str) -> None:
    upgrade(database_url)
    execute(database_url, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(ConfigurationError, match="newer vetflow"):
        upgrade(database_url)


def test_the_migrations_travel_with_the_package() -> None:
    place = importlib.util.find_spec("vetflow.migrations")

    assert (Path(place.origin).parent / "versions/0001_ledger.py").is_file()


def test_a_database_without_tables_asks_for_its_migrations(database_url: str) -> None:
    ledger = PostgresLedger(database_url)

    with pytest.raises(ConfigurationError, match="run its migrations"):
        ledger.admit(arrival())
    with pytest.raises(ConfigurationError, match="run its migrations"):
        ledger.unsorted(1)


def test_no_database_is_a_transient_error_that_says_nothing_of_the_study(tmp_path: Path) -> None:
    ledger = PostgresLedger(f"postgresql://vetflow@/ledger?host={tmp_path}")

    with pytest.raises(TransientError) as raised:
        ledger.admit(arrival())

    assert arrival().study_uid not in repr(raised.value)
    with pytest.raises(TransientError):
        upgrade(f"postgresql://vetflow@/ledger?host={tmp_path}")


def test_after_a_restart_of_the_database_the_ledger_goes_on(own_cluster: Cluster) -> None:
    url = own_cluster.url("ledger")
    upgrade(url)
    ledger = PostgresLedger(url)
    ledger.admit(arrival(1))

    own_cluster.stop()
    with pytest.raises(TransientError):
        ledger.admit(arrival(2))
    own_cluster.start()

    assert ledger.admit(arrival(2)) is Admission.NEW
    assert ledger.admit(arrival(1)) is Admission.DUPLICATE
    ledger.close()


def test_an_answer_that_the_database_refuses_quotes_no_value(ledger: PostgresLedger) -> None:
    ref = running_case(ledger)

    with pytest.raises(VetflowError) as raised:
        finish(ledger, ref, owed("Hidden\x00Name"))

    assert "Hidden" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_busy_connections_are_a_transient_error(ledger_url: str) -> None:
    ledger = PostgresLedger(ledger_url, connections=1)
    one = film(ledger)
    with psycopg.connect(ledger_url) as busy:
        busy.execute("SELECT FROM studies WHERE id = %s FOR UPDATE", [one.study_id])
        blocked = threading.Thread(target=lambda: ledger.admit(arrival(2)))
        blocked.start()
        time.sleep(0.3)

        with pytest.raises(TransientError, match="busy"):
            ledger.counts()

    blocked.join(timeout=10)
    ledger.close()


def test_every_session_waits_for_the_disk(own_cluster: Cluster) -> None:
    url = own_cluster.url("ledger")
    upgrade(url)
    execute(url, "ALTER ROLE vetflow SET synchronous_commit = off")
    ledger = PostgresLedger(url)

    with ledger._database.statement() as connection:
        setting = connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()
    ledger.close()

    assert setting == "on"


def heard(url: str, channel: str, act: object) -> float:
    """Return the seconds until a bell rang after an act, at most five."""
    with Bell(url, channel) as bell:
        bell.wait(0)
        started = time.monotonic()
        act()
        bell.wait(5)
        return time.monotonic() - started


def test_each_bell_rings_for_its_own(ledger: PostgresLedger, ledger_url: str) -> None:
    one = running_case(ledger, 1)

    waits = [
        heard(ledger_url, ARRIVAL, lambda: ledger.admit(arrival(2))),
        heard(ledger_url, CASE, lambda: waiting_case(ledger, 3)),
        heard(ledger_url, OWED, lambda: finish(ledger, one, owed())),
    ]

    assert max(waits) < 2


def test_a_duplicate_rings_nobody(ledger: PostgresLedger, ledger_url: str) -> None:
    ledger.admit(arrival())
    with Bell(ledger_url, ARRIVAL) as bell:
        bell.wait(0)
        ledger.admit(arrival())
        started = time.monotonic()

        bell.wait(0.5)

    assert time.monotonic() - started >= 0.5


def test_many_rings_while_busy_are_one(ledger: PostgresLedger, ledger_url: str) -> None:
    with Bell(ledger_url, ARRIVAL) as bell:
        bell.wait(0)
        for number in range(1, 21):
            ledger.admit(arrival(number))
        time.sleep(1)  # until the last of them was rung
        bell.wait(5)
        started = time.monotonic()

        bell.wait(0.5)

    assert time.monotonic() - started >= 0.5


def test_a_bell_without_a_database_only_waits_and_hears_again_later(own_cluster: Cluster) -> None:
    url = own_cluster.url("ledger")
    bell = Bell(url, ARRIVAL)
    bell.wait(0)
    own_cluster.stop()

    started = time.monotonic()
    bell.wait(0.3)
    bell.wait(0.3)
    waited = time.monotonic() - started
    own_cluster.start()
    bell.wait(0.3)
    execute(url, "NOTIFY vetflow_arrival")
    started = time.monotonic()
    bell.wait(5)

    assert waited < 3
    assert time.monotonic() - started < 2
    bell.close()


def test_nothing_of_a_study_is_logged(ledger: PostgresLedger, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        finish(ledger, running_case(ledger), owed())

    assert arrival().study_uid not in caplog.text
    assert arrival().sop_uid not in caplog.text
