"""An assessment as a DICOM structured report: TID 1500 in a Comprehensive 3D SR, always complete."""

from collections.abc import Sequence

from highdicom.sr import (
    Comprehensive3DSR,
    ContainerContentItem,
    ContentSequence,
    ImageLibrary,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
)
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code as ConceptCode

from vetflow.dicom import groups, observer, verification
from vetflow.dicom.case import Case, case_of
from vetflow.dicom.identity import (
    MANUFACTURER,
    SERIAL,
    ReportIdentity,
    restore,
    schemes,
    series_description,
)
from vetflow.dicom.library import described
from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import Assessment
from vetflow.domain.standing import SUGGESTION, Standing

_SERIES_NUMBER = 900
_TITLE = ConceptCode("126000", "DCM", "Imaging Measurement Report")
_PROCEDURE = ConceptCode("363679005", "SCT", "Imaging procedure")


def report(
    sources: Sequence[Dataset], assessment: Assessment, *, identity: ReportIdentity, standing: Standing = SUGGESTION
) -> Dataset:
    """Return the structured report of an assessment of one or several images.

    Parameters
    ----------
    sources
        The images' original headers, from :func:`vetflow.dicom.header.read`, in the order that findings number them;
        the first gives the report its animal and study.
    standing
        What the report follows from, what a veterinarian rejected, and who signed it.

    Raises
    ------
    StudyRefused
        ``report_impossible`` when an image is of a class that reports can't refer to, or a finding of no image.
    """
    case = case_of(sources, assessment, identity=identity, standing=standing)
    library = _library(described(case))
    measured = groups.of(case)
    document = _document(case)
    document.ContentSequence = _content(measured, library, observer.device(identity))
    restore(document, sources[0], identity)
    verification.stand(document, standing)
    return document


def _document(case: Case) -> Comprehensive3DSR:
    """Return a document of nothing but its title: highdicom copies content twice, which takes longer than all else."""
    made_at = case.identity.made_at.astimezone()
    title = ContainerContentItem(name=_TITLE, template_id="1500")
    title.ContentSequence = ContentSequence()
    return Comprehensive3DSR(
        evidence=case.images, content=title, is_complete=True, is_final=False, is_verified=False,
        series_instance_uid=case.uid("SR", "series"), sop_instance_uid=case.uid("SR", "instance"),
        series_number=_SERIES_NUMBER, instance_number=1, series_description=series_description(case.standing),
        manufacturer=MANUFACTURER, manufacturer_model_name=case.identity.use_case, device_serial_number=SERIAL,
        software_versions=case.identity.software, content_date=made_at.date(), content_time=made_at.time(),
        coding_schemes=schemes(),
    )  # fmt: skip


def _content(measured: list[groups.Group], library: Dataset, device: ObserverContext) -> list[Dataset]:
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=device),
        procedure_reported=_PROCEDURE, title=_TITLE, imaging_measurements=measured,
    )  # fmt: skip
    *context, measurements = report[0].ContentSequence
    return [*context, library, measurements]


def _library(images: Sequence[Dataset]) -> Dataset:
    try:
        return ImageLibrary(images)[0]
    except (KeyError, ValueError):
        raise StudyRefused("report_impossible", "The SOP class is not an image that reports refer to.") from None
