"""Gather what the use cases came to on a revision, and write it as a draft report."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

import structlog

from vetflow.dicom import given
from vetflow.dicom.draft import draft_report
from vetflow.dicom.identity import ReportIdentity, to_bytes
from vetflow.domain import drafting, tracking, triage
from vetflow.domain.case import CaseState
from vetflow.domain.delivery import ResultKind, ResultObject
from vetflow.domain.finding import Assessment, Presence, Verdict
from vetflow.domain.overview import CaseLine, CasePage, InstanceLine
from vetflow.domain.priors import Priors
from vetflow.domain.report import Draft, Opinion
from vetflow.domain.review import Edition
from vetflow.domain.rollout import Phase
from vetflow.domain.signalment import Species
from vetflow.domain.standing import Standing
from vetflow.domain.study import InstanceState
from vetflow.domain.upheld import upheld
from vetflow.domain.use_cases import DRAFT, MODELS
from vetflow.reports.writing import Templates
from vetflow.rest.schema import Result
from vetflow.tasks.phase import phase_of
from vetflow.tasks.predecessors import predecessors
from vetflow.tasks.report import Reported
from vetflow.tasks.retrieve import Study, headers
from vetflow.tasks.step import step
from vetflow.wiring import services

log = structlog.stdlib.get_logger()

_FILMS = "positioning"
"""Use case whose cases are of films."""
_ENDED = {
    CaseState.REFUSED: "was refused",
    CaseState.FAILED: "has failed",
    CaseState.CANCELLED: "was cancelled by a person",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What the use cases came to, and the phase that it was gathered for.

    Parameters
    ----------
    phase
        Of the draft; where it travels, nothing stands in it of use cases that are silent.
    """

    opinions: tuple[Opinion, ...]
    phase: Phase


@step
def gather(study: Study) -> Gathered:
    """Return what each use case came to on a revision; one that came to nothing abstains, with the reason.

    A draft that leaves the house says nothing that its use case may not say there itself.
    """
    numbers = {film.digest: number for number, film in enumerate(study.films)}
    species = next(filter(None, (film.evidence.signalment.species for film in study.films)), None)
    phase, lines = phase_of(DRAFT, None, species), _newest(study)
    unasked = [name for name in MODELS if name not in {DRAFT, _FILMS, *(line.use_case for line in lines)}]
    said = (_opinion(line, numbers) for line in lines)
    opinions = (
        *(_held_back(one, species) if phase.reach else one for one in said),
        *(_abstained(name, f"{name} was not asked for") for name in unasked),
        *(_abstained(_FILMS, why) for why in study.left_out),
    )
    return Gathered(opinions=opinions, phase=phase)


def _held_back(opinion: Opinion, species: Species | None) -> Opinion:
    """Return an opinion, or that its use case is silent here; that one has not ended or was refused is no secret."""
    model = opinion.assessment.model
    heard = model is None or phase_of(opinion.use_case, model, species).reach
    return opinion if heard else _abstained(opinion.use_case, f"{opinion.use_case} is silent at this site")


@step
def write(study: Study, gathered: Gathered, priors: Priors) -> Reported:
    """Return a draft in the site's words, as plain text and as structured report."""
    sources, opinions = headers(study), gathered.opinions
    evidence = [film.evidence for film in study.films]
    templates = Templates(services().settings.reports.folder)
    put = drafting.draft(given.given(sources[0], evidence, priors=priors), opinions, table=templates.table)
    written = templates.written(put)
    if written.trouble:
        log.warning("the site's templates are broken", case=study.subject.ref.id, trouble=str(written.trouble))
    assessment, identity = Assessment(verdict=_verdict(put), findings=(), model=None), _identity(study)
    standing = Standing(predecessors=predecessors(study.subject.ref).get(ResultKind.SR, ()))
    document = draft_report(sources, written.paragraphs, assessment=assessment, identity=identity, standing=standing)
    return Reported(
        case=study.subject.ref,
        use_case=DRAFT,
        species=put.given.signalment.species,
        assessment=assessment,
        checks=(),
        objects=(
            _kept(ResultKind.SR, to_bytes(document), str(document.SOPInstanceUID)),
            _kept(ResultKind.TEXT, written.text.encode(), identity.uid(assessment, ResultKind.TEXT)),
        ),
        messages={},
        overlays=(),
        caveats=(),
        most=gathered.phase,
    )


