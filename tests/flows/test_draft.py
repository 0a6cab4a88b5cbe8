"""A draft report of a revision, on a real ledger and store: what was said, what was not, and the earlier draft."""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from tests.builders import SOP_UID, film_bytes
from tests.bundles import untrained_trunk
from tests.ledgers import digest_of, review
from typer.testing import CliRunner, Result

from vetflow.cli.app import app
from vetflow.dicom import header
from vetflow.domain import trunk
from vetflow.domain.case import CaseOrder, CaseRef, CaseState, Queue
from vetflow.domain.delivery import ResultKind
from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import Assessment, Finding, ModelVersion, Presence, Verdict
from vetflow.domain.priors import not_asked
from vetflow.domain.rollout import Phase
from vetflow.domain.standing import Signature
from vetflow.domain.study import Arrival, Completeness
from vetflow.domain.urgency import URGENCY, Urgency
from vetflow.review import sign
from vetflow.settings import DicomDestination, Hl7Destination, Reports, Settings
from vetflow.tasks.deliver import deliver
from vetflow.tasks.draft import gather, write
from vetflow.tasks.report import Reported
from vetflow.tasks.retrieve import retrieve
from vetflow.wiring import Services, build, keys, use_services
from vetflow.wiring.catalogue import enthrone, granted

MODEL = ModelVersion(name="trunk", version="1", digest=digest_of("weights"))


def found(code: object, presence: Presence = Presence.PRESENT, **more: object) -> Finding:
    told = {"code": code, "presence": presence, "certainty": 0.95, "says": "Said.", "source": "picture"}
    return Finding(**{**told, **more})


VOLVULUS = found(trunk.GASTRIC_VOLVULUS)
AT_ONCE = found(URGENCY, label=Urgency.NOW)
LARGE = found(trunk.HEART_ENLARGED, image=1)


@dataclass(frozen=True, slots=True)
class Clinic:
    services: Services

    def revision(self, *films: bytes) -> str:
        """Bring films as far as the completer does and return their study."""
        ledger = self.services.ledger
        for data in films:
            dataset = pydicom.dcmread(BytesIO(data), stop_before_pixels=True)
            arrival = Arrival(
                study_uid=dataset.StudyInstanceUID, series_uid=dataset.SeriesInstanceUID,
                sop_uid=dataset.SOPInstanceUID, sop_class=dataset.SOPClassUID,
                transfer_syntax=dataset.file_meta.TransferSyntaxUID, digest=self.services.store.put([data]),
                size=len(data), sender="MOD",
            )  # fmt: skip
            ledger.admit(arrival)
            ledger.sort(ledger.unsorted(1)[0].id, header.facts(data))
        (study,) = ledger.studies()
        ledger.close_revision(study.id, Completeness(complete=True, reason="quiet"))
        return study.id

    def opened(self, study: str, use_case: str, *, again: bool = False, film: int | None = None) -> CaseRef:
        """Open a case of the first revision, or of one of its films."""
        page = self.services.ledger.study(study)
        assert page is not None
        about = {"revision": 1} if film is None else {"instance_id": page.instances[film].instance.id}
        order = CaseOrder(use_case=use_case, study_id=study, queue=Queue.STAT, again=again, **about)
        return CaseRef(id=self.services.ledger.open_case(order))

    def judged(self, study: str, use_case: str, *findings: Finding, film: int | None = None) -> CaseRef:
        """Let a use case come to something."""
        ref = self.opened(study, use_case, film=film, again=True)
        self.services.ledger.claim(ref, owner="worker", lease_seconds=30)
        assessment = Assessment(verdict=Verdict.FINDINGS, findings=findings, model=MODEL)
        self.services.ledger.finish(ref, assessment, [], [])
        return ref

    def drafted(self, study: str) -> Reported:
        """Do what the flow does, up to delivery."""
        taken = retrieve.fn(self.opened(study, "draft", again=True))
        return write.fn(taken, gather.fn(taken), not_asked())

    def written(self, study: str) -> Reported:
        """Do the same and keep it, owed to nobody."""
        reported = self.drafted(study)
        self.services.ledger.finish(reported.case, reported.assessment, reported.objects, [])
        return reported

    def text(self, reported: Reported) -> str:
        return self.object(reported, ResultKind.TEXT).decode()

    def object(self, reported: Reported, kind: ResultKind) -> bytes:
        (held,) = (result.digest for result in reported.objects if result.kind is kind)
        return self.services.store.get(held)


