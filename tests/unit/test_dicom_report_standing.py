"""How far a report has come: suggested, changed by a veterinarian, signed; each a document of its own."""

import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from tests.builders import film_dataset
from tests.unit import results
from tests.unit.results import ALL, EFFUSION, EXPOSURE, FIRST, HEART, IDENTITY, SIGNATURE, groups, named

from vetflow.dicom import verification
from vetflow.dicom.report import report
from vetflow.dicom.uids import derived_uid
from vetflow.domain.place import Box
from vetflow.domain.standing import REPLACED, SUGGESTION, Signature, Standing

SIGNED = Standing(edition=2, predecessors=(FIRST,), signature=SIGNATURE)
REJECTED = Standing(
    edition=1, predecessors=(replace(FIRST, purpose=REPLACED),), rejected=frozenset({EFFUSION.tracking})
)


def written(standing: Standing = SUGGESTION) -> Dataset:
    return results.read_back(report((film_dataset(),), ALL, identity=IDENTITY, standing=standing))


def comment(document: Dataset) -> str:
    return named(groups(document)["summary"], "121106")[0].TextValue


@pytest.mark.parametrize("standing", [SUGGESTION, REJECTED, SIGNED, replace(SIGNED, rejected=REJECTED.rejected)])
def test_a_report_is_valid_by_dciodvfy_however_far_it_has_come(standing: Standing, tmp_path: Path) -> None:
    assert results.unexplained(written(standing), tmp_path) == []


def test_a_suggestion_is_complete_unverified_and_preliminary() -> None:
    document = written()

    assert (document.CompletionFlag, document.VerificationFlag, document.PreliminaryFlag) == (
        "COMPLETE", "UNVERIFIED", "PRELIMINARY",
    )  # fmt: skip
    assert document.SeriesDescription == "AI suggestion - requires verification"
    assert "PredecessorDocumentsSequence" not in document
    assert "VerifyingObserverSequence" not in document


def test_a_signed_report_is_verified_and_final_and_names_who_signed_for_whom_and_when() -> None:
    document = written(SIGNED)

    (observer,) = document.VerifyingObserverSequence
    assert (document.CompletionFlag, document.VerificationFlag, document.PreliminaryFlag) == (
        "COMPLETE", "VERIFIED", "FINAL",
    )  # fmt: skip
    assert observer.VerifyingObserverName == "Müller^Ada"
    assert observer.VerifyingOrganization == "Kleintierpraxis"
    assert observer.VerificationDateTime.startswith(SIGNATURE.at.astimezone().strftime("%Y%m%d%H%M%S"))
    assert list(observer.VerifyingObserverIdentificationCodeSequence) == []


def test_a_signed_report_no_longer_calls_itself_a_suggestion() -> None:
    document = written(SIGNED)

    assert document.SeriesDescription == "AI-assisted findings, signed"
    assert "not verified" not in comment(document)
    assert "signed by a veterinarian" in comment(document)
    assert "not verified" not in str(document)


def test_only_a_complete_document_can_be_signed() -> None:
    document = written()
    document.CompletionFlag = "PARTIAL"

    with pytest.raises(ValueError, match="complete"):
        verification.stand(document, SIGNED)


@pytest.mark.parametrize(
    ("name", "kept"),
    [("Bono", "Bono^"), ("A\\B^C", "A/B^C"), ("A=B^C", "A-B^C"), ("A\nB^C", "A B^C"), ("x" * 90, "x" * 63 + "^")],
)
def test_a_typed_name_is_one_person_name_and_never_quoted_in_a_warning(name: str, kept: str) -> None:
    signature = Signature(name=name, organization="Praxis\\Nord " + "x" * 90, at=SIGNATURE.at)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (observer,) = written(replace(SIGNED, signature=signature)).VerifyingObserverSequence

    assert observer.VerifyingObserverName == kept
    assert observer.VerifyingOrganization.startswith("Praxis/Nord x")
    assert len(observer.VerifyingOrganization) == 64


