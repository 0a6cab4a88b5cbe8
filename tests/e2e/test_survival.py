"""Everything is killed while films travel; each film still comes to exactly one report and one message."""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from psycopg import sql
from pydicom import dcmread
from pydicom.dataset import Dataset
from tests.builders import film_bytes
from tests.e2e.clinic import STOP_SECONDS, Clinic, wait_until

from vetflow.hl7.ack import control_id

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FILM_SECONDS = 0.5
Films = dict[str, Path]
"""A film for each study UID."""


def films(folder: Path, count: int) -> Films:
    made: Films = {}
    for number in range(count):
        study = f"2.25.{secrets.randbits(100)}"
        uids = {"StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1", "SOPInstanceUID": f"{study}.1.1"}
        made[study] = folder / f"{number}.dcm"
        made[study].write_bytes(film_bytes(rows=128, columns=160, PatientID=f"S{study[-12:]}", **uids))
    return made


@contextmanager
def travelling(clinic: Clinic, sent: Films) -> Iterator[None]:
    """Let films be sent while something else happens, and wait until the receiver has said Success to all."""
    faults: list[AssertionError] = []

    def send() -> None:
        try:
            for film in sent.values():
                clinic.send([film])
                time.sleep(FILM_SECONDS)
        except AssertionError as error:
            faults.append(error)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        sender.join()
    assert faults == []


def some_case_is_under_way(clinic: Clinic) -> bool:
    return bool(clinic.ask("SELECT 1 FROM cases WHERE state IN ('submitted', 'running')"))


def kill_part(clinic: Clinic, name: str) -> None:
    """Kill a part while a case is under way, and see that it is started again."""
    wait_until(lambda: some_case_is_under_way(clinic), seconds=120, every=0.05)
    kill(clinic, name)


def kill(clinic: Clinic, name: str) -> None:
    before = clinic.part(name)["pid"]
    psutil.Process(before).kill()
    wait_until(lambda: clinic.part(name)["pid"] not in {before, None}, seconds=60)


def held_child(clinic: Clinic) -> tuple[str, psutil.Process]:
    """Return a running case and its process, the worker's child, held still so that the case can't end meanwhile."""
    held: list[tuple[str, psutil.Process]] = []
    wait_until(lambda: held or held.extend(held_children(clinic)), seconds=120, every=0.02)
    case, child = held[0]
    assert psutil.Process(clinic.part("worker")["pid"]) in child.parents()
    return case, child


def held_children(clinic: Clinic) -> Iterator[tuple[str, psutil.Process]]:
    for case, owner in running_cases(clinic):
        with suppress(psutil.NoSuchProcess):
            child = psutil.Process(int(owner.split(":")[1]))
            child.suspend()
            if (case, owner) in running_cases(clinic):
                yield case, child
                return
            child.resume()


def running_cases(clinic: Clinic) -> list[tuple[str, str]]:
    """Return case and owner of each lease."""
    return clinic.ask("SELECT id, lease_owner FROM cases WHERE state = 'running'")


def batches(sent: Films, count: int) -> list[Films]:
    pairs = list(sent.items())
    return [dict(pairs[start::count]) for start in range(count)]


def assert_each_came_to_one_result(clinic: Clinic, sent: Films) -> None:
    studies = list(sent)
    assert clinic.states(studies) == ["done"] * len(sent)
    assert reported(clinic, studies) == sorted(studies)
    assert told_to_the_practice(clinic, sent) == len(sent)
    if clinic.archive is not None:
        assert archived(clinic, studies) == len(sent)
    checked = clinic.run("fsck")
    assert checked.returncode == 0, checked.stderr


def attempts(clinic: Clinic, case: str) -> int:
    ((number,),) = clinic.ask("SELECT attempt FROM cases WHERE id = %s", case)
    return number


def reported(clinic: Clinic, studies: list[str]) -> list[str]:
    """Return the study of each report in the PACS, each compared with the one the ledger says was sent."""
    found: list[str] = []
    for file in clinic.pacs.objects():
        document = dcmread(file)
        if document.StudyInstanceUID in studies:
            assert document == stored(clinic, document.SOPInstanceUID)
            found.append(str(document.StudyInstanceUID))
    return sorted(found)


def stored(clinic: Clinic, uid: str) -> Dataset:
    ((digest,),) = clinic.ask("SELECT DISTINCT digest FROM results WHERE uid = %s", uid)
    (path,) = (clinic.home / "store").rglob(digest)
    return dcmread(path)


def told_to_the_practice(clinic: Clinic, sent: Films) -> int:
    """Return how many messages under ids of their own the practice system got about these films."""
    patients = [f"S{study[-12:]}".encode() for study in sent]
    about = [message.read_bytes() for message in clinic.practice.messages()]
    ours = [message for message in about if any(patient in message for patient in patients)]
    assert len({control_id(message) for message in ours}) == len(ours)
    return len(ours)


def archived(clinic: Clinic, studies: list[str]) -> int:
    """Return how many objects the separate archive holds of these studies."""
    return sum(
        len(clinic.orthanc("POST", "/tools/find", Level="Instance", Query={"StudyInstanceUID": study}).json())
        for study in studies
    )


def test_twenty_studies_survive_the_death_of_every_part(clinic: Clinic, tmp_path: Path) -> None:
    sent = films(tmp_path, 20)

    first, second, third, fourth, fifth = batches(sent, 5)
    with travelling(clinic, first):
        kill_part(clinic, "gateway")
    with travelling(clinic, second):
        orphaned, orphan = held_child(clinic)
        kill(clinic, "worker")
    with travelling(clinic, third):
        bereft, child = held_child(clinic)
        child.kill()
    with travelling(clinic, fourth):
        kill_part(clinic, "prefect")
    with travelling(clinic, fifth):
        kill_part(clinic, "courier")
    clinic.wait_for(sent)

    assert_each_came_to_one_result(clinic, sent)
    assert not orphan.is_running()
    assert attempts(clinic, orphaned) > 1
    assert attempts(clinic, bereft) > 1


def test_twenty_studies_survive_the_loss_of_prefects_database(clinic: Clinic, tmp_path: Path) -> None:
    sent = films(tmp_path, 20)

    with travelling(clinic, sent):
        wait_until(lambda: "done" in clinic.states(sent), seconds=120)
        clinic.order(sql.SQL("DROP DATABASE prefect WITH (FORCE)"), sql.SQL("CREATE DATABASE prefect"))
    clinic.wait_for(sent)

    assert_each_came_to_one_result(clinic, sent)
    assert clinic.prefect("/deployments/name/positioning/positioning").status_code == 200


def test_films_under_way_survive_the_death_of_the_supervisor(clinic: Clinic, tmp_path: Path) -> None:
    sent = films(tmp_path, 3)
    everyone = clinic.family()

    clinic.send(sent.values())
    psutil.Process(clinic.tree()["pid"]).kill()
    _, orphans = psutil.wait_procs(everyone, timeout=30)
    clinic.start()
    clinic.wait_for(sent)

    assert orphans == []
    assert_each_came_to_one_result(clinic, sent)


def test_ctrl_c_ends_the_whole_tree_within_ten_seconds(clinic: Clinic) -> None:
    everyone = clinic.family()

    took = clinic.stop()

    assert took < STOP_SECONDS
    assert [process for process in everyone if process.is_running()] == []
    assert clinic.tree() == {}
