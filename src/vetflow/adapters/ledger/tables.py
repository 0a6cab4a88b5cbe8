"""The ledger's tables as SQLAlchemy knows them; the migrations make them, a test compares the two."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from vetflow.adapters.ledger.schema import Json, Table

_NOW = func.now()
_EMPTY = text("''")


class StudyRow(Table):
    """A study; ``revision`` is the latest, 0 before the first."""

    __tablename__ = "studies"

    id: Mapped[str] = mapped_column(primary_key=True)
    study_uid: Mapped[str] = mapped_column(unique=True)
    opened_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    revision: Mapped[int] = mapped_column(server_default=text("0"))
    conflicted: Mapped[bool] = mapped_column(server_default=text("false"))


class InstanceRow(Table):
    """An accepted instance; ``seq`` is the order of arrival, ``revision`` the first that contains it."""

    __tablename__ = "instances"
    __table_args__ = (
        Index("instances_bytes", "sop_uid", "digest", unique=True),
        Index("instances_original", "sop_uid", unique=True, postgresql_where=text("original")),
        Index("instances_study", "study_id"),
        Index("instances_unsorted", "seq", postgresql_where=text("state = 'received'")),
        Index("instances_open", "study_id", postgresql_where=text("revision IS NULL AND state <> 'quarantined'")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    study_id: Mapped[str] = mapped_column(ForeignKey("studies.id"))
    series_uid: Mapped[str]
    sop_uid: Mapped[str]
    sop_class: Mapped[str]
    transfer_syntax: Mapped[str]
    digest: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    sender: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    copies: Mapped[int] = mapped_column(server_default=text("1"))
    original: Mapped[bool] = mapped_column(server_default=text("true"))
    state: Mapped[str] = mapped_column(server_default=text("'received'"))
    reason: Mapped[str] = mapped_column(server_default=_EMPTY)
    modality: Mapped[str | None]
    species: Mapped[str | None]
    region: Mapped[str | None]
    view: Mapped[str | None]
    expected: Mapped[int | None]
    revision: Mapped[int | None]


class RevisionRow(Table):
    """A study as it stood when it was judged complete, and why; ``draft_due`` until all there is was drafted."""

    __tablename__ = "revisions"
    __table_args__ = (
        Index("revisions_unrouted", "closed_at", postgresql_where=text("routed_at IS NULL")),
        Index("revisions_undrafted", "closed_at", postgresql_where=text("draft_due")),
    )

    study_id: Mapped[str] = mapped_column(ForeignKey("studies.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    closed_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    reason: Mapped[str]
    forced: Mapped[bool]
    routed_at: Mapped[datetime | None]
    draft_due: Mapped[bool] = mapped_column(server_default=text("true"))


class RefusalRow(Table):
    """What a sender was told to keep."""

    __tablename__ = "refusals"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    refused_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    sender: Mapped[str]
    reason: Mapped[str]
    status: Mapped[str]


class SealedRow(Table):
    """What was taken out of an instance (by the digest of its original), encrypted: nonce and ciphertext."""

    __tablename__ = "sealed_map"

    study_id: Mapped[str] = mapped_column(ForeignKey("studies.id"), primary_key=True)
    instance: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str]
    sealed: Mapped[bytes]
    made_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class CaseRow(Table):
    """A case; the lease is there exactly while it runs; ``digests`` are what it judges, as it was claimed."""

    __tablename__ = "cases"
    __table_args__ = (
        UniqueConstraint(
            *("study_id", "use_case", "revision", "instance_id", "round"),
            name="cases_subject",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("(revision IS NULL) <> (instance_id IS NULL)", name="cases_subject_check"),
        Index(
            "cases_waiting",
            text("(CASE queue WHEN 'stat' THEN 0 WHEN 'routine' THEN 1 ELSE 2 END)"),
            "seq",
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("cases_submitted", "submitted_at", postgresql_where=text("state = 'submitted'")),
        Index("cases_running", "lease_until", postgresql_where=text("state = 'running'")),
        Index("cases_instance", "instance_id", postgresql_where=text("instance_id IS NOT NULL")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    use_case: Mapped[str]
    study_id: Mapped[str] = mapped_column(ForeignKey("studies.id"))
    revision: Mapped[int | None]
    instance_id: Mapped[str | None] = mapped_column(ForeignKey("instances.id"))
    round: Mapped[int] = mapped_column(server_default=text("1"))
    queue: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'waiting'"))
    attempt: Mapped[int] = mapped_column(server_default=text("1"))
    not_before: Mapped[datetime] = mapped_column(server_default=_NOW)
    run_id: Mapped[str] = mapped_column(server_default=_EMPTY)
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    opened_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    submitted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(server_default=_EMPTY)
    verdict: Mapped[str | None]
    abstained: Mapped[str] = mapped_column(server_default=_EMPTY)
    model_name: Mapped[str | None]
    model_version: Mapped[str | None]
    model_digest: Mapped[str | None]
    model_calibration: Mapped[str | None]
    digests: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    steps: Mapped[dict[str, Json]] = mapped_column(server_default=text("'{}'"))


class AttemptRow(Table):
    """One try at a case: when each step was, and how it ended."""

    __tablename__ = "attempts"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    opened_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    submitted_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    run_id: Mapped[str] = mapped_column(server_default=_EMPTY)
    outcome: Mapped[str] = mapped_column(server_default=_EMPTY)
    reason: Mapped[str] = mapped_column(server_default=_EMPTY)


class ResultRow(Table):
    """An object in the store that a case wrote, or a review after it (edition 1 and more)."""

    __tablename__ = "results"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    edition: Mapped[int] = mapped_column(server_default=text("0"))
    made_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class ReviewRow(Table):
    """What a veterinarian did to a case that is done; ``id`` names the act, so that doing it again is nothing."""

    __tablename__ = "reviews"
    __table_args__ = (UniqueConstraint("case_id", "id", name="reviews_once"),)

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    edition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[str]
    actor: Mapped[str]
    at: Mapped[datetime]
    note: Mapped[str]
    signer: Mapped[str | None]
    organization: Mapped[str | None]


class DecisionRow(Table):
    """What a review said of one finding."""

    __tablename__ = "decisions"
    __table_args__ = (
        ForeignKeyConstraint(["case_id", "edition"], ["reviews.case_id", "reviews.edition"]),
        ForeignKeyConstraint(["case_id", "position"], ["findings.case_id", "findings.position"]),
    )

    case_id: Mapped[str] = mapped_column(primary_key=True)
    edition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    decision: Mapped[str]


class FindingRow(Table):
    """One statement of a case about a film, in the order the case made them."""

    __tablename__ = "findings"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    code: Mapped[dict[str, Json]]
    presence: Mapped[str]
    certainty: Mapped[float | None]
    source: Mapped[str]
    says: Mapped[str]
    reason: Mapped[dict[str, Json] | None]
    box: Mapped[dict[str, Json] | None]
    measurements: Mapped[list[dict[str, Json]]]
    site: Mapped[dict[str, Json] | None]
    side: Mapped[str | None]
    points: Mapped[list[dict[str, Json]]] = mapped_column(server_default=text("'[]'"))
    image: Mapped[int] = mapped_column(server_default=text("0"))
    frame: Mapped[int | None]
    label: Mapped[str] = mapped_column(server_default=_EMPTY)


class DeliveryRow(Table):
    """One result owed to one destination."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("case_id", "destination", "uid", name="deliveries_once"),
        Index("deliveries_due", "next_at", postgresql_where=text("state = 'owed'")),
        Index("deliveries_oldest", "owed_at", postgresql_where=text("state = 'owed'")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"))
    destination: Mapped[str]
    channel: Mapped[str]
    kind: Mapped[str]
    uid: Mapped[str]
    digest: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    owed_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    next_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    lease_until: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(server_default=_EMPTY)
    failure_class: Mapped[str] = mapped_column(server_default=_EMPTY)
    status: Mapped[str] = mapped_column(server_default=_EMPTY)


class ChampionRow(Table):
    """A model put in charge, the newest row of a name counts, or one that is a ``challenger`` for it."""

    __tablename__ = "models"
    __table_args__ = (Index("models_newest", "name", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    name: Mapped[str]
    version: Mapped[str]
    digest: Mapped[str]
    calibration: Mapped[str]
    bundle: Mapped[str]
    actor: Mapped[str]
    crowned_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    role: Mapped[str] = mapped_column(server_default=text("'champion'"))


class PhaseRow(Table):
    """A phase granted; the newest row of a use case, weights digest and species counts."""

    __tablename__ = "phases"
    __table_args__ = (Index("phases_newest", "use_case", "model", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    use_case: Mapped[str]
    model: Mapped[str]
    species: Mapped[str | None]
    phase: Mapped[str]
    actor: Mapped[str]
    granted_at: Mapped[datetime] = mapped_column(server_default=_NOW)


class AuditRow(Table):
    """An entry of the journal; ``hash`` covers ``previous`` and everything else."""

    __tablename__ = "audit"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[str]
    previous: Mapped[str]
    hash: Mapped[str]
