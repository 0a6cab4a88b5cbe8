"""The first ledger: everything that is the truth about studies, cases, deliveries, models and people's acts."""

from alembic import op

revision = "0001"
down_revision = None

_STUDIES = """
CREATE TABLE studies (
    id text PRIMARY KEY,
    study_uid text NOT NULL UNIQUE,
    opened_at timestamptz NOT NULL DEFAULT now(),
    revision integer NOT NULL DEFAULT 0,
    conflicted boolean NOT NULL DEFAULT false
);
CREATE TABLE instances (
    id text PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    study_id text NOT NULL REFERENCES studies,
    series_uid text NOT NULL,
    sop_uid text NOT NULL,
    sop_class text NOT NULL,
    transfer_syntax text NOT NULL,
    digest text NOT NULL,
    size bigint NOT NULL,
    sender text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    copies integer NOT NULL DEFAULT 1,
    original boolean NOT NULL DEFAULT true,
    state text NOT NULL DEFAULT 'received' CHECK (
        state IN ('received', 'waiting', 'processing', 'delivered', 'quarantined', 'superseded')),
    reason text NOT NULL DEFAULT '',
    modality text,
    species text,
    region text,
    view text,
    expected integer,
    revision integer,
    CONSTRAINT instances_reason_check CHECK ((state = 'quarantined') = (reason <> ''))
);
CREATE UNIQUE INDEX instances_bytes ON instances (sop_uid, digest);
CREATE UNIQUE INDEX instances_original ON instances (sop_uid) WHERE original;
CREATE INDEX instances_study ON instances (study_id);
CREATE INDEX instances_unsorted ON instances (seq) WHERE state = 'received';
CREATE INDEX instances_open ON instances (study_id) WHERE revision IS NULL AND state <> 'quarantined';
CREATE TABLE revisions (
    study_id text NOT NULL REFERENCES studies,
    number integer NOT NULL,
    closed_at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL,
    forced boolean NOT NULL,
    routed_at timestamptz,
    PRIMARY KEY (study_id, number)
);
CREATE INDEX revisions_unrouted ON revisions (closed_at) WHERE routed_at IS NULL;
CREATE TABLE refusals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    refused_at timestamptz NOT NULL DEFAULT now(),
    sender text NOT NULL,
    reason text NOT NULL,
    status text NOT NULL
);
CREATE TABLE uid_map (
    study_id text NOT NULL REFERENCES studies,
    original text NOT NULL,
    replacement text NOT NULL,
    PRIMARY KEY (study_id, original),
    CONSTRAINT uid_map_replacement UNIQUE (study_id, replacement)
);
"""

_CASES = """
CREATE TABLE cases (
    id text PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    use_case text NOT NULL,
    study_id text NOT NULL REFERENCES studies,
    revision integer,
    instance_id text REFERENCES instances,
    queue text NOT NULL CHECK (queue IN ('stat', 'routine', 'silent')),
    state text NOT NULL DEFAULT 'waiting' CHECK (
        state IN ('waiting', 'submitted', 'running', 'done', 'refused', 'failed', 'cancelled')),
    attempt integer NOT NULL DEFAULT 1,
    run_id text NOT NULL DEFAULT '',
    lease_owner text,
    lease_until timestamptz,
    opened_at timestamptz NOT NULL DEFAULT now(),
    submitted_at timestamptz,
    ended_at timestamptz,
    reason text NOT NULL DEFAULT '',
    verdict text,
    abstained text NOT NULL DEFAULT '',
    model_name text,
    model_version text,
    model_digest text,
    model_calibration text,
    steps jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT cases_subject UNIQUE NULLS NOT DISTINCT (study_id, use_case, revision, instance_id),
    CONSTRAINT cases_subject_check CHECK ((revision IS NULL) <> (instance_id IS NULL)),
    CONSTRAINT cases_lease_check CHECK ((state = 'running') = (lease_until IS NOT NULL))
);
CREATE INDEX cases_waiting ON cases
    ((CASE queue WHEN 'stat' THEN 0 WHEN 'routine' THEN 1 ELSE 2 END), seq) WHERE state = 'waiting';
CREATE INDEX cases_submitted ON cases (submitted_at) WHERE state = 'submitted';
CREATE INDEX cases_running ON cases (lease_until) WHERE state = 'running';
CREATE INDEX cases_instance ON cases (instance_id) WHERE instance_id IS NOT NULL;
CREATE TABLE attempts (
    case_id text NOT NULL REFERENCES cases,
    number integer NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    submitted_at timestamptz,
    claimed_at timestamptz,
    ended_at timestamptz,
    run_id text NOT NULL DEFAULT '',
    outcome text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    PRIMARY KEY (case_id, number)
);
CREATE TABLE results (
    case_id text NOT NULL REFERENCES cases,
    kind text NOT NULL,
    uid text NOT NULL,
    digest text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (case_id, kind, uid)
);
CREATE TABLE findings (
    case_id text NOT NULL REFERENCES cases,
    position integer NOT NULL,
    code jsonb NOT NULL,
    presence text NOT NULL,
    certainty double precision,
    source text NOT NULL,
    says text NOT NULL,
    reason jsonb,
    box jsonb,
    measurements jsonb NOT NULL,
    PRIMARY KEY (case_id, position)
);
"""

