"""How the animal lies on a film: what is cut off, limbs, rotation, breathing, motion; pure decisions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vetflow.domain.chance import above
from vetflow.domain.coding import Code
from vetflow.domain.finding import Finding, Measurement, Presence
from vetflow.domain.place import Side
from vetflow.domain.quality import (
    BREATH,
    DEGREES,
    FIELD,
    LIMBS,
    MOTION,
    POSITIONING,
    ROTATION,
    ROTATION_ANGLE,
)
from vetflow.domain.sight import Bounds, Field, Guess, Sight
from vetflow.domain.trunk_sight import HEADS, Amount, TrunkSight
from vetflow.domain.view import Region

ROTATION_LIMIT = 5.0
"""Degrees that a film may be rotated; Martins 2016 studied 2, 4 and 6, on hips: tune per site."""
MID_BREATH = 0.5
"""Where inspiration begins, on a scale from expiration, 0, to inspiration, 1; no source: tune per site."""
_WANTED: Mapping[Region, tuple[bool, str]] = {
    Region.THORAX: (True, "a film of the chest is taken at full inspiration"),
    Region.ABDOMEN: (False, "a film of the abdomen is taken at the end of expiration"),
}
"""Whether inspiration is wanted (Biller, BSAVA 2008); films of both have no right moment."""
_WALLS = {"left wall": ("right wall", "right"), "right wall": ("left wall", "left")}
"""Walls by their names as films usually hang: what the other one is called, and where it is on the film."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A question with one probability for an answer, and what is said for each."""

    code: Code
    reason: Code
    yes: str
    no: str
    unknown: str


_LIMBS = _Question(
    code=LIMBS, reason=POSITIONING, yes="Limbs lie over the region of interest.",
    no="No limbs over the region of interest.", unknown="whether limbs lie over the region of interest",
)  # fmt: skip
_MOTION = _Question(
    code=MOTION, reason=MOTION, yes="The animal moved: the film is blurred.", no="No blur by motion.",
    unknown="whether the animal moved",
)  # fmt: skip


def placement(
    sight: Sight | None, trunk: TrunkSight | None, bounds: Bounds, *, mirrored: bool | None
) -> Iterator[Finding]:
    """Yield what is to be said of how the animal lies.

    Parameters
    ----------
    sight
        None when no model was asked.
    trunk
        What the trunk model saw, when it was asked; it knows more of the trunk's placing than ``sight``.
    mirrored
        `TagEvidence.mirrored`: a picture alone doesn't show which side of it is the animal's left.
    """
    if sight is None:
        yield untold(FIELD, "whether the body lies inside the collimated field")
        return
    reliable = trunk if trunk and not trunk.doubt else None
    yield _cut_off(sight, reliable, bounds, mirrored=mirrored)
    if sight.limbs_over is not None and sight.region.sure(bounds.sure):
        yield _answer(_LIMBS, sight.limbs_over, bounds)
    if reliable:
        yield _rotation(reliable, mirrored=mirrored)
        yield from _breath(reliable.breath, sight.region, bounds)
        yield _answer(_MOTION, reliable.motion, bounds)
    elif trunk and sight.region.sure(bounds.sure) and sight.region.says in HEADS["region"]:
        yield from _in_doubt(trunk.doubt, sight.region.says)


def untold(code: Code, what: str) -> Finding:
    """Return that something can't be told from the picture."""
    return Finding(
        code=code, presence=Presence.UNDETERMINED, source="picture", says=f"Can't tell {what} from the picture."
    )


def _in_doubt(why: str, region: Region) -> Iterator[Finding]:
    """Yield each question that only the trunk model answers, so that none of them passes for answered."""
    yield untold(ROTATION, f"whether the animal is rotated ({why})")
    if region in _WANTED:
        yield untold(BREATH, f"the phase of breathing ({why})")
    yield untold(MOTION, f"{_MOTION.unknown} ({why})")


def _answer(question: _Question, share: float, bounds: Bounds) -> Finding:
    if share >= bounds.sure:
        return Finding(
            code=question.code, presence=Presence.PRESENT, reason=question.reason, source="picture", certainty=share,
            says=question.yes,
        )  # fmt: skip
    if share > 1 - bounds.sure:
        return untold(question.code, question.unknown)
    return Finding(
        code=question.code, presence=Presence.ABSENT, source="picture", certainty=1 - share, says=question.no
    )


