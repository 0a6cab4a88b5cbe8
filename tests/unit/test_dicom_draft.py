"""Draft reports as DICOM: valid, unverified, of all the films, and the same however often they are written."""

import io
from dataclasses import replace
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import BasicTextSRStorage
from tests.builders import SOP_UID, film_bytes
from tests.unit import results

from vetflow.dicom import header
from vetflow.dicom.draft import draft_report
from vetflow.dicom.identity import SERIES_DESCRIPTION, to_bytes
from vetflow.domain.finding import Assessment, Verdict
from vetflow.domain.report import Paragraph
from vetflow.domain.standing import Predecessor, Standing
from vetflow.reports.writing import FINDINGS, IMPRESSIONS

NOTHING = Assessment(verdict=Verdict.NOTHING, findings=(), model=None)
IDENTITY = replace(results.IDENTITY, use_case="draft", digests=("cd" * 32, "ef" * 32))
PARAGRAPHS = (
    Paragraph(heading=FINDINGS[0], concept=FINDINGS[1], text="[AI] Herz groß, Umriß glatt.\n[AI] No effusion."),
    Paragraph(heading=IMPRESSIONS[0], concept=IMPRESSIONS[1], text="[AI] Enlarged heart."),
)
FILMS = (film_bytes(), film_bytes(SOPInstanceUID=f"{SOP_UID}.2"))


def written(*, round: int = 1, predecessors: tuple[Predecessor, ...] = ()) -> Dataset:
    sources = [header.read(film) for film in FILMS]
    document = draft_report(
        sources,
        PARAGRAPHS,
        assessment=NOTHING,
        identity=replace(IDENTITY, round=round),
        standing=Standing(predecessors=predecessors),
    )
    return pydicom.dcmread(io.BytesIO(to_bytes(document)))


def test_a_draft_is_a_valid_basic_text_report(tmp_path: Path) -> None:
    document = written(predecessors=(results.FIRST,))

    assert document.SOPClassUID == document.file_meta.MediaStorageSOPClassUID == BasicTextSRStorage
    assert results.unexplained(document, tmp_path) == []


def test_a_draft_is_preliminary_and_says_that_it_wants_verification() -> None:
    document = written()

    assert (document.VerificationFlag, document.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert document.SeriesDescription == SERIES_DESCRIPTION


def test_every_sentence_stands_under_its_heading() -> None:
    sections = [item for item in written().ContentSequence if item.ValueType == "CONTAINER"]

    told = [(one.ConceptNameCodeSequence[0].CodeValue, one.ContentSequence[0].TextValue) for one in sections]
    assert told == [("121070", PARAGRAPHS[0].text), ("121072", PARAGRAPHS[1].text)]


def test_a_draft_rests_on_every_film_and_bears_their_animal() -> None:
    document = written()

    (study,) = document.CurrentRequestedProcedureEvidenceSequence
    named = [
        one.ReferencedSOPInstanceUID
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    ]
    assert named == [SOP_UID, f"{SOP_UID}.2"]
    assert (document.PatientName, document.PatientID) == ("Doe^Rex", "A1")


def test_a_later_draft_is_another_object_that_names_the_earlier_one() -> None:
    first, again, second = written(), written(), written(round=2, predecessors=(results.FIRST,))

    (study,) = second.PredecessorDocumentsSequence
    assert first == again
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == results.FIRST.sop_uid
