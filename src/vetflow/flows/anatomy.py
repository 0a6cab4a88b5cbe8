"""Anatomy: name what is where on the films of a study."""

from vetflow.domain.case import CaseRef
from vetflow.domain.labelling import judge
from vetflow.domain.use_cases import MODELS
from vetflow.tasks.case_flow import case_flow
from vetflow.tasks.deidentify import deidentify
from vetflow.tasks.deliver import deliver
from vetflow.tasks.infer import infer
from vetflow.tasks.report import report
from vetflow.tasks.retrieve import retrieve
from vetflow.tasks.validate import validate
from vetflow.vision.outlining import spread


@case_flow
def anatomy(case: CaseRef) -> str:
    """Label vertebrae, count ribs and outline organs, for the report's lines and for overlays.

    The study's films are retrieved with their tag evidence, validated, de-identified, looked at by the champion,
    labelled, reported with the animal's identity restored, and owed as far as the phase lets them travel.
    """
    seen = infer(deidentify(validate(retrieve(case), suite="trunk")), models=MODELS["anatomy"])
    return deliver(report(seen, judge(seen.looks, spread=spread)))