@pytest.fixture
def clinic(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    home = Path(tempfile.mkdtemp(prefix="vetflow-"))
    monkeypatch.setenv("VETFLOW_DATABASE_URL", ledger_url)
    pacs = DicomDestination(name="pacs", kind="dicom", ae_title="PACS", host="127.0.0.1", port=104)
    practice = Hl7Destination(name="practice", kind="hl7", host="127.0.0.1", port=2575)
    services = build(Settings(home=home, database_url=ledger_url, destinations=(pacs, practice)))
    keys.make(services.settings.secrets)
    with use_services(services):
        yield Clinic(services)
    services.ledger.close()
    shutil.rmtree(home)


@pytest.fixture
def study(clinic: Clinic) -> str:
    """A lateral and a ventrodorsal film of a dog's trunk."""
    lateral = film_bytes(SeriesDescription="Thorax Abdomen LAT", ViewPosition="LL", AdditionalPatientHistory="Vomits.")
    return clinic.revision(lateral, film_bytes(SOPInstanceUID=f"{SOP_UID}.2", SeriesDescription="Thorax Abdomen VD"))


def test_a_draft_says_what_each_use_case_came_to_and_how_soon_to_read_it(clinic: Clinic, study: str) -> None:
    clinic.judged(study, "triage", AT_ONCE, VOLVULUS)
    clinic.judged(study, "cardiac", LARGE)

    reported = clinic.drafted(study)

    text = clinic.text(reported)
    assert "Gastric dilatation-volvulus (image 1) is very likely" in text
    assert "Suggested priority: now" in text
    assert "Vomits." in text
    assert reported.assessment.verdict is Verdict.FINDINGS


def test_what_did_not_run_is_said_with_the_reason(clinic: Clinic, study: str) -> None:
    clinic.services.ledger.fail(clinic.opened(study, "triage"), "step_failed: ValueError", again=False, most=1)
    clinic.services.ledger.refuse_case(clinic.opened(study, "cardiac"), "no_film")

    text = clinic.text(clinic.drafted(study))

    assert "Pleural effusion could not be assessed: triage has failed (step failed)." in text
    assert "The cardiac silhouette could not be assessed: cardiac was refused (no film)." in text
    assert "Anatomy could not be assessed: anatomy was not asked for." in text
    assert "No evidence of" not in text


def test_a_film_that_was_set_aside_is_said_to_be_missing(clinic: Clinic, study: str) -> None:
    clinic.services.ledger.refuse_case(clinic.opened(study, "positioning", film=1), "pixels_truncated")

    text = clinic.text(clinic.drafted(study))

    assert "the images could be judged: positioning of an image was refused (pixels truncated)." in text


def test_a_complaint_about_a_film_names_it_by_its_place_in_the_study(clinic: Clinic, study: str) -> None:
    clinic.judged(study, "positioning", found(trunk.HEART_ENLARGED, says="Too dark."), film=1)

    assert "Image 2:" in clinic.text(clinic.drafted(study))


def test_what_a_veterinarian_rejected_is_not_said(clinic: Clinic, study: str) -> None:
    ref = clinic.judged(study, "cardiac", LARGE)
    clinic.services.ledger.amend(ref.id, review=review(), results=[], owed=[])

    assert "is enlarged" not in clinic.text(clinic.drafted(study))


def test_a_case_that_went_wrong_the_second_time_does_not_hide_what_the_first_came_to(
    clinic: Clinic, study: str
) -> None:
    clinic.judged(study, "cardiac", LARGE)
    clinic.services.ledger.cancel(clinic.opened(study, "cardiac", again=True))

    text = clinic.text(clinic.drafted(study))

    assert "cancelled" not in text
    assert "is enlarged" in text


@pytest.mark.usefixtures("prefect_api")
def test_a_draft_is_owed_to_the_pacs_once_its_phase_lets_it_travel(clinic: Clinic, study: str) -> None:
    from vetflow.flows.draft import draft

    draft(clinic.opened(study, "draft"))
    silent = clinic.services.ledger.deliveries()
    granted(clinic.services, "draft", Phase.INTEGRATED, actor="test")

    draft(clinic.opened(study, "draft", again=True))

    (owed,) = clinic.services.ledger.deliveries()
    assert silent == []
    assert (owed.destination, owed.kind) == ("pacs", "SR")


def test_a_draft_that_travels_does_not_say_what_is_silent(clinic: Clinic, study: str) -> None:
    clinic.judged(study, "triage", AT_ONCE, VOLVULUS)
    enthrone(clinic.services, untrained_trunk(), actor="test")
    here = clinic.text(clinic.drafted(study))
    granted(clinic.services, "draft", Phase.ASSISTIVE, actor="test")

    held_back = clinic.drafted(study)
    clinic.services.ledger.grant("triage", Phase.ASSISTIVE, model=MODEL.digest, actor="test")
    told = clinic.text(clinic.drafted(study))

    assert "very likely" in here
    assert "could not be assessed: triage is silent at this site" in clinic.text(held_back)
    assert "very likely" not in clinic.text(held_back)
    assert b"very likely" not in clinic.object(held_back, ResultKind.SR)
    assert "very likely" in told


def test_a_draft_gathered_while_it_was_silent_does_not_travel(clinic: Clinic, study: str) -> None:
    taken = retrieve.fn(clinic.opened(study, "draft"))
    gathered = gather.fn(taken)
    granted(clinic.services, "draft", Phase.INTEGRATED, actor="test")

    deliver.fn(write.fn(taken, gathered, not_asked()))

    assert clinic.services.ledger.deliveries() == []


def test_films_of_two_animals_get_no_draft_in_the_name_of_one(clinic: Clinic) -> None:
    study = clinic.revision(film_bytes(), film_bytes(SOPInstanceUID=f"{SOP_UID}.2", PatientID="ANOTHER"))

    with pytest.raises(StudyRefused, match="different animals"):
        clinic.drafted(study)


def test_a_film_without_a_size_is_left_out_and_said_to_be(clinic: Clinic) -> None:
    study = clinic.revision(film_bytes(), film_bytes(SOPInstanceUID=f"{SOP_UID}.2", Rows=0))

    taken = retrieve.fn(clinic.opened(study, "triage"))

    assert (len(taken.films), taken.left_out) == (1, ("1 image not looked at: without a size",))


def test_a_later_draft_names_the_one_before(clinic: Clinic, study: str) -> None:
    first = clinic.written(study)
    clinic.judged(study, "cardiac", LARGE)

    second = clinic.drafted(study)

    earlier, later = (
        pydicom.dcmread(BytesIO(clinic.object(one, ResultKind.SR))) for one in (first, second)
    )  # fmt: skip
    (named,) = later.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert named.ReferencedSOPInstanceUID == earlier.SOPInstanceUID != later.SOPInstanceUID
    assert "[AI]" in later.ContentSequence[-1].ContentSequence[0].TextValue


def test_broken_templates_of_the_site_lose_no_draft(clinic: Clinic, study: str, tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text("{% if %}")
    reports = clinic.services.settings.model_copy(update={"reports": Reports(folder=tmp_path)})

    with use_services(build(reports)):
        text = clinic.text(clinic.drafted(study))

    assert "The site's own templates are broken" in text


def test_a_draft_is_not_signed_by_itself(clinic: Clinic, study: str) -> None:
    clinic.written(study)
    case = next(line for line in clinic.services.ledger.cases() if line.use_case == "draft")

    with pytest.raises(StudyRefused, match="draft of what other cases found"):
        sign(clinic.services, case.id, signature=Signature(name="Vet", organization="Clinic", at=datetime.now(UTC)))


def told(clinic: Clinic, study: str) -> Result:
    return CliRunner().invoke(app, ["draft", study, "--home", str(clinic.services.settings.home)])


def test_the_command_prints_the_latest_draft(clinic: Clinic, study: str) -> None:
    clinic.written(study)
    clinic.judged(study, "cardiac", LARGE)
    clinic.written(study)

    by_id, by_uid = told(clinic, study), told(clinic, "1.2.826.0.1.3680043.8.498.1")

    assert by_id.stdout.startswith("DRAFT REPORT - NOT VERIFIED BY A VETERINARIAN")
    assert "is enlarged" in by_id.stdout
    assert by_id.stdout == by_uid.stdout


def test_the_command_says_how_to_get_a_draft_where_there_is_none(clinic: Clinic, study: str) -> None:
    none, unknown = told(clinic, study), told(clinic, "1.2.3")

    assert (none.exit_code, unknown.exit_code) == (1, 2)
    assert f"vetflow run draft {study}" in none.stderr
    assert clinic.services.ledger.cases(state=CaseState.DONE) == []


@pytest.mark.usefixtures("prefect_api")
def test_the_flow_writes_a_draft_and_ends_its_case(clinic: Clinic, study: str) -> None:
    from vetflow.flows.draft import draft

    clinic.judged(study, "triage", AT_ONCE, VOLVULUS)
    ref = clinic.opened(study, "draft")

    assert draft(ref) == "findings"

    page = clinic.services.ledger.case(ref.id)
    assert page is not None
    assert page.case.state is CaseState.DONE
    assert {result.kind for result in page.results} == {ResultKind.SR, ResultKind.TEXT}
    assert list(page.steps) != []
