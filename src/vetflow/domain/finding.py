"""Findings: what a model or a geometry routine says, how sure it is, and where."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vetflow.domain.coding import Code


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
class Box:
    """Axis-aligned box on an image; (0, 0) is the top left corner of the top left pixel (PS3.3 C.18.6).

    Parameters
    ----------
    left, top, right, bottom
        Pixel edges: a box over pixel columns 3 to 5 has left 3 and right 6.
    """

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.left, self.top, self.right, self.bottom))):
            raise ValueError("a box has finite edges")
        if self.right <= self.left or self.bottom <= self.top:
            raise ValueError("a box has an area")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A number with its unit (UCUM)."""

    name: Code
    value: float
    unit: Code

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError("a measurement is a finite number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One statement about one film.

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
    """

    code: Code
    presence: Presence
    says: str
    source: str
    certainty: float | None = None
    reason: Code | None = None
    box: Box | None = None
    measurements: Sequence[Measurement] = ()

    def __post_init__(self) -> None:
        if self.certainty is not None and not 0.0 <= self.certainty <= 1.0:
            raise ValueError("certainty lies between 0 and 1")
        if self.source not in {"tags", "picture"}:
            raise ValueError("a finding rests on tags or on the picture")


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
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    model: ModelVersion | None
    abstained: str = ""
