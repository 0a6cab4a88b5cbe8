"""What others see from outside: DCMTK sends, Orthanc receives, and each bad film is refused with a reason."""

import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from tests import builders
from tests.e2e.clinic import SENDER, Clinic

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

needs_dcmtk = pytest.mark.skipif(shutil.which("storescu") is None, reason="DCMTK is not installed")
needs_orthanc = pytest.mark.skipif(shutil.which("Orthanc") is None, reason="Orthanc is not installed")


def pathlike_film() -> bytes:
    uid = builders.STUDY_UID.encode() + b"\0"
    before, _, after = builders.film_bytes().rpartition(uid)
    return before + b"../../x".ljust(len(uid), b"\0") + after


SET_ASIDE: Mapping[str, tuple[Callable[[], bytes], str]] = {
    "truncated": (builders.truncated_film, "pixels_truncated"),
    "enormous": (builders.enormous_film, "size_implausible"),
    "jpeg2000": (builders.truncated_jpeg2000_film, "pixels_truncated"),
}
REFUSED: Mapping[str, tuple[Callable[[], bytes], str]] = {
    "studyless": (builders.studyless_film, "uid_missing"),
    "pathlike": (pathlike_film, "uid_invalid"),
}


def fresh_study() -> str:
    return f"2.25.{secrets.randbits(100)}"


def moved(data: bytes, study: str, number: int) -> bytes:
    """Return a film as one of a study."""
    film = dcmread(BytesIO(data))
    film.StudyInstanceUID, film.SeriesInstanceUID, film.SOPInstanceUID = study, f"{study}.1", f"{study}.1.{number}"
    return builders.part10(film)


def mixed_study(folder: Path, study: str) -> None:
    """Write a study of one good film, bad ones, and things that are no films of a study at all."""
    films = {"good": builders.film_bytes, **{name: make for name, (make, _) in SET_ASIDE.items()}}
    for number, (name, make) in enumerate(films.items()):
        (folder / f"{name}.dcm").write_bytes(moved(make(), study, number))
    for name, (make, _) in REFUSED.items():
        (folder / f"{name}.dcm").write_bytes(make())
    (folder / "notes.txt").write_text("This is no film.")


def storescu(clinic: Clinic, film: Path, *, called: str = "VETFLOW") -> subprocess.CompletedProcess[bytes]:
    command = ["storescu", "-aet", SENDER, "-aec", called, "127.0.0.1", str(clinic.settings.gateway.port), str(film)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


def told_by(tool: str, *arguments: str | Path) -> str:
    beside = Path(sys.executable).parent / tool
    said = subprocess.run(
        [beside if beside.exists() else tool, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return said.stdout.decode("utf-8", "replace")


@needs_dcmtk
@needs_orthanc
def test_a_film_sent_by_dcmtk_comes_to_orthanc_as_a_valid_report(clinic: Clinic, tmp_path: Path) -> None:
    study, film, report = fresh_study(), tmp_path / "film.dcm", tmp_path / "report.dcm"
    tags = {"SeriesDescription": "Thorax LAT", "ViewPosition": "AP", "DeviationIndex": "2.4"}
    film.write_bytes(moved(builders.film_bytes(rows=256, columns=320, **tags), study, 1))

    sent = storescu(clinic, film)
    clinic.wait_for([study])
    query = {"StudyInstanceUID": study, "Modality": "SR"}
    (found,) = clinic.orthanc("POST", "/tools/find", Level="Instance", Query=query).json()
    report.write_bytes(clinic.orthanc("GET", f"/instances/{found}/file").content)

    assert sent.returncode == 0, sent.stderr
    assert [line for line in told_by("dciodvfy", report).splitlines() if line.startswith("Error")] == []
    seen = told_by("dsrdump", "+Pl", report)
    for wanted in ("Algorithm Name", "positioning", "The tags disagree about the view", "weights SHA-256"):
        assert wanted in seen, seen


@needs_dcmtk
def test_a_film_for_another_title_is_rejected_and_people_can_see_why(clinic: Clinic, tmp_path: Path) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(moved(builders.film_bytes(), fresh_study(), 1))

    sent = storescu(clinic, film, called="SOMEBODY")

    assert sent.returncode != 0
    assert b"Called AE Title Not Recognized" in sent.stderr + sent.stdout
    newest = clinic.run("studies", "show", "refused").stdout.splitlines()[0]
    assert SENDER in newest
    assert "called_ae_unknown" in newest


def test_bad_films_are_kept_apart_with_their_reason_and_the_rest_goes_on(clinic: Clinic, tmp_path: Path) -> None:
    study = fresh_study()
    mixed_study(tmp_path, study)

    sent = clinic.told("send", tmp_path, "--calling", SENDER)
    clinic.wait_for([study], cases=1 + len(SET_ASIDE))

    assert isinstance(sent, list)
    assert {Path(row["file"]).stem for row in sent if row["taken"]} == {"good", *SET_ASIDE}
    assert all(row["note"] for row in sent if not row["taken"])
    ((name,),) = clinic.ask("SELECT id FROM studies WHERE study_uid = %s", study)
    page = clinic.run("studies", "show", name).stdout
    for _, reason in SET_ASIDE.values():
        assert reason in page, page
    assert sorted(clinic.states([study])) == ["done", "refused", "refused", "refused"]
    assert [dcmread(file).StudyInstanceUID for file in clinic.pacs.objects()].count(study) == 1
    refused = clinic.run("studies", "show", "refused").stdout
    for _, reason in REFUSED.values():
        assert reason in refused, refused
    assert clinic.run("fsck").returncode == 0


def test_a_film_in_a_syntax_nobody_knows_is_refused_and_people_can_see_why(clinic: Clinic, tmp_path: Path) -> None:
    (tmp_path / "film.dcm").write_bytes(builders.unknown_syntax_film())

    sent = clinic.run("send", tmp_path / "film.dcm", "--calling", SENDER)

    assert sent.returncode == 1
    assert "transfer_syntax_unknown" in clinic.run("studies", "show", "refused").stdout.splitlines()[0]


def test_a_file_that_is_no_film_is_not_sent_and_the_command_says_so(clinic: Clinic, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("This is no film.")

    sent = clinic.run("send", tmp_path / "notes.txt")

    assert sent.returncode == 1
    assert "not a DICOM file" in sent.stdout
