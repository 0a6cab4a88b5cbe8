"""The positioning flow on a real Prefect server, ledger, store and sandbox."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import psycopg
import pydicom
import pytest
from prefect.client.orchestration import get_client
from tests import builders
from tests.bundles import untrained, untrained_trunk

from vetflow.dicom import header
from vetflow.domain.case import CaseOrder, CaseRef, CaseState, Queue
from vetflow.domain.delivery import DeliveryState, ResultKind
from vetflow.domain.errors import StaleAttempt, StudyRefused
from vetflow.domain.rollout import Phase
from vetflow.domain.standing import Signature
from vetflow.domain.study import Arrival, Completeness, InstanceState
from vetflow.review import sign
from vetflow.settings import DicomDestination, Hl7Destination, Settings
from vetflow.tasks.predecessors import predecessors
from vetflow.wiring import Services, build, keys, use_services
from vetflow.wiring.catalogue import enthrone, granted


@dataclass(frozen=True, slots=True)
class Clinic:
    services: Services

    def film(self, data: bytes) -> CaseRef:
        """Bring a film as far as the dispatcher does."""
        ledger = self.services.ledger
        dataset = pydicom.dcmread(BytesIO(data), stop_before_pixels=True, force=True)
        ledger.admit(
            Arrival(
                study_uid=dataset.StudyInstanceUID,
                series_uid=dataset.SeriesInstanceUID,
                sop_uid=dataset.SOPInstanceUID,
                sop_class=dataset.SOPClassUID,
                transfer_syntax=dataset.file_meta.TransferSyntaxUID,
                digest=self.services.store.put([data]),
                size=len(data),
                sender="MOD",
            )
        )
        instance = ledger.unsorted(1)[0]
        order = CaseOrder(
            use_case="positioning", study_id=instance.study_id, queue=Queue.ROUTINE, instance_id=instance.id
        )
        case = ledger.open_case(order)
        ledger.sort(instance.id, header.facts(data))
        ref = CaseRef(id=case)
        ledger.submitted(ref, "run")
        return ref

    def revision(self) -> CaseRef:
        """Close the study's next revision and open its case, as completer and dispatcher do."""
        ledger = self.services.ledger
        study = ledger.studies()[0].id
        number = ledger.close_revision(study, Completeness(complete=True, reason="quiet"))
        case = ledger.open_case(CaseOrder(use_case="positioning", study_id=study, queue=Queue.ROUTINE, revision=number))
        ledger.submitted(CaseRef(id=case), "run")
        return CaseRef(id=case)

    def states(self) -> list[CaseState]:
        return [line.state for line in self.services.ledger.cases()]


@pytest.fixture
def clinic(ledger_url: str, prefect_api: str) -> Iterator[Clinic]:
    home = Path(tempfile.mkdtemp(prefix="vetflow-"))
    settings = Settings(
        home=home,
        database_url=ledger_url,
        destinations=(
            DicomDestination(name="pacs", kind="dicom", ae_title="PACS", host="127.0.0.1", port=104),
            Hl7Destination(name="practice", kind="hl7", host="127.0.0.1", port=2575),
        ),
    )
    services = build(settings)
    keys.make(settings.secrets)
    enthrone(services, untrained(), actor="test")
    enthrone(services, untrained_trunk(), actor="test")
    granted(services, "positioning", Phase.INTEGRATED, actor="test")
    with use_services(services):
        yield Clinic(services)
    services.ledger.close()
    shutil.rmtree(home)


def run(ref: CaseRef) -> object:
    from vetflow.flows.positioning import positioning

    return positioning(ref)


def test_a_film_becomes_a_report_and_a_message_that_are_owed(clinic: Clinic) -> None:
    ref = clinic.film(builders.film_bytes(SeriesDescription="Thorax LAT", ViewPosition="AP", DeviationIndex="2.4"))

    assert run(ref) == "findings"

    assert clinic.states() == [CaseState.DONE]
    owed = clinic.services.ledger.deliveries(state=DeliveryState.OWED)
    assert {line.destination for line in owed} == {"pacs", "practice"}
    page = clinic.services.ledger.case(ref.id)
    assert page is not None
    assert page.assessment is not None
    assert any("disagree about the view" in finding.says for finding in page.assessment.findings)


def test_the_report_restores_the_animal_and_names_the_model(clinic: Clinic) -> None:
    ref = clinic.film(builders.film_bytes())

    run(ref)

    page = clinic.services.ledger.case(ref.id)
    assert page is not None
    sr = next(result for result in page.results if result.kind == "SR")
    report = pydicom.dcmread(BytesIO(clinic.services.store.get(sr.digest)))
    assert (report.PatientName, report.PatientID) == ("Doe^Rex", "A1")
    assert report.VerificationFlag == "UNVERIFIED"
    model = clinic.services.ledger.champion("positioning")
    assert model is not None
    assert model.model.digest in report.to_json()


def test_a_silent_model_keeps_its_results_and_owes_nothing(clinic: Clinic) -> None:
    champion = clinic.services.ledger.champion("positioning")
    assert champion is not None
    clinic.services.ledger.grant("positioning", Phase.SILENT, model=champion.model.digest, actor="test")

    run(clinic.film(builders.film_bytes()))

    assert clinic.states() == [CaseState.DONE]
    assert clinic.services.ledger.deliveries() == []


