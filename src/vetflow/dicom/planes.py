"""Where frames lie in the animal, and how long their pixels are, as far as their headers say."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import numpy as np
from pydicom.dataset import Dataset

from vetflow.dicom import fields

_MACROS = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
_STRANGEST = 10.0
_FINEST = 1000
"""Largest term of a pixel aspect ratio: finer than any pixel is square."""
_EVEN = 1e-2
"""mm by which steps between slices may differ and still be the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """Where a frame lies (PS3.3 C.7.6.2).

    Parameters
    ----------
    frame_of_reference
        Its UID.
    position
        ImagePositionPatient, mm.
    orientation
        ImageOrientationPatient: cosines of rows, then of columns.
    spacing
        PixelSpacing: between rows, then between columns, mm.
    thickness
        SliceThickness, mm; None where the header has none.
    """

    frame_of_reference: str
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    thickness: float | None = None

    def parallel(self, other: "Plane") -> bool:
        """Whether another plane has the same direction, pixels and frame of reference."""
        mine, theirs = (*self.orientation, *self.spacing), (*other.orientation, *other.spacing)
        same_frame = self.frame_of_reference == other.frame_of_reference
        return same_frame and all(math.isclose(a, b, abs_tol=1e-4) for a, b in zip(mine, theirs, strict=True))


def planes(images: Sequence[Dataset]) -> tuple[Plane, ...]:
    """Return the plane of every frame of every image, in order; none at all when one frame has none, as on a film."""
    found = [plane for image in images for plane in _planes(image)]
    return tuple(plane for plane in found if plane) if all(found) else ()


def gap(stack: Sequence[Plane]) -> float | None:
    """Return the distance of parallel planes from one to the next, mm; None when it varies or there is one plane."""
    if len(stack) < 2:
        return None
    row, column = np.array(stack[0].orientation).reshape(2, 3)
    steps = np.diff(np.array([plane.position for plane in stack]) @ np.cross(row, column))
    return abs(float(steps.mean())) if np.ptp(steps) < _EVEN and abs(steps.mean()) > _EVEN else None


def aspect(header: Dataset) -> float:
    """Return the height of an image's pixels over their width; 1 where the header says nothing sensible."""
    for found in (_lengths(header, keyword) for keyword in _SPACINGS):
        if found and 1 / _STRANGEST < found[0] / found[1] < _STRANGEST:
            return found[0] / found[1]
    return 1.0


def ratio(header: Dataset) -> Fraction:
    """Return the same as a ratio of whole numbers, as PixelAspectRatio writes it."""
    return Fraction(aspect(header)).limit_denominator(_FINEST)


def _planes(image: Dataset) -> Iterator[Plane | None]:
    frame_of_reference, frames = fields.text(image, "FrameOfReferenceUID"), fields.count(image, "NumberOfFrames") or 1
    groups = list(fields.items(image, "PerFrameFunctionalGroupsSequence", most=None))
    if groups and len(groups) == frames:
        shared = list(fields.items(image, "SharedFunctionalGroupsSequence"))
        yield from (_plane(_flat([*shared, group]), frame_of_reference) for group in groups)
    elif frames == 1:
        yield _plane(image, frame_of_reference)
    else:
        yield None


def _flat(groups: Sequence[Dataset]) -> Dataset:
    """Return the attributes of functional groups side by side; a later group wins."""
    flat = Dataset()
    for item in (item for group in groups for macro in _MACROS for item in islice(fields.items(group, macro), 1)):
        flat.update(item)
    return flat


def _plane(header: Dataset, frame_of_reference: str) -> Plane | None:
    position = fields.numbers(header, "ImagePositionPatient")
    orientation = fields.numbers(header, "ImageOrientationPatient")
    spacing = _lengths(header, "PixelSpacing")
    if not frame_of_reference or len(position) != 3 or len(orientation) != 6 or not spacing:
        return None
    return Plane(
        frame_of_reference=frame_of_reference, position=position, orientation=orientation, spacing=spacing,
        thickness=fields.number(header, "SliceThickness"),
    )  # fmt: skip


def _lengths(header: Dataset, keyword: str) -> tuple[float, ...]:
    found = fields.numbers(header, keyword)
    return found if len(found) == 2 and min(found) > 0 else ()
