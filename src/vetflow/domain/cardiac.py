"""Judging the heart on the films of a study: scores on suggested points, against what is normal; pure decisions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vetflow.domain import trunk
from vetflow.domain.anatomy import PART_CODES, Part
from vetflow.domain.chance import above
from vetflow.domain.coding import Code
from vetflow.domain.finding import Assessment, Finding, Measurement, Presence
from vetflow.domain.heart import (
    ATRIAL_RANGES,
    SCORE_RANGES,
    SCORE_RANGES_BY_BREED,
    START,
    HeartPoints,
    Range,
    atrial_size,
    enlarged,
    heart_score,
)
from vetflow.domain.look import Look, model, reasons, verdict
from vetflow.domain.place import Landmark, Line, Point
from vetflow.domain.signalment import Signalment
from vetflow.domain.trunk_sight import HEART_POINTS, VERTEBRAE, TrunkSight
from vetflow.domain.view import Region

POINT_SURE = 0.5
"""Certainty of a landmark below which it is more likely wrong than right, and nothing is measured on it."""
_NOT_SIDE = "the heart is measured on side views only"
_NOT_CHEST = "it is not a film of the chest"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heart:
    """A heart measured on one film.

    Parameters
    ----------
    edges
        Cranial edges of the vertebrae from T4 on, as far as they are seen without a gap.
    size
        Vertebral left atrial size, None when it can't be had.
    """

    points: HeartPoints
    edges: tuple[Point, ...]
    score: float
    size: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Score:
    """One score on one film, and what it answers."""

    question: Code
    site: Code
    measured: Measurement
    error: float
    points: tuple[Landmark, ...]


def judge(looks: Sequence[Look]) -> Assessment:
    """Return what is measured on each side view of a study's films, and whether it is past its range.

    Enlarged is what lies above its range by more than the measurement's own error, and not enlarged what lies below
    the range's upper limit by at least that; between them it can't be told. Certainty is the probability, errors being
    normally distributed, that the true value lies on the side of the limit that the finding says.
    """
    findings, whys, beside = list[Finding](), list[str](), list[str]()
    for number, look in enumerate(looks):
        heart = _measured(look)
        if isinstance(heart, str):
            (beside if heart in {_NOT_SIDE, _NOT_CHEST} else whys).append(heart)
        elif look.trunk:
            findings += (_finding(score, look, number) for score in _scores(heart, look.trunk))
    whys += beside if not findings else _untold(findings)
    abstained = reasons(whys, looks)
    return Assessment(
        verdict=verdict(findings, abstained), findings=tuple(findings), model=model(looks), abstained=abstained
    )


def normal(name: Code, animal: Signalment) -> Range | None:
    """Return what is normal of a score for the animal: its breed's own range where there is one, else its species'."""
    if animal.species is None:
        return None
    if name == trunk.HEART_SCORE:
        breed = animal.breed.value if animal.breed else ""
        return SCORE_RANGES_BY_BREED.get(breed) or SCORE_RANGES.get(animal.species)
    return ATRIAL_RANGES.get(animal.species) if name == trunk.ATRIAL_SIZE else None


def _untold(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield why the heart's size, the question of this use case, has no answer on a film where it was measured."""
    for finding in findings:
        if finding.code == trunk.HEART_ENLARGED and finding.presence is Presence.UNDETERMINED:
            yield "the heart was measured, but whether it is enlarged can't be told"


def _measured(look: Look) -> _Heart | str:
    """Return the heart of a film, or why it is not measured."""
    sight = look.trunk
    if look.doubt or sight is None:
        return look.doubt
    if not sight.region.sure(sight.threshold):
        return "the model is not sure which part of the body the film shows"
    if sight.region.says not in {Region.THORAX, Region.TRUNK}:
        return _NOT_CHEST
    if sight.plane.says.plane != "side":
        return _NOT_SIDE
    points = sight.heart
    if points is None or any(sight.spots[name].certainty < POINT_SURE for name in HEART_POINTS):
        return "not all landmarks of the heart are seen surely enough"
    edges = tuple(_edges(sight))
    score = heart_score(points, edges)
    if score is None:
        return f"too few vertebrae are seen surely enough from {START} on"
    return _Heart(points=points, edges=edges, score=score, size=atrial_size(points, edges))


