"""Findings as measurement groups: TID 1410 where a box says where, TID 1501 for the whole image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
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
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code as ConceptCode

from vetflow.domain.coding import Code
from vetflow.domain.finding import PRESENCE_CODES, Assessment, Finding, ModelVersion, Presence, Verdict
from vetflow.domain.place import Box

Group = MeasurementsAndQualitativeEvaluations | PlanarROIMeasurementsAndQualitativeEvaluations

SUMMARY = Code(value="summary", scheme="99VETFLOW", meaning="Summary of the assessment")
_FINDING = ConceptCode("121071", "DCM", "Finding")
_COMMENT = ConceptCode("121106", "DCM", "Comment")
_CERTAINTY = ConceptCode("111012", "DCM", "Certainty of Finding")
_PERCENT = ConceptCode("%", "UCUM", "Percent")
_BOUNDED_BY = ConceptCode("75958009", "SCT", "Bounded by")
_REASON = ConceptCode("reason", "99VETFLOW", "Reason for quality problem")
_RESTS_ON = ConceptCode("rests-on", "99VETFLOW", "What the finding rests on")
SOURCES = {
    "tags": ConceptCode("tags", "99VETFLOW", "Header of the image"),
    "picture": ConceptCode("picture", "99VETFLOW", "Pixels of the image"),
}
_RULES = "vetflow rules"
_IN_WORDS = {
    Verdict.FINDINGS: "There is something to look at.",
    Verdict.NOTHING: "Nothing to complain of.",
    Verdict.ABSTAINED: "No judgement.",
}
_LONGEST_TEXT = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every group of a report shares.

    Parameters
    ----------
    image
        Header of the film, with what a reference to it needs.
    uid
        Gives the UID of a named part of the report.
    software
        Version of vetflow, which is the version of its rules.
    """

    image: Dataset
    model: ModelVersion | None
    caveats: tuple[str, ...]
    uid: Callable[[str], str]
    software: str


def of(assessment: Assessment, context: Context) -> list[Group]:
    """Return a group that says the verdict in words, and one for each finding."""
    said = (_summary(assessment), *assessment.findings)
    return [_group(finding, str(number), context) for number, finding in enumerate(said)]


def _summary(assessment: Assessment) -> Finding:
    """Say the verdict as a finding of its own: a report without a group can't be written."""
    presence = {Verdict.FINDINGS: Presence.PRESENT, Verdict.NOTHING: Presence.ABSENT}
    why = f" Abstained: {assessment.abstained}." if assessment.abstained else ""
    return Finding(
        code=SUMMARY, presence=presence.get(assessment.verdict, Presence.UNDETERMINED),
        says=f"{_IN_WORDS[assessment.verdict]}{why} AI suggestion, not verified by a veterinarian.",
        source="picture" if assessment.model else "tags",
    )  # fmt: skip


def _group(finding: Finding, number: str, context: Context) -> Group:
    tracking = TrackingIdentifier(uid=context.uid(f"finding {number}"), identifier=f"{finding.code.value}-{number}")
    algorithm, measured, said = _algorithm(finding, context), _measurements(finding), _evaluations(finding)
    if finding.box is None:
        group: Group = MeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking, finding_type=concept(finding.code), algorithm_id=algorithm,
            measurements=measured, qualitative_evaluations=said,
            source_images=[SourceImageForMeasurementGroup.from_source_image(context.image)],
        )  # fmt: skip
    else:
        group = PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking, finding_type=concept(finding.code), algorithm_id=algorithm,
            measurements=measured, qualitative_evaluations=said,
            referenced_region=_region(finding.box, context.image), geometric_purpose=_BOUNDED_BY,
        )  # fmt: skip
    comment = TextContentItem(
        name=_COMMENT, value=finding.says[:_LONGEST_TEXT], relationship_type=RelationshipTypeValues.CONTAINS
    )
    group[0].ContentSequence.append(comment)
    return group


def concept(code: Code) -> ConceptCode:
    """Return a code of the domain as pydicom wants it; CodeMeaning holds 64 characters."""
    return ConceptCode(code.value, code.scheme, code.meaning[:64])


def _algorithm(finding: Finding, context: Context) -> AlgorithmIdentification:
    """Name the model for what rests on the picture, vetflow's rules for what rests on tags alone."""
    model = context.model
    if model is None or finding.source == "tags":
        return AlgorithmIdentification(name=_RULES, version=context.software)
    told = (f"weights SHA-256 {model.digest}", *filter(None, (model.calibration,)), *context.caveats)
    return AlgorithmIdentification(name=model.name, version=model.version, parameters=told)


def _measurements(finding: Finding) -> list[Measurement]:
    measured = [
        Measurement(name=concept(one.name), value=round(one.value, 4), unit=concept(one.unit))
        for one in finding.measurements
    ]
    if finding.certainty is not None:
        sure = round(100 * finding.certainty, 1)
        measured.append(Measurement(name=_CERTAINTY, value=sure, unit=_PERCENT))
    return measured


def _evaluations(finding: Finding) -> list[QualitativeEvaluation]:
    said = [
        QualitativeEvaluation(name=_FINDING, value=concept(PRESENCE_CODES[finding.presence])),
        QualitativeEvaluation(name=_RESTS_ON, value=SOURCES[finding.source]),
    ]
    if finding.reason:
        said.append(QualitativeEvaluation(name=_REASON, value=concept(finding.reason)))
    return said


def _region(box: Box, image: Dataset) -> ImageRegion:
    """Close a polyline of five points: SCOORD has no rectangle (PS3.3 C.18.6.1.2)."""
    inside = replace(
        box, left=max(box.left, 0.0), top=max(box.top, 0.0),
        right=min(box.right, float(image.Columns)), bottom=min(box.bottom, float(image.Rows)),
    )  # fmt: skip
    corners: Sequence[tuple[float, float]] = (
        (inside.left, inside.top), (inside.right, inside.top), (inside.right, inside.bottom),
        (inside.left, inside.bottom), (inside.left, inside.top),
    )  # fmt: skip
    return ImageRegion(
        graphic_type=GraphicTypeValues.POLYLINE, graphic_data=np.array(corners),
        source_image=SourceImageForRegion.from_source_image(image),
    )  # fmt: skip
