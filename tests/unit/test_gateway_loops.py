import threading
import time

from structlog.testing import capture_logs

from vetflow.domain.errors import TransientError
from vetflow.gateway.loops import Loop, Rhythm

FAST = Rhythm(idle=0.01, cap=0.01)


def run_until(loop: Loop, done: threading.Event) -> bool:
    loop.start()
    came = done.wait(5)
    loop.stop()
    return came and loop.join(time.monotonic() + 5)


def test_a_step_that_breaks_is_followed_by_the_next() -> None:
    done = threading.Event()
    results = iter([ValueError("Doe^Jane"), TransientError("away"), None])

    def step() -> bool:
        error = next(results, None)
        if error is not None:
            raise error
        done.set()
        return False

    with capture_logs() as logs:
        assert run_until(Loop("test", step, rhythm=FAST), done)

    assert [entry["error"] for entry in logs] == ["ValueError", "TransientError"]
    assert "Doe" not in repr(logs)


def test_failures_in_a_row_are_tried_ever_more_rarely() -> None:
    rhythm = Rhythm(cap=15.0)

    assert [rhythm.after_failures(count) for count in (1, 2, 3, 100)] == [0.1, 0.2, 0.4, 15.0]


def test_a_step_that_found_more_is_not_waited_for() -> None:
    done, waits, steps = threading.Event(), [], iter([True, True, False])

    def step() -> bool:
        return next(steps, False)

    def wait(seconds: float) -> None:
        waits.append(seconds)
        done.set()
        time.sleep(0.01)

    assert run_until(Loop("test", step, wait=wait, rhythm=Rhythm(idle=7)), done)

    assert waits[0] == 7
    assert next(steps, None) is None
