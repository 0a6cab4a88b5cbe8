"""Decide on findings and sign; what was written before is never changed, and the same act twice is one."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from vetflow.domain.errors import ConfigurationError, StudyRefused
from vetflow.domain.review import Edition, Review
from vetflow.domain.standing import Decision, Signature
from vetflow.review.document import Reviewed, owed_again, superseding
from vetflow.wiring import Services

_LONGEST_NAME = 64  # PN and LO (PS3.5 section 6.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What somebody wants to do to a case.

    Parameters
    ----------
    by
        Who decides; a name or account.
    at
        When, with its time zone.
    decisions
        By position of the finding in the case, from 0.
    note
        Words for colleagues; they stay in the ledger.
    signature
        Given, the report is signed: every finding that does not stand rejected is accepted by that.
    seen
        The edition it was decided on; when others were made since, nothing is done. None takes the latest.
    """

    by: str
    at: datetime
    decisions: Mapping[int, Decision] = field(default_factory=dict[int, Decision])
    note: str = ""
    signature: Signature | None = None
    seen: int | None = None

    def __post_init__(self) -> None:
        for words in (self.by, *((self.signature.name, self.signature.organization) if self.signature else ())):
            if not words.strip() or len(words) > _LONGEST_NAME or "\\" in words or not words.isprintable():
                raise ConfigurationError(
                    f"names and organizations have 1 to {_LONGEST_NAME} characters, without backslash or line break"
                )


def reject(services: Services, case_id: str, findings: Collection[int], *, by: str) -> Edition:
    """Reject findings, by position from 0, and return how the case stands; raises as :func:`decide`."""
    return _mark(services, case_id, dict.fromkeys(findings, Decision.REJECTED), by)


def accept(services: Services, case_id: str, findings: Collection[int], *, by: str) -> Edition:
    """Accept findings, also ones that stand rejected, and return how the case stands; raises as :func:`decide`."""
    return _mark(services, case_id, dict.fromkeys(findings, Decision.ACCEPTED), by)


def sign(services: Services, case_id: str, *, signature: Signature) -> Edition:
    """Sign what stands and return how the case stands then; raises as :func:`decide`."""
    return decide(services, case_id, Act(by=signature.name, at=signature.at, signature=signature))


def decide(services: Services, case_id: str, act: Act) -> Edition:
    """Do an act and return how the case stands then; an act that changes nothing makes no edition.

    The new report names the one before as replaced, or as the preliminary of what is signed now, and is owed to
    whoever got the one before or will get it. Accepting what nobody rejected changes no report. Nor does a decision on
    a signed one, which stands until somebody signs the correction: nothing unverified ever replaces it.

    Raises
    ------
    ConfigurationError
        When a name can't stand in a report.
    StudyRefused
        ``unknown_case``, ``case_not_done``, ``no_report``, ``unknown_finding`` or ``reviewed_meanwhile``.
    """
    stands = services.ledger.edition(case_id)
    if _known(stands, case_id, act):
        return stands
    reviewed = Reviewed.of(services, stands)
    review = _review(reviewed, act)
    if review is None:
        return stands
    results = superseding(services, reviewed, review) if reviewed.changes(review) else []
    owed = [one for result in results for one in owed_again(reviewed, result)]
    services.ledger.amend(case_id, review=review, results=results, owed=owed)
    return services.ledger.edition(case_id)


def _mark(services: Services, case_id: str, decisions: Mapping[int, Decision], by: str) -> Edition:
    return decide(services, case_id, Act(by=by, at=datetime.now(UTC), decisions=decisions))


def _known(stands: Edition, case_id: str, act: Act) -> bool:
    """Whether the act was done before; StudyRefused when it was decided on an edition that is not the latest."""
    if act.seen is None or act.seen == stands.number:
        return False
    if _name(case_id, act.seen, act) in {review.id for review in stands.reviews}:
        return True
    raise StudyRefused("reviewed_meanwhile", f"{case_id} was reviewed meanwhile; look at it again")


def _review(reviewed: Reviewed, act: Act) -> Review | None:
    """Return the act as the next edition's review, None when everything stands so already."""
    stands, count = reviewed.stands, len(reviewed.assessment.findings)
    if unknown := [str(at + 1) for at in act.decisions if not 0 <= at < count]:
        raise StudyRefused("unknown_finding", f"{stands.case_id} has {count} findings, none of number {unknown[0]}")
    decisions = {at: said for at, said in act.decisions.items() if stands.decisions.get(at) is not said}
    if act.signature:
        open_ones = (at for at in range(count) if at not in stands.decisions and at not in decisions)
        decisions |= dict.fromkeys(open_ones, Decision.ACCEPTED)
    if not decisions and (act.signature is None or _who(act.signature) == _who(stands.signature)):
        return None
    return Review(
        id=_name(stands.case_id, stands.number, act),
        edition=stands.number + 1,
        by=act.by,
        at=act.at,
        decisions=decisions,
        note=act.note,
        signature=act.signature,
    )


def _who(signature: Signature | None) -> tuple[str, ...]:
    return (signature.name, signature.organization) if signature else ()


def _name(case_id: str, edition: int, act: Act) -> str:
    """Return the id of an act: the same decisions of the same person on the same edition are the same act."""
    decisions = (f"{at} {said}" for at, said in sorted(act.decisions.items()))
    whole = "\0".join((case_id, str(edition), act.by, *_who(act.signature), *decisions))
    return f"review-{hashlib.sha256(whole.encode()).hexdigest()[:16]}"
