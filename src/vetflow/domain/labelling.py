"""Naming what the films of a study show: vertebrae, ribs, organs; pure decisions."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from vetflow.domain import trunk
from vetflow.domain.anatomy import PART_CODES, Part
from vetflow.domain.coding import Code
from vetflow.domain.finding import Assessment, Finding, Measurement, Presence
from vetflow.domain.look import Look, model, reasons, verdict
from vetflow.domain.place import Fit, Landmark, Mask
from vetflow.domain.quality import UNITLESS
from vetflow.domain.trunk_sight import VERTEBRAE, Outline, TrunkSight

if TYPE_CHECKING:  # gateway and courier judge nothing, and need no numpy
    import numpy as np
    from numpy.typing import NDArray

POINT_SURE = 0.5
"""Certainty of a vertebra below which its name is more likely wrong than right."""
OUTLINE_SURE = 0.8
"""Expected agreement (Dice) below which an outline takes longer to mend than to draw; no source: tune per site."""
ANATOMICAL = Code(value="91723000", scheme="SCT", meaning="Anatomical Structure")
"""Category of every mask (CID 7150)."""
_ORGANS: Mapping[str, Part] = {
    "heart": Part.HEART,
    "lung": Part.LUNG,
    "liver": Part.LIVER,
    "stomach": Part.STOMACH,
    "spleen": Part.SPLEEN,
    "kidneys": Part.KIDNEY,
    "bladder": Part.BLADDER,
    "diaphragm": Part.DIAPHRAGM,
}


class Spread(Protocol):
    """Draws an outline on the film's own matrix, as `vetflow.vision.outlining.spread` does."""

    def __call__(self, pixels: "NDArray[np.bool_]", grid: Fit, *, rows: int, columns: int) -> "NDArray[np.bool_]":
        """Return it, shape (1, rows, columns)."""
        ...


def judge(looks: Sequence[Look], *, spread: Spread) -> Assessment:
    """Return the vertebrae, ribs and organs of all films, and the organs' masks."""
    reliable = [(number, look, look.trunk) for number, look in enumerate(looks) if look.trunk and not look.doubt]
    found = [finding for number, _, sight in reliable for finding in _found(sight, number)]
    masks = [mask for number, look, sight in reliable for mask in _masks(look, sight, number, spread)]
    abstained = reasons([look.doubt for look in looks if look.doubt], looks)
    return Assessment(
        verdict=verdict(found, abstained),
        findings=tuple(sorted(found, key=_order)),
        model=model(looks),
        abstained=abstained,
        masks=tuple(masks),
    )


def runs(names: Iterable[str]) -> tuple[str, ...]:
    """Return vertebrae as words from the head on, those without a gap together, such as ``T1 to T13``."""
    places = sorted({VERTEBRAE.index(name) for name in names if name in VERTEBRAE})
    spans = [
        [VERTEBRAE[place] for _, place in run]
        for _, run in itertools.groupby(enumerate(places), key=lambda one: one[1] - one[0])
    ]
    return tuple(f"{span[0]} to {span[-1]}" if len(span) > 1 else span[0] for span in spans)


def _order(finding: Finding) -> tuple[int, int]:
    """Return what puts findings in the order of `Presence`, and vertebrae of several films in that of the body."""
    return list(Presence).index(finding.presence), VERTEBRAE.index(finding.label) if finding.label else -1


def _found(sight: TrunkSight, number: int) -> Iterator[Finding]:
    yield from _ribs(sight, number)
    for name in _ORGANS:
        if outline := sight.outlines.get(name):
            yield _organ(name, outline, number)
    yield from _vertebrae(sight, number)


def _vertebrae(sight: TrunkSight, number: int) -> Iterator[Finding]:
    for name in VERTEBRAE:
        spot = sight.spots.get(name)
        if spot and spot.certainty >= POINT_SURE:
            yield Finding(
                code=trunk.VERTEBRA, presence=Presence.PRESENT, source="picture", certainty=spot.certainty,
                says=f"{name} labelled.", site=PART_CODES[Part.VERTEBRA], label=name, image=number,
                points=(Landmark(name=trunk.CRANIAL_EDGE, at=spot.at),),
            )  # fmt: skip


def _ribs(sight: TrunkSight, number: int) -> Iterator[Finding]:
    if sight.ribs is None:
        return
    sure = sight.ribs.sure(sight.threshold)
    pairs = Measurement(name=trunk.RIB_PAIRS, value=float(sight.ribs.says), unit=UNITLESS)
    yield Finding(
        code=trunk.RIBS,
        presence=Presence.PRESENT if sure else Presence.UNDETERMINED,
        certainty=sight.ribs.certainty if sure else None,
        says=f"{sight.ribs.says} pairs of ribs counted." if sure else "The model is not sure how many ribs there are.",
        source="picture",
        measurements=(pairs,) if sure else (),
        site=PART_CODES[Part.RIB],
        image=number,
    )


def _organ(name: str, outline: Outline, number: int) -> Finding:
    sure = outline.certainty >= OUTLINE_SURE
    return Finding(
        code=trunk.OUTLINED,
        presence=Presence.PRESENT if sure else Presence.UNDETERMINED,
        certainty=outline.certainty if sure else None,
        says=f"{name.capitalize()} outlined." if sure else "The model is not sure of its outline.",
        source="picture",
        site=PART_CODES[_ORGANS[name]],
        image=number,
    )


def _masks(look: Look, sight: TrunkSight, number: int, spread: Spread) -> Iterator[Mask]:
    for name, part in _ORGANS.items():
        outline = sight.outlines.get(name)
        if outline and outline.certainty >= OUTLINE_SURE:
            rows, columns = look.evidence.rows, look.evidence.columns
            pixels = spread(outline.pixels, sight.grid, rows=rows, columns=columns)
            yield Mask(label=PART_CODES[part], category=ANATOMICAL, pixels=pixels, image=number)
