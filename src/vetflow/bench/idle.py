"""A flow that does nothing, in a module that imports what a case needs: what is left is the start."""

import time
from importlib import import_module

from prefect import flow

from vetflow.domain.case import CaseRef
from vetflow.flows.positioning import positioning

NEEDED = tuple(map(import_module, ("great_expectations", "monai.networks.nets", "vetflow.wiring.inside")))
BESIDE = positioning


@flow(name="idle", persist_result=False)
def idle(case: CaseRef, seconds: float = 0.0) -> str:
    """Hold a place for some seconds."""
    time.sleep(seconds)
    return case.id
