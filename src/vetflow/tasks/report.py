"""Write what a case came to: a structured report, a message for each practice system, a picture for people."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version

from vetflow.dicom import header, picture
from vetflow.dicom.report import ReportIdentity, to_bytes
from vetflow.dicom.report import report as structured
from vetflow.domain.case import CaseRef
from vetflow.domain.delivery import ResultKind, ResultObject
from vetflow.domain.finding import Assessment
from vetflow.domain.positioning import SERVICE
from vetflow.domain.signalment import Species
from vetflow.domain.validation import Check
from vetflow.hl7.oru import OruInput, Route, oru
from vetflow.settings import Hl7Destination
from vetflow.tasks.identity import accession, animal, study_time
from vetflow.tasks.infer import SeenFilm
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
        PNG of the film with what was found.
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
    judged = replace(assessment, model=seen.champion.model)
    identity = ReportIdentity(
        digests=(film.digest,),
        use_case=use_case,
        made_at=datetime.now(UTC),
        software=version("vetflow"),
        revision=film.subject.revision,
        caveats=seen.seen.caveats,
    )
    source = services().store.get(film.digest)
    overlay = picture.overlay(
        seen.seen.preview, assessment=judged, scale=seen.seen.scale, hidden=film.evidence.burned_in
    )
    return Reported(
        case=film.subject.ref,
        use_case=use_case,
        species=film.evidence.signalment.species,
        assessment=judged,
        checks=seen.clean.valid.checks,
        objects=(_structured(source, judged, identity), _pictured(overlay, judged, identity)),
        messages=_messages(source, judged, identity),
        overlay=overlay,
        caveats=seen.seen.caveats,
    )


def _structured(source: bytes, assessment: Assessment, identity: ReportIdentity) -> ResultObject:
    document = structured(header.read(source), assessment, identity=identity)
    digest = services().store.put([to_bytes(document)])
    return ResultObject(kind=ResultKind.SR, digest=digest, uid=str(document.SOPInstanceUID))


def _pictured(overlay: bytes, assessment: Assessment, identity: ReportIdentity) -> ResultObject:
    uid = identity.uid(assessment, ResultKind.PICTURE)
    return ResultObject(kind=ResultKind.PICTURE, digest=services().store.put([overlay]), uid=uid)


def _messages(source: bytes, assessment: Assessment, identity: ReportIdentity) -> dict[str, ResultObject]:
    """Return a message for each practice system; its control id follows from the report's, so a retry keeps it."""
    film, settings, messages = header.read(source), services().settings, dict[str, ResultObject]()
    for place in settings.destinations:
        if not isinstance(place, Hl7Destination) or ResultKind.ORU not in place.results:
            continue
        uid = hashlib.sha256(identity.uid(assessment, ResultKind.ORU, place.name).encode()).hexdigest()[:20]
        route = Route(sender_facility=settings.site.name, receiver=place.application, receiver_facility=place.facility)
        message = OruInput(
            message_id=uid,
            made_at=identity.made_at,
            animal=animal(film),
            assessment=assessment,
            service=SERVICE,
            route=route,
            accession=accession(film),
            study_time=study_time(film),
        )
        digest = services().store.put([oru(message)])
        messages[place.name] = ResultObject(kind=ResultKind.ORU, digest=digest, uid=uid)
    return messages
