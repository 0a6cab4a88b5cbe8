"""What a step lets out when it breaks."""

import pytest
from prefect import flow

from vetflow.domain.errors import StudyRefused, TransientError
from vetflow.tasks.step import StepFailed, step, timings

OWNER = "Zzownerzz"


@step
def quoting(value: str) -> str:
    raise ValueError(f"can't read {value}")


@step
def refusing() -> str:
    raise StudyRefused("pixels_truncated")


@step
def hungry() -> str:
    raise MemoryError


def test_a_foreign_error_says_where_and_never_with_which_value(prefect_api: str) -> None:
    @flow(persist_result=False)
    def run() -> str:
        return quoting(OWNER)

    with pytest.raises(StepFailed) as failure:
        run()

    assert OWNER not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__
    assert "ValueError at quoting:" in str(failure.value)


def test_our_own_errors_and_a_lack_of_memory_come_out_as_they_are(prefect_api: str) -> None:
    @flow(persist_result=False)
    def refused() -> str:
        return refusing()

    @flow(persist_result=False)
    def starved() -> str:
        return hungry()

    with pytest.raises(StudyRefused):
        refused()
    with pytest.raises(MemoryError):
        starved()


def test_a_transient_error_is_tried_again_and_its_time_is_kept(prefect_api: str) -> None:
    tries: list[int] = []

    @step
    def shaky() -> int:
        tries.append(1)
        if len(tries) < 2:
            raise TransientError("not yet")
        return len(tries)

    @flow(persist_result=False)
    def run() -> tuple[int, float]:
        return shaky(), timings()["shaky"]

    count, seconds = run()

    assert count == 2
    assert seconds >= 0.0
