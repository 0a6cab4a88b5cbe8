"""The report of a later edition, and who is owed it."""

from dataclasses import dataclass
from typing import Self

from pydicom.dataset import Dataset

from vetflow.dicom import fields, header
from vetflow.dicom.identity import ReportIdentity, to_bytes
from vetflow.dicom.objects import Outcome, objects
from vetflow.dicom.predecessor import predecessor
from vetflow.dicom.verification import verified
from vetflow.domain import tracking
from vetflow.domain.delivery import DeliveryState, Owed, ResultKind, ResultObject
from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import Assessment
from vetflow.domain.overview import CasePage
from vetflow.domain.review import Edition, Review
from vetflow.domain.standing import PRELIMINARY, REPLACED, Decision, Standing
from vetflow.domain.use_cases import DRAFT
from vetflow.rest.outcome import told
from vetflow.rest.schema import Result
from vetflow.wiring import Services

_UNVERIFIED = "not verified by a veterinarian"
_REWRITTEN = frozenset({ResultKind.SR, ResultKind.GSPS, ResultKind.KOS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A case that is done, how it stands, and its latest report.

    Parameters
    ----------
    report
        Header of the latest.
    """

    page: CasePage
    assessment: Assessment
    stands: Edition
    report: Dataset

    @classmethod
    def of(cls, services: Services, stands: Edition) -> Self:
        """Return all about the case of an edition; StudyRefused when it wrote no report of findings."""
        page, latest = services.ledger.case(stands.case_id), stands.result(ResultKind.SR)
        if page and page.case.use_case == DRAFT:
            raise StudyRefused("no_report", f"{stands.case_id} is a draft of what other cases found; review those")
        if page is None or page.assessment is None or latest is None:
            raise StudyRefused("no_report", f"{stands.case_id} wrote no report that a review could follow")
        report = header.read(services.store.get(latest.digest))
        return cls(page=page, assessment=page.assessment, stands=stands, report=report)

    @property
    def signed(self) -> bool:
        """Whether the latest report is."""
        return verified(self.report)

    def rejected(self, review: Review) -> frozenset[int]:
        """Return the positions of the findings that stand rejected after a review."""
        decisions = {**self.stands.decisions, **review.decisions}
        return frozenset(at for at, said in decisions.items() if said is Decision.REJECTED)

    def changes(self, review: Review) -> bool:
        """Whether a review makes a report: what is not signed takes the place of nothing that is."""
        if review.signature is None and self.signed:
            return False
        return review.signature is not None or self.rejected(review) != self.stands.rejected


def superseding(services: Services, reviewed: Reviewed, review: Review) -> list[ResultObject]:
    """Write the objects of a review and return them; they are in the store, and in nobody's hands yet.

    Report, JSON, presentation states and key objects are written anew where the edition before had them. What holds
    pixels stays as it was: masks and pictures are not in the ledger.
    """
    outcome = _outcome(services, reviewed, review)
    kept = [
        _kept(services, made.kind, to_bytes(made.document), made.uid)
        for made in objects(outcome, _REWRITTEN & {result.kind for result in reviewed.stands.results})
    ]
    text = told(outcome, case_id=reviewed.stands.case_id, segmentations={})
    uid = outcome.identity.uid(outcome.assessment, ResultKind.JSON, edition=review.edition)
    return [*kept, _kept(services, ResultKind.JSON, text.encode(), uid)]


def _outcome(services: Services, reviewed: Reviewed, review: Review) -> Outcome:
    case, signing = reviewed.page.case, review.signature is not None
    names = tracking.identifiers(reviewed.assessment.findings)
    identity = ReportIdentity(
        digests=reviewed.stands.digests,
        use_case=case.use_case,
        made_at=review.at,
        software=fields.text(reviewed.report, "SoftwareVersions"),
        revision=case.revision,
        round=case.round,
        caveats=_caveats(services, reviewed.stands, signed=signing),
    )
    purpose = PRELIMINARY if signing and not reviewed.signed else REPLACED
    return Outcome(
        sources=tuple(header.read(services.store.get(digest)) for digest in reviewed.stands.digests),
        assessment=reviewed.assessment,
        identity=identity,
        standing=Standing(
            edition=review.edition,
            signature=review.signature,
            rejected=frozenset(names[at] for at in reviewed.rejected(review)),
        ),
        predecessors={ResultKind.SR: (predecessor(reviewed.report, purpose=purpose),)},
    )


def _kept(services: Services, kind: ResultKind, data: bytes, uid: str) -> ResultObject:
    return ResultObject(kind=kind, digest=services.store.put([data]), uid=uid)


def owed_again(reviewed: Reviewed, result: ResultObject) -> list[Owed]:
    """Return who got the report before, or will: also who refused it, since a person may send it again."""
    latest = {line.destination: line for line in reviewed.page.deliveries if line.kind == result.kind}
    return [
        Owed(destination=name, channel=line.channel, result=result, held=line.state is DeliveryState.HELD)
        for name, line in latest.items()
    ]


def _caveats(services: Services, stands: Edition, *, signed: bool) -> tuple[str, ...]:
    """Return what a reader must know of all models that were asked, as the edition before says it."""
    held = stands.result(ResultKind.JSON)
    model = Result.model_validate_json(services.store.get(held.digest)).model if held else None
    told = tuple(one for one in model.caveats if one != _UNVERIFIED) if model else ()
    return told if signed else (*told, _UNVERIFIED)
