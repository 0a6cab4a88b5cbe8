"""Identities are sealed, findings keep their place, and reviews make later editions of a case's results."""

from alembic import op

revision = "0002"
down_revision = "0001"

# The map of 0001 held original UIDs in plain text and was released to nobody.
_MAP = """
DROP TABLE uid_map;
CREATE TABLE sealed_map (
    study_id text NOT NULL REFERENCES studies,
    instance text NOT NULL,
    key_id text NOT NULL,
    sealed bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (study_id, instance)
);
"""

_FINDINGS = """
ALTER TABLE findings
    ADD COLUMN site jsonb,
    ADD COLUMN side text,
    ADD COLUMN points jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN image integer NOT NULL DEFAULT 0,
    ADD COLUMN frame integer,
    ADD COLUMN label text NOT NULL DEFAULT '';
"""

_REVIEWS = """
ALTER TABLE cases ADD COLUMN digests text[] NOT NULL DEFAULT '{}';
ALTER TABLE results ADD COLUMN edition integer NOT NULL DEFAULT 0;
CREATE TABLE reviews (
    case_id text NOT NULL REFERENCES cases,
    edition integer NOT NULL CHECK (edition > 0),
    id text NOT NULL,
    actor text NOT NULL,
    at timestamptz NOT NULL,
    note text NOT NULL,
    signer text,
    organization text,
    PRIMARY KEY (case_id, edition),
    CONSTRAINT reviews_once UNIQUE (case_id, id),
    CONSTRAINT reviews_signature_check CHECK ((signer IS NULL) = (organization IS NULL))
);
CREATE TABLE decisions (
    case_id text NOT NULL,
    edition integer NOT NULL,
    position integer NOT NULL,
    decision text NOT NULL CHECK (decision IN ('accepted', 'rejected')),
    PRIMARY KEY (case_id, edition, position),
    FOREIGN KEY (case_id, edition) REFERENCES reviews,
    FOREIGN KEY (case_id, position) REFERENCES findings
);
"""


def upgrade() -> None:
    """Change tables and make new ones."""
    for statements in (_MAP, _FINDINGS, _REVIEWS):
        op.execute(statements)
