"""Any use case on any study that a person names: one that is here, or one that a PACS hands over first."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from vetflow.domain.case import CaseOrder, Queue
from vetflow.domain.errors import PermanentFailure, StudyRefused, TransientError, VetflowError
from vetflow.domain.overview import CaseLine, StudyPage
from vetflow.domain.priors import PriorLimits, Question, StudyAt
from vetflow.domain.routing import FILM_CLASSES, FILM_USE_CASES
from vetflow.domain.study import Completeness, InstanceState, is_uid
from vetflow.gateway.desk import OUT_OF_RESOURCES, Desk
from vetflow.ports import PriorSource
from vetflow.supervisor.places import has_room
from vetflow.wiring import Services
from vetflow.wiring.priors import prior_sources

_WHOLE = PriorLimits(instances=10_000, megabytes=10_000.0, seconds=600.0)
"""What a person may ask for by name; a case gets far less of priors nobody asked for."""
_FIND_SECONDS = 20.0
_SENDER = "on demand"
_UNKNOWN = (
    "no PACS of [[prior_sources]] knows such a study, and none that is here has this id or StudyInstanceUID "
    "(an accession number is asked of a PACS alone); `vetflow studies ls` lists what is here"
)
_ASKED = Completeness(complete=True, reason="asked for by a person")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A case of what was asked for.

    Parameters
    ----------
    before
        How it stood when it was asked for again; None for a new one.
    """

    id: str
    before: CaseLine | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A file that a PACS handed over."""

    view: memoryview
    dicom: bool = True

    def pieces(self, start: int) -> Iterable[bytes]:
        yield bytes(self.view[start:])


def study_named(services: Services, name: str, *, tell: Callable[[str], None]) -> str:
    """Return the id of a study, fetched from the site's PACS when nothing of it is here.

    Parameters
    ----------
    name
        Id in the ledger, StudyInstanceUID or accession number.
    tell
        Told what is being done.

    Raises
    ------
    StudyRefused
        ``unknown_study`` when neither ledger nor PACS knows it, ``several_studies`` when an accession number is of
        more than one.
    """
    if name.startswith("study-"):
        if services.ledger.study(name) is None:
            raise StudyRefused("unknown_study", f"there is no study {name}; `vetflow studies ls` lists")
        return name
    by_uid = "." in name and is_uid(name)
    if by_uid and (held := services.ledger.study_of(name)):
        return held
    tell("asking the site's PACS for the study")
    source, there = _found(services, Question(study_uid=name) if by_uid else Question(accession=name))
    if not services.ledger.study_of(there.study_uid):
        tell("fetching it")
        _fetched(services, source, there, tell=tell)
    held = services.ledger.study_of(there.study_uid)
    if held is None:
        raise TransientError("what the PACS handed over has not arrived")
    return held


def _fetched(services: Services, source: PriorSource, there: StudyAt, *, tell: Callable[[str], None]) -> None:
    """Take a study in once all of it has come: what a broken transfer left is no study to be judged."""
    digests = source.fetch(there.study_uid, lambda data: services.store.put([data]), limits=_WHOLE)
    if there.instances and len(digests) < there.instances:
        tell(f"the PACS handed over {len(digests)} of {there.instances} images")
    for digest in digests:
        take_in(services, services.store.get(digest), study_uid=there.study_uid)


def open_cases(
    services: Services, use_case: str, study_id: str, *, actor: str, again: bool = False
) -> Sequence[Opened]:
    """Return the cases of a use case on the latest revision of a study, or on each of its films, at ``stat``.

    A study that never was a revision is made one of what is here.

    Parameters
    ----------
    again
        Open another case where the latest has ended; else that one is returned.

    Raises
    ------
    TransientError
        While images of the study wait for the gateway to look at their headers.
    """
    page = services.ledger.study(study_id)
    if page is None:
        raise StudyRefused("unknown_study", f"there is no study {study_id}")
    if any(line.instance.state is InstanceState.RECEIVED for line in page.instances):
        raise TransientError("images of the study are not sorted yet; that is done while `vetflow up` runs")
    orders = _film_orders(page, use_case) if use_case in FILM_USE_CASES else [_revision_order(services, page, use_case)]
    if not orders:
        raise StudyRefused("nothing_to_judge", f"{study_id} holds no film")
    return [_opened(services, replace(order, again=again), page.cases, actor=actor) for order in orders]


def take_in(services: Services, data: bytes, *, study_uid: str) -> str:
    """Take an instance of a study in as one that was sent, with the same bytes; return its digest."""
    desk = Desk(store=services.store, intake=services.ledger, room=lambda: has_room(services.settings))
    (taken,) = desk.hand_in([_File(view=memoryview(data))], sender=_SENDER, study=study_uid)
    if taken.status == OUT_OF_RESOURCES:
        raise TransientError("what the PACS hands over can't be stored now")
    if taken.status:
        raise StudyRefused("not_taken", f"the PACS hands over what is not taken (0x{taken.status:04X})")
    return taken.digest


def _found(services: Services, question: Question) -> tuple[PriorSource, StudyAt]:
    """Return the first PACS that knows the study, and what it says of it; when none does, the error of one away."""
    away: VetflowError | None = None
    for source in prior_sources(services).values():
        try:
            answers = source.find(question, seconds=_FIND_SECONDS)
        except (TransientError, PermanentFailure) as error:
            away = error
            continue
        known = {answer.study.study_uid: answer.study for answer in answers}
        if len(known) > 1:
            raise StudyRefused("several_studies", f"{len(known)} studies bear this number; name one by its UID")
        if known:
            return source, known.popitem()[1]
    raise away or StudyRefused("unknown_study", _UNKNOWN)


def _film_orders(page: StudyPage, use_case: str) -> list[CaseOrder]:
    kept = (line.instance for line in page.instances if line.instance.state is not InstanceState.QUARANTINED)
    return [
        CaseOrder(use_case=use_case, study_id=page.study.id, queue=Queue.STAT, instance_id=instance.id)
        for instance in kept
        if instance.sop_class in FILM_CLASSES
    ]


def _revision_order(services: Services, page: StudyPage, use_case: str) -> CaseOrder:
    revision = page.study.revision or services.ledger.close_revision(page.study.id, _ASKED)
    if not revision:
        raise StudyRefused("nothing_to_judge", f"{page.study.id} holds nothing that can be judged")
    return CaseOrder(use_case=use_case, study_id=page.study.id, queue=Queue.STAT, revision=revision)


def _opened(services: Services, order: CaseOrder, known: Sequence[CaseLine], *, actor: str) -> Opened:
    case_id = services.ledger.open_case(order)
    before = next((line for line in known if line.id == case_id), None)
    services.ledger.record(actor=actor, action="case.asked", subject=case_id, detail=order.use_case)
    return Opened(id=case_id, before=before)