def _cut_off(sight: Sight, trunk: TrunkSight | None, bounds: Bounds, *, mirrored: bool | None) -> Finding:
    """Ask the trunk model where it answers: the outline of a body says less than the parts that must be on a film.

    Which parts those are follows from the region that it sees: while that is in doubt, so is all it says of them.
    """
    if trunk is None or not trunk.cut or not trunk.region.sure(bounds.sure):
        return _out_of_field(sight.field, sight.region, bounds)
    shares = {_part(name, mirrored=mirrored): share for name, share in trunk.cut.items()}
    cut = {part: share for part, share in shares.items() if share >= bounds.sure}
    if cut:
        return Finding(
            code=FIELD, presence=Presence.PRESENT, reason=POSITIONING, source="picture", box=sight.field.box,
            certainty=min(cut.values()), says=f"{' and '.join(cut).capitalize()} cut off.",
        )  # fmt: skip
    doubtful = [part for part, share in shares.items() if share > 1 - bounds.sure]
    if doubtful:
        verb = "are" if len(doubtful) > 1 or doubtful == ["hips"] else "is"
        return untold(FIELD, f"whether the {' and the '.join(doubtful)} {verb} cut off")
    return Finding(
        code=FIELD, presence=Presence.ABSENT, source="picture", box=sight.field.box,
        certainty=1 - max(shares.values()), says="All that a film of this region must show is on it.",
    )  # fmt: skip


def _part(name: str, *, mirrored: bool | None) -> str:
    """Return what to call a part: a wall by the animal's side where that is known, else by the film's."""
    if name not in _WALLS:
        return name
    other, seen = _WALLS[name]
    if mirrored is None:
        return f"body wall on the {seen} of the film, head up,"
    return other if mirrored else name


def _out_of_field(field: Field, region: Guess[Region], bounds: Bounds) -> Finding:
    """Take more than two edges for a cut: a trunk or limb runs out of the field at its two ends by nature."""
    if len(field.touching) <= 2:
        return Finding(
            code=FIELD, presence=Presence.ABSENT, source="picture", box=field.box,
            says="The body lies inside the collimated field, as far as its outline shows.",
        )  # fmt: skip
    if not region.sure(bounds.sure):
        return untold(FIELD, "whether a part of the body is cut off")
    return Finding(
        code=FIELD, presence=Presence.PRESENT, reason=POSITIONING, source="picture", box=field.box,
        says=f"The body runs out of the collimated field on {len(field.touching)} sides: {', '.join(field.touching)}.",
    )  # fmt: skip


def _rotation(trunk: TrunkSight, *, mirrored: bool | None) -> Finding:
    """Call a film rotated only past the limit and the measurement's own error; lateral films don't show which way."""
    value, error = abs(trunk.rotation.value), trunk.rotation.error
    chance = above(ROTATION_LIMIT, value=value, error=error)
    measured = (Measurement(name=ROTATION_ANGLE, value=value, unit=DEGREES),)
    degrees = f"{value:.0f}° (± {error:.0f}°)"
    if value - error > ROTATION_LIMIT:
        side, towards = _turned_to(trunk, mirrored=mirrored)
        return Finding(
            code=ROTATION, presence=Presence.PRESENT, reason=POSITIONING, source="picture", certainty=chance,
            measurements=measured, side=side,
            says=f"Rotated {degrees}{towards}.",
        )  # fmt: skip
    if value > ROTATION_LIMIT:
        return Finding(
            code=ROTATION, presence=Presence.UNDETERMINED, source="picture", measurements=measured,
            says=f"Rotated {degrees}, past {ROTATION_LIMIT:.0f}° by no more than the measurement's own error.",
        )  # fmt: skip
    return Finding(
        code=ROTATION, presence=Presence.ABSENT, source="picture", certainty=1 - chance, measurements=measured,
        says=f"Not rotated by more than {ROTATION_LIMIT:.0f}°: {degrees}.",
    )  # fmt: skip


def _turned_to(trunk: TrunkSight, *, mirrored: bool | None) -> tuple[Side | None, str]:
    """Return the animal's side that the breastbone has turned to, if that is known, and what to say of it."""
    if trunk.plane.says.plane == "side":
        return None, ""
    right = trunk.rotation.value > 0
    if mirrored is None:
        return None, f", sternum to the {'right' if right else 'left'} on the film, head up"
    side = Side.LEFT if right is not mirrored else Side.RIGHT
    return side, f", sternum to the animal's {side}"


def _breath(breath: Amount, region: Guess[Region], bounds: Bounds) -> Iterator[Finding]:
    if not region.sure(bounds.sure) or region.says not in _WANTED:
        return
    inspired, wanted = _WANTED[region.says]
    chance = above(MID_BREATH, value=breath.value, error=breath.error)
    wrong = 1 - chance if inspired else chance
    past = MID_BREATH - breath.value if inspired else breath.value - MID_BREATH
    seen = "expiration" if inspired else "inspiration"
    if past > breath.error:
        yield Finding(
            code=BREATH, presence=Presence.PRESENT, reason=POSITIONING, source="picture", certainty=wrong,
            says=f"Taken in {seen}: {wanted}.",
        )  # fmt: skip
    elif past > 0:
        yield untold(BREATH, f"whether it was taken in {seen}")
    else:
        yield Finding(
            code=BREATH, presence=Presence.ABSENT, source="picture", certainty=1 - wrong,
            says=f"Not taken in {seen}.",
        )  # fmt: skip
