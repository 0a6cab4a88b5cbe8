"""The outcome of a case as JSON, beside the DICOM objects written from it."""

from collections.abc import Mapping

from pydicom.dataset import Dataset

from vetflow.dicom import fields
from vetflow.dicom.objects import Outcome
from vetflow.rest.result import JudgedImage, ResultInput, result


def told(outcome: Outcome, *, case_id: str, segmentations: Mapping[int, str]) -> str:
    """Return the JSON text of an outcome; StudyRefused as :func:`vetflow.rest.result.result`.

    Parameters
    ----------
    segmentations
        SOP Instance UID of the segmentation of an image, by the image's number.
    """
    identity = outcome.identity
    given = ResultInput(
        case_id=case_id,
        use_case=identity.use_case,
        images=tuple(map(_judged, outcome.sources)),
        assessment=outcome.assessment,
        tracking_uid=lambda name: identity.tracking_uid(outcome.sources[0], name),
        made_at=identity.made_at,
        software=identity.software,
        revision=identity.revision,
        caveats=identity.caveats,
        segmentations=segmentations,
        standing=outcome.standing,
    )
    return result(given)


def _judged(source: Dataset) -> JudgedImage:
    return JudgedImage(
        study_uid=fields.text(source, "StudyInstanceUID"),
        series_uid=fields.text(source, "SeriesInstanceUID"),
        sop_class=fields.text(source, "SOPClassUID"),
        sop_uid=fields.text(source, "SOPInstanceUID"),
        rows=fields.count(source, "Rows"),
        columns=fields.count(source, "Columns"),
        frames=fields.count(source, "NumberOfFrames") or 1,
    )
