"""The ledger's schema and its history, as Alembic migrations inside the package."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from vetflow.domain.errors import ConfigurationError, TransientError

_LOCK = 0x7665_7466  # any constant will do, as long as every vetflow takes the same
_log = logging.getLogger(__name__)


def upgrade(url: str, *, to: str = "head") -> None:
    """Bring the database at a libpq URL to this version's schema; processes that start together take turns.

    Parameters
    ----------
    to
        Migration to end with; an older one makes the ledger that an older vetflow left behind.

    Raises
    ------
    ConfigurationError
        When a newer vetflow wrote the ledger: this one would not understand it.
    TransientError
        When the database can't be reached.
    """
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), hide_parameters=True)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            _upgrade(connection, to)
    except OperationalError:
        raise TransientError("the ledger's database can't be reached") from None
    finally:
        engine.dispose()


def _upgrade(connection: Connection, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, to)
    except CommandError:
        raise ConfigurationError("the ledger was written by a newer vetflow; install that version again") from None
    _log.info("ledger schema %s", ScriptDirectory.from_config(config).get_current_head() if to == "head" else to)
