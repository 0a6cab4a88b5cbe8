"""A real PostgreSQL for every test that wants one, with an empty or a migrated database of its own."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from psycopg import sql
from tests.ledgers import empty

from vetflow.adapters.ledger import PostgresLedger
from vetflow.migrations import upgrade
from vetflow.supervisor.cluster import Cluster


@pytest.fixture(autouse=True)
def _log_as_usual() -> Iterator[None]:
    """Commands change for their process where logs go."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """One server for the whole session."""
    # Not tmp_path: as root the server runs under another account, which can't enter pytest's 0700 folders.
    home = Path(tempfile.mkdtemp(prefix="vetflow-"))
    cluster = Cluster(home)
    try:
        cluster.start()
        hurry(cluster)
        yield cluster
    finally:
        cluster.stop(seconds=0.2)  # nothing on it is needed any more
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def database_url(postgres: Cluster) -> Iterator[str]:
    """A fresh, empty database."""
    name = f"test_{secrets.token_hex(6)}"
    order(postgres, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield postgres.url(name)
    order(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def migrated_url(postgres: Cluster) -> str:
    """The one database with the ledger's tables that tests take turns with."""
    url = postgres.url("ledger")
    upgrade(url)
    return url


@pytest.fixture
def ledger_url(migrated_url: str) -> str:
    """A database with the ledger's tables, all empty."""
    empty(migrated_url)
    return migrated_url


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PostgresLedger]:
    """An empty ledger."""
    made = PostgresLedger(ledger_url)
    yield made
    made.close()


def hurry(postgres: Cluster) -> None:
    """Spare the disk: no test pulls the plug, and those that count syncs start a server of their own."""
    for setting in ("fsync", "full_page_writes"):
        order(postgres, sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
    order(postgres, sql.SQL("SELECT pg_reload_conf()"))


def order(postgres: Cluster, statement: sql.Composable) -> None:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(statement)
