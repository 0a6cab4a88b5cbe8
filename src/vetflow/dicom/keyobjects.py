"""Images that somebody should look at, or take again, as Key Object Selection documents (TID 2010)."""

from collections.abc import Sequence
from dataclasses import dataclass

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from highdicom.sr import CodeContentItem, RelationshipTypeValues
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code as ConceptCode

from vetflow.dicom import observer
from vetflow.dicom.case import Case, case_of
from vetflow.dicom.groups import concept
from vetflow.dicom.identity import MANUFACTURER, SERIAL, ReportIdentity, restore, series_description
from vetflow.dicom.summary import SIGNED, UNVERIFIED, advice
from vetflow.domain import trunk
from vetflow.domain.coding import Code
from vetflow.domain.finding import Assessment, Finding, Presence
from vetflow.domain.standing import SUGGESTION, Signature, Standing
from vetflow.domain.urgency import URGENCY

_SERIES_NUMBER = 902
_QUALITY_ISSUE = ConceptCode("113010", "DCM", "Quality Issue")
_REJECTED = ConceptCode("113001", "DCM", "Rejected for Quality Reasons")
_OF_INTEREST = ConceptCode("113000", "DCM", "Of Interest")
_MODIFIER = ConceptCode("113011", "DCM", "Document Title Modifier")
_LONGEST_TEXT = 1024


_NO_REASON = frozenset({*trunk.DESCRIBED, URGENCY})
"""What is found on every sound film, or sums up what is found, makes no image one of interest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Selection:
    """Images under one title, and why.

    Parameters
    ----------
    images
        By SOP Instance UID, with the findings that put each here.
    reasons
        CID 7011, for the titles that have them.
    by
        The person who rejected the images.
    """

    title: ConceptCode
    images: dict[str, list[Finding]]
    reasons: tuple[Code, ...] = ()
    by: Signature | None = None


def quality_issues(
    sources: Sequence[Dataset], assessment: Assessment, *, identity: ReportIdentity,
    standing: Standing = SUGGESTION, rejected_by: Signature | None = None,
) -> tuple[Dataset, ...]:  # fmt: skip
    """Return the selections of images that have a quality problem, one for each set of reasons (CID 7011).

    Parameters
    ----------
    sources, standing
        As for :func:`vetflow.dicom.report.report`; images of other studies than the first's are left out.
    rejected_by
        The person who rejected the images: without one they have a quality issue, and are not rejected.
    """
    case = case_of(sources, assessment, identity=identity, standing=standing)
    title = _REJECTED if rejected_by else _QUALITY_ISSUE
    alike = dict[tuple[Code, ...], dict[str, list[Finding]]]()
    for sop_uid, findings in _present(case, of_quality=True).items():
        reasons = sorted({one.reason for one in findings if one.reason}, key=lambda reason: reason.value)
        alike.setdefault(tuple(reasons), {})[sop_uid] = findings
    return tuple(
        _document(_Selection(title=title, images=images, reasons=reasons, by=rejected_by), number, case)
        for number, (reasons, images) in enumerate(alike.items(), start=1)
    )


def of_interest(
    sources: Sequence[Dataset], assessment: Assessment, *, identity: ReportIdentity, standing: Standing = SUGGESTION
) -> Dataset | None:
    """Return the selection of images on which something was found, with the findings in words; None without any.

    Parameters
    ----------
    sources, standing
        As for :func:`quality_issues`; problems of quality are no reason here.
    """
    case = case_of(sources, assessment, identity=identity, standing=standing)
    images = _present(case, of_quality=False)
    return _document(_Selection(title=_OF_INTEREST, images=images), 1, case) if images else None


def _present(case: Case, *, of_quality: bool) -> dict[str, list[Finding]]:
    """Return what is present on each image of the study, by the image's UID and in the order of the images."""
    study_uid, found = case.images[0].StudyInstanceUID, dict[str, list[Finding]]()
    for _, finding in sorted(case.claimed, key=lambda claimed: claimed[1].image):
        image = case.image(finding)
        counts = finding.presence is Presence.PRESENT and (finding.reason is not None) == of_quality
        counts = counts and finding.code not in _NO_REASON
        if counts and image.StudyInstanceUID == study_uid:
            found.setdefault(image.SOPInstanceUID, []).append(finding)
    return found


def _document(selection: _Selection, number: int, case: Case) -> Dataset:
    identity, made_at = case.identity, case.identity.made_at.astimezone()
    title = selection.title.value
    chosen = {image.SOPInstanceUID: image for image in case.images if image.SOPInstanceUID in selection.images}
    document = KeyObjectSelectionDocument(
        evidence=list(chosen.values()), content=_content(selection, list(chosen.values()), case),
        series_instance_uid=case.uid("KOS", title, "series"), series_number=_SERIES_NUMBER,
        sop_instance_uid=case.uid("KOS", title, "instance", str(number)), instance_number=number,
        series_description=_REJECTED.meaning if selection.by else series_description(case.standing),
        manufacturer=MANUFACTURER,
        manufacturer_model_name=identity.use_case, device_serial_number=SERIAL, software_versions=identity.software,
        content_date=made_at.date(), content_time=made_at.time(),
    )  # fmt: skip
    restore(document, case.sources[0], identity)
    return document


def _content(selection: _Selection, images: list[Dataset], case: Case) -> KeyObjectSelection:
    content = KeyObjectSelection(
        document_title=selection.title, referenced_objects=images, description=_description(selection, case),
        observer_device_context=None if selection.by else observer.device(case.identity),
        observer_person_context=observer.person(selection.by) if selection.by else None,
    )  # fmt: skip
    for place, reason in enumerate(selection.reasons):
        modifier = CodeContentItem(_MODIFIER, concept(reason), relationship_type=RelationshipTypeValues.HAS_CONCEPT_MOD)
        content[0].ContentSequence.insert(place, modifier)
    return content


def _description(selection: _Selection, case: Case) -> str:
    """Say who says so, unless a person does, and what: advice first, each sentence once."""
    who = "" if selection.by else SIGNED if case.standing.signature else UNVERIFIED
    found = [finding for findings in selection.images.values() for finding in findings]
    advised = [one for one in advice(case) if one.image in {finding.image for finding in found}]
    says = dict.fromkeys(finding.says for finding in (*(advised if selection.reasons else ()), *found))
    return " ".join(filter(None, (who, *says)))[:_LONGEST_TEXT]