_OUTBOX = """
CREATE TABLE deliveries (
    id text PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    case_id text NOT NULL REFERENCES cases,
    destination text NOT NULL,
    channel text NOT NULL,
    kind text NOT NULL,
    uid text NOT NULL,
    digest text NOT NULL,
    state text NOT NULL CHECK (state IN ('owed', 'sent', 'dead', 'held')),
    attempts integer NOT NULL DEFAULT 0,
    owed_at timestamptz NOT NULL DEFAULT now(),
    next_at timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    ended_at timestamptz,
    last_error text NOT NULL DEFAULT '',
    failure_class text NOT NULL DEFAULT '' CHECK (failure_class IN ('', 'transient', 'permanent')),
    status text NOT NULL DEFAULT '',
    CONSTRAINT deliveries_once UNIQUE (case_id, destination, uid)
);
CREATE INDEX deliveries_due ON deliveries (next_at) WHERE state = 'owed';
CREATE INDEX deliveries_oldest ON deliveries (owed_at) WHERE state = 'owed';
"""

_ROLLOUT = """
CREATE TABLE models (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    version text NOT NULL,
    digest text NOT NULL,
    calibration text NOT NULL,
    bundle text NOT NULL,
    actor text NOT NULL,
    crowned_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX models_newest ON models (name, id);
CREATE TABLE phases (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    use_case text NOT NULL,
    model text NOT NULL,
    species text,
    phase text NOT NULL CHECK (phase IN ('silent', 'assistive', 'integrated')),
    actor text NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX phases_newest ON phases (use_case, model, id);
CREATE TABLE audit (
    seq bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL,
    previous text NOT NULL,
    hash text NOT NULL
);
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit journal is append-only';
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
"""

# One round trip and one row lock less than the same in Python: a modality waits for every one of these.
# An existing study's row is never written: parallel senders of one study would queue on its lock through each fsync.
_ADMIT = """
CREATE FUNCTION admit_instance(
    a_study_uid text, a_series_uid text, a_sop_uid text, a_sop_class text, a_transfer_syntax text,
    a_digest text, a_size bigint, a_sender text, new_study text, new_instance text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    a_study text;
BEGIN
    SELECT id INTO a_study FROM studies WHERE study_uid = a_study_uid;
    IF a_study IS NULL THEN
        INSERT INTO studies (id, study_uid) VALUES (new_study, a_study_uid)
            ON CONFLICT (study_uid) DO NOTHING RETURNING id INTO a_study;
    END IF;
    IF a_study IS NULL THEN
        SELECT id INTO STRICT a_study FROM studies WHERE study_uid = a_study_uid;
    END IF;
    INSERT INTO instances
        (id, study_id, series_uid, sop_uid, sop_class, transfer_syntax, digest, size, sender)
        VALUES (new_instance, a_study, a_series_uid, a_sop_uid, a_sop_class, a_transfer_syntax, a_digest, a_size,
                a_sender)
        ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN 'new';
    END IF;
    UPDATE instances SET copies = copies + 1 WHERE sop_uid = a_sop_uid AND digest = a_digest;
    IF FOUND THEN
        RETURN 'duplicate';
    END IF;
    INSERT INTO instances
        (id, study_id, series_uid, sop_uid, sop_class, transfer_syntax, digest, size, sender, original, state, reason)
        VALUES (new_instance, a_study, a_series_uid, a_sop_uid, a_sop_class, a_transfer_syntax, a_digest, a_size,
                a_sender, false, 'quarantined', 'uid_conflict')
        ON CONFLICT (sop_uid, digest) DO UPDATE SET copies = instances.copies + 1;
    UPDATE studies SET conflicted = true WHERE id = a_study AND NOT conflicted;
    RETURN 'conflict';
END $$;
"""


def upgrade() -> None:
    """Make tables, indices and functions."""
    for statements in (_STUDIES, _CASES, _OUTBOX, _ROLLOUT, _ADMIT):
        op.execute(statements)
