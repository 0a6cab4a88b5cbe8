"""A real PostgreSQL for every test that wants one, with an empty or a migrated database of its own."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from vetflow.adapters.ledger import PostgresLedger
from vetflow.migrations import upgrade
from vetflow.supervisor.cluster import Cluster

TEMPLATE = "vetflow_template"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """One server for the whole session."""
    # Not tmp_path: as root the server runs under another account, which can't enter pytest's 0700 folders.
    home = Path(tempfile.mkdtemp(prefix="vetflow-"))
    cluster = Cluster(home)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated(postgres: Cluster) -> str:
    """The name of a database with the ledger's tables, to copy from."""
    create(postgres, TEMPLATE)
    upgrade(postgres.url(TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database_url(postgres: Cluster) -> str:
    """A fresh, empty database."""
    return create(postgres, f"test_{secrets.token_hex(6)}")


@pytest.fixture
def ledger_url(postgres: Cluster, migrated: str) -> str:
    """A fresh database with the ledger's tables."""
    return create(postgres, f"test_{secrets.token_hex(6)}", template=migrated)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PostgresLedger]:
    """An empty ledger."""
    made = PostgresLedger(ledger_url)
    yield made
    made.close()


def create(postgres: Cluster, name: str, *, template: str = "template1") -> str:
    order = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(order)
    return postgres.url(name)