def test_an_assistive_model_tells_the_pacs_and_not_the_practice(clinic: Clinic) -> None:
    champion = clinic.services.ledger.champion("positioning")
    assert champion is not None
    clinic.services.ledger.grant("positioning", Phase.ASSISTIVE, model=champion.model.digest, actor="test")

    run(clinic.film(builders.film_bytes()))

    assert [line.destination for line in clinic.services.ledger.deliveries()] == ["pacs"]


@pytest.mark.parametrize(
    ("film", "reason"),
    [
        (builders.truncated_film(), "pixels_truncated"),
        (builders.enormous_film(), "size_implausible"),
        (builders.truncated_jpeg2000_film(), "pixels_truncated"),
    ],
)
def test_a_film_that_cant_be_judged_is_quarantined_with_its_reason(clinic: Clinic, film: bytes, reason: str) -> None:
    ref = clinic.film(film)

    with pytest.raises(StudyRefused) as refusal:
        run(ref)

    assert refusal.value.reason == reason
    assert clinic.states() == [CaseState.REFUSED]
    study = clinic.services.ledger.studies()[0]
    page = clinic.services.ledger.study(study.id)
    assert page is not None
    assert [(line.instance.state, line.instance.reason) for line in page.instances] == [
        (InstanceState.QUARANTINED, reason)
    ]


def test_a_film_with_text_burned_in_is_judged_by_its_tags_alone(clinic: Clinic) -> None:
    ref = clinic.film(builders.film_bytes(BurnedInAnnotation="YES"))

    run(ref)

    page = clinic.services.ledger.case(ref.id)
    assert page is not None
    assert page.assessment is not None
    assert page.assessment.abstained == "text may be burned into the picture"
    assert {finding.source for finding in page.assessment.findings if finding.certainty is not None} == set()
    assert {result.kind for result in page.results} == {"SR", "JSON", "ORU"}


def test_a_site_gets_every_kind_of_object_it_asks_for(clinic: Clinic) -> None:
    pacs = clinic.services.settings.destinations[0].model_copy(update={"results": ("SR", "GSPS", "SC", "KOS")})
    asking = build(clinic.services.settings.model_copy(update={"destinations": (pacs,)}))
    film = builders.film_bytes(SeriesDescription="Thorax LAT", ViewPosition="AP", rows=128, columns=160)

    with use_services(asking):
        run(clinic.film(film))

    page = clinic.services.ledger.case(clinic.services.ledger.cases()[0].id)
    assert page is not None
    assert {result.kind for result in page.results} >= {"SR", "SC", "KOS", "JSON", "PICTURE"}
    assert {line.kind for line in page.deliveries} == {result.kind for result in page.results} - {"JSON", "PICTURE"}
    asking.ledger.close()


def test_a_horse_is_outside_the_card_so_the_model_abstains_and_the_report_says_so(clinic: Clinic) -> None:
    ref = clinic.film(
        builders.film_bytes(
            PatientSpeciesDescription="Equine", PatientSpeciesCodeSequence=[], PatientBreedDescription=""
        )
    )

    run(ref)

    page = clinic.services.ledger.case(ref.id)
    assert page is not None
    assert page.assessment is not None
    assert "not meant for this species" in page.assessment.abstained


def test_the_artifact_shows_findings_picture_validation_and_timings(clinic: Clinic) -> None:
    ref = clinic.film(builders.film_bytes())

    run(ref)

    with get_client(sync_client=True) as client:
        artifacts = client.request("POST", "/artifacts/filter", json={"artifacts": {"key": {"any_": [ref.id]}}}).json()
    page = artifacts[0]["data"]
    for wanted in ("data:image/jpeg;base64,", "| validation | held |", "| infer |", "not verified by a veterinarian"):
        assert wanted in page
    assert "Doe" not in json.dumps(artifacts)


def test_an_old_attempt_changes_nothing(clinic: Clinic) -> None:
    ref = clinic.film(builders.film_bytes())
    run(ref)

    with pytest.raises(StaleAttempt):
        run(ref)

    assert clinic.states() == [CaseState.DONE]
    with psycopg.connect(clinic.services.settings.database_url) as connection:
        assert connection.execute("select count(*) from deliveries").fetchone() == (2,)


def test_a_later_suggestion_names_what_it_replaces_and_nothing_that_was_signed(clinic: Clinic) -> None:
    clinic.film(builders.film_bytes())
    first = clinic.revision()
    run(first)
    clinic.film(builders.film_bytes(SOPInstanceUID=f"{builders.SOP_UID}.2"))
    later = clinic.revision()
    suggested = clinic.services.ledger.edition(first.id).result(ResultKind.SR)

    named = predecessors(later)
    sign(clinic.services, first.id, signature=Signature(name="Vet^Vera", organization="Clinic", at=datetime.now(UTC)))

    assert suggested is not None
    assert [one.sop_uid for one in named[ResultKind.SR]] == [suggested.uid]
    assert ResultKind.SR not in predecessors(later)
