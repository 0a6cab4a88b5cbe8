"""Triage: look for emergencies on the films of a study, so that it is read as soon as it should be."""

from vetflow.domain.case import CaseRef
from vetflow.domain.triage import judge
from vetflow.domain.use_cases import MODELS
from vetflow.tasks.case_flow import case_flow
from vetflow.tasks.deidentify import deidentify
from vetflow.tasks.deliver import deliver
from vetflow.tasks.infer import infer
from vetflow.tasks.report import report
from vetflow.tasks.retrieve import retrieve
from vetflow.tasks.validate import validate


@case_flow
def triage(case: CaseRef) -> str:
    """Say whether there is a volvulus, an effusion or a pneumothorax, and how soon the study is to be read.

    The study's films are retrieved with their tag evidence, validated, de-identified, looked at by the champion,
    judged, reported with the animal's identity restored, and owed as far as the phase lets them travel. What is absent
    lowers no priority.
    """
    seen = infer(deidentify(validate(retrieve(case), suite="trunk")), models=MODELS["triage"])
    return deliver(report(seen, judge(seen.looks)))
