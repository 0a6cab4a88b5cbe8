"""Flows that tests run on the warm worker, good ones and bad ones."""

import os
import time
from pathlib import Path

from prefect import flow, task

from vetflow.adapters.sandbox import Function, Sandbox, nursery
from vetflow.domain.case import CaseRef


@task
def add(left: int, right: int) -> int:
    return left + right


@flow
def sums(case: CaseRef) -> int:
    """Ends well."""
    return add(case.attempt, 1)


@flow
def sleeps(case: CaseRef, marks: str = "") -> None:
    """Works for ever, in a process group with a child of its own."""
    if marks:
        box = Sandbox(functions={"sleep": Function(target="tests.flows.toys:nap")}, nursery=nursery, seconds=60)
        Path(marks, str(os.getpid())).touch()
        box.run("sleep", arrays={})
    time.sleep(600)


def nap() -> bytes:
    time.sleep(600)
    return b""


@flow
def hogs(case: CaseRef) -> int:
    """Wants 64 GB."""
    return len(bytes(64 << 30))


@flow
def dies(case: CaseRef) -> None:
    """Is killed as the kernel's out-of-memory killer would."""
    os.kill(os.getpid(), 9)


@flow
def waits(case: CaseRef, seconds: float) -> None:
    """Holds its place for a while."""
    time.sleep(seconds)


@flow
async def async_sums(case: CaseRef) -> int:
    return case.attempt