def _newest(study: Study) -> list[CaseLine]:
    """Return the latest case of each use case on the revision and on each of its films that is done, else the latest.

    Whoever asks again while a case goes on, or after it went wrong, does not lose what was known before.
    """
    subject = study.subject
    page = services().ledger.study(subject.study_id)
    if page is None:
        return []
    films = {line.instance.id for line in page.instances if _is_of(line, subject.revision or 0)}
    held: dict[tuple[str, str | None], CaseLine] = {}
    for line in page.cases:
        about = line.revision == subject.revision if line.instance_id is None else line.instance_id in films
        earlier = held.get((line.use_case, line.instance_id))
        lost = earlier and earlier.state is CaseState.DONE and line.state is not CaseState.DONE
        if about and line.use_case != DRAFT and not lost:
            held[line.use_case, line.instance_id] = line
    return list(held.values())


def _is_of(line: InstanceLine, revision: int) -> bool:
    """Whether an instance is of a revision, or was set aside and is of none."""
    return line.instance.state is InstanceState.QUARANTINED if line.revision is None else line.revision <= revision


def _opinion(line: CaseLine, numbers: Mapping[str, int]) -> Opinion:
    page = services().ledger.case(line.id) if line.state is CaseState.DONE else None
    if page is None or page.assessment is None:
        reason = line.reason.partition(":")[0].replace("_", " ")
        what = f"{line.use_case} of an image" if line.instance_id else line.use_case
        told = f"{what} {_ENDED.get(line.state, 'has not ended')}"
        return _abstained(line.use_case, f"{told} ({reason})" if reason else told)
    return _said(page, page.assessment, services().ledger.edition(line.id), numbers)


def _said(page: CasePage, assessment: Assessment, edition: Edition, numbers: Mapping[str, int]) -> Opinion:
    """Return what a case says; a film that was set aside since is numbered behind those that are there."""
    names = tracking.identifiers(assessment.findings)
    standing = Standing(edition=edition.number, rejected=frozenset(names[at] for at in edition.rejected))
    left = replace(assessment, findings=tuple(finding for _, finding in upheld(assessment, standing).claimed))
    return Opinion(
        use_case=page.case.use_case,
        assessment=assessment,
        films=tuple(numbers.get(digest, len(numbers)) for digest in edition.digests),
        urgency=triage.urgency(left),
        caveats=_caveats(page.results),
        standing=standing,
    )


def _caveats(results: Iterable[ResultObject]) -> tuple[str, ...]:
    """Return what a reader must know of the model, as the case's own result says it."""
    told = next((result for result in results if result.kind is ResultKind.JSON), None)
    if told is None:
        return ()
    model = Result.model_validate_json(services().store.get(told.digest)).model
    return model.caveats if model else ()


def _abstained(use_case: str, why: str) -> Opinion:
    nothing = Assessment(verdict=Verdict.ABSTAINED, findings=(), model=None, abstained=why)
    return Opinion(use_case=use_case, assessment=nothing)


def _verdict(put: Draft) -> Verdict:
    if put.being(Presence.PRESENT) or put.repeat:
        return Verdict.FINDINGS
    return Verdict.ABSTAINED if put.being(Presence.UNDETERMINED) else Verdict.NOTHING


def _identity(study: Study) -> ReportIdentity:
    return ReportIdentity(
        digests=tuple(film.digest for film in study.films),
        use_case=DRAFT,
        made_at=datetime.now(UTC),
        software=version("vetflow"),
        revision=study.subject.revision,
        round=study.subject.round,
    )


def _kept(kind: ResultKind, data: bytes, uid: str) -> ResultObject:
    return ResultObject(kind=kind, digest=services().store.put([data]), uid=uid)
