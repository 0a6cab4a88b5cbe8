"""Alembic's entry: runs the migrations on the connection that ``upgrade`` opened."""

from typing import cast

from alembic import context
from sqlalchemy import Connection

context.configure(connection=cast("Connection", context.config.attributes["connection"]))
with context.begin_transaction():
    context.run_migrations()
