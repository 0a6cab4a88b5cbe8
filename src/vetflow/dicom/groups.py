"""Findings as measurement groups: TID 1410 where a box, point or line says where, TID 1501 for the whole image.

A finding is one group, with its box if it has one. Each landmark and each line that it was measured along is a group
of its own beside it, since that is what viewers draw; without a box, numbers are inferred from the lines as well.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    CoordinatesForMeasurement,
    FindingSite,
    GraphicTypeValues,
    ImageRegion,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.sr.coding import Code as ConceptCode

from vetflow.dicom.case import Case
from vetflow.dicom.identity import RULES
from vetflow.dicom.summary import REJECTED, summary
from vetflow.domain import tracking
from vetflow.domain.coding import Code, own
from vetflow.domain.finding import PRESENCE_CODES, Finding
from vetflow.domain.finding import Measurement as Measured
from vetflow.domain.place import SIDE_CODES, Point

Group = MeasurementsAndQualitativeEvaluations | PlanarROIMeasurementsAndQualitativeEvaluations

_PRESENCE = ConceptCode("121052", "DCM", "Presence of property")
"""Not Finding (121071) again: readers would take "Absent" for the finding, or drop it."""
_COMMENT = ConceptCode("121106", "DCM", "Comment")
_CERTAINTY = ConceptCode("111012", "DCM", "Certainty of Finding")
_PERCENT = ConceptCode("%", "UCUM", "Percent")
_BOUNDED_BY = ConceptCode("75958009", "SCT", "Bounded by")
_LATERALITY = ConceptCode("272741003", "SCT", "Laterality")
_REASON = own("reason", "Reason for quality problem")
_RESTS_ON = own("rests-on", "What the finding rests on")
_SOURCES: Mapping[str, Code] = {
    "tags": own("tags", "Header of the image"),
    "picture": own("picture", "Pixels of the image"),
}
_LONGEST_TEXT = 1024


def of(case: Case) -> list[Group]:
    """Return a group that says the verdict in words, then one or more for each finding that was not rejected.

    Groups without coordinates come first: OHIF stops placing regions at the first group that has none.
    """
    whole, placed = [_verdict(case)], list[Group]()
    for name, finding in case.claimed:
        has_place = finding.box or any(one.lines for one in finding.measurements)
        (placed if has_place else whole).append(_group(finding, name, case))
        placed += _parts(finding, name, case)
    return [*whole, *placed]


def concept(code: Code) -> ConceptCode:
    """Return a code of the domain as pydicom wants it; CodeMeaning holds 64 characters."""
    return ConceptCode(code.value, code.scheme, code.meaning[:64])


def _verdict(case: Case) -> Group:
    said = summary(case)
    taken_back = [QualitativeEvaluation(name=concept(REJECTED), value=concept(one.code)) for one in case.rejected]
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=_tracked(said.tracking, case), finding_type=concept(said.code),
        algorithm_id=_algorithm(said, case), qualitative_evaluations=[*_evaluations(said), *taken_back],
        source_images=[_source(said, case)] if len(case.images) == 1 else None,
    )  # fmt: skip
    return _commented(group, said)


def _group(finding: Finding, name: str, case: Case) -> Group:
    """Infer numbers from lines only outside a region: TID 1410 has no place for coordinates of a number."""
    measured = [*(_measurement(one, finding, case) for one in finding.measurements), *_certainty(finding)]
    if finding.box is None:
        group: Group = MeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracked(name, case), finding_type=concept(finding.code),
            algorithm_id=_algorithm(finding, case), finding_sites=_sites(finding), measurements=measured,
            qualitative_evaluations=_evaluations(finding), source_images=[_source(finding, case)],
        )  # fmt: skip
    else:
        group = PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracked(name, case), finding_type=concept(finding.code),
            algorithm_id=_algorithm(finding, case), finding_sites=_sites(finding), measurements=measured,
            qualitative_evaluations=_evaluations(finding), geometric_purpose=_BOUNDED_BY,
            referenced_region=_region(finding.box.outline, finding, case),
        )  # fmt: skip
    return _commented(group, finding)


def _parts(finding: Finding, name: str, case: Case) -> Iterator[Group]:
    """Yield a region for each landmark, and for each line or what the image's edge left of it."""
    taken = set[str]()
    for code, points in _drawn(finding):
        part = tracking.unlike(f"{name}/{code.value}", taken)
        taken.add(part)
        yield PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracked(part, case), finding_type=concept(code),
            algorithm_id=_algorithm(finding, case), finding_sites=_sites(finding),
            referenced_region=_region(points, finding, case),
        )  # fmt: skip


