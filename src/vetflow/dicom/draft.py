"""A draft report as a Basic Text SR (TID 2000): what any PACS can show, preliminary and unverified."""

from collections.abc import Iterable, Sequence

from highdicom.sr import (
    CodedConcept,
    ContainerContentItem,
    ContentSequence,
    EnhancedSR,
    LanguageOfContentItemAndDescendants,
    ObservationContext,
    RelationshipTypeValues,
    TextContentItem,
)
from pydicom.dataset import Dataset
from pydicom.uid import BasicTextSRStorage

from vetflow.dicom import observer, verification
from vetflow.dicom.identity import (
    MANUFACTURER,
    SERIAL,
    ReportIdentity,
    restore,
    series_description,
    stand_in,
)
from vetflow.domain.coding import Code
from vetflow.domain.finding import Assessment
from vetflow.domain.report import Paragraph
from vetflow.domain.standing import SUGGESTION, Standing

_SERIES_NUMBER = 903
_TITLE = CodedConcept("18748-4", "LN", "Diagnostic Imaging Report")
_ENGLISH = CodedConcept("en", "RFC5646", "English")


def draft_report(
    sources: Sequence[Dataset],
    paragraphs: Iterable[Paragraph],
    *,
    assessment: Assessment,
    identity: ReportIdentity,
    standing: Standing = SUGGESTION,
) -> Dataset:
    """Return a draft report on some images as a structured report.

    Parameters
    ----------
    sources
        The images' original headers; the first gives the report its animal and study.
    standing
        What the report follows from.

    Raises
    ------
    StudyRefused
        ``report_impossible`` when the first image is of a class that reports can't refer to.
    """
    made_at = identity.made_at.astimezone()
    document = EnhancedSR(
        evidence=[stand_in(source) for source in sources], content=_content(paragraphs, identity),
        is_complete=True, is_final=False, is_verified=False,
        series_instance_uid=identity.uid(assessment, "SR", "series"),
        sop_instance_uid=identity.uid(assessment, "SR", "instance"),
        series_number=_SERIES_NUMBER, instance_number=1, series_description=series_description(standing),
        manufacturer=MANUFACTURER, manufacturer_model_name=identity.use_case, device_serial_number=SERIAL,
        software_versions=identity.software, content_date=made_at.date(), content_time=made_at.time(),
    )  # fmt: skip
    # highdicom knows no Basic Text SR, which differs from an enhanced one in its class alone as long as it holds text.
    document.SOPClassUID = document.file_meta.MediaStorageSOPClassUID = BasicTextSRStorage
    restore(document, sources[0], identity)
    verification.stand(document, standing)
    return document


def _content(paragraphs: Iterable[Paragraph], identity: ReportIdentity) -> ContainerContentItem:
    title = ContainerContentItem(name=_TITLE, template_id="2000")
    language = LanguageOfContentItemAndDescendants(_ENGLISH)
    context = ObservationContext(observer_device_context=observer.device(identity))
    title.ContentSequence = ContentSequence([*language, *context, *map(_section, paragraphs)])
    return title


def _section(paragraph: Paragraph) -> ContainerContentItem:
    section = ContainerContentItem(name=_named(paragraph.heading), relationship_type=RelationshipTypeValues.CONTAINS)
    text = TextContentItem(
        name=_named(paragraph.concept), value=paragraph.text, relationship_type=RelationshipTypeValues.CONTAINS
    )
    section.ContentSequence = ContentSequence([text])
    return section


def _named(code: Code) -> CodedConcept:
    return CodedConcept(code.value, code.scheme, code.meaning)
