"""What people see of the ledger, and what its inspector finds."""

from pathlib import Path

import pytest
from tests.ledgers import (
    COMPLETE,
    arrival,
    assessment,
    digest_of,
    end_lease,
    execute,
    film,
    finish,
    owed,
    running_case,
    waiting_case,
)

from vetflow.adapters.ledger import PostgresLedger
from vetflow.adapters.store_folder import FolderStore
from vetflow.domain.case import CaseRef, CaseState
from vetflow.domain.delivery import Channel, DeliveryState, Owed, ResultKind, ResultObject
from vetflow.domain.finding import ModelVersion
from vetflow.domain.study import InstanceState
from vetflow.ports import Champion


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def kept(store: FolderStore, ledger: PostgresLedger, number: int) -> str:
    """Store and admit a film whose bytes are its number."""
    store.put([str(number).encode()])
    ledger.admit(arrival(number, content=str(number)))
    return digest_of(str(number))


def place(tmp_path: Path, digest: str) -> Path:
    return next(tmp_path.rglob(digest))


def test_counts_name_every_state(ledger: PostgresLedger) -> None:
    waiting_case(ledger, 1)
    film(ledger, 2)

    counts = ledger.counts()

    assert counts.instances == dict.fromkeys(InstanceState, 0) | {InstanceState.PROCESSING: 1, InstanceState.WAITING: 1}
    assert counts.cases == dict.fromkeys(CaseState, 0) | {CaseState.WAITING: 1}
    assert counts.deliveries == dict.fromkeys(DeliveryState, 0)


def test_studies_come_newest_first(ledger: PostgresLedger) -> None:
    for study in ("1.2.1", "1.2.2", "1.2.3"):
        ledger.admit(arrival(study=study))
    order = [instance.study_id for instance in ledger.unsorted(3)]

    names = [line.id for line in ledger.studies()]

    assert names == order[::-1]
    assert [line.id for line in ledger.studies(limit=1)] == [order[-1]]


def test_a_study_page_shows_revisions_instances_and_cases(ledger: PostgresLedger) -> None:
    ref = waiting_case(ledger, 1)
    study_id = ledger.case(ref.id).case.study_id
    ledger.close_revision(study_id, COMPLETE)

    page = ledger.study(study_id)

    assert [revision.reason for revision in page.revisions] == ["quiet for 30 s"]
    assert [line.modality for line in page.instances] == ["DX"]
    assert [case.id for case in page.cases] == [ref.id]


def test_what_is_not_there_has_no_page(ledger: PostgresLedger) -> None:
    assert ledger.study("study-0") is None
    assert ledger.case("case-0") is None


def test_cases_can_be_asked_for_by_state(ledger: PostgresLedger) -> None:
    waiting_case(ledger, 1)
    running = running_case(ledger, 2)

    assert [line.id for line in ledger.cases(state=CaseState.RUNNING)] == [running.id]
    assert len(ledger.cases()) == 2


def test_the_history_of_a_case_tells_each_attempt(ledger: PostgresLedger, ledger_url: str) -> None:
    ref = running_case(ledger)
    end_lease(ledger_url, ref)
    ledger.again(ref, most=3, reason="lease_ended")
    ledger.submitted(CaseRef(id=ref.id, attempt=2), "run-2")

    first, second = ledger.history(ref.id)

    assert (first.outcome, first.reason, first.claimed_at is None) == ("again", "lease_ended", False)
    assert (second.run_id, second.outcome, second.claimed_at) == ("run-2", "", None)


def test_a_sound_ledger_and_store_are_clean(ledger: PostgresLedger, store: FolderStore) -> None:
    digests = {kept(store, ledger, number) for number in range(3)}

    inspection = ledger.inspect(store)

    assert inspection.clean
    assert (inspection.accepted, inspection.counts.instances[InstanceState.RECEIVED]) == (3, 3)
    assert digests == set(store.digests())


def test_missing_damaged_and_orphaned_objects_are_told_apart(
    ledger: PostgresLedger, store: FolderStore, tmp_path: Path
) -> None:
    whole, lost, flipped = (kept(store, ledger, number) for number in range(3))
    orphan = store.put([b"nobody knows me"])
    place(tmp_path, lost).unlink()
    place(tmp_path, flipped).write_bytes(b"bit rot")

    inspection = ledger.inspect(store)

    assert not inspection.clean
    assert (inspection.missing, inspection.damaged, inspection.orphaned) == ([lost], [flipped], [orphan])
    assert whole in set(store.digests())


def test_a_quick_inspection_looks_for_names_only(ledger: PostgresLedger, store: FolderStore, tmp_path: Path) -> None:
    lost, flipped = (kept(store, ledger, number) for number in range(2))
    place(tmp_path, lost).unlink()
    place(tmp_path, flipped).write_bytes(b"bit rot")

    inspection = ledger.inspect(store, rehash=False)

    assert (inspection.missing, inspection.damaged) == ([lost], [])


def test_results_and_bundles_are_no_orphans(ledger: PostgresLedger, store: FolderStore) -> None:
    report = ResultObject(kind=ResultKind.SR, digest=store.put([b"report"]), uid="2.25.1")
    of = Owed(destination="pacs", channel=Channel.DICOM, result=report)
    ledger.finish(running_case(ledger), assessment(), [report], [of])
    model = ModelVersion(name="positioning", version="1", digest=digest_of("weights"))
    ledger.crown(Champion(model=model, bundle=store.put([b"bundle"])), actor="registrar")

    assert ledger.inspect(store).orphaned == []


def test_the_life_of_a_case_breaks_no_rule(ledger: PostgresLedger, ledger_url: str, store: FolderStore) -> None:
    lost = running_case(ledger, 1)
    end_lease(ledger_url, lost)
    again = ledger.again(lost, most=3, reason="lease_ended")
    ledger.claim(again, owner="worker", lease_seconds=30)
    finish(ledger, again, owed())
    ledger.refuse_case(running_case(ledger, 2), "pixels_truncated")
    ledger.close_revision(ledger.case(lost.id).case.study_id, COMPLETE)
    [delivery] = ledger.lease_due(limit=1, lease_seconds=30)
    ledger.sent(delivery.id)

    assert ledger.inspect(store).faults == []


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        ("UPDATE instances SET state = 'delivered'", "every case of a delivered instance has ended"),
        ("UPDATE instances SET state = 'waiting'", "a waiting instance is in no revision and in no case"),
        ("UPDATE instances SET modality = NULL", "an instance past received has facts"),
        ("UPDATE instances SET revision = 4", "nothing belongs to a revision that was never made"),
        ("UPDATE studies SET revision = 1", "the revisions of a study count from 1 without a gap"),
        ("UPDATE cases SET attempt = 2", "the attempts at a case count from 1 without a gap"),
        ("UPDATE cases SET verdict = 'findings'", "a case is done exactly when it has a verdict"),
        ("UPDATE cases SET ended_at = now()", "a case has ended exactly when its state says so"),
    ],
)
def test_a_contradiction_is_found_and_named(
    ledger: PostgresLedger, ledger_url: str, store: FolderStore, damage: str, rule: str
) -> None:
    waiting_case(ledger)

    execute(ledger_url, damage)

    faults = ledger.inspect(store).faults
    assert any(fault.rule.startswith(rule) and fault.subjects for fault in faults)
