"""The steps of a case of several films, on a real ledger, store and sandbox: what happens to one stops no other."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import CTImageStorage
from tests.builders import SOP_UID, film_bytes, truncated_film, truncated_jpeg2000_film
from tests.bundles import untrained_trunk

from vetflow.adapters.film_reader import SandboxedReader
from vetflow.adapters.sandbox import Answer
from vetflow.dicom import header
from vetflow.domain.anatomy import PART_CODES, Part
from vetflow.domain.case import CaseOrder, CaseRef, Queue
from vetflow.domain.delivery import ResultKind
from vetflow.domain.errors import StaleAttempt, StudyRefused, TransientError
from vetflow.domain.finding import Assessment, Finding, Presence, Verdict
from vetflow.domain.labelling import ANATOMICAL
from vetflow.domain.place import Box, Mask
from vetflow.domain.rollout import Phase
from vetflow.domain.study import Arrival, Completeness
from vetflow.domain.trunk import OUTLINED
from vetflow.settings import DicomDestination, Hl7Destination, Settings
from vetflow.tasks.deidentify import HELD, deidentify
from vetflow.tasks.infer import SeenStudy, infer
from vetflow.tasks.report import Reported, report
from vetflow.tasks.retrieve import MOST, Study, retrieve
from vetflow.tasks.show import _page
from vetflow.tasks.validate import validate
from vetflow.wiring import Services, build, keys, use_services
from vetflow.wiring.catalogue import enthrone

EVERYTHING = ("SR", "SEG", "SC", "GSPS", "KOS")


@dataclass(frozen=True, slots=True)
class Clinic:
    services: Services

    def revision(self, *films: bytes) -> CaseRef:
        """Bring films as far as the dispatcher does, as one revision of their study."""
        ledger = self.services.ledger
        for data in films:
            self._bring(data)
        study = ledger.studies()[0].id
        number = ledger.close_revision(study, Completeness(complete=True, reason="quiet"))
        ref = CaseRef(
            id=ledger.open_case(CaseOrder(use_case="triage", study_id=study, queue=Queue.STAT, revision=number))
        )
        ledger.submitted(ref, "run")
        return ref

    def _bring(self, data: bytes) -> None:
        dataset = pydicom.dcmread(BytesIO(data), stop_before_pixels=True)
        arrival = Arrival(
            study_uid=dataset.StudyInstanceUID, series_uid=dataset.SeriesInstanceUID, sop_uid=dataset.SOPInstanceUID,
            sop_class=dataset.SOPClassUID, transfer_syntax=dataset.file_meta.TransferSyntaxUID,
            digest=self.services.store.put([data]), size=len(data), sender="MOD",
        )  # fmt: skip
        self.services.ledger.admit(arrival)
        self.services.ledger.sort(self.services.ledger.unsorted(1)[0].id, header.facts(data))


@pytest.fixture
def clinic(ledger_url: str) -> Iterator[Clinic]:
    home = Path(tempfile.mkdtemp(prefix="vetflow-"))
    pacs = DicomDestination(name="pacs", kind="dicom", ae_title="PACS", host="127.0.0.1", port=104, results=EVERYTHING)
    practice = Hl7Destination(name="practice", kind="hl7", host="127.0.0.1", port=2575)
    services = build(Settings(home=home, database_url=ledger_url, destinations=(pacs, practice)))
    keys.make(services.settings.secrets)
    enthrone(services, untrained_trunk(), actor="test")
    with use_services(services):
        yield Clinic(services)
    services.ledger.close()
    shutil.rmtree(home)


def film(number: int, **tags: object) -> bytes:
    return film_bytes(SOPInstanceUID=f"{SOP_UID}.{number}", **tags)


def renamed(data: bytes, number: int) -> bytes:
    """Return a film under another UID of the same length, its pixels as broken as they were."""
    return data.replace(SOP_UID.encode(), f"{SOP_UID[:-1]}{number}".encode())


def seen(study: Study) -> SeenStudy:
    return infer.fn(deidentify.fn(validate.fn(study, suite="positioning")), models=("trunk",))


def finding(image: int, presence: Presence = Presence.PRESENT) -> Finding:
    box = Box(left=1, top=1, right=9, bottom=9)
    return Finding(
        code=OUTLINED, presence=presence, says="Seen.", source="picture", certainty=0.9, image=image, box=box
    )


def written(of: SeenStudy, *findings: Finding, masks: tuple[Mask, ...] = ()) -> Reported:
    return report.fn(of, Assessment(verdict=Verdict.FINDINGS, findings=findings, model=None, masks=masks))


def kinds(reported: Reported) -> list[ResultKind]:
    return [result.kind for result in reported.objects]


def never(film: bytes, bundles: Mapping[str, bytes]) -> Answer:
    raise AssertionError("the sandbox was asked")


def test_every_film_is_seen_in_order_and_the_second_use_case_looks_at_none_again(clinic: Clinic) -> None:
    study = retrieve.fn(clinic.revision(film(1), film(2, SeriesDescription="Thorax LAT")))
    store, derived = clinic.services.store, clinic.services.derived

    first = seen(study)
    clinic.services.__dict__["reader"] = SandboxedReader(run=never, bundle=store.get, derived=derived)
    again = seen(study)

    assert [look.evidence for look in first.looks] == [one.evidence for one in study.films]
    assert all(look.trunk for look in first.looks)
    assert [look.trunk and look.trunk.spots for look in again.looks] == [
        look.trunk and look.trunk.spots for look in first.looks
    ]


def test_a_film_that_cant_be_judged_says_why_and_stops_no_other(clinic: Clinic) -> None:
    spoilt = (renamed(truncated_film(), 1), renamed(truncated_jpeg2000_film(), 2), film(3, BurnedInAnnotation="YES"))

    study = seen(retrieve.fn(clinic.revision(*spoilt, film(4))))

    assert [look.abstained for look in study.looks] == [
        "the film was refused by validation: pixels_truncated",
        study.study.films[1].refused,
        HELD,
        "",
    ]
    assert study.study.films[1].refused
    assert [look.trunk is not None for look in study.looks] == [False, False, False, True]


@pytest.mark.parametrize("spoilt", [truncated_film(), truncated_jpeg2000_film()])
def test_when_no_film_is_left_the_case_is_refused_with_the_reason(clinic: Clinic, spoilt: bytes) -> None:
    case = clinic.revision(renamed(spoilt, 1), renamed(spoilt, 2))

    with pytest.raises(StudyRefused) as refusal:
        seen(retrieve.fn(case))

    assert refusal.value.reason == "pixels_truncated"


def test_a_study_whose_films_are_all_held_back_is_reported_without_a_picture(clinic: Clinic) -> None:
    study = seen(retrieve.fn(clinic.revision(film(1, BurnedInAnnotation="YES"), film(2, BurnedInAnnotation="YES"))))

    reported = written(study)

    assert {look.abstained for look in study.looks} == {HELD}
    assert set(kinds(reported)) == {ResultKind.SR, ResultKind.JSON}


def test_what_is_no_film_is_left_out_and_the_ledger_knows_what_findings_are_numbered_by(clinic: Clinic) -> None:
    case = clinic.revision(film(1, Modality="CT", SOPClassUID=CTImageStorage), film(2))

    study = retrieve.fn(case)

    clinic.services.ledger.finish(case, Assessment(verdict=Verdict.NOTHING, findings=(), model=None), (), ())
    assert clinic.services.ledger.edition(case.id).digests == tuple(one.digest for one in study.films)
    assert [one.evidence.modality for one in study.films] == ["DX"]
    assert study.left_out == ()


def test_an_attempt_that_is_not_in_charge_changes_nothing_of_what_is_judged(clinic: Clinic) -> None:
    case = clinic.revision(film(1))
    retrieve.fn(case)

    with pytest.raises(StaleAttempt):
        clinic.services.ledger.judges(replace(case, attempt=2), [])


def test_a_study_without_films_is_refused(clinic: Clinic) -> None:
    with pytest.raises(StudyRefused) as refusal:
        retrieve.fn(clinic.revision(film(1, Modality="CT", SOPClassUID=CTImageStorage)))

    assert refusal.value.reason == "no_film"


def test_a_use_case_of_one_film_refuses_several(clinic: Clinic) -> None:
    with pytest.raises(StudyRefused) as refusal:
        retrieve.fn(clinic.revision(film(1), film(2)), one_film=True)

    assert refusal.value.reason == "not_one_film"


def test_films_beyond_the_twelfth_and_lost_ones_are_said_to_be_left_out(clinic: Clinic) -> None:
    case = clinic.revision(*(film(number) for number in range(1, MOST + 4)))
    home, lost = clinic.services.settings.home, clinic.services.store.put([film(1)])
    next((home / "store").rglob(f"{lost}*")).unlink()

    study = retrieve.fn(case)

    assert len(study.films) == MOST
    assert study.left_out == ("2 images not looked at: beyond the first 12 films", "1 image not looked at: unreadable")
    assert lost not in {one.digest for one in study.films}


def test_a_model_that_is_not_registered_is_waited_for_when_the_case_stands_for_it_and_named_else(
    clinic: Clinic,
) -> None:
    clean = deidentify.fn(validate.fn(retrieve.fn(clinic.revision(film(1))), suite="positioning"))

    both = infer.fn(clean, models=("trunk", "positioning"))

    assert "no model positioning is registered" in both.caveats
    assert both.champion.model.name == "trunk"
    with pytest.raises(TransientError):
        infer.fn(clean, models=("positioning", "trunk"))


def test_results_are_of_all_films_and_pictures_of_those_with_something_on_them(clinic: Clinic) -> None:
    study = seen(retrieve.fn(clinic.revision(*(film(number, rows=128, columns=160) for number in range(1, 7)))))
    there = (finding(1), finding(4), finding(0, Presence.ABSENT))

    reported = written(study, *there)

    assert len(reported.overlays) == 2
    assert kinds(reported).count(ResultKind.PICTURE) == kinds(reported).count(ResultKind.SC) == 2
    sr = next(result for result in reported.objects if result.kind is ResultKind.SR)
    report = pydicom.dcmread(BytesIO(clinic.services.store.get(sr.digest)))
    (evidence,) = report.CurrentRequestedProcedureEvidenceSequence
    (series,) = evidence.ReferencedSeriesSequence
    assert len(series.ReferencedSOPSequence) == 6
    assert set(reported.messages) == {"practice"}
    assert any("(film 5)" in line for line in _page(reported, Phase.SILENT))


def test_four_pictures_are_drawn_at_most_and_one_where_nothing_is_said(clinic: Clinic) -> None:
    study = seen(retrieve.fn(clinic.revision(*(film(number) for number in range(1, 7)))))

    many = written(study, *(finding(number) for number in range(6)))
    absent = written(study, finding(5, Presence.ABSENT))
    none = written(study)

    assert [len(one.overlays) for one in (many, absent, none)] == [4, 1, 1]


def test_masks_of_each_film_are_a_segmentation_of_its_own_that_the_json_names(clinic: Clinic) -> None:
    study = seen(retrieve.fn(clinic.revision(film(1), film(2))))
    pixels = np.zeros((1, 64, 80), np.bool_)
    pixels[0, 10:20, 10:30] = True
    heart = Mask(label=PART_CODES[Part.HEART], category=ANATOMICAL, pixels=pixels)

    reported = written(study, finding(0), masks=(heart, replace(heart, image=1)))

    drawn = [result.uid for result in reported.objects if result.kind is ResultKind.SEG]
    (text,) = (result for result in reported.objects if result.kind is ResultKind.JSON)
    structures = json.loads(clinic.services.store.get(text.digest))["structures"]
    assert [one["segmentation_uid"] for one in structures] == drawn
    assert len(set(drawn)) == 2


def test_films_of_different_animals_are_not_even_looked_at(clinic: Clinic) -> None:
    case = clinic.revision(film(1), film(2, PatientID="B2"))

    with pytest.raises(StudyRefused) as refusal:
        retrieve.fn(case)

    assert refusal.value.reason == "several_animals"
