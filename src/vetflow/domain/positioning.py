"""Judging one film: do picture and tags agree, is it exposed and placed well; pure decisions."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import log10

from vetflow.domain.advice import finding as advised
from vetflow.domain.evidence import Claim, Exposure, TagEvidence
from vetflow.domain.finding import Assessment, Finding, Measurement, Presence
from vetflow.domain.look import verdict
from vetflow.domain.placement import placement, untold
from vetflow.domain.quality import (
    DEVIATION_INDEX,
    EXPOSURE,
    INVERSION,
    OTHER,
    OVER_EXPOSED,
    POSITIONING,
    PROCESSING,
    REGION_MISMATCH,
    SPECIES_MISMATCH,
    UNDER_EXPOSED,
    UNITLESS,
    VIEW_MISMATCH,
)
from vetflow.domain.sight import Bounds, Sight
from vetflow.domain.trunk_sight import TrunkSight
from vetflow.domain.view import Region, View

_TWO_WAYS = (
    {View.LEFT_LATERAL, View.RIGHT_LATERAL},
    {View.VENTRODORSAL, View.DORSOVENTRAL},
)
"""Views of one plane that a film can't be both of."""


def judge(
    evidence: TagEvidence, sight: Sight | None, bounds: Bounds, *, abstained: str = "", trunk: TrunkSight | None = None
) -> Assessment:
    """Return everything there is to say of one film, with one line of advice.

    Parameters
    ----------
    sight
        None when the model must not be asked or refused; ``abstained`` then says why.
    trunk
        What the trunk model saw, when it was asked; where it is sure, its word stands before the other's.
    """
    bounds = replace(bounds, sure=max(bounds.sure, *(one.threshold for one in (sight, trunk) if one), 0.0))
    best = _best(sight, trunk, bounds)
    findings = tuple(
        finding
        for part in (
            _tags_on_species(evidence),
            _views(evidence, best, bounds),
            _regions(evidence, best, bounds),
            _exposure(evidence.exposure, bounds),
            placement(best, trunk, bounds, mirrored=evidence.mirrored),
            _greyscale(best, bounds),
        )
        for finding in part
    )
    why = abstained or _doubt(best, bounds)
    judged = Assessment(
        verdict=verdict(findings, why), findings=findings, model=sight.model if sight else None, abstained=why
    )
    order = (Presence.PRESENT, Presence.UNDETERMINED, Presence.ABSENT)
    ranked = sorted((advised(judged), *findings), key=lambda finding: order.index(finding.presence))
    return replace(judged, findings=tuple(ranked))


def _best(sight: Sight | None, trunk: TrunkSight | None, bounds: Bounds) -> Sight | None:
    """Return what was seen, the trunk model's word where it may be relied on."""
    if sight is None or trunk is None or trunk.doubt:
        return sight
    side = trunk.side
    view = side if side.sure(bounds.sure) and side.says.plane == trunk.plane.says.plane else trunk.plane
    return replace(
        sight,
        view=view if view.sure(bounds.sure) else sight.view,
        region=trunk.region if trunk.region.sure(bounds.sure) else sight.region,
        inverted=trunk.inverted if trunk.inverted.sure(bounds.sure) else sight.inverted,
        limbs_over=trunk.limbs_over,
    )


def _doubt(sight: Sight | None, bounds: Bounds) -> str:
    if sight is None:
        return "the picture was not judged"
    unsure = [
        name for name, guess in (("view", sight.view), ("body part", sight.region)) if not guess.sure(bounds.sure)
    ]
    return f"not sure enough of the {' and the '.join(unsure)} in the picture" if unsure else ""


def _listing(claims: Iterable[Claim[View]] | Iterable[Claim[Region]]) -> str:
    return ", ".join(f"{claim.field} says {_words(claim.says)}" for claim in claims)


def _words(value: View | Region) -> str:
    return "frontal (AP or PA)" if value is View.SAGITTAL else value.value.replace("_", " ")


def _tags_on_species(evidence: TagEvidence) -> Iterator[Finding]:
    said = {claim.says for claim in evidence.species}
    if len(said) > 1:
        listing = ", ".join(f"{claim.field} says {claim.says.value.replace('_', ' ')}" for claim in evidence.species)
        yield Finding(
            code=SPECIES_MISMATCH, presence=Presence.PRESENT, reason=OTHER, source="tags",
            says=f"The tags disagree about the species: {listing}.",
        )  # fmt: skip
    elif not said:
        yield Finding(
            code=SPECIES_MISMATCH, presence=Presence.UNDETERMINED, source="tags",
            says="No field says which species this is.",
        )  # fmt: skip
    else:
        yield Finding(
            code=SPECIES_MISMATCH, presence=Presence.ABSENT, source="tags",
            says="All fields that name a species agree.",
        )  # fmt: skip


