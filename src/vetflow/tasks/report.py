"""Write what a case came to: DICOM objects, JSON, a message for each practice system, a picture for people."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

from pydicom.dataset import Dataset

from vetflow.dicom import fields, picture, planes
from vetflow.dicom.identity import ReportIdentity, to_bytes
from vetflow.dicom.objects import Outcome, objects
from vetflow.domain.case import CaseRef
from vetflow.domain.clipping import Extent
from vetflow.domain.delivery import ResultKind, ResultObject
from vetflow.domain.finding import Assessment, Presence
from vetflow.domain.rollout import Phase
from vetflow.domain.signalment import Species
from vetflow.domain.validation import Check
from vetflow.hl7.oru import OruInput, Route, oru
from vetflow.rest.outcome import told
from vetflow.settings import Hl7Destination, Settings
from vetflow.tasks.identity import SERVICES, accession, animal, study_time
from vetflow.tasks.infer import SeenStudy
from vetflow.tasks.predecessors import predecessors
from vetflow.tasks.retrieve import headers
from vetflow.tasks.step import step
from vetflow.wiring import services

_MOST_PICTURES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A case whose results are written, and not yet committed.

    Parameters
    ----------
    checks
        Outcome of validation, film by film.
    objects
        Results of the case itself.
    messages
        Message for each practice system, by destination.
    overlays
        PNG of each film that is shown, with what was found; films held back are not.
    caveats
        What a reader must know of the models.
    most
        Phase up to which it may travel, whatever is granted by the time that it is committed.
    """

    case: CaseRef
    use_case: str
    species: Species | None
    assessment: Assessment
    checks: tuple[tuple[Check, ...], ...]
    objects: tuple[ResultObject, ...]
    messages: Mapping[str, ResultObject]
    overlays: tuple[bytes, ...]
    caveats: tuple[str, ...]
    most: Phase = Phase.INTEGRATED


@step
def report(seen: SeenStudy, assessment: Assessment) -> Reported:
    """Return the written results of a case, the animal's identity restored from the first film's own header."""
    subject = seen.study.subject
    outcome = _outcome(seen, replace(assessment, model=seen.champion.model))
    overlays = {number: picture.png(drawn) for number, drawn in outcome.pictures.items()}
    return Reported(
        case=subject.ref,
        use_case=subject.use_case,
        species=next(filter(None, (film.evidence.signalment.species for film in seen.study.films)), None),
        assessment=outcome.assessment,
        checks=seen.clean.valid.checks,
        objects=tuple(_written(outcome, subject.ref, overlays)),
        messages=_messages(outcome),
        overlays=tuple(overlays.values()),
        caveats=seen.caveats,
    )


def _outcome(seen: SeenStudy, assessment: Assessment) -> Outcome:
    subject, sources = seen.study.subject, headers(seen.study)
    return Outcome(
        sources=sources,
        assessment=assessment,
        identity=ReportIdentity(
            digests=tuple(film.digest for film in seen.study.films),
            use_case=subject.use_case,
            made_at=datetime.now(UTC),
            software=version("vetflow"),
            revision=subject.revision,
            round=subject.round,
            caveats=seen.caveats,
        ),
        predecessors=predecessors(subject.ref),
        pictures={
            number: picture.drawing(_preview(seen, sources, number), assessment) for number in _shown(seen, assessment)
        },
    )


def _shown(seen: SeenStudy, assessment: Assessment) -> Sequence[int]:
    """Return which films to draw: those where something is present, else those that anything is said of, else one."""
    said, there = (
        {finding.image for finding in assessment.findings if finding.presence in presences}
        for presences in (set(Presence), {Presence.PRESENT})
    )
    visible = [number for number, one in enumerate(seen.seen) if one.preview]
    return [number for number in visible if number in (there or said)][:_MOST_PICTURES] or visible[:1]


def _preview(seen: SeenStudy, sources: Sequence[Dataset], number: int) -> picture.Preview:
    source, shown = sources[number], seen.seen[number]
    return picture.Preview(
        png=shown.preview,
        scale=shown.scale,
        aspect=planes.aspect(source),
        image=number,
        extent=Extent(columns=fields.count(source, "Columns"), rows=fields.count(source, "Rows")),
    )


def _written(outcome: Outcome, case: CaseRef, overlays: Mapping[int, bytes]) -> Iterator[ResultObject]:
    segmented: dict[int, str] = {}
    for made in objects(outcome, wanted(services().settings)):
        if made.kind is ResultKind.SEG:
            segmented[made.image] = made.uid
        yield _kept(made.kind, to_bytes(made.document), made.uid)
    text = told(outcome, case_id=case.id, segmentations=segmented)
    yield _kept(ResultKind.JSON, text.encode(), outcome.identity.uid(outcome.assessment, ResultKind.JSON))
    for number, overlay in overlays.items():
        uid = outcome.identity.uid(outcome.assessment, ResultKind.PICTURE, str(number))
        yield _kept(ResultKind.PICTURE, overlay, uid)


def wanted(settings: Settings) -> frozenset[ResultKind]:
    """Return the kinds of objects to write: the report always, and what any PACS of the site asks for."""
    asked = {kind for place in settings.destinations if not isinstance(place, Hl7Destination) for kind in place.results}
    return frozenset({ResultKind.SR, *asked})


def _kept(kind: ResultKind, data: bytes, uid: str) -> ResultObject:
    return ResultObject(kind=kind, digest=services().store.put([data]), uid=uid)


def _messages(outcome: Outcome) -> dict[str, ResultObject]:
    """Return a message for each practice system; its control id follows from the report's, so a retry keeps it."""
    film, settings, messages = outcome.sources[0], services().settings, dict[str, ResultObject]()
    for place in settings.destinations:
        if not isinstance(place, Hl7Destination) or ResultKind.ORU not in place.results:
            continue
        named = outcome.identity.uid(outcome.assessment, ResultKind.ORU, place.name)
        uid = hashlib.sha256(named.encode()).hexdigest()[:20]
        route = Route(sender_facility=settings.site.name, receiver=place.application, receiver_facility=place.facility)
        message = OruInput(
            message_id=uid,
            made_at=outcome.identity.made_at,
            animal=animal(film),
            assessment=outcome.assessment,
            service=SERVICES[outcome.identity.use_case],
            route=route,
            accession=accession(film),
            study_time=study_time(film),
        )
        messages[place.name] = _kept(ResultKind.ORU, oru(message), uid)
    return messages
