"""Findings: what a model or a geometry routine says, how sure it is, and where."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vetflow.domain.coding import Code
from vetflow.domain.place import Box, Landmark, Line, Mask, Side


def percent(certainty: float) -> str:
    """Return a certainty as people read it; never more than 99 %, for no model is beyond doubt."""
    return f"{min(certainty, 0.99):.0%}"


class Presence(StrEnum):
    """CID 240."""

    PRESENT = "present"
    ABSENT = "absent"
    UNDETERMINED = "undetermined"


PRESENCE_CODES = {
    Presence.PRESENT: Code(value="52101004", scheme="SCT", meaning="Present"),
    Presence.ABSENT: Code(value="272519000", scheme="SCT", meaning="Absent"),
    Presence.UNDETERMINED: Code(value="373068000", scheme="SCT", meaning="Undetermined"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A number with its unit (UCUM).

    Parameters
    ----------
    lines
        What it was measured along, on the finding's image.
    """

    name: Code
    value: float
    unit: Code
    lines: tuple[Line, ...] = ()

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError("a measurement is a finite number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One statement about one image.

    Parameters
    ----------
    code
        What was looked for, such as ``view-mismatch`` of scheme ``99VETFLOW``.
    presence
        Whether it is there.
    certainty
        0 to 1, None when the statement follows from tags alone and has no probability.
    says
        One sentence for people, without free text of the source.
    reason
        CID 7011 reason of a quality problem, None elsewhere.
    box
        Where on the image, None for the whole image.
    source
        ``tags`` or ``picture``: what the statement rests on.
    site, side
        Anatomy in the species' own words (CID 7482), and which side of the animal.
    points
        Landmarks on the image.
    image, frame
        Number of the image among those of the case, from 0; number of its frame, from 1, None for an image of one.
    label
        Tells findings of one code, site and side apart, the same way in every revision, such as ``T4``.
    """

    code: Code
    presence: Presence
    says: str
    source: str
    certainty: float | None = None
    reason: Code | None = None
    box: Box | None = None
    measurements: Sequence[Measurement] = ()
    site: Code | None = None
    side: Side | None = None
    points: tuple[Landmark, ...] = ()
    image: int = 0
    frame: int | None = None
    label: str = ""

    def called(self, point: Landmark) -> str:
        """Return what a landmark of the finding is called on the image: what tells it from others, else its name."""
        return self.label or point.name.meaning

    @property
    def tracking(self) -> str:
        """Identifier that the same finding keeps in every revision (112039, DCM)."""
        parts = (self.code.value, self.site.value if self.site else "", self.side or "", self.label)
        return " ".join(filter(None, parts))

    def __post_init__(self) -> None:
        if self.certainty is not None and not 0.0 <= self.certainty <= 1.0:
            raise ValueError("certainty lies between 0 and 1")
        if self.source not in {"tags", "picture"}:
            raise ValueError("a finding rests on tags or on the picture")
        if self.image < 0 or (self.frame is not None and self.frame < 1):
            raise ValueError("images count from 0 and frames from 1")


class Verdict(StrEnum):
    """What a case came to, in one word."""

    FINDINGS = "findings"
    NOTHING = "nothing_to_complain_of"
    ABSTAINED = "abstained"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """Which model said something.

    Parameters
    ----------
    digest
        SHA-256 of the weights, hexadecimal.
    calibration
        How certainty was calibrated, for the report's algorithm parameters.
    """

    name: str
    version: str
    digest: str
    calibration: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """All that a use case has to say of its subject.

    Parameters
    ----------
    verdict
        In one word.
    findings
        Problems first; what was looked for and not found, and what can't be told, follow.
    abstained
        Why nothing, or not everything, is said; empty when all was judged.
    masks
        Structures drawn pixel by pixel; they go into a SEG, not into the ledger's rows.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    model: ModelVersion | None
    abstained: str = ""
    masks: tuple[Mask, ...] = ()
