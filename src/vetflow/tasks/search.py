"""The search for earlier studies; a PACS that is away, slow or full costs a report its priors and no more."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from pydicom.dataset import Dataset

from vetflow.dicom import answers, header
from vetflow.domain import priors as prior
from vetflow.domain.errors import StudyRefused, TransientError, VetflowError
from vetflow.domain.priors import Answer, FetchedPrior, Missing, MissingPrior, PriorLimits, Priors, Question, StudyAt
from vetflow.ports import ObjectStore, PriorSource

log = structlog.stdlib.get_logger()


class Search:
    """Asks PACS after PACS for earlier studies, all within one budget of time.

    Parameters
    ----------
    sources
        By name; the first that names a study hands it over.
    store
        Where images go.
    limits
        Bounds of what may come.
    monotonic
        Seconds that never run backwards.
    """

    def __init__(
        self,
        sources: Mapping[str, PriorSource],
        store: ObjectStore,
        *,
        limits: PriorLimits,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = sources
        self._store = store
        self._limits = limits
        self._monotonic = monotonic

    def of(self, own: Dataset) -> Priors:
        """Return the earlier studies of a header's animal; what goes wrong outside is no error, it is said."""
        patient, study = answers.patient(own), answers.study(own)
        if not self._sources or not self._limits.studies or not patient.askable:
            return prior.not_asked()
        if study.on is None:
            study = replace(study, on=datetime.now(UTC).date())
        end = self._monotonic() + self._limits.seconds
        named, silent = self._named(Question(patient=patient), end)
        said = [answer for answer, _ in named]
        wanted, unfit = prior.eligible(said, patient=patient, study=study, limits=self._limits)
        whose = {answer.study: name for answer, name in reversed(named)}
        fetched: list[FetchedPrior] = []
        lost: list[MissingPrior] = []
        for one in wanted:
            try:
                fetched.append(self._fetched(one, whose[one], own, end))
            except VetflowError as error:
                lost.append(_lost(error, whose[one], one))
        return prior.joined(wanted, fetched, (*silent, *unfit, *lost))

    def _named(self, question: Question, end: float) -> tuple[list[tuple[Answer, str]], list[MissingPrior]]:
        """Return what every PACS answers with its name, and which gave no answer."""
        named: list[tuple[Answer, str]] = []
        silent: list[MissingPrior] = []
        for name, source in self._sources.items():
            try:
                named += [(answer, name) for answer in source.find(question, seconds=self._left(end))]
            except VetflowError as error:
                silent.append(_lost(error, name))
        return named, silent

    def _fetched(self, study: StudyAt, name: str, own: Dataset, end: float) -> FetchedPrior:
        limits = replace(self._limits, seconds=self._left(end))
        digests = self._sources[name].fetch(study.study_uid, lambda data: self._store.put([data]), limits=limits)
        for digest in digests:
            _compare(own, header.read(self._store.get(digest)), limits)
        return FetchedPrior(study=study, digests=tuple(digests))

    def _left(self, end: float) -> float:
        left = end - self._monotonic()
        if left <= 0:
            raise TransientError("the time for earlier studies is used up")
        return left


def _compare(own: Dataset, theirs: Dataset, limits: PriorLimits) -> None:
    """Do nothing when nothing speaks against both being of one animal; what a PACS answered is only a claim."""
    ours, other = answers.patient(own), answers.patient(theirs)
    if ours.id != other.id or answers.traits(own).contradict(answers.traits(theirs)):
        raise StudyRefused(Missing.OTHER_ANIMAL)
    issuers = {ours.issuer or limits.issuer, other.issuer or limits.issuer} - {""}
    if len(issuers) > 1:
        raise StudyRefused(Missing.ISSUER_DIFFERS)


def _lost(error: VetflowError, source: str, study: StudyAt | None = None) -> MissingPrior:
    reason = prior.reason_of(error)
    log.warning("no prior", source=source, reason=reason.value, error=str(error))
    return MissingPrior(reason=reason, study=study)
