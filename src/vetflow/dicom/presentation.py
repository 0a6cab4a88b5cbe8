"""Findings drawn over their images: Grayscale Softcopy Presentation States (PS3.3 A.33.1), the pixels untouched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from highdicom.base import SOPClass
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, GrayscaleSoftcopyPresentationStateStorage

from vetflow.dicom import fields
from vetflow.dicom.case import Case, case_of
from vetflow.dicom.drawing import Layer, Mark, graphic, layers, marks, words
from vetflow.dicom.identity import (
    MANUFACTURER,
    SERIAL,
    ReportIdentity,
    restore,
    series_description,
)
from vetflow.dicom.rendering import Rendering, rendering, voi
from vetflow.domain.finding import Assessment
from vetflow.domain.standing import SUGGESTION, Standing

_SERIES_NUMBER = 901
_LABEL = "AI FINDINGS"
_UNVERIFIED = "AI suggestion - not verified"
_SIGNED = "AI-assisted findings, signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """What is drawn on one image, or on one frame of it."""

    source: Dataset
    frame: int | None
    marks: tuple[Mark, ...]


def presentations(
    sources: Sequence[Dataset], assessment: Assessment, *, identity: ReportIdentity, standing: Standing = SUGGESTION
) -> tuple[Dataset, ...]:
    """Return the presentation states of an assessment, one for each group of images that one can speak of.

    Images of another size, pixel shape, greyscale or modality LUT need one of their own; a case of one film has one.
    There is none when there is nothing to draw.

    Parameters
    ----------
    sources, standing
        As for :func:`vetflow.dicom.report.report`; colour images are left out.
    """
    case = case_of(sources, assessment, identity=identity, standing=standing)
    groups = dict[Rendering, list[_Sheet]]()
    for sheet in _sheets(case):
        if shown := rendering(sheet.source):
            groups.setdefault(shown, []).append(sheet)
    return tuple(_document(shown, sheets, number=n, case=case) for n, (shown, sheets) in enumerate(groups.items(), 1))


def _sheets(case: Case) -> Iterator[_Sheet]:
    """Yield what is drawn, image by image and frame by frame, and on each who says so."""
    first: dict[str, int] = {}
    drawn: dict[tuple[int, int], list[Mark]] = {}
    for name, finding in case.claimed:
        number = first.setdefault(case.image(finding).SOPInstanceUID, finding.image)
        drawn.setdefault((number, finding.frame or 0), []).extend(marks(finding, name))
    note = Mark(layer=Layer.NOTE, text=_SIGNED if case.standing.signature else _UNVERIFIED)
    for (number, frame), there in sorted(drawn.items()):
        if there:
            yield _Sheet(source=case.sources[number], frame=frame or None, marks=(*there, note))


def _document(shown: Rendering, sheets: Sequence[_Sheet], *, number: int, case: Case) -> Dataset:
    identity = case.identity
    document = SOPClass(
        sop_class_uid=GrayscaleSoftcopyPresentationStateStorage, modality="PR", study_instance_uid=shown.study_uid,
        series_instance_uid=case.uid("GSPS", "series", shown.study_uid),
        sop_instance_uid=case.uid("GSPS", "instance", str(number)),
        series_number=_SERIES_NUMBER, instance_number=number, series_description=series_description(case.standing),
        manufacturer=MANUFACTURER, manufacturer_model_name=identity.use_case, device_serial_number=SERIAL,
        software_versions=identity.software, transfer_syntax_uid=ExplicitVRLittleEndian,
    )  # fmt: skip
    restore(document, sheets[0].source, identity)
    _identify(document, identity.made_at.astimezone(), case.standing)
    document.ReferencedSeriesSequence = _series(sheets)
    document.Laterality = _laterality(sheets)
    document.GraphicAnnotationSequence = [item for sheet in sheets for item in _annotations(sheet, case)]
    document.GraphicLayerSequence = layers({mark.layer for sheet in sheets for mark in sheet.marks})
    document.DisplayedAreaSelectionSequence = [_area(shown)]
    document.update(shown.modality)
    if windows := _windows(sheets):
        document.SoftcopyVOILUTSequence = windows
    document.PresentationLUTShape = "INVERSE" if shown.inverted else "IDENTITY"
    return document


def _identify(document: Dataset, made_at: datetime, standing: Standing) -> None:
    document.ContentLabel, document.ContentDescription = _LABEL, series_description(standing)
    document.ContentCreatorName = ""
    document.PresentationCreationDate = made_at.strftime("%Y%m%d")
    document.PresentationCreationTime = made_at.strftime("%H%M%S.%f")


def _laterality(sheets: Sequence[_Sheet]) -> str:
    """Return the side that all images name, else the empty value that stands for unknown (Type 2C)."""
    sides = {fields.text(one.source, "Laterality") or fields.text(one.source, "ImageLaterality") for one in sheets}
    side = sides.pop() if len(sides) == 1 else ""
    return side if side in {"L", "R"} else ""


def _series(sheets: Sequence[_Sheet]) -> list[Dataset]:
    series = dict[str, list[_Sheet]]()
    for sheet in sheets:
        series.setdefault(fields.text(sheet.source, "SeriesInstanceUID"), []).append(sheet)
    items = list[Dataset]()
    for uid, there in series.items():
        item = Dataset()
        item.SeriesInstanceUID, item.ReferencedImageSequence = uid, _references(there)
        items.append(item)
    return items


def _references(sheets: Sequence[_Sheet]) -> list[Dataset]:
    """Return a reference to each image once: to the frames of its sheets, unless one of them is of all frames."""
    images = dict[str, list[_Sheet]]()
    for sheet in sheets:
        images.setdefault(fields.text(sheet.source, "SOPInstanceUID"), []).append(sheet)
    items = list[Dataset]()
    for uid, there in images.items():
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = fields.text(there[0].source, "SOPClassUID"), uid
        frames = [sheet.frame for sheet in there if sheet.frame]
        if len(frames) == len(there):
            item.ReferencedFrameNumber = frames
        items.append(item)
    return items


def _annotations(sheet: _Sheet, case: Case) -> Iterator[Dataset]:
    for layer in Layer:
        if there := [mark for mark in sheet.marks if mark.layer is layer]:
            item = Dataset()
            item.ReferencedImageSequence = _references([sheet])
            item.GraphicLayer = layer.value
            item.TextObjectSequence = [words(mark) for mark in there]
            if layer is not Layer.NOTE:
                item.GraphicObjectSequence = [graphic(mark, case.tracking_uid) for mark in there]
            yield item


def _area(shown: Rendering) -> Dataset:
    """Show the whole image, its pixels in their true shape; the corners count pixels from 1, unlike graphics."""
    item = Dataset()
    item.DisplayedAreaTopLeftHandCorner = [1, 1]
    item.DisplayedAreaBottomRightHandCorner = [shown.columns, shown.rows]
    item.PresentationSizeMode = "SCALE TO FIT"
    item.PresentationPixelAspectRatio = [shown.aspect.numerator, shown.aspect.denominator]
    return item


def _windows(sheets: Sequence[_Sheet]) -> list[Dataset]:
    """Return each VOI LUT once, with the images it is for unless it is for all."""
    found = list[tuple[Dataset, list[_Sheet]]]()
    for sheet in sheets:
        if (window := voi(sheet.source, sheet.frame)) is not None:
            there = next((users for other, users in found if other == window), None)
            if there is None:
                found.append((window, there := []))
            there.append(sheet)
    for window, users in found:
        if len(users) < len(sheets):
            window.ReferencedImageSequence = _references(users)
    return [window for window, _ in found]
