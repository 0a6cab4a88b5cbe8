"""An assessment as JSON under the published schema."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

from vetflow.domain import clipping, quality
from vetflow.domain.clipping import Extent
from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import Assessment, Finding, ModelVersion
from vetflow.domain.place import Mask
from vetflow.domain.standing import SUGGESTION, Standing
from vetflow.domain.upheld import upheld
from vetflow.rest.schema import SCHEMA_ID, Model, Result


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedImage:
    """An image that was judged: its original UIDs and its size in pixels."""

    study_uid: str
    series_uid: str
    sop_class: str
    sop_uid: str
    rows: int
    columns: int
    frames: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultInput:
    """All that goes into the JSON of one result.

    Parameters
    ----------
    case_id
        Opaque.
    images
        In the order that findings number them.
    tracking_uid
        Gives the UID of a tracking identifier, as in the report.
    made_at
        When the assessment was made, with its time zone.
    software
        Version of vetflow.
    revision
        Of the study; None for a case of one film.
    caveats
        What a reader must know of the model.
    segmentations
        SOP Instance UID of the segmentation of an image, by the image's number; 0 for a whole CT series.
    """

    case_id: str
    use_case: str
    images: tuple[JudgedImage, ...]
    assessment: Assessment
    tracking_uid: Callable[[str], str]
    made_at: datetime
    software: str
    revision: int | None = None
    caveats: tuple[str, ...] = ()
    segmentations: Mapping[int, str] = field(default_factory=dict[int, str])
    standing: Standing = SUGGESTION


def result(given: ResultInput) -> str:
    """Return a case's result as JSON text; the same input gives the same text.

    Raises
    ------
    StudyRefused
        ``report_impossible`` when a finding is of an image that the case does not have.
    """
    standing, stands = given.standing, upheld(given.assessment, given.standing)
    made = Result.model_validate(
        {
            "$schema": SCHEMA_ID,
            "case_id": given.case_id,
            "use_case": given.use_case,
            "status": "signed" if standing.signature else "suggestion",
            "signature": standing.signature,
            "edition": standing.edition,
            "revision": given.revision,
            "made_at": given.made_at,
            "software": given.software,
            "model": _model(given.assessment.model, given.caveats),
            "verdict": stands.verdict,
            "abstained": given.assessment.abstained,
            "advice": " ".join(finding.says for _, finding in stands.claimed if finding.code == quality.ADVICE),
            "images": given.images,
            "findings": tuple(_claimed(finding, identifier, given) for identifier, finding in stands.claimed),
            "rejected": tuple(
                {"code": finding.code, **_tracked(identifier, given)} for identifier, finding in stands.rejected
            ),
            "structures": tuple(_structures(stands.structures, given)),
        }
    )
    return made.model_dump_json(by_alias=True)


def _model(model: ModelVersion | None, caveats: tuple[str, ...]) -> Model | None:
    if model is None:
        return None
    return Model(
        name=model.name, version=model.version, weights_sha256=model.digest, calibration=model.calibration,
        caveats=caveats,
    )  # fmt: skip


def _claimed(finding: Finding, identifier: str, given: ResultInput) -> dict[str, object]:
    """Return every field of a finding: one that the schema does not know stops here, and is not lost in silence."""
    if finding.image >= len(given.images):
        raise StudyRefused("report_impossible", "A finding is of an image that the case does not have.")
    image = given.images[finding.image]
    inside = clipping.inside(finding, Extent(columns=image.columns, rows=image.rows, frames=image.frames))
    return {**{one.name: getattr(inside, one.name) for one in fields(inside)}, **_tracked(identifier, given)}


def _structures(structures: Iterable[tuple[str, Mask]], given: ResultInput) -> Iterator[dict[str, object]]:
    for identifier, mask in structures:
        if uid := given.segmentations.get(mask.image):
            known = {"label": mask.label, "category": mask.category, "side": mask.side, "image": mask.image}
            yield {**known, "segmentation_uid": uid, **_tracked(identifier, given)}


def _tracked(identifier: str, given: ResultInput) -> dict[str, object]:
    return {"tracking_id": identifier, "tracking_uid": given.tracking_uid(identifier)}
