"""What veterinarians do to finished cases: the reports that follow, who gets them, and the commands."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import psycopg
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from tests import builders
from tests.bundles import untrained
from tests.ledgers import (
    FILM,
    WHEN,
    arrival,
    execute,
    film_order,
)
from typer.testing import CliRunner

from vetflow import review as reviewing
from vetflow.cli.app import app
from vetflow.dicom import header
from vetflow.dicom.identity import ReportIdentity, to_bytes
from vetflow.dicom.objects import Outcome
from vetflow.dicom.report import report
from vetflow.domain.case import CaseRef
from vetflow.domain.coding import Code
from vetflow.domain.delivery import Channel, DeliveryState, Owed, ResultKind, ResultObject
from vetflow.domain.errors import ConfigurationError, StudyRefused
from vetflow.domain.finding import Assessment, Finding, Presence, Verdict
from vetflow.domain.place import Box
from vetflow.domain.review import Edition
from vetflow.domain.standing import Decision, Signature
from vetflow.rest.outcome import told
from vetflow.settings import Settings
from vetflow.wiring import Services, build
from vetflow.wiring.catalogue import enthrone

runner = CliRunner()


@dataclass(frozen=True)
class Clinic:
    """Services, and a case about one film that found two things."""

    services: Services
    case: str
    model: str

    def document(self) -> Dataset:
        """Return the latest report."""
        latest = self.services.ledger.edition(self.case).result(ResultKind.SR)
        assert latest is not None
        return dcmread(BytesIO(self.services.store.get(latest.digest)))

    def reject(self, *findings: int, by: str = "Dr. Vet") -> Edition:
        return reviewing.reject(self.services, self.case, findings, by=by)

    def sign(self, *, name: str = "Vet^Vera") -> Edition:
        signature = Signature(name=name, organization="Clinic", at=datetime.now(UTC))
        return reviewing.sign(self.services, self.case, signature=signature)


ASKED_TOO = "trunk 0.1.0 (weights 0123456789ab) was asked too"


@pytest.fixture
def clinic(ledger_url: str, tmp_path: Path) -> Iterator[Clinic]:
    services = build(Settings(home=tmp_path, database_url=ledger_url))
    champion = enthrone(services, untrained(), actor="test")
    yield Clinic(services, written(services), champion.model.digest)
    services.ledger.close()


def written(services: Services) -> str:
    """Bring a film through a case, as the flow does, and send its report to one PACS of three."""
    ledger, data = services.ledger, builders.film_bytes()
    digest = services.store.put([data])
    ledger.admit(
        replace(
            arrival(),
            study_uid=builders.STUDY_UID,
            series_uid=builders.SERIES_UID,
            sop_uid=builders.SOP_UID,
            digest=digest,
        )
    )
    [instance] = ledger.unsorted(1)
    ledger.sort(instance.id, FILM)
    ref = CaseRef(id=ledger.open_case(film_order(instance)))
    ledger.claim(ref, owner="worker", lease_seconds=30)
    found = findings(services)
    identity = ReportIdentity(
        digests=(digest,), use_case="positioning", made_at=WHEN, software="0.1",
        caveats=(f"trained on {untrained().manifest.trained_on}", ASKED_TOO, "not verified by a veterinarian"),
    )  # fmt: skip
    sources = (header.read(data),)
    document = report(sources, found, identity=identity)
    outcome = Outcome(sources=sources, assessment=found, identity=identity)
    text = told(outcome, case_id=ref.id, segmentations={})
    machine = ResultObject(kind=ResultKind.JSON, digest=services.store.put([text.encode()]), uid="2.25.6")
    stored = services.store.put([to_bytes(document)])
    first = ResultObject(kind=ResultKind.SR, digest=stored, uid=str(document.SOPInstanceUID))
    picture = ResultObject(kind=ResultKind.PICTURE, digest=services.store.put([b"png"]), uid="2.25.5")
    to = [
        Owed(destination=name, channel=channel, result=first, held=name == "held")
        for name, channel in (("pacs", Channel.DICOM), ("archive", Channel.DICOMWEB), ("held", Channel.DICOM))
    ]
    ledger.finish(ref, found, [first, picture, machine], to)
    for delivery in ledger.lease_due(limit=1, lease_seconds=30):
        ledger.sent(delivery.id)
    return ref.id


def findings(services: Services) -> Assessment:
    """Return two findings of one code, so that only their place tells them apart, and one that is not there."""
    champion = services.ledger.champion("positioning")
    assert champion is not None
    mass = Finding(
        code=Code(value="mass", scheme="99VETFLOW", meaning="Mass"),
        presence=Presence.PRESENT,
        says="A mass on the left.",
        source="picture",
        certainty=0.75,
        box=Box(left=2, top=2, right=12, bottom=12),
    )
    other = replace(mass, says="A mass on the right.", box=Box(left=40, top=2, right=50, bottom=12))
    clear = replace(mass, presence=Presence.ABSENT, says="No fluid.", box=None, label="fluid")
    return Assessment(verdict=Verdict.FINDINGS, findings=(mass, other, clear), model=champion.model)


def words(document: Dataset) -> str:
    return document.to_json()


def regions(document: Dataset) -> int:
    return words(document).count("POLYLINE")


def test_a_rejection_writes_a_report_that_replaces_the_one_before_and_claims_it_no_more(clinic: Clinic) -> None:
    before = clinic.document()

    edition = clinic.reject(1)

    after = clinic.document()
    assert (edition.number, edition.rejected) == (1, {1})
    assert after.SOPInstanceUID != before.SOPInstanceUID
    [named] = after.PredecessorDocumentsSequence
    reference = named.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert reference.ReferencedSOPInstanceUID == before.SOPInstanceUID
    assert named.ReferencedSeriesSequence[0].SeriesInstanceUID == before.SeriesInstanceUID
    assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121360"
    assert (regions(before), regions(after)) == (2, 1)
    assert "A mass on the left" in words(after)
    assert (after.VerificationFlag, after.PatientName) == ("UNVERIFIED", "Doe^Rex")
    assert after.SoftwareVersions == "0.1"
    assert "not verified by a veterinarian" in words(after)


def test_the_new_report_goes_where_the_one_before_went_or_will_go(clinic: Clinic) -> None:
    clinic.reject(0)

    lines = clinic.services.ledger.case(clinic.case).deliveries
    assert [(one.destination, one.channel, one.state) for one in lines[3:]] == [
        ("pacs", Channel.DICOM, DeliveryState.OWED),
        ("archive", Channel.DICOMWEB, DeliveryState.OWED),
        ("held", Channel.DICOM, DeliveryState.HELD),
    ]


def test_a_silent_case_is_reviewed_and_nothing_leaves(clinic: Clinic, ledger_url: str) -> None:
    execute(ledger_url, "DELETE FROM deliveries")

    clinic.reject(0)
    clinic.sign()

    assert clinic.services.ledger.deliveries() == []
    assert clinic.services.ledger.edition(clinic.case).number == 2


def test_rejections_add_up_and_a_mistaken_one_can_be_taken_back(clinic: Clinic) -> None:
    clinic.reject(0)
    clinic.reject(1)
    none_left = regions(clinic.document())

    edition = reviewing.accept(clinic.services, clinic.case, [0], by="Dr. Vet")

    assert none_left == 0
    assert (edition.number, edition.rejected, regions(clinic.document())) == (3, {1}, 1)


def test_accepting_what_nobody_rejected_is_kept_and_sends_nothing(clinic: Clinic) -> None:
    before = clinic.services.ledger.deliveries()

    edition = reviewing.accept(clinic.services, clinic.case, [0], by="Dr. Vet")

    assert edition.decisions == {0: Decision.ACCEPTED}
    assert clinic.services.ledger.deliveries() == before
    assert "PredecessorDocumentsSequence" not in clinic.document()


def test_a_signature_makes_a_verified_final_report_that_names_its_preliminary(clinic: Clinic) -> None:
    clinic.reject(1)
    before = clinic.document()

    edition = clinic.sign()

    after = clinic.document()
    assert (after.CompletionFlag, after.VerificationFlag, after.PreliminaryFlag) == ("COMPLETE", "VERIFIED", "FINAL")
    [observer] = after.VerifyingObserverSequence
    assert (observer.VerifyingObserverName, observer.VerifyingOrganization) == ("Vet^Vera", "Clinic")
    reference = after.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert reference.ReferencedSOPInstanceUID == before.SOPInstanceUID
    assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121362"
    assert regions(after) == 1
    assert "not verified" not in words(after)
    assert f"trained on {untrained().manifest.trained_on}" in words(after)
    assert ASKED_TOO in words(after)
    assert edition.decisions == {0: Decision.ACCEPTED, 1: Decision.REJECTED, 2: Decision.ACCEPTED}


def test_a_correction_of_a_signed_report_waits_for_its_signature_and_replaces_it_then(clinic: Clinic) -> None:
    clinic.sign()
    signed, sent = clinic.document(), len(clinic.services.ledger.deliveries())
    pending = clinic.reject(0)
    assert (clinic.document().SOPInstanceUID, len(clinic.services.ledger.deliveries())) == (signed.SOPInstanceUID, sent)

    edition = clinic.sign()

    after = clinic.document()
    reference = after.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert (pending.corrects, edition.corrects) == (True, False)
    assert (edition.number, edition.rejected, after.VerificationFlag) == (3, {0}, "VERIFIED")
    assert reference.ReferencedSOPInstanceUID == signed.SOPInstanceUID
    assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121360"


def test_a_second_reader_signs_for_herself(clinic: Clinic) -> None:
    clinic.sign()

    edition = clinic.sign(name="Other^Olga")

    assert (edition.number, edition.signature.name) == (2, "Other^Olga")


def test_a_click_repeated_is_one_review(clinic: Clinic, ledger_url: str) -> None:
    counted = "SELECT count(*) FROM reviews UNION ALL SELECT count(*) FROM results UNION ALL "
    counted += "SELECT count(*) FROM deliveries UNION ALL SELECT count(*) FROM audit"

    def counts() -> list[tuple]:
        with psycopg.connect(ledger_url) as connection:
            return connection.execute(counted).fetchall()

    clinic.reject(0)
    first = counts()
    clinic.reject(0)
    rejected = counts()
    clinic.sign()
    second = counts()
    clinic.sign()

    assert (first, second) == (rejected, counts())


def test_rejecting_what_was_rejected_before_the_signature_leaves_the_signature(clinic: Clinic) -> None:
    clinic.reject(0)
    clinic.sign()

    edition = clinic.reject(0)

    assert (edition.number, edition.corrects) == (2, False)


def test_clicks_that_come_at_once_are_one_review(clinic: Clinic) -> None:
    with ThreadPoolExecutor(4) as clicks:
        editions = list(clicks.map(lambda _: clinic.reject(0).number, range(4)))

    assert editions == [1] * 4
    assert len(clinic.services.ledger.case(clinic.case).deliveries) == 6


def test_somebody_who_saw_an_older_edition_is_told_and_the_same_act_is_not_done_twice(clinic: Clinic) -> None:
    act = reviewing.Act(by="Dr. Vet", at=datetime.now(UTC), decisions={0: Decision.REJECTED}, seen=0)
    first = reviewing.decide(clinic.services, clinic.case, act)

    again = reviewing.decide(clinic.services, clinic.case, replace(act, at=datetime.now(UTC)))
    with pytest.raises(StudyRefused) as refused:
        reviewing.decide(clinic.services, clinic.case, replace(act, by="Dr. Other"))

    assert (first.number, again.number) == (1, 1)
    assert refused.value.reason == "reviewed_meanwhile"


@pytest.mark.parametrize("finding", [-1, 3])
def test_a_finding_that_is_not_there_cant_be_rejected(clinic: Clinic, finding: int) -> None:
    with pytest.raises(StudyRefused) as refused:
        clinic.reject(finding)

    assert refused.value.reason == "unknown_finding"


@pytest.mark.parametrize("name", ["Vet\\Vera", "Vet\nVera", "V" * 65, " "])
def test_a_name_that_no_report_can_hold_is_refused(clinic: Clinic, name: str) -> None:
    with pytest.raises(ConfigurationError, match="1 to 64 characters"):
        clinic.reject(0, by=name)


def test_an_image_that_was_set_aside_later_stays_the_one_its_findings_are_of(clinic: Clinic) -> None:
    [study] = clinic.services.ledger.studies()
    [line] = clinic.services.ledger.study(study.id).instances
    clinic.services.ledger.set_aside(line.instance.id, "rejected by a person")

    clinic.reject(0)

    assert builders.SOP_UID in words(clinic.document())


def test_after_reviews_nothing_contradicts_and_nothing_is_orphaned(clinic: Clinic) -> None:
    clinic.reject(0)
    clinic.sign()

    found = clinic.services.ledger.inspect(clinic.services.store)
    assert (found.faults, found.missing, found.damaged, found.orphaned) == ([], [], [], [])


@pytest.mark.skipif(shutil.which("dsrdump") is None, reason="DCMTK is not installed")
def test_others_read_the_signed_report(clinic: Clinic, tmp_path: Path) -> None:
    clinic.reject(1)
    clinic.sign()
    latest = clinic.services.ledger.edition(clinic.case).result(ResultKind.SR)
    (tmp_path / "signed.dcm").write_bytes(clinic.services.store.get(latest.digest))

    told = subprocess.run(["dsrdump", tmp_path / "signed.dcm"], capture_output=True, text=True, check=True).stdout

    lines = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in told.splitlines())}
    assert (lines["Verification Flag"], lines["Predecessor Docs"]) == ("VERIFIED", "1")
    assert lines["Verifying Observers"].endswith("Vet^Vera, Clinic")


# The commands


@pytest.fixture
def command(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> object:
    for name in list(os.environ):
        if name.startswith("VETFLOW_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("VETFLOW_DATABASE_URL", clinic.services.settings.database_url)
    return lambda *words: runner.invoke(app, ["review", *words, "--home", str(clinic.services.settings.home)])


def test_the_command_shows_numbers_decisions_and_who_signed(clinic: Clinic, command: object) -> None:
    rejected = command("reject", clinic.case, "2", "--by", "Dr. Vet", "--json")
    signed = command("sign", clinic.case, "--by", "Vet^Vera", "--organization", "Clinic")

    shown = json.loads(command("show", clinic.case, "--json").stdout)

    assert (rejected.exit_code, signed.exit_code) == (0, 0)
    assert [(one["number"], one["decision"]) for one in json.loads(rejected.stdout)["findings"]] == [
        (1, ""),
        (2, "rejected"),
        (3, ""),
    ]
    assert "signed by Vet^Vera at Clinic" in signed.stderr
    assert (shown["edition"], shown["signed_by"]) == (2, "Vet^Vera")
    assert [one["decision"] for one in shown["findings"]] == ["accepted", "rejected", "accepted"]
    assert [one["by"] for one in shown["reviews"]] == ["Dr. Vet", "Vet^Vera"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["show", "case-0"], "there is no case case-0"),
        (["reject", "CASE", "9", "--by", "Dr. Vet"], "has 3 findings, none of number 9"),
        (["reject", "CASE", "0", "--by", "Dr. Vet"], "greater than or equal to 1"),
        (["sign", "CASE", "--by", " ", "--organization", "Clinic"], "needs a name and an organization"),
        (["reject", "CASE", "1", "--by", "a\\b"], "1 to 64 characters"),
    ],
)
def test_wrong_use_is_told_in_words(clinic: Clinic, command: object, words: list[str], reason: str) -> None:
    told = command(*(clinic.case if word == "CASE" else word for word in words))

    assert told.exit_code != 0
    assert reason in " ".join((told.stderr + str(told.exception)).replace("│", "").split())
    assert clinic.services.ledger.edition(clinic.case).number == 0