def test_predecessors_are_named_by_study_and_series_with_why_the_report_follows_from_them() -> None:
    other = replace(FIRST, sop_uid="2.25.21", purpose=REPLACED)
    elsewhere = replace(FIRST, sop_uid="2.25.31", series_uid="2.25.32")

    document = written(Standing(edition=1, predecessors=(FIRST, other, elsewhere)))

    (study,) = document.PredecessorDocumentsSequence
    named_here = {
        series.SeriesInstanceUID: [
            (one.ReferencedSOPInstanceUID, one.PurposeOfReferenceCodeSequence[0].CodeValue)
            for one in series.ReferencedSOPSequence
        ]
        for series in study.ReferencedSeriesSequence
    }
    assert study.StudyInstanceUID == "2.25.13"
    assert named_here == {"2.25.12": [("2.25.11", "121362"), ("2.25.21", "121360")], "2.25.32": [("2.25.31", "121362")]}


def test_dcmtk_sees_who_signed_and_what_the_report_follows_from(tmp_path: Path) -> None:
    shown = results.run("dsrdump", "+Pl", results.filed(written(SIGNED), tmp_path)).stdout

    for words in ("VERIFIED", "FINAL", "Predecessor Docs    : 1", "Kleintierpraxis", "signed"):
        assert words in shown, words


def test_a_rejected_finding_is_neither_claimed_nor_drawn_but_named() -> None:
    document = written(REJECTED)

    found = groups(document)
    coded = named(found["summary"], "rejected")
    assert [name for name in found if name.startswith(EFFUSION.tracking)] == []
    assert [item.ConceptCodeSequence[0].CodeMeaning for item in coded] == ["Pleural effusion"]
    assert "Rejected by a veterinarian: Pleural effusion." in comment(document)
    assert EFFUSION.says not in str(document)


def test_what_was_not_rejected_is_still_claimed() -> None:
    assert {HEART.tracking, EXPOSURE.tracking} <= groups(written(REJECTED)).keys()


@pytest.mark.parametrize(
    ("abstained", "words", "presence"),
    [("", "Nothing to complain of.", "Absent"), ("too dark", "No judgement. Abstained: too dark.", "Undetermined")],
)
def test_a_report_whose_findings_were_all_rejected_says_that_nothing_is_left(
    abstained: str, words: str, presence: str
) -> None:
    assessment = replace(results.of(EFFUSION), abstained=abstained)

    document = report((film_dataset(),), assessment, identity=IDENTITY, standing=REJECTED)

    group = groups(document)["summary"]
    assert comment(document).startswith(words)
    assert [item.ConceptCodeSequence[0].CodeMeaning for item in named(group, "121052")] == [presence]


def test_of_two_findings_of_one_kind_only_the_rejected_one_goes() -> None:
    second = replace(EFFUSION, box=Box(left=50, top=30, right=60, bottom=44))
    standing = replace(REJECTED, rejected=frozenset({f"{EFFUSION.tracking} #2"}))

    document = report((film_dataset(),), results.of(second, EFFUSION), identity=IDENTITY, standing=standing)

    (region,) = named(document, "111030")
    assert list(region.GraphicData)[:2] == [10, 20]


def test_every_edition_is_a_document_of_its_own_and_the_first_keeps_its_uids() -> None:
    first, second, third = (written(standing) for standing in (SUGGESTION, REJECTED, SIGNED))

    origin = derived_uid(*IDENTITY.digests, "cardiac", results.MODEL.digest, "1", "SR", "instance")
    assert origin == first.SOPInstanceUID
    assert len({document.SOPInstanceUID for document in (first, second, third)}) == 3
    assert len({document.SeriesInstanceUID for document in (first, second, third)}) == 3


def test_a_finding_keeps_its_tracking_uid_in_every_edition() -> None:
    first, third = (named(groups(written(one))[HEART.tracking], "112040")[0].UID for one in (SUGGESTION, SIGNED))

    assert first == third
