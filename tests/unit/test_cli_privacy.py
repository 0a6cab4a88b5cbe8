"""Exports for research, leaks, and results on their way home, by command."""

import json
import os
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import SecondaryCaptureImageStorage
from tests.builders import SOP_UID, STUDY_UID, film_bytes
from tests.unit import results
from typer.testing import CliRunner, Result

from vetflow.cli.app import app
from vetflow.dicom import header
from vetflow.dicom.identity import to_bytes
from vetflow.dicom.report import report
from vetflow.wiring import keys

runner = CliRunner()
BURNED = film_bytes(SOPClassUID=SecondaryCaptureImageStorage, SOPInstanceUID="1.2.3.9")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("VETFLOW_"):
            monkeypatch.delenv(name)
    made = tmp_path / "home"
    keys.make(made / "secrets")
    monkeypatch.setenv("VETFLOW_HOME", str(made))
    return made


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Return a folder with two studies, one film each, and another film of the first, named after their owners."""
    folder = tmp_path / "films"
    (folder / "Doe Rex").mkdir(parents=True)
    (folder / "Doe Rex" / f"{SOP_UID}.dcm").write_bytes(film_bytes())
    (folder / "Doe Rex" / "second.dcm").write_bytes(film_bytes(SOPInstanceUID="1.2.3.5"))
    (folder / "Roe.dcm").write_bytes(film_bytes(StudyInstanceUID="1.2.4", SOPInstanceUID="1.2.4.5", PatientID="B2"))
    return folder


def run(*words: object) -> Result:
    return runner.invoke(app, list(map(str, words)))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def exported(folder: Path) -> list[Path]:
    return [path for path in files(folder) if path.suffix == ".dcm"]


@pytest.mark.usefixtures("home")
def test_studies_are_written_each_to_a_folder_under_names_that_tell_nothing(films: Path, tmp_path: Path) -> None:
    done = run("deidentify", films, tmp_path / "out")

    written = exported(tmp_path / "out")
    assert done.exit_code == 0
    assert sorted(path.name for path in written) == ["0001.dcm", "0001.dcm", "0002.dcm"]
    assert len({path.parent for path in written}) == 2
    for path in files(tmp_path / "out"):
        assert not any(word in path.read_bytes() + str(path.relative_to(tmp_path)).encode() for word in
                       (b"Doe", b"Rex", b"Roe", b"Jane", STUDY_UID.encode(), b"1.2.4"))  # fmt: skip


@pytest.mark.usefixtures("home")
def test_the_report_says_per_study_what_was_done_and_why_a_file_was_left_out(films: Path, tmp_path: Path) -> None:
    (films / "Screen of Doe.dcm").write_bytes(BURNED)
    (films / "notes.txt").write_text("Mrs Doe called")

    done = run("deidentify", films, tmp_path / "out", "--json")

    kept = json.loads((tmp_path / "out/report.json").read_text())
    assert json.loads(done.stdout) == kept
    assert done.exit_code == 1
    assert sorted(study["files"] for study in kept["studies"]) == [1, 2]
    assert kept["studies"][0]["removed"]["PatientName"] == kept["studies"][0]["files"]
    assert [study["left_out"] for study in kept["studies"] if study["left_out"]] == [
        [{"number": 4, "reason": "burned_in_text"}]
    ]
    assert kept["unreadable"] == [{"number": 5, "reason": "not_dicom"}]
    assert "left out 4" in done.stderr
    assert "Screen of Doe.dcm: burned in text" in done.stderr


def test_a_devices_mask_lets_its_captures_through(home: Path, tmp_path: Path) -> None:
    (home / "vetflow.toml").write_text(
        '[[masks]]\nmanufacturer = "Builder"\nrows = 64\ncolumns = 80\nregions = [[0, 0, 80, 10]]\n'
    )
    (tmp_path / "screen.dcm").write_bytes(BURNED)

    done = run("deidentify", tmp_path / "screen.dcm", tmp_path / "out", "--json")

    assert done.exit_code == 0
    assert json.loads(done.stdout)["studies"][0]["masked"] == 1


@pytest.mark.usefixtures("home")
def test_what_was_written_is_checked_on_demand(films: Path, tmp_path: Path) -> None:
    done = run("deidentify", films, tmp_path / "out", "--check")

    assert done.exit_code == 0
    assert "no leak found" in done.stderr


@pytest.mark.usefixtures("home")
def test_a_folder_is_scanned_for_leaks_in_files_names_and_strangers(films: Path, tmp_path: Path) -> None:
    run("deidentify", films, tmp_path / "out")
    (tmp_path / "out/notes.txt").write_text("Mrs Doe")
    (tmp_path / "out/Doe.dcm").write_bytes(exported(tmp_path / "out")[0].read_bytes())

    found = run("deidentify", "--check", tmp_path / "out", "--json")
    raw = run("deidentify", "--check", films)

    assert found.exit_code == raw.exit_code == 1
    assert sorted((row["file"], row["leak"]) for row in json.loads(found.stdout)["leaks"]) == [
        ("Doe.dcm", "its name may tell something"), ("notes.txt", "can't be read: not_dicom"),
        ("notes.txt", "its name may tell something"),
    ]  # fmt: skip
    assert "PatientName should not be here" in raw.stdout


def test_results_come_home_to_their_study_and_the_look_is_on_record(home: Path, films: Path, tmp_path: Path) -> None:
    run("deidentify", films, tmp_path / "out")
    (tmp_path / "results").mkdir()
    for number, film in enumerate(exported(tmp_path / "out")):
        document = report((header.read(film.read_bytes()),), results.ALL, identity=results.IDENTITY)
        (tmp_path / f"results/{number}.dcm").write_bytes(to_bytes(document))

    done = run("reidentify", tmp_path / "results", tmp_path / "home-coming", "--json")

    back = [pydicom.dcmread(path) for path in exported(tmp_path / "home-coming")]
    assert done.exit_code == 0
    assert [row["written"] for row in json.loads(done.stdout)] == ["0001.dcm", "0002.dcm", "0003.dcm"]
    assert sorted((one.PatientName, one.PatientID, one.StudyInstanceUID) for one in back) == [
        ("Doe^Rex", "A1", STUDY_UID), ("Doe^Rex", "A1", STUDY_UID), ("Doe^Rex", "B2", "1.2.4"),
    ]  # fmt: skip
    assert "reidentify" in (home / "exports/audit.jsonl").read_text()


@pytest.mark.usefixtures("home")
def test_a_result_of_a_study_that_was_not_exported_here_is_left_out(films: Path, tmp_path: Path) -> None:
    done = run("reidentify", films, tmp_path / "back")

    assert done.exit_code == 1
    assert files(tmp_path / "back") == []
    assert "it was not exported here" in done.stdout


def test_the_way_back_is_sealed_and_no_file_of_it_names_anybody(home: Path, films: Path) -> None:
    run("deidentify", films, home.parent / "out")

    sealed = files(home / "exports")
    assert len(sealed) == 3
    for path in sealed:
        assert not any(word in path.read_bytes() for word in (b"Doe", b"Rex", STUDY_UID.encode()))


@pytest.mark.usefixtures("home")
def test_a_folder_with_something_in_it_is_not_written_to(films: Path) -> None:
    done = run("deidentify", films, films)

    assert "is not empty" in str(done.exception)


def test_without_keys_nothing_is_written_and_how_to_make_them_is_said(home: Path, films: Path, tmp_path: Path) -> None:
    (home / "secrets/map.keys").unlink()

    done = run("deidentify", films, tmp_path / "out")

    assert "vetflow keys make" in str(done.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("home")
def test_a_source_alone_is_asked_what_to_do_with_it(films: Path) -> None:
    assert run("deidentify", films).exit_code == 2
