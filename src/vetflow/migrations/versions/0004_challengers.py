"""A model may be kept without being in charge, until a gate lets it take the champion's place."""

from alembic import op

revision = "0004"
down_revision = "0003"

_CHALLENGERS = """
ALTER TABLE models
    ADD COLUMN role text NOT NULL DEFAULT 'champion' CHECK (role IN ('champion', 'challenger'));
"""


def upgrade() -> None:
    """Change a table."""
    op.execute(_CHALLENGERS)
