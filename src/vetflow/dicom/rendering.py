"""How an image is shown, so that a presentation state shows it the same: value transformations and pixel shape."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from pydicom.dataset import Dataset

from vetflow.dicom import fields

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
_FINEST = 1000
"""Largest term of a pixel aspect ratio: finer than any pixel is square."""


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
        Height and width of a pixel, as a ratio of whole numbers.
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
    aspect: tuple[int, int]
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
        columns=fields.count(source, "Columns"), rows=fields.count(source, "Rows"), aspect=_aspect(source),
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


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Return the values of a field, none when one of them is no finite number."""
    try:
        numbers = [float(value) for value in fields.texts(dataset, keyword)]
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


def _window(place: Dataset) -> Dataset:
    """Copy a window that is one: several are alternatives, in the same order as in the image."""
    item = Dataset()
    centres, widths = numbers(place, "WindowCenter"), numbers(place, "WindowWidth")
    if centres and len(centres) == len(widths) and min(widths) > 0:
        for keyword in ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction"):
            _carry(place, item, keyword)
    return item


def _modality(source: Dataset) -> Dataset:
    found = Dataset()
    for place in _places(source, None, "PixelValueTransformationSequence"):
        slope, intercept = (numbers(place, keyword) for keyword in ("RescaleSlope", "RescaleIntercept"))
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
        for group in _items(source, groups)[index : index + 1]:
            yield from _items(group, macro)[:1]


def _items(dataset: Dataset, keyword: str) -> Sequence[Dataset]:
    try:
        return dataset.get(keyword) or ()
    except fields.UNREADABLE:
        return ()


def _carry(source: Dataset, target: Dataset, keyword: str) -> None:
    try:
        if keyword in source and not source[keyword].is_empty:
            target[keyword] = source[keyword]
    except fields.UNREADABLE:
        return


def _aspect(source: Dataset) -> tuple[int, int]:
    for keyword in _SPACINGS:
        spacing = numbers(source, keyword)
        if len(spacing) == 2 and min(spacing) > 0:
            ratio = Fraction(spacing[0] / spacing[1]).limit_denominator(_FINEST)
            return max(ratio.numerator, 1), ratio.denominator
    return 1, 1