def _edges(sight: TrunkSight) -> Iterator[Point]:
    for name in VERTEBRAE[VERTEBRAE.index(START) :]:
        spot = sight.spots.get(name)
        if spot is None or spot.certainty < POINT_SURE:
            return
        yield spot.at


def _scores(heart: _Heart, sight: TrunkSight) -> Iterator[_Score]:
    points, walk = heart.points, Line(name=trunk.SPINE_WALK, points=heart.edges)
    carina = Landmark(name=PART_CODES[Part.CARINA], at=points.carina)
    axes = (
        Line(name=trunk.LONG_AXIS, points=(points.carina, points.apex)),
        Line(name=trunk.SHORT_AXIS, points=points.widest),
    )
    ends = zip((trunk.HEART_APEX, trunk.HEART_CRANIAL, trunk.HEART_CAUDAL), (points.apex, *points.widest), strict=True)
    yield _Score(
        question=trunk.HEART_ENLARGED, site=PART_CODES[Part.HEART], error=sight.heart_score_error,
        points=(carina, *(Landmark(name=name, at=at) for name, at in ends)),
        measured=Measurement(name=trunk.HEART_SCORE, value=heart.score, unit=trunk.VERTEBRAE, lines=(*axes, walk)),
    )  # fmt: skip
    if heart.size is not None:
        along = Line(name=trunk.ATRIAL_SIZE, points=(points.carina, points.atrium))
        yield _Score(
            question=trunk.ATRIUM_ENLARGED, site=PART_CODES[Part.LEFT_ATRIUM], error=sight.atrial_size_error,
            points=(Landmark(name=trunk.ATRIUM_CAUDAL, at=points.atrium),),
            measured=Measurement(name=trunk.ATRIAL_SIZE, value=heart.size, unit=trunk.VERTEBRAE, lines=(along,)),
        )  # fmt: skip


def _finding(score: _Score, look: Look, number: int) -> Finding:
    name, value, error = score.measured.name, score.measured.value, score.error
    usual = normal(name, look.evidence.signalment)
    presence, certainty = _told(value, usual, error=error)
    return Finding(
        code=score.question, presence=presence, certainty=certainty, source="picture", site=score.site,
        measurements=(score.measured, _margin(error)), points=score.points, image=number,
        says=f"Suggested points: {name.meaning.lower()} {value:.1f} ± {error:.1f} v; "
        f"{_lies(value, usual, look.evidence.signalment, error=error)}.",
    )  # fmt: skip


def _margin(error: float) -> Measurement:
    """Return the error as a number of its own, so that ledger, report and JSON keep it beside what it is of."""
    return Measurement(name=trunk.MARGIN, value=error, unit=trunk.VERTEBRAE)


def _told(value: float, usual: Range | None, *, error: float) -> tuple[Presence, float | None]:
    if usual is None:
        return Presence.UNDETERMINED, None
    past = above(usual.high, value=value, error=error)
    if enlarged(value, usual, error=error):
        return Presence.PRESENT, past
    return (Presence.UNDETERMINED, None) if value + error > usual.high else (Presence.ABSENT, 1 - past)


def _lies(value: float, usual: Range | None, animal: Signalment, *, error: float) -> str:
    """Return where a value lies in its range, and whose range that is."""
    if usual is None:
        kind = f"a {animal.species.value.replace('_', ' ')}" if animal.species else "an animal of unknown species"
        return f"there is no reference range for {kind}"
    whose = f"the range of {'its breed' if usual in SCORE_RANGES_BY_BREED.values() else f'{animal.species}s'}"
    span = f"up to {usual.high}" if usual.low is None else f"{usual.low} to {usual.high}"
    told = f"{whose}, {span} ({usual.source})"
    if enlarged(value, usual, error=error):
        return f"above {told}"
    if value > usual.high:
        return f"above {told}, by no more than the measurement's own error"
    where = f"{'below' if usual.low is not None and value < usual.low else 'within'} {told}"
    near = ", but no further from its limit than the measurement's own error"
    return f"{where}{near}" if value + error > usual.high else where
