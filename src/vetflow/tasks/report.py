"""Write what a case came to: DICOM objects, JSON, a message for each practice system, a picture for people."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

from vetflow.dicom import fields, header, picture, planes
from vetflow.dicom.identity import ReportIdentity, to_bytes
from vetflow.dicom.objects import Outcome, objects
from vetflow.domain.case import CaseRef
from vetflow.domain.clipping import Extent
from vetflow.domain.delivery import ResultKind, ResultObject
from vetflow.domain.finding import Assessment
from vetflow.domain.positioning import SERVICE
from vetflow.domain.signalment import Species
from vetflow.domain.validation import Check
from vetflow.hl7.oru import OruInput, Route, oru
from vetflow.rest.outcome import told
from vetflow.settings import Hl7Destination, Settings
from vetflow.tasks.identity import accession, animal, study_time
from vetflow.tasks.infer import SeenFilm
from vetflow.tasks.predecessors import predecessors
from vetflow.tasks.step import step
from vetflow.wiring import services


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A case whose results are written, and not yet committed.

    Parameters
    ----------
    objects
        Results of the case itself.
    messages
        Message for each practice system, by destination.
    overlay
        PNG of the film with what was found; empty when the film is held back.
    caveats
        What a reader must know of the model.
    """

    case: CaseRef
    use_case: str
    species: Species | None
    assessment: Assessment
    checks: tuple[Check, ...]
    objects: tuple[ResultObject, ...]
    messages: Mapping[str, ResultObject]
    overlay: bytes
    caveats: tuple[str, ...]


@step
def report(seen: SeenFilm, assessment: Assessment) -> Reported:
    """Return the written results of a case, the animal's identity restored from the film's own header."""
    film, use_case = seen.film, seen.film.subject.use_case
    outcome = _outcome(seen, replace(assessment, model=seen.champion.model))
    overlay = picture.png(outcome.pictures[0]) if outcome.pictures else b""
    return Reported(
        case=film.subject.ref,
        use_case=use_case,
        species=film.evidence.signalment.species,
        assessment=outcome.assessment,
        checks=seen.clean.valid.checks,
        objects=tuple(_written(outcome, film.subject.ref, overlay)),
        messages=_messages(outcome),
        overlay=overlay,
        caveats=seen.seen.caveats,
    )


def _outcome(seen: SeenFilm, assessment: Assessment) -> Outcome:
    film, source = seen.film, header.read(services().store.get(seen.film.digest))
    identity = ReportIdentity(
        digests=(film.digest,),
        use_case=film.subject.use_case,
        made_at=datetime.now(UTC),
        software=version("vetflow"),
        revision=film.subject.revision,
        caveats=seen.seen.caveats,
    )
    preview = picture.Preview(
        png=seen.seen.preview,
        scale=seen.seen.scale,
        aspect=planes.aspect(source),
        extent=Extent(columns=fields.count(source, "Columns"), rows=fields.count(source, "Rows")),
    )
    return Outcome(
        sources=(source,),
        assessment=assessment,
        identity=identity,
        predecessors=predecessors(film.subject.ref),
        pictures={0: picture.drawing(preview, assessment)} if preview.png else {},
    )


def _written(outcome: Outcome, case: CaseRef, overlay: bytes) -> Iterator[ResultObject]:
    segmented: dict[int, str] = {}
    for made in objects(outcome, wanted(services().settings)):
        if made.kind is ResultKind.SEG:
            segmented[made.image] = made.uid
        yield _kept(made.kind, to_bytes(made.document), made.uid)
    text = told(outcome, case_id=case.id, segmentations=segmented)
    yield _kept(ResultKind.JSON, text.encode(), outcome.identity.uid(outcome.assessment, ResultKind.JSON))
    if overlay:
        yield _kept(ResultKind.PICTURE, overlay, outcome.identity.uid(outcome.assessment, ResultKind.PICTURE))


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
            service=SERVICE,
            route=route,
            accession=accession(film),
            study_time=study_time(film),
        )
        messages[place.name] = _kept(ResultKind.ORU, oru(message), uid)
    return messages
