"""What is known of one film of a case when it is judged: its tags, and what the models saw."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vetflow.domain.evidence import TagEvidence
from vetflow.domain.finding import Finding, ModelVersion, Presence, Verdict
from vetflow.domain.sight import Sight
from vetflow.domain.trunk_sight import TrunkSight


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """One film of a case; findings name it by its number among the case's looks.

    Parameters
    ----------
    trunk, plain
        What the trunk model and the positioning model saw; None when they were not asked.
    abstained
        Why no model was asked: held back for text in the picture, a species not on the card, refused by validation …
    """

    evidence: TagEvidence
    trunk: TrunkSight | None = None
    plain: Sight | None = None
    abstained: str = ""

    @property
    def doubt(self) -> str:
        """Why nothing may be said of a trunk in the picture; empty when something may."""
        if self.abstained or self.trunk is None:
            return self.abstained or "no model was asked"
        return self.trunk.doubt


def model(looks: Iterable[Look]) -> ModelVersion | None:
    """Return the trunk model that was asked, None when it was not."""
    return next((look.trunk.model for look in looks if look.trunk), None)


def reasons(whys: Sequence[str], looks: Sequence[Look]) -> str:
    """Return why films were not judged, each reason once and with the number of films unless it holds for all."""
    return "; ".join(
        why if count == len(looks) else f"{why} ({count} of {len(looks)} films)" for why, count in Counter(whys).items()
    )


def verdict(findings: Iterable[Finding], abstained: str) -> Verdict:
    """Return what a case came to: what is there comes before what was not judged."""
    if any(finding.presence is Presence.PRESENT for finding in findings):
        return Verdict.FINDINGS
    return Verdict.ABSTAINED if abstained else Verdict.NOTHING
