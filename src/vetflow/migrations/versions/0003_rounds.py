"""A use case may be asked for again on the same subject, and drafts follow what was said of a revision."""

from alembic import op

revision = "0003"
down_revision = "0002"

_ROUNDS = """
ALTER TABLE cases
    ADD COLUMN round integer NOT NULL DEFAULT 1 CHECK (round > 0),
    DROP CONSTRAINT cases_subject,
    ADD CONSTRAINT cases_subject UNIQUE NULLS NOT DISTINCT (study_id, use_case, revision, instance_id, round);
"""

# Nobody waits for drafts of what was read long ago.
_DRAFTS = """
ALTER TABLE revisions ADD COLUMN draft_due boolean NOT NULL DEFAULT false;
ALTER TABLE revisions ALTER COLUMN draft_due SET DEFAULT true;
CREATE INDEX revisions_undrafted ON revisions (closed_at) WHERE draft_due;
"""


def upgrade() -> None:
    """Change tables."""
    for statements in (_ROUNDS, _DRAFTS):
        op.execute(statements)