def _drawn(finding: Finding) -> Iterator[tuple[Code, tuple[Point, ...]]]:
    for point in finding.points:
        yield point.name, (point.at,)
    for one in finding.measurements:
        yield from ((line.name, line.points) for line in one.lines)


def _commented(group: Group, finding: Finding) -> Group:
    comment = TextContentItem(
        name=_COMMENT, value=finding.says[:_LONGEST_TEXT], relationship_type=RelationshipTypeValues.CONTAINS
    )
    group[0].ContentSequence.append(comment)
    return group


def _tracked(identifier: str, case: Case) -> TrackingIdentifier:
    return TrackingIdentifier(uid=case.tracking_uid(identifier), identifier=identifier)


def _algorithm(finding: Finding, case: Case) -> AlgorithmIdentification:
    """Name the model for what rests on the picture, vetflow's rules for what rests on tags alone."""
    model = case.assessment.model
    if model is None or finding.source == "tags":
        return AlgorithmIdentification(name=RULES, version=case.identity.software)
    told = (f"weights SHA-256 {model.digest}", *filter(None, (model.calibration,)), *case.identity.caveats)
    return AlgorithmIdentification(name=model.name, version=model.version, parameters=told)


def _sites(finding: Finding) -> list[FindingSite] | None:
    if finding.site is None:
        return None
    return [FindingSite(concept(finding.site), laterality=concept(SIDE_CODES[finding.side]) if finding.side else None)]


def _measurement(one: Measured, finding: Finding, case: Case) -> Measurement:
    along = [] if finding.box else [_along(line.points, finding, case) for line in one.lines]
    return Measurement(
        name=concept(one.name),
        value=float(f"{one.value:.7g}"),
        unit=concept(one.unit),
        referenced_coordinates=along or None,
    )


def _certainty(finding: Finding) -> Iterator[Measurement]:
    if finding.certainty is not None:
        yield Measurement(name=_CERTAINTY, value=round(100 * finding.certainty, 1), unit=_PERCENT)


def _evaluations(finding: Finding) -> list[QualitativeEvaluation]:
    said = [
        QualitativeEvaluation(name=_PRESENCE, value=concept(PRESENCE_CODES[finding.presence])),
        QualitativeEvaluation(name=concept(_RESTS_ON), value=concept(_SOURCES[finding.source])),
    ]
    if finding.reason:
        said.append(QualitativeEvaluation(name=concept(_REASON), value=concept(finding.reason)))
    if finding.side and not finding.site:
        said.append(QualitativeEvaluation(name=_LATERALITY, value=concept(SIDE_CODES[finding.side])))
    return said


def _source(finding: Finding, case: Case) -> SourceImageForMeasurementGroup:
    image = case.image(finding)
    return SourceImageForMeasurementGroup(image.SOPClassUID, image.SOPInstanceUID, _frames(finding))


def _region(points: Sequence[Point], finding: Finding, case: Case) -> ImageRegion:
    """Take a closed polyline of five points for a box: SCOORD has no rectangle (PS3.3 C.18.6.1.2)."""
    return ImageRegion(
        graphic_type=GraphicTypeValues.POLYLINE if len(points) > 1 else GraphicTypeValues.POINT,
        graphic_data=np.array(points), source_image=_selected(finding, case),
    )  # fmt: skip


def _along(points: Sequence[Point], finding: Finding, case: Case) -> CoordinatesForMeasurement:
    return CoordinatesForMeasurement(
        graphic_type=GraphicTypeValues.POLYLINE, graphic_data=np.array(points), source_image=_selected(finding, case)
    )


def _selected(finding: Finding, case: Case) -> SourceImageForRegion:
    image = case.image(finding)
    return SourceImageForRegion(image.SOPClassUID, image.SOPInstanceUID, _frames(finding))


def _frames(finding: Finding) -> list[int] | None:
    return None if finding.frame is None else [finding.frame]
