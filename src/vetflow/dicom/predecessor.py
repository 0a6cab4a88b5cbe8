"""How a document that was written is named by those that follow from it."""

from pydicom.dataset import Dataset

from vetflow.dicom import fields
from vetflow.domain.coding import Code
from vetflow.domain.standing import Predecessor


def predecessor(document: Dataset, *, purpose: Code) -> Predecessor:
    """Return a written document as a predecessor (PS3.3 C.17.2).

    Parameters
    ----------
    document
        Its header, from :func:`vetflow.dicom.header.read`.
    purpose
        CID 7009.
    """
    return Predecessor(
        sop_class=fields.text(document, "SOPClassUID"),
        sop_uid=fields.text(document, "SOPInstanceUID"),
        series_uid=fields.text(document, "SeriesInstanceUID"),
        study_uid=fields.text(document, "StudyInstanceUID"),
        purpose=purpose,
    )
