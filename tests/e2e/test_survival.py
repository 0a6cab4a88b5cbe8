"""Everything is killed while films travel; each film still comes to exactly one report and one message."""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
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


def pid_of_a_running_case(clinic: Clinic) -> int | None:
    owners = clinic.ask("SELECT lease_owner FROM cases WHERE state = 'running'")
    return int(owners[0][0].split(":")[1]) if owners else None


def kill_part(clinic: Clinic, name: str) -> None:
    """Kill a part while a case is under way, and see that it is started again."""
    wait_until(lambda: some_case_is_under_way(clinic), seconds=120, every=0.05)
    before = clinic.part(name)["pid"]
    psutil.Process(before).kill()
    wait_until(lambda: clinic.part(name)["pid"] not in {before, None}, seconds=60)


def kill_child(clinic: Clinic) -> None:
    """Kill the process that runs a case, the worker's child."""
    found: list[int | None] = []
    wait_until(lambda: found.append(pid_of_a_running_case(clinic)) or found[-1], seconds=120, every=0.02)
    child = psutil.Process(found[-1])
    assert psutil.Process(clinic.part("worker")["pid"]) in child.parents()
    child.kill()


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
        kill_part(clinic, "worker")
    with travelling(clinic, third):
        kill_child(clinic)
    with travelling(clinic, fourth):
        kill_part(clinic, "prefect")
    with travelling(clinic, fifth):
        kill_part(clinic, "courier")
    clinic.wait_for(sent)

    assert_each_came_to_one_result(clinic, sent)


def test_twenty_studies_survive_the_loss_of_prefects_database(clinic: Clinic, tmp_path: Path) -> None:
    sent = films(tmp_path, 20)

    with travelling(clinic, sent):
        wait_until(lambda: "done" in clinic.states(sent), seconds=120)
        clinic.order(sql.SQL("DROP DATABASE prefect WITH (FORCE)"), sql.SQL("CREATE DATABASE prefect"))
        kill_part(clinic, "prefect")
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
