"""The frames of a segmentation: which source frame each lies on, where that is, and its pixels.

Binary and uncompressed, eight pixels a byte across frames as the standard wants them (PS3.5 8.1.1): every viewer reads
that. RLE and JPEG can't hold single bits, and many a PACS refuses deflated files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from highdicom.content import PixelMeasuresSequence, PlaneOrientationSequence, PlanePositionSequence
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from vetflow.dicom import fields, planes
from vetflow.dicom.derived import SOURCE, reference
from vetflow.dicom.planes import Plane
from vetflow.dicom.uids import derived_uid
from vetflow.dicom.verification import coded
from vetflow.domain.coding import Code
from vetflow.domain.errors import StudyRefused

Pixels = NDArray[np.bool_]

_SEGMENTATION = Code(value="113076", scheme="DCM", meaning="Segmentation")
_PATIENT = "PATIENT"
_BY_SEGMENT = ("ReferencedSegmentNumber", "SegmentIdentificationSequence")
_BY_POSITION = ("ImagePositionPatient", "PlanePositionSequence")
_BY_NUMBER = ("InStackPositionNumber", "FrameContentSequence")
_FEW = 8
"""Frames packed at a time: whole bytes come out whatever the matrix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A frame of a source image.

    Parameters
    ----------
    image
        Its header.
    number
        From 1; None for an image of one frame.
    plane
        Where it lies; None on a film.
    """

    image: Dataset
    number: int | None
    plane: Plane | None


def frames(images: Sequence[Dataset]) -> list[Frame]:
    """Return the frames of some images in order, with their planes when every frame has one.

    Raises
    ------
    StudyRefused
        ``mask_planes`` when they lie in different directions.
    """
    found = planes.planes(images)
    if not all(plane.parallel(found[0]) for plane in found):
        raise StudyRefused("mask_planes", "The slices under a mask do not lie in one direction.")
    numbered = [(image, number) for image in images for number in _numbers(image)]
    return [
        Frame(image=image, number=number, plane=found[at] if found else None)
        for at, (image, number) in enumerate(numbered)
    ]


def fill(document: Dataset, sources: Sequence[Frame], masks: Sequence[Pixels]) -> None:
    """Give a segmentation its frames: for each segment those source frames that it holds a pixel of.

    Parameters
    ----------
    masks
        Of each segment, source frames × rows × columns.
    """
    held = [(segment, at) for segment, mask in enumerate(masks) for at in range(len(sources)) if mask[at].any()]
    _describe(document, masks)
    document.NumberOfFrames = len(held)
    document.add_new("PixelData", "OB", _packed([masks[segment][at] for segment, at in held]))
    document.SharedFunctionalGroupsSequence = [_shared(document, sources)]
    dimensions = _dimensions(document, sources)
    document.PerFrameFunctionalGroupsSequence = [
        _own(sources[at], segment + 1, (segment + 1, at + 1)[:dimensions]) for segment, at in held
    ]


def _numbers(image: Dataset) -> Iterator[int | None]:
    count = fields.count(image, "NumberOfFrames")
    yield from range(1, count + 1) if count > 1 else (None,)


def _describe(document: Dataset, masks: Sequence[Pixels]) -> None:
    document.Rows, document.Columns = masks[0].shape[1:]
    document.SamplesPerPixel, document.PhotometricInterpretation = 1, "MONOCHROME2"
    document.BitsAllocated = document.BitsStored = 1
    document.HighBit = document.PixelRepresentation = 0
    document.SegmentationType = "BINARY"
    document.SegmentsOverlap = "YES" if _overlap(masks) else "NO"


def _overlap(masks: Sequence[Pixels]) -> bool:
    """Whether segments share a pixel; frame by frame, to need no room."""
    return any(np.count_nonzero([mask[at] for mask in masks], axis=0).max() > 1 for at in range(len(masks[0])))


def _packed(pixels: Sequence[Pixels]) -> bytes:
    eights = (pixels[start : start + _FEW] for start in range(0, len(pixels), _FEW))
    packed = b"".join(np.packbits(np.stack(few), bitorder="little").tobytes() for few in eights)
    return packed + bytes(len(packed) % 2)


def _shared(document: Dataset, sources: Sequence[Frame]) -> Dataset:
    """Return what all frames share; a film's orientation and pixel shape stand in the document itself.

    highdicom, and so what is built on it, reads no pixel measures without a thickness: films get none, and slices that
    do not say theirs get the distance to the next.
    """
    groups, image, plane = Dataset(), sources[0].image, sources[0].plane
    if plane:
        document.FrameOfReferenceUID, document.PositionReferenceIndicator = plane.frame_of_reference, ""
        gap = planes.gap([source.plane for source in sources if source.plane])
        groups.PlaneOrientationSequence = PlaneOrientationSequence(_PATIENT, plane.orientation)
        groups.PixelMeasuresSequence = PixelMeasuresSequence(plane.spacing, plane.thickness or gap, gap)
    else:
        document.PatientOrientation = fields.texts(image, "PatientOrientation")
        shape = planes.ratio(image)
        if shape != 1:
            document.PixelAspectRatio = [shape.numerator, shape.denominator]
    return groups


def _dimensions(document: Dataset, sources: Sequence[Frame]) -> int:
    """Say by what frames are ordered: segment, then position, or number where there is none; return how many those are.

    A single film has but one place to be at.
    """
    place = [_BY_POSITION] if sources[0].plane else [_BY_NUMBER] if len(sources) > 1 else []
    uid = derived_uid(document.SOPInstanceUID, "dimensions")
    organization = Dataset()
    organization.DimensionOrganizationUID = uid
    document.DimensionOrganizationSequence = [organization]
    document.DimensionIndexSequence = [_dimension(uid, *what) for what in (_BY_SEGMENT, *place)]
    return 1 + len(place)


def _dimension(organization: str, pointer: str, group: str) -> Dataset:
    index = Dataset()
    index.DimensionOrganizationUID, index.DimensionDescriptionLabel = organization, pointer
    index.DimensionIndexPointer, index.FunctionalGroupPointer = Tag(pointer), Tag(group)
    return index


def _own(source: Frame, segment: int, index: tuple[int, ...]) -> Dataset:
    content, identification, origin, groups = Dataset(), Dataset(), Dataset(), Dataset()
    content.DimensionIndexValues = list(index)
    if source.plane:
        groups.PlanePositionSequence = PlanePositionSequence(_PATIENT, source.plane.position)
    elif len(index) > 1:
        content.StackID, content.InStackPositionNumber = "1", index[1]
    identification.ReferencedSegmentNumber = segment
    origin.DerivationCodeSequence, origin.SourceImageSequence = [coded(_SEGMENTATION)], [_origin(source)]
    groups.FrameContentSequence, groups.SegmentIdentificationSequence = [content], [identification]
    groups.DerivationImageSequence = [origin]
    return groups


def _origin(source: Frame) -> Dataset:
    sop_class, sop_uid = (fields.text(source.image, keyword) for keyword in ("SOPClassUID", "SOPInstanceUID"))
    item = reference(sop_class, sop_uid, SOURCE)
    item.SpatialLocationsPreserved = "YES"
    if source.number is not None:
        item.ReferencedFrameNumber = source.number
    return item
