"""Short ways to say what happens to a ledger."""

import hashlib
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from vetflow.adapters.ledger import PostgresLedger
from vetflow.domain.case import CaseOrder, CaseRef, Queue
from vetflow.domain.coding import Code
from vetflow.domain.delivery import Channel, Owed, ResultKind, ResultObject
from vetflow.domain.finding import Assessment, Finding, Measurement, ModelVersion, Presence, Verdict
from vetflow.domain.place import Box, Landmark, Line, Side
from vetflow.domain.review import Review
from vetflow.domain.standing import Decision
from vetflow.domain.study import Arrival, Completeness, Facts, Instance, InstanceState

COMPLETE = Completeness(complete=True, reason="quiet for 30 s")
FILM = Facts(modality="DX")
STUDY = "1.2.826.1"
WHEN = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def digest_of(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()


def arrival(number: int = 1, *, study: str = STUDY, content: str = "") -> Arrival:
    return Arrival(
        study_uid=study,
        series_uid=f"{study}.1",
        sop_uid=f"{study}.1.{number}",
        sop_class="1.2.840.10008.5.1.4.1.1.1.1",
        transfer_syntax="1.2.840.10008.1.2.1",
        digest=digest_of(content or f"{study}.1.{number}"),
        size=10,
        sender="MODALITY",
    )


def film(ledger: PostgresLedger, number: int = 1, *, study: str = STUDY, facts: Facts = FILM) -> Instance:
    """Admit and sort one film."""
    ledger.admit(arrival(number, study=study))
    fresh = ledger.unsorted(1000)[-1]
    ledger.sort(fresh.id, facts)
    return fresh


def film_order(instance: Instance, *, use_case: str = "positioning", queue: Queue = Queue.ROUTINE) -> CaseOrder:
    return CaseOrder(use_case=use_case, study_id=instance.study_id, queue=queue, instance_id=instance.id)


def revision_order(study_id: str, revision: int, *, use_case: str = "triage") -> CaseOrder:
    return CaseOrder(use_case=use_case, study_id=study_id, queue=Queue.ROUTINE, revision=revision)


def waiting_case(
    ledger: PostgresLedger, number: int = 1, *, study: str = STUDY, queue: Queue = Queue.ROUTINE
) -> CaseRef:
    return CaseRef(id=ledger.open_case(film_order(film(ledger, number, study=study), queue=queue)))


def running_case(ledger: PostgresLedger, number: int = 1, *, study: str = STUDY, owner: str = "worker") -> CaseRef:
    ref = waiting_case(ledger, number, study=study)
    ledger.claim(ref, owner=owner, lease_seconds=30)
    return ref


def result(words: str = "report", kind: ResultKind = ResultKind.SR) -> ResultObject:
    return ResultObject(kind=kind, digest=digest_of(words), uid=f"2.25.{int(digest_of(words)[:8], 16)}")


def owed(to: str = "pacs", *, of: ResultObject | None = None, held: bool = False) -> Owed:
    return Owed(destination=to, channel=Channel.DICOM, result=of or result(), held=held)


def assessment() -> Assessment:
    code = Code(value="view-mismatch", scheme="99VETFLOW", meaning="View disagrees with tags")
    length = Measurement(
        name=Code(value="410668003", scheme="SCT", meaning="Length"),
        value=1.5,
        unit=Code(value="mm", scheme="UCUM", meaning="mm"),
        lines=(Line(name=code, points=((1.25, 2), (3, 4.5), (5, 6))),),
    )
    found = Finding(
        code=code,
        presence=Presence.PRESENT,
        says="The picture is not what its tags say.",
        source="picture",
        certainty=0.875,
        reason=Code(value="113010", scheme="DCM", meaning="Quality Control"),
        box=Box(left=0, top=1.5, right=10, bottom=20),
        measurements=(length,),
        site=Code(value="816094009", scheme="SCT", meaning="Chest"),
        side=Side.LEFT,
        points=(Landmark(name=code, at=(7.75, 8)),),
        image=0,
        frame=2,
        label="T4",
    )
    plain = Finding(code=code, presence=Presence.UNDETERMINED, says="Not told.", source="tags")
    return Assessment(
        verdict=Verdict.FINDINGS,
        findings=(found, plain),
        model=ModelVersion(name="positioning", version="3", digest=digest_of("weights"), calibration="temperature 1.2"),
        abstained="limbs not judged",
    )


def review(edition: int = 1, *, name: str = "", **changes: object) -> Review:
    """Return a review that rejects the first finding."""
    values = {
        "id": name or f"review-{edition}",
        "edition": edition,
        "by": "Dr. Vet",
        "at": WHEN,
        "decisions": {0: Decision.REJECTED},
    }
    return Review(**{**values, **changes})


def finish(ledger: PostgresLedger, ref: CaseRef, *deliveries: Owed) -> None:
    """Finish a running case with one report, owed where it is told."""
    ledger.finish(ref, assessment(), [result()], list(deliveries))


def end_lease(ledger_url: str, ref: CaseRef) -> None:
    """Let time pass for a case: its lease, or its wait for a claim, is over."""
    execute(
        ledger_url, "UPDATE cases SET lease_until = now() - interval '1 s' WHERE id = %s AND state = 'running'", ref.id
    )
    execute(ledger_url, "UPDATE cases SET submitted_at = now() - interval '1 h' WHERE id = %s", ref.id)


def execute(url: str, statement: str, *values: object) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement, values)


def state_of(ledger: PostgresLedger, instance: Instance) -> InstanceState:
    page = ledger.study(instance.study_id)
    assert page is not None
    return next(line.instance.state for line in page.instances if line.instance.id == instance.id)


def empty(url: str) -> None:
    """Forget everything a ledger knows."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        ).fetchall()
        connection.execute("SET session_replication_role = replica")  # the journal refuses to be emptied otherwise
        names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in tables)
        connection.execute(sql.SQL("TRUNCATE {}").format(names))
        connection.execute("ALTER TABLE audit ENABLE TRIGGER audit_is_append_only")
