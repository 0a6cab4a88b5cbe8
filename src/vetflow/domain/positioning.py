"""Judging one film: do picture and tags agree, is it exposed and placed well; pure decisions."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import log10

from vetflow.domain.coding import Code, own
from vetflow.domain.evidence import Claim, Exposure, TagEvidence
from vetflow.domain.finding import Assessment, Finding, Measurement, Presence, Verdict
from vetflow.domain.sight import Bounds, Field, Guess, Sight
from vetflow.domain.view import Region, View

SERVICE = own("positioning", "Positioning and tags of a radiograph")
VIEW_MISMATCH = own("view-mismatch", "View differs between tags or from the picture")
REGION_MISMATCH = own("region-mismatch", "Body part differs between tags or from the picture")
SPECIES_MISMATCH = own("species-mismatch", "Species differs between tags")
EXPOSURE = own("exposure", "Exposure out of range")
FIELD = own("collimation", "Body not inside the collimated field")
LIMBS = own("limbs-over", "Limbs over the region of interest")
INVERSION = own("inversion", "Greyscale inverted against the tag")

POSITIONING = Code(value="111209", scheme="DCM", meaning="Positioning")
UNDER_EXPOSED = Code(value="111211", scheme="DCM", meaning="Under exposed")
OVER_EXPOSED = Code(value="111212", scheme="DCM", meaning="Over exposed")
PROCESSING = Code(value="111219", scheme="DCM", meaning="Inappropriate image processing")
OTHER = Code(value="111220", scheme="DCM", meaning="Other failure")

DEVIATION_INDEX = own("deviation-index", "Deviation index (IEC 62494-1)")
UNITLESS = Code(value="1", scheme="UCUM", meaning="no units")


def judge(evidence: TagEvidence, sight: Sight | None, bounds: Bounds, *, abstained: str = "") -> Assessment:
    """Return everything there is to say of one film.

    Parameters
    ----------
    sight
        None when the model must not be asked or refused; ``abstained`` then says why.
    """
    if sight and sight.threshold > bounds.sure:
        bounds = replace(bounds, sure=sight.threshold)
    findings = tuple(
        finding
        for part in (
            _tags_on_species(evidence),
            _views(evidence, sight, bounds),
            _regions(evidence, sight, bounds),
            _exposure(evidence.exposure, bounds),
            _placement(sight, bounds),
            _greyscale(sight, bounds),
        )
        for finding in part
    )
    order = (Presence.PRESENT, Presence.UNDETERMINED, Presence.ABSENT)
    ranked = tuple(sorted(findings, key=lambda finding: order.index(finding.presence)))
    why = abstained or _doubt(sight, bounds)
    return Assessment(
        verdict=_verdict(ranked, why), findings=ranked, model=sight.model if sight else None, abstained=why
    )


def _verdict(findings: Iterable[Finding], abstained: str) -> Verdict:
    if any(finding.presence is Presence.PRESENT for finding in findings):
        return Verdict.FINDINGS
    return Verdict.ABSTAINED if abstained else Verdict.NOTHING


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
            yield _undetermined(VIEW_MISMATCH, "the view")
        return
    against = [claim for claim in evidence.views if claim.says.plane not in {"other", seen.says.plane}]
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


def _undetermined(code: Code, what: str) -> Finding:
    return Finding(
        code=code, presence=Presence.UNDETERMINED, source="picture", says=f"Can't tell {what} from the picture."
    )


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
        yield _undetermined(REGION_MISMATCH, "the body part")
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


def _placement(sight: Sight | None, bounds: Bounds) -> Iterator[Finding]:
    if sight is None:
        yield _undetermined(FIELD, "whether the body lies inside the collimated field")
        return
    yield _cut_off(sight.field, sight.region, bounds)
    if sight.limbs_over is None or not sight.region.sure(bounds.sure):
        return
    if sight.limbs_over >= bounds.sure:
        yield Finding(
            code=LIMBS, presence=Presence.PRESENT, reason=POSITIONING, source="picture", certainty=sight.limbs_over,
            says="Limbs lie over the region of interest.",
        )  # fmt: skip
    elif sight.limbs_over > 1 - bounds.sure:
        yield _undetermined(LIMBS, "whether limbs lie over the region of interest")
    else:
        yield Finding(
            code=LIMBS, presence=Presence.ABSENT, source="picture", certainty=1 - sight.limbs_over,
            says="No limbs over the region of interest.",
        )  # fmt: skip


def _cut_off(field: Field, region: Guess[Region], bounds: Bounds) -> Finding:
    """Take more than two edges for a cut: a trunk or limb runs out of the field at its two ends by nature."""
    if len(field.touching) <= 2:
        return Finding(
            code=FIELD, presence=Presence.ABSENT, source="picture", box=field.box,
            says="The body lies inside the collimated field, as far as its outline shows.",
        )  # fmt: skip
    if not region.sure(bounds.sure):
        return _undetermined(FIELD, "whether a part of the body is cut off")
    return Finding(
        code=FIELD, presence=Presence.PRESENT, reason=POSITIONING, source="picture", box=field.box,
        says=f"The body runs out of the collimated field on {len(field.touching)} sides: {', '.join(field.touching)}.",
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
