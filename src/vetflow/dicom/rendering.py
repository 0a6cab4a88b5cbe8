"""How an image is shown, so that a presentation state shows it the same: value transformations and pixel shape."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice

from pydicom.dataset import Dataset

from vetflow.dicom import fields, planes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """What one presentation state can say of all the images it is for.

    Parameters
    ----------
    study_uid
        A presentation state belongs to the study of its images.
    columns, rows
        Pixels.
    aspect
        Height of a pixel over its width.
    inverted
        Low values are bright (MONOCHROME1).
    modality
        Elements of the Modality LUT module; none when stored values are used as they are.
    lut
        The same as DICOM JSON, to compare by.
    """

    study_uid: str
    columns: int
    rows: int
    aspect: Fraction
    inverted: bool
    modality: Dataset = field(compare=False)
    lut: str


def rendering(source: Dataset) -> Rendering | None:
    """Return how an image is shown; None when it is no greyscale image."""
    photometric = fields.text(source, "PhotometricInterpretation")
    if photometric not in {"MONOCHROME1", "MONOCHROME2"}:
        return None
    modality = _modality(source)
    return Rendering(
        study_uid=fields.text(source, "StudyInstanceUID"),
        columns=fields.count(source, "Columns"), rows=fields.count(source, "Rows"), aspect=planes.ratio(source),
        inverted=photometric == "MONOCHROME1", modality=modality, lut=modality.to_json(),
    )  # fmt: skip


def voi(source: Dataset, frame: int | None) -> Dataset | None:
    """Return the VOI LUT of an image or of one of its frames as an item of a presentation state, None without one."""
    for place in _places(source, frame, "FrameVOILUTSequence"):
        item = _window(place)
        _carry(place, item, "VOILUTSequence")
        if len(item):
            return item
    return None


def _window(place: Dataset) -> Dataset:
    """Copy a window that is one: several are alternatives, in the same order as in the image."""
    item = Dataset()
    centres, widths = fields.numbers(place, "WindowCenter"), fields.numbers(place, "WindowWidth")
    if centres and len(centres) == len(widths) and min(widths) > 0:
        for keyword in ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction"):
            _carry(place, item, keyword)
    return item


def _modality(source: Dataset) -> Dataset:
    found = Dataset()
    for place in _places(source, None, "PixelValueTransformationSequence"):
        slope, intercept = (fields.numbers(place, keyword) for keyword in ("RescaleSlope", "RescaleIntercept"))
        if len(slope) == len(intercept) == 1 and slope[0] != 0:
            for keyword in ("RescaleIntercept", "RescaleSlope"):
                _carry(place, found, keyword)
            found.RescaleType = fields.text(place, "RescaleType") or "US"
            return found
        _carry(place, found, "ModalityLUTSequence")
        if len(found):
            return found
    return found


def _places(source: Dataset, frame: int | None, macro: str) -> Iterator[Dataset]:
    """Yield where an image may say it: in its header, for all its frames, for this one or else the first."""
    yield source
    for groups, index in (
        ("SharedFunctionalGroupsSequence", 0),
        ("PerFrameFunctionalGroupsSequence", (frame or 1) - 1),
    ):
        for group in islice(fields.items(source, groups, most=None), index, index + 1):
            yield from islice(fields.items(group, macro), 1)


def _carry(source: Dataset, target: Dataset, keyword: str) -> None:
    try:
        if keyword in source and not source[keyword].is_empty:
            target[keyword] = source[keyword]
    except fields.UNREADABLE:
        return
