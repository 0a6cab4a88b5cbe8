"""Commit what a case came to, and owe it to whoever the phase lets have it."""

from vetflow.domain.delivery import Channel, Owed, ResultObject
from vetflow.domain.rollout import Phase, least
from vetflow.settings import Hl7Destination, Settings
from vetflow.tasks.phase import phase_of
from vetflow.tasks.report import Reported
from vetflow.tasks.show import show
from vetflow.tasks.step import step, timings
from vetflow.wiring import services


@step
def deliver(reported: Reported) -> str:
    """Commit results, findings and deliveries as one; the courier sends them. Returns the verdict for Prefect."""
    assessment, case = reported.assessment, reported.case
    phase = least(reported.most, phase_of(reported.use_case, assessment.model, reported.species))
    results = (*reported.objects, *reported.messages.values())
    owed = _owed(reported, services().settings, phase)
    services().ledger.finish(case, assessment, results, owed, steps=timings())
    show(reported, phase)
    return assessment.verdict.value


def _owed(reported: Reported, settings: Settings, phase: Phase) -> tuple[Owed, ...]:
    """Return what each destination gets: a PACS from the assistive phase on, a practice system when integrated."""
    owed: list[Owed] = []
    for place in settings.destinations:
        if isinstance(place, Hl7Destination):
            wanted: tuple[ResultObject, ...] = tuple(m for name, m in reported.messages.items() if name == place.name)
            needed = Phase.INTEGRATED
        else:
            wanted = tuple(o for o in reported.objects if o.kind in place.results)
            needed = Phase.ASSISTIVE
        if phase.reach >= needed.reach:
            owed += [Owed(destination=place.name, channel=Channel(place.kind), result=result) for result in wanted]
    return tuple(owed)