def _views(evidence: TagEvidence, sight: Sight | None, bounds: Bounds) -> Iterator[Finding]:
    planes = {claim.says.plane for claim in evidence.views} - {"other"}
    if len(planes) > 1:
        yield Finding(
            code=VIEW_MISMATCH, presence=Presence.PRESENT, reason=POSITIONING, source="tags",
            says=f"The tags disagree about the view: {_listing(evidence.views)}.",
        )  # fmt: skip
    seen = sight.view if sight and sight.view.sure(bounds.sure) else None
    if seen is None:
        if len(planes) <= 1:
            yield untold(VIEW_MISMATCH, "the view")
        return
    against = [claim for claim in evidence.views if _contradicts(claim.says, seen.says)]
    if against:
        yield Finding(
            code=VIEW_MISMATCH, presence=Presence.PRESENT, reason=POSITIONING, source="picture",
            certainty=seen.certainty,
            says=f"The picture looks {_words(seen.says)}, but {_listing(against)}.",
        )  # fmt: skip
    elif planes:
        yield Finding(
            code=VIEW_MISMATCH, presence=Presence.ABSENT, source="picture", certainty=seen.certainty,
            says=f"Picture and tags agree: {_words(seen.says)}.",
        )  # fmt: skip
    else:
        yield Finding(
            code=VIEW_MISMATCH, presence=Presence.UNDETERMINED, source="picture", certainty=seen.certainty,
            says=f"No field says which view this is; the picture looks {_words(seen.says)}.",
        )  # fmt: skip


def _contradicts(said: View, seen: View) -> bool:
    if said.plane != seen.plane:
        return said.plane != "other"
    return said != seen and {said, seen} in _TWO_WAYS


def _regions(evidence: TagEvidence, sight: Sight | None, bounds: Bounds) -> Iterator[Finding]:
    claims = evidence.regions
    apart = [claim for claim in claims[1:] if not claim.says.overlaps(claims[0].says)]
    if apart:
        yield Finding(
            code=REGION_MISMATCH, presence=Presence.PRESENT, reason=OTHER, source="tags",
            says=f"The tags disagree about the body part: {_listing(claims)}.",
        )  # fmt: skip
    seen = sight.region if sight and sight.region.sure(bounds.sure) else None
    if seen is None:
        yield untold(REGION_MISMATCH, "the body part")
        return
    against = [claim for claim in claims if not claim.says.overlaps(seen.says)]
    if against:
        yield Finding(
            code=REGION_MISMATCH, presence=Presence.PRESENT, reason=OTHER, source="picture", certainty=seen.certainty,
            says=f"The picture looks like {_words(seen.says)}, but {_listing(against)}.",
        )  # fmt: skip
    elif claims and not apart:
        yield Finding(
            code=REGION_MISMATCH, presence=Presence.ABSENT, source="picture", certainty=seen.certainty,
            says=f"Picture and tags agree: {_words(seen.says)}.",
        )  # fmt: skip


def deviation_index(exposure: Exposure) -> float | None:
    """Return DI as sent, else 10·log10(EI / EIT); None when neither can be had (IEC 62494-1)."""
    if exposure.deviation is not None:
        return exposure.deviation
    if not exposure.index or not exposure.target or exposure.index <= 0 or exposure.target <= 0:
        return None
    return 10 * log10(exposure.index / exposure.target)


def _exposure(exposure: Exposure, bounds: Bounds) -> Iterator[Finding]:
    deviation = deviation_index(exposure)
    if deviation is None:
        yield Finding(
            code=EXPOSURE, presence=Presence.UNDETERMINED, source="tags",
            says="Exposure can't be assessed: the film carries no deviation index.",
        )  # fmt: skip
        return
    measured = (Measurement(name=DEVIATION_INDEX, value=deviation, unit=UNITLESS),)
    if abs(deviation) <= bounds.deviation:
        yield Finding(
            code=EXPOSURE, presence=Presence.ABSENT, source="tags", measurements=measured,
            says=f"Exposure is in range (deviation index {deviation:+.1f}).",
        )  # fmt: skip
        return
    over = deviation > 0
    yield Finding(
        code=EXPOSURE, presence=Presence.PRESENT, source="tags", measurements=measured,
        reason=OVER_EXPOSED if over else UNDER_EXPOSED,
        says=f"The film is {'over' if over else 'under'}exposed: deviation index {deviation:+.1f}, "
        f"{10 ** (deviation / 10):.1f} times the target dose.",
    )  # fmt: skip


def _greyscale(sight: Sight | None, bounds: Bounds) -> Iterator[Finding]:
    if sight is None or not sight.inverted.sure(bounds.sure):
        return
    if sight.inverted.says:
        yield Finding(
            code=INVERSION, presence=Presence.PRESENT, reason=PROCESSING, source="picture",
            certainty=sight.inverted.certainty,
            says="Bone is shown dark: the greyscale is inverted against PhotometricInterpretation.",
        )  # fmt: skip
    else:
        yield Finding(
            code=INVERSION, presence=Presence.ABSENT, source="picture", certainty=sight.inverted.certainty,
            says="Bone is shown bright, as it should be.",
        )  # fmt: skip
