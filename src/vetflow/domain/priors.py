"""Earlier studies of the same animal: which are worth fetching, by what a PACS answers, and which are missing."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from vetflow.domain.errors import StudyRefused, TransientError, VetflowError
from vetflow.domain.signalment import Species
from vetflow.domain.view import Region


class Missing(StrEnum):
    """Why an earlier study is not there."""

    NOT_ASKED = "not_asked"
    """No PACS is named in the site's file, or the study does not say whose it is."""
    NOT_FOUND = "not_found"
    UNDATED = "undated"
    """Whether it is earlier can't be told."""
    TOO_OLD = "too_old"
    TOO_MANY = "too_many"
    """Newer ones use up the number a case may have."""
    TOO_LARGE = "too_large"
    TIMED_OUT = "timed_out"
    """The PACS did not answer, or not in time."""
    REFUSED = "refused"
    ISSUER_DIFFERS = "issuer_differs"
    """The same number of another register of animals, or nobody says of which one."""
    OTHER_ANIMAL = "other_animal"
    """The images came, and their species, name or microchip are another animal's."""


_NOT_OURS = frozenset({Missing.ISSUER_DIFFERS, Missing.OTHER_ANIMAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """Whose a study is: a number is an animal only together with who gave it; never shown.

    Parameters
    ----------
    id
        PatientID; ``issuer`` IssuerOfPatientID or empty.
    """

    id: str = field(repr=False)
    issuer: str = field(default="", repr=False)

    @property
    def askable(self) -> bool:
        """Whether a PACS can be asked for it: wildcards and several values would ask for others too (PS3.4 C.2.2.2)."""
        return bool(self.id) and not set(self.id) & set("*?\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which studies a PACS is asked for: those of an animal, or of an accession number, or one by its UID."""

    patient: Patient | None = None
    accession: str = field(default="", repr=False)
    study_uid: str = ""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.patient, self.accession, self.study_uid))) != 1:
            raise ValueError("a question is about one animal, one accession number or one study")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What else tells animals apart, since practices give numbers anew; never shown.

    Parameters
    ----------
    names
        Words of PatientName in lower case; ``chips`` microchip numbers.
    """

    species: Species | None = None
    names: frozenset[str] = field(default=frozenset(), repr=False)
    chips: frozenset[str] = field(default=frozenset(), repr=False)

    def contradict(self, other: "Traits") -> bool:
        """Whether both can't be of one animal; what one of them lacks proves nothing."""
        pairs = (
            ({self.species} - {None}, {other.species} - {None}),
            (self.names, other.names),
            (self.chips, other.chips),
        )
        return any(ours and theirs and ours.isdisjoint(theirs) for ours, theirs in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyAt:
    """A study as a PACS names it, without whose it is and without free text.

    Parameters
    ----------
    on, clock
        StudyDate, and StudyTime as HHMMSS; None and empty when unknown.
    modalities
        ModalitiesInStudy; empty when the PACS doesn't say.
    region
        What its description names.
    instances
        How many there are, None when the PACS doesn't say.
    """

    study_uid: str
    on: date | None = None
    clock: str = ""
    modalities: tuple[str, ...] = ()
    region: Region | None = None
    instances: int | None = None

    def before(self, other: "StudyAt") -> bool:
        """Whether it is earlier; on the same day both must say the time."""
        if self.on is None or other.on is None:
            return False
        return self.on < other.on or (self.on == other.on and "" < self.clock < other.clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a PACS answers to a question: a study, and whose it says it is."""

    study: StudyAt
    patient: Patient


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorLimits:
    """Bounds of what a case may have of earlier studies.

    Parameters
    ----------
    studies
        Most studies.
    days
        Oldest.
    instances, megabytes
        Largest study.
    seconds
        For all questions and transfers together.
    modalities
        Studies that have none of these are no priors.
    issuer
        Who gave the numbers of studies that do not say who did.
    """

    studies: int = 2
    days: int = 1825
    instances: int = 200
    megabytes: float = 500.0
    seconds: float = 20.0
    modalities: tuple[str, ...] = ("DX", "CR")
    issuer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPrior:
    """An earlier study whose images are in the store.

    Parameters
    ----------
    digests
        SHA-256 of each instance.
    """

    study: StudyAt
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingPrior:
    """An earlier study that did not come, or, without a study, that none could be looked for or was there."""

    reason: Missing
    study: StudyAt | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Priors:
    """Earlier studies of an animal, newest first.

    Parameters
    ----------
    found
        All that a PACS names and that are this animal's, as far as anybody can tell.
    """

    found: tuple[StudyAt, ...] = ()
    fetched: tuple[FetchedPrior, ...] = ()
    missing: tuple[MissingPrior, ...] = ()


def not_asked() -> Priors:
    """Return what is known of earlier studies when nobody was asked."""
    return Priors(missing=(MissingPrior(reason=Missing.NOT_ASKED),))


def eligible(
    answers: Iterable[Answer], *, patient: Patient, study: StudyAt, limits: PriorLimits
) -> tuple[tuple[StudyAt, ...], tuple[MissingPrior, ...]]:
    """Return the studies worth fetching, newest first, and those that are not with the reason.

    Answers about another PatientID, about the study itself and about later ones are left out: they are no priors.

    Parameters
    ----------
    patient, study
        Of the study whose priors are wanted.
    """
    named: dict[str, Answer] = {}
    for answer in answers:
        if answer.patient.id == patient.id:
            named.setdefault(answer.study.study_uid, answer)
    believed = _believed(patient, named.values(), default=limits.issuer)
    wanted: list[StudyAt] = []
    missing: list[MissingPrior] = []
    for answer in sorted(named.values(), key=lambda one: _when(one.study), reverse=True):
        if not _is_prior(answer.study, study, limits):
            continue
        sure = (answer.patient.issuer or limits.issuer) == believed
        reason = _unfit(answer.study, study, limits) if sure else Missing.ISSUER_DIFFERS
        if reason is None and len(wanted) >= limits.studies:
            reason = Missing.TOO_MANY
        if reason is None:
            wanted.append(answer.study)
        else:
            missing.append(MissingPrior(reason=reason, study=answer.study))
    return tuple(wanted), tuple(missing)


def reason_of(error: VetflowError) -> Missing:
    """Return why a study did not come, from what its PACS raised."""
    if isinstance(error, StudyRefused):
        return Missing(error.reason) if error.reason in set(Missing) else Missing.REFUSED
    return Missing.TIMED_OUT if isinstance(error, TransientError) else Missing.REFUSED


def joined(wanted: Iterable[StudyAt], fetched: Iterable[FetchedPrior], missing: Iterable[MissingPrior]) -> Priors:
    """Return all that is known, saying so when there is nothing."""
    lacking = tuple(missing)
    named = {prior.study for prior in lacking if prior.study}
    others = {prior.study for prior in lacking if prior.reason in _NOT_OURS}
    found = sorted({*wanted, *named} - others, key=_when, reverse=True)
    nothing = (MissingPrior(reason=Missing.NOT_FOUND),) if not found and not lacking else ()
    return Priors(found=tuple(found), fetched=tuple(fetched), missing=(*lacking, *nothing))


def _believed(patient: Patient, named: Iterable[Answer], *, default: str) -> str | None:
    """Return the issuer that counts: the study's own, else the one all answers agree on; None when they don't."""
    own = patient.issuer or default
    issuers = {own} if own else {answer.patient.issuer for answer in named}
    return issuers.pop() if len(issuers) == 1 else None


def _when(study: StudyAt) -> tuple[date, str]:
    return study.on or date.min, study.clock


def _is_prior(candidate: StudyAt, study: StudyAt, limits: PriorLimits) -> bool:
    if candidate.study_uid == study.study_uid:
        return False
    if candidate.modalities and not set(candidate.modalities) & set(limits.modalities):
        return False
    return candidate.on is None or candidate.before(study)


def _unfit(candidate: StudyAt, study: StudyAt, limits: PriorLimits) -> Missing | None:
    if candidate.on is None or study.on is None:
        return Missing.UNDATED
    if study.on - candidate.on > timedelta(days=limits.days):
        return Missing.TOO_OLD
    return Missing.TOO_LARGE if (candidate.instances or 0) > limits.instances else None
