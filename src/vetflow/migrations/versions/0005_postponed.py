"""An attempt may wait until the outside is likely to be ready again."""

from alembic import op

revision = "0005"
down_revision = "0004"

_POSTPONED = """
ALTER TABLE cases ADD COLUMN not_before timestamptz NOT NULL DEFAULT now();
"""


def upgrade() -> None:
    """Change a table."""
    op.execute(_POSTPONED)
