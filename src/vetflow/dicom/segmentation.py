"""Masks as DICOM segmentations (SEG): one for each image that has some, one for a whole CT series.

The parts come from highdicom and are put together here: its own Segmentation takes no image of several frames without a
frame of reference, and wants all masks of a CT at once, as many bytes as pixels and more while it works.
"""

from collections.abc import Sequence

from highdicom.color import CIELabColor
from highdicom.content import AlgorithmIdentificationSequence
from highdicom.seg import SegmentDescription
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code as ConceptCode
from pydicom.uid import SegmentationStorage

from vetflow.dicom import fields
from vetflow.dicom.case import Case, case_of
from vetflow.dicom.derived import Kind, derived
from vetflow.dicom.frames import fill, frames
from vetflow.dicom.groups import concept
from vetflow.dicom.identity import MANUFACTURER, RULES, SCHEME, ReportIdentity, schemes, series_description
from vetflow.dicom.verification import coded
from vetflow.domain.delivery import ResultKind
from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import Assessment, ModelVersion
from vetflow.domain.place import SIDE_CODES, Mask
from vetflow.domain.standing import SUGGESTION, Standing

_KIND = Kind(result=ResultKind.SEG, sop_class=SegmentationStorage, modality="SEG", series_number=910)
_FAMILY = ConceptCode("123110", "DCM", "Artificial Intelligence")
_COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))
"""Told apart by colour-blind people too (Okabe and Ito 2008)."""
_LONGEST = 64
Structure = tuple[str, Mask]
"""A tracking identifier and its mask."""


def segmentations(
    sources: Sequence[Dataset], assessment: Assessment, *, identity: ReportIdentity, standing: Standing = SUGGESTION
) -> dict[int, Dataset]:
    """Return the segmentation of each image that has masks, by the image's number; that of a CT series is under 0.

    Masks that hold no pixel, and structures that a veterinarian rejected, are left out; there may be nothing left.

    Parameters
    ----------
    sources
        Original headers of the case's images, from :func:`vetflow.dicom.header.read`, in the order that masks number
        them; slices of a CT series in the order of the frames of its masks.

    Raises
    ------
    StudyRefused
        ``mask_shape`` when a mask has another matrix or other frames than its image, ``mask_planes`` when the slices of
        a series have no common direction, ``report_impossible`` when there is no such image or none of a known class.
    """
    case, drawn = case_of(sources, assessment, identity=identity, standing=standing), dict[int, list[Structure]]()
    for structure in case.stands.structures:
        drawn.setdefault(structure[1].image, []).append(structure)
    return {number: _segmentation(case, structures) for number, structures in sorted(drawn.items())}


def _segmentation(case: Case, structures: Sequence[Structure]) -> Dataset:
    masks = [mask for _, mask in structures]
    images = _images(case.sources, masks)
    document = derived(_KIND, images, case, name=str(masks[0].image))
    document.ImageType = ["DERIVED", "PRIMARY"]
    document.ContentLabel = "AI_SIGNED" if case.standing.signature else "AI_SUGGESTION"
    document.ContentDescription = series_description(case.standing)
    document.ContentCreatorName = f"{MANUFACTURER}^"
    if any(code.scheme == SCHEME for mask in masks for code in (mask.label, mask.category)):
        document.CodingSchemeIdentificationSequence = schemes()
    document.SegmentSequence = _segments(case, structures)
    fill(document, frames(images), [mask.pixels for mask in masks])
    return document


def _images(sources: Sequence[Dataset], masks: Sequence[Mask]) -> Sequence[Dataset]:
    """Return the images that masks lie on, all of the same matrix and of as many frames as the masks have."""
    number, count = masks[0].image, len(masks[0].pixels)
    if number >= len(sources):
        raise StudyRefused("report_impossible", "A mask is of an image that the case does not have.")
    single = fields.count(sources[0], "NumberOfFrames") <= 1
    images = sources if number == 0 and single and count == len(sources) else [sources[number]]
    frame_count = sum(fields.count(image, "NumberOfFrames") or 1 for image in images)
    matrices = {(frame_count, fields.count(image, "Rows"), fields.count(image, "Columns")) for image in images}
    if {mask.pixels.shape for mask in masks} != matrices:
        raise StudyRefused("mask_shape", "A mask does not have the matrix or the frames of its image.")
    return images


def _segments(case: Case, structures: Sequence[Structure]) -> list[SegmentDescription]:
    algorithm = _algorithm(case.assessment.model, case.identity)
    return [
        _segment(number, mask, algorithm, (identifier, case.tracking_uid(identifier)))
        for number, (identifier, mask) in enumerate(structures, 1)
    ]


def _segment(
    number: int, mask: Mask, algorithm: AlgorithmIdentificationSequence, tracking: tuple[str, str]
) -> SegmentDescription:
    side = f", {mask.side}" if mask.side else ""
    segment = SegmentDescription(
        segment_number=number, segment_label=f"{mask.label.meaning[: _LONGEST - len(side)]}{side}",
        segmented_property_category=concept(mask.category), segmented_property_type=concept(mask.label),
        algorithm_type="AUTOMATIC", algorithm_identification=algorithm,
        tracking_id=tracking[0], tracking_uid=tracking[1],
        display_color=CIELabColor.from_rgb(*_COLOURS[(number - 1) % len(_COLOURS)]),
    )  # fmt: skip
    if mask.side:
        what = segment.SegmentedPropertyTypeCodeSequence[0]
        what.SegmentedPropertyTypeModifierCodeSequence = [coded(SIDE_CODES[mask.side])]
    return segment


def _algorithm(model: ModelVersion | None, identity: ReportIdentity) -> AlgorithmIdentificationSequence:
    """Name the model; what rests on no model rests on vetflow's own rules."""
    if model is None:
        return AlgorithmIdentificationSequence(name=RULES, family=_FAMILY, version=identity.software)
    told = {
        "weights SHA-256": model.digest,
        "calibration": model.calibration or "none",
        "caveats": "; ".join(identity.caveats) or "none",
    }
    return AlgorithmIdentificationSequence(
        name=model.name, family=_FAMILY, version=model.version, source=MANUFACTURER, parameters=told
    )
