"""The way to the database: one pool, and errors in our own words."""

import secrets
from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, create_engine, func, make_url, select
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from vetflow.domain.errors import ConfigurationError, TransientError, VetflowError

ARRIVAL = "vetflow_arrival"
"""Rung when a new instance is there."""
CASE = "vetflow_case"
"""Rung when a case waits for a flow run."""
OWED = "vetflow_owed"
"""Rung when a delivery is owed."""

_SESSION = (
    "-c synchronous_commit=on "  # Success means durable, whatever postgresql.conf says
    "-c timezone=UTC "
    "-c lock_timeout=10s "
    "-c statement_timeout=60s "
    "-c idle_in_transaction_session_timeout=60s"
)


def opaque(prefix: str) -> str:
    """Return a new id that says nothing, such as ``case-7f3a2c91d04be815``."""
    return f"{prefix}-{secrets.token_hex(8)}"


class Database:
    """The pool of connections to one database.

    Parameters
    ----------
    url
        libpq URL, such as ``postgresql://vetflow@/ledger?host=/run/vetflow``.
    connections
        Most connections open at once; callers beyond wait up to five seconds.
    """

    def __init__(self, url: str, *, connections: int = 32) -> None:
        self._engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            connect_args={"options": _SESSION, "connect_timeout": 5, "application_name": "vetflow"},
            pool_size=connections,
            max_overflow=0,
            pool_timeout=5,
            pool_pre_ping=True,
            pool_use_lifo=True,
            hide_parameters=True,
        )
        self._alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def transaction(self) -> Generator[Connection]:
        """Commit at the end; roll back on any error, which comes out in our own words."""
        with _in_our_words(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def statement(self) -> Generator[Connection]:
        """Let each statement be a transaction of its own: one round trip instead of three."""
        with _in_our_words(), self._alone.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


@contextmanager
def _in_our_words() -> Generator[None]:
    """Turn the driver's errors into ours; its messages quote keys and values, so they stay behind."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise TransientError(f"the ledger's database is not ready ({_sqlstate(error)})") from None
    except PoolTimeout:
        raise TransientError("all connections to the ledger's database are busy") from None
    except DBAPIError as error:
        if error.connection_invalidated:
            raise TransientError("the connection to the ledger's database broke") from None
        if isinstance(error.orig, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedFunction):
            raise ConfigurationError("the ledger has no tables, or old ones; run its migrations") from None
        raise VetflowError(f"the ledger's database refused a statement ({_sqlstate(error)})") from None


def _sqlstate(error: DBAPIError) -> str:
    state = error.orig.sqlstate if isinstance(error.orig, psycopg.Error) else None
    return state or type(error.orig).__name__


class Part:
    """One of the faces the ledger shows; all share a database.

    Parameters
    ----------
    database
        Where the rows are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database


def ring(connection: Connection, channel: str) -> None:
    """Wake whoever listens, once this transaction is committed."""
    connection.execute(select(func.pg_notify(channel, "")))
