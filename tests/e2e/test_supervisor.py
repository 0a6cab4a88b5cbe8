import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from vetflow.wiring import keys

# A supervisor of small parts: how processes are kept and ended does not depend on what they do.
KEEPING = """
import sys
from pathlib import Path
from tests.e2e.small_tree import keep
sys.exit(keep(Path(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with fresh_home() as path:
        yield path


@pytest.fixture(scope="module")
def tree(home: Path) -> Iterator[psutil.Process]:
    process = start(home)
    yield psutil.Process(process.pid)
    process.send_signal(signal.SIGTERM)
    process.wait(20)


@pytest.fixture
def doomed() -> Iterator[tuple[Path, psutil.Process]]:
    """A tree of a test's own, to be ended by it."""
    with fresh_home() as path:
        process = start(path)
        yield path, psutil.Process(process.pid)
        process.wait(20)


@contextmanager
def fresh_home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="vetflow-"))
    keys.make(path / "secrets")
    yield path
    shutil.rmtree(path, ignore_errors=True)


def start(home: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", KEEPING, home], cwd=Path(__file__).parents[2])
    wait_until(lambda: (report(home) or {}).get("ready"), seconds=60)
    return process


def report(home: Path) -> dict | None:
    try:
        return json.loads((home / "tree.json").read_text())
    except FileNotFoundError:
        return None


def part(home: Path, name: str) -> dict:
    return next(found for found in report(home)["parts"] if found["name"] == name)


def is_back(home: Path, name: str) -> bool:
    found = part(home, name)
    return found["restarts"] == 1 and found["state"] == "ready"


def wait_until(is_so: Callable[[], object], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def family(owner: psutil.Process) -> list[psutil.Process]:
    return owner.children(recursive=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_every_process_within_ten_seconds(
    doomed: tuple[Path, psutil.Process], number: signal.Signals
) -> None:
    home, tree = doomed
    everyone = family(tree)

    begun = time.monotonic()
    tree.send_signal(number)
    psutil.wait_procs([tree], timeout=20)

    assert time.monotonic() - begun < 10
    assert [one for one in everyone if one.is_running()] == []
    assert report(home) is None


@pytest.mark.parametrize("victim", ["warden", "supervisor"])
def test_a_killed_supervisor_leaves_no_orphan(doomed: tuple[Path, psutil.Process], victim: str) -> None:
    home, tree = doomed
    everyone = family(tree)
    supervisor = psutil.Process(report(home)["pid"])
    assert supervisor.pid != tree.pid
    assert len(everyone) > 6

    {"warden": tree, "supervisor": supervisor}[victim].kill()

    _, alive = psutil.wait_procs(everyone, timeout=30)
    assert alive == []


def test_parts_that_obey_end_even_when_warden_and_supervisor_are_killed_at_once(
    doomed: tuple[Path, psutil.Process],
) -> None:
    home, tree = doomed
    parts = [psutil.Process(part(home, name)["pid"]) for name in ("database", "listener", "nested", "follower")]
    supervisor = psutil.Process(report(home)["pid"])
    disobedient = [psutil.Process(part(home, "deaf")["pid"]), *psutil.Process(part(home, "nested")["pid"]).children()]

    tree.kill()
    supervisor.kill()

    _, alive = psutil.wait_procs(parts, timeout=30)
    assert alive == []
    for process in disobedient:
        process.kill()


def test_a_part_that_dies_is_started_again(home: Path, tree: psutil.Process) -> None:
    before = part(home, "listener")["pid"]

    psutil.Process(before).kill()
    wait_until(
        lambda: part(home, "listener")["restarts"] == 1 and part(home, "listener")["state"] == "ready", seconds=20
    )

    assert part(home, "listener")["pid"] not in {before, None}


def test_a_part_that_stays_unwell_is_started_again(home: Path, tree: psutil.Process) -> None:
    before = part(home, "sickly")["pid"]

    (home / "sickness").touch()
    wait_until(lambda: part(home, "sickly")["pid"] not in {before, None}, seconds=30)
    (home / "sickness").unlink()
    wait_until(lambda: is_back(home, "sickly"), seconds=30)

    assert not psutil.pid_exists(before)


def test_what_a_dead_part_left_behind_does_not_hold_its_port(home: Path, tree: psutil.Process) -> None:
    parent = psutil.Process(part(home, "nested")["pid"])
    (grandchild,) = parent.children()

    parent.kill()
    wait_until(lambda: is_back(home, "nested"), seconds=20)

    assert not grandchild.is_running()


def test_a_database_that_dies_is_started_again(home: Path, tree: psutil.Process) -> None:
    before = part(home, "database")["pid"]

    psutil.Process(before).kill()
    wait_until(lambda: part(home, "database")["pid"] not in {before, None}, seconds=30)

    assert part(home, "database")["restarts"] == 1


def test_a_part_waits_for_what_it_needs(home: Path, tree: psutil.Process) -> None:
    order = (home / "order").read_text().split()

    assert order == ["step", "follower"]


def test_a_second_supervisor_on_the_home_is_refused_with_the_pid(home: Path, tree: psutil.Process) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "vetflow.cli", "up", "--home", home],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert second.returncode == 2
    assert f"already runs on {home} (pid {tree.pid})" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1


def test_logs_are_readable_by_their_owner_only(home: Path, tree: psutil.Process) -> None:
    logs = list((home / "logs").iterdir())

    assert {log.stem for log in logs} >= {"database", "listener", "nested"}
    assert all(log.stat().st_mode & 0o077 == 0 for log in logs)


def test_a_long_log_is_moved_aside(home: Path, tree: psutil.Process) -> None:
    log = home / "logs/listener.log"

    with log.open("ab") as file:
        file.truncate(11 * 1024 * 1024)
    wait_until(lambda: log.stat().st_size < 1024, seconds=10)

    assert (home / "logs/listener.log.1").stat().st_size == 11 * 1024 * 1024
