"""Positioning: judge each film as it arrives, so that a retake can be made while the animal is on the table."""

from prefect import flow

from vetflow.domain.case import CaseRef
from vetflow.domain.positioning import judge
from vetflow.tasks.deidentify import deidentify
from vetflow.tasks.deliver import deliver
from vetflow.tasks.infer import infer
from vetflow.tasks.report import report
from vetflow.tasks.retrieve import retrieve
from vetflow.tasks.settle import settle
from vetflow.tasks.validate import validate
from vetflow.wiring.bounds import positioning_bounds


@flow(
    name="positioning",
    flow_run_name="{case.id}",
    on_failure=[settle],
    on_crashed=[settle],
    persist_result=False,
    log_prints=False,
)
def positioning(case: CaseRef) -> str:
    """Say whether picture and tags agree, and whether the film is exposed and placed well.

    The film is retrieved with its tag evidence, validated, de-identified, looked at by the champion, judged, reported
    with the animal's identity restored, and owed to PACS and practice system as far as the phase lets it travel.
    """
    film = retrieve(case)
    seen = infer(deidentify(validate(film, suite="positioning")), model="positioning")
    assessment = judge(film.evidence, seen.sight, positioning_bounds(), abstained=seen.abstained)
    return deliver(report(seen, assessment))
