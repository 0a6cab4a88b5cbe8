"""What the demo tells of one film: arrival, route, findings, model, deliveries, times, and what else was said."""

from collections.abc import Iterator
from datetime import datetime

from vetflow.domain.finding import Presence, percent
from vetflow.domain.overview import CasePage, StudyPage
from vetflow.domain.rollout import Phase

Line = tuple[str, str]
"""What is told about, and what is told."""
_MOST_SAID = 3
_ORDER = {name: place for place, name in enumerate(("retrieve", "validate", "deidentify", "infer", "report"))}


def story(study: StudyPage, case: CasePage, phase: Phase) -> Iterator[Line]:
    """Yield the lines of the table, in the order things happened."""
    line = case.case
    film = study.instances[0]
    yield "arrived", f"1 {film.modality} film as {film.instance.id}, study {study.study.id}"
    yield "routed", f"use case {line.use_case}, queue {line.queue}, case {line.id}, attempt {line.attempt}"
    yield from _judged(case)
    yield "phase", f"{phase}: results go to {'PACS and practice' if phase is Phase.INTEGRATED else 'PACS'}"
    for delivery in case.deliveries:
        when = f", {_since(film.received_at, delivery.ended_at)} after arrival" if delivery.ended_at else ""
        yield f"{delivery.kind} to {delivery.destination}", f"{delivery.state}{when}{_why(delivery.last_error)}"
    yield from _times(case, film.received_at)


def brief(case: CasePage) -> Line:
    """Return in one line what a case came to."""
    if case.assessment is None:
        return case.case.use_case, f"{case.case.state}{_why(case.case.reason)}"
    present = [one.says for one in case.assessment.findings if one.presence is Presence.PRESENT]
    said = [*present[:_MOST_SAID], *([f"and {len(present) - _MOST_SAID} more"] if len(present) > _MOST_SAID else [])]
    verdict = f"{case.assessment.verdict.replace('_', ' ')}{_why(case.assessment.abstained)}"
    return case.case.use_case, f"{verdict}: {' '.join(said)}" if said else verdict


def _judged(case: CasePage) -> Iterator[Line]:
    if case.assessment is None:
        yield "found", f"nothing: the case is {case.case.state}{_why(case.case.reason)}"
        return
    yield "verdict", case.assessment.verdict.replace("_", " ")
    if case.assessment.abstained:
        yield "abstained", case.assessment.abstained
    for finding in case.assessment.findings:
        sure = "" if finding.certainty is None else f", certainty {percent(finding.certainty)}"
        yield finding.presence, f"{finding.says} (from the {finding.source}{sure})"
    if model := case.assessment.model:
        yield "model", f"{model.name} {model.version}, weights SHA-256 {model.digest}"


def _times(case: CasePage, received: datetime) -> Iterator[Line]:
    attempt = case.attempts[-1]
    yield "case opened", _since(received, attempt.opened_at)
    yield "run created", _since(received, attempt.submitted_at)
    yield "run started", _since(received, attempt.claimed_at)
    for name, seconds in sorted(case.steps.items(), key=lambda step: _ORDER.get(step[0], len(_ORDER))):
        yield f"  {name}", f"{seconds:.2f} s"
    yield "run done", _since(received, attempt.ended_at)


def _since(start: datetime, end: datetime | None) -> str:
    return "not yet" if end is None else f"{(end - start).total_seconds():.2f} s"


def _why(reason: str) -> str:
    return f" ({reason})" if reason else ""
