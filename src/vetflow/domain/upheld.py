"""What still stands of an assessment after a veterinarian looked at it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vetflow.domain import quality, tracking, trunk
from vetflow.domain.finding import Assessment, Finding, Presence, Verdict
from vetflow.domain.place import Mask
from vetflow.domain.standing import Standing
from vetflow.domain.urgency import URGENCY

_SUMS = frozenset({quality.ADVICE, URGENCY})
"""What only sums up other findings: once one of those is rejected, it says what nobody stands for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Upheld:
    """An assessment parted by what was decided of it; each part bears its tracking identifier.

    Parameters
    ----------
    claimed, rejected
        Findings, in the assessment's order.
    structures
        Masks that hold a pixel and were not rejected; one structure has one identifier on all its images.
    verdict
        As assessed, but when all there was to look at was rejected, there is nothing left to look at.
    """

    claimed: tuple[tuple[str, Finding], ...]
    rejected: tuple[tuple[str, Finding], ...]
    structures: tuple[tuple[str, Mask], ...]
    verdict: Verdict

    @property
    def described(self) -> bool:
        """Whether something is there and all only names and counts, as of a healthy animal: no word about disease."""
        return _present(self.claimed) and all(finding.code in trunk.DESCRIBED for _, finding in self.claimed)


def upheld(assessment: Assessment, standing: Standing) -> Upheld:
    """Return what stands of an assessment, and what was rejected of it."""
    named = tuple(zip(tracking.identifiers(assessment.findings), assessment.findings, strict=True))
    rejected = tuple(one for one in named if one[0] in standing.rejected)
    left = tuple(one for one in named if one[0] not in standing.rejected)
    claimed = tuple(one for one in left if one[1].code not in _SUMS) if rejected else left
    return Upheld(
        claimed=claimed,
        rejected=rejected,
        structures=tuple(one for one in _structures(assessment.masks) if one[0] not in standing.rejected),
        verdict=_left(assessment) if _present(rejected) and not _present(claimed) else assessment.verdict,
    )


def _structures(masks: tuple[Mask, ...]) -> Iterator[tuple[str, Mask]]:
    taken: dict[int, list[str]] = {}
    for mask in masks:
        others = taken.setdefault(mask.image, [])
        others.append(tracking.unlike(" ".join(filter(None, (mask.label.value, mask.side))), others))
        if mask.pixels.any():
            yield others[-1], mask


def _present(findings: Iterable[tuple[str, Finding]]) -> bool:
    return any(finding.presence is Presence.PRESENT for _, finding in findings)


def _left(assessment: Assessment) -> Verdict:
    return Verdict.ABSTAINED if assessment.abstained else Verdict.NOTHING
