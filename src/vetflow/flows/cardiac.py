"""Cardiac: measure the heart on the side views of a study."""

from vetflow.domain.cardiac import judge
from vetflow.domain.case import CaseRef
from vetflow.domain.use_cases import MODELS
from vetflow.tasks.case_flow import case_flow
from vetflow.tasks.deidentify import deidentify
from vetflow.tasks.deliver import deliver
from vetflow.tasks.infer import infer
from vetflow.tasks.report import report
from vetflow.tasks.retrieve import retrieve
from vetflow.tasks.validate import validate


@case_flow
def cardiac(case: CaseRef) -> str:
    """Say how large heart and left atrium are, and whether that is past what is published for the animal.

    The study's films are retrieved with their tag evidence, validated, de-identified, looked at by the champion,
    measured, reported with the animal's identity restored, and owed as far as the phase lets them travel.
    """
    seen = infer(deidentify(validate(retrieve(case), suite="trunk")), models=MODELS["cardiac"])
    return deliver(report(seen, judge(seen.looks)))
