"""Positioning: judge each film as it arrives, so that a retake can be made while the animal is on the table."""

from vetflow.domain.case import CaseRef
from vetflow.domain.positioning import judge
from vetflow.domain.use_cases import MODELS
from vetflow.tasks.case_flow import case_flow
from vetflow.tasks.deidentify import deidentify
from vetflow.tasks.deliver import deliver
from vetflow.tasks.infer import infer
from vetflow.tasks.report import report
from vetflow.tasks.retrieve import retrieve
from vetflow.tasks.validate import validate
from vetflow.wiring.bounds import positioning_bounds


@case_flow
def positioning(case: CaseRef) -> str:
    """Say whether picture and tags agree, and whether the film is exposed and placed well.

    The film is retrieved with its tag evidence, validated, de-identified, looked at by the champions, judged, reported
    with the animal's identity restored, and owed to PACS and practice system as far as the phase lets it travel.
    """
    study = retrieve(case, one_film=True)
    seen = infer(deidentify(validate(study, suite="positioning")), models=MODELS["positioning"])
    (look,) = seen.looks
    assessment = judge(look.evidence, look.plain, positioning_bounds(), abstained=look.abstained, trunk=look.trunk)
    return deliver(report(seen, assessment))
