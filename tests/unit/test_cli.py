import json
import os
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from vetflow.cli import main
from vetflow.cli.app import app
from vetflow.cli.talk import show

runner = CliRunner()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("VETFLOW_"):
            monkeypatch.delenv(name)


@pytest.fixture
def ledger(ledger_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("VETFLOW_DATABASE_URL", ledger_url)
    (tmp_path / "vetflow.toml").write_text('[[routes]]\nuse_case = "positioning"\n')
    return tmp_path


def test_help_names_every_noun_of_this_version() -> None:
    told = runner.invoke(app, ["--help"]).output

    for noun in ("up", "demo", "status", "doctor", "send", "studies", "cases", "deliveries", "models", "fsck", "audit"):
        assert noun in told


def test_a_wrong_setting_is_told_in_one_line_and_ends_with_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "vetflow.toml").write_text("[gateway]\nprot = 1\n")
    monkeypatch.setattr("sys.argv", ["vetflow", "status", "--home", str(tmp_path)])

    with pytest.raises(SystemExit) as ended:
        main()

    told = capsys.readouterr()
    assert ended.value.code == 2
    assert told.out == ""
    assert told.err.splitlines() == [
        f"error: {tmp_path / 'vetflow.toml'}: gateway.prot is not a key here; the nearest valid key is port"
    ]


def test_a_database_that_is_away_is_told_and_ends_with_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["vetflow", "studies", "ls", "--home", str(tmp_path)])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_status_of_a_home_where_nothing_runs_is_unhealthy(ledger: Path) -> None:
    told = runner.invoke(app, ["status", "--home", str(ledger), "--json"])

    seen = json.loads(told.stdout)
    assert told.exit_code == 3
    assert (seen["well"], seen["running"], seen["counts"]["cases"]["done"]) == (False, False, 0)


@pytest.mark.parametrize("noun", ["studies", "cases", "deliveries"])
def test_an_empty_list_is_an_empty_list_in_json(ledger: Path, noun: str) -> None:
    told = runner.invoke(app, [noun, "ls", "--home", str(ledger), "--json"])

    assert told.exit_code == 0
    assert json.loads(told.stdout) == []


def test_an_unknown_study_is_wrong_use(ledger: Path) -> None:
    told = runner.invoke(app, ["studies", "show", "study-00", "--home", str(ledger)])

    assert told.exit_code == 2
    assert "vetflow studies ls" in told.stderr


def test_an_unknown_state_is_answered_with_the_states_there_are(ledger: Path) -> None:
    told = runner.invoke(app, ["cases", "ls", "--state", "lost", "--home", str(ledger)])

    assert told.exit_code == 2
    assert "waiting" in told.stderr


def test_an_empty_ledger_is_clean(ledger: Path) -> None:
    told = runner.invoke(app, ["fsck", "--home", str(ledger), "--json"])

    assert told.exit_code == 0
    assert json.loads(told.stdout)["accepted"] == 0


def test_a_phase_needs_a_model_to_grant_it_to(ledger: Path) -> None:
    told = runner.invoke(app, ["phase", "positioning", "integrated", "--home", str(ledger)])

    assert told.exit_code == 1
    assert "no model in charge" in str(told.exception)


def test_the_journal_of_a_new_ledger_is_whole(ledger: Path) -> None:
    told = runner.invoke(app, ["audit", "verify", "--home", str(ledger), "--json"])

    assert told.exit_code == 0
    assert json.loads(told.stdout)["broken_at"] is None


def test_the_doctor_finds_what_is_missing(ledger: Path) -> None:
    told = runner.invoke(app, ["doctor", "--home", str(ledger), "--json"])

    checks = {check["check"]: check for check in json.loads(told.stdout)}
    assert told.exit_code == 3
    assert checks["Prefect and FastAPI"]["well"] == "yes"
    assert checks["model positioning"] == {
        "check": "model positioning",
        "well": "NO",
        "says": "no champion",
        "mend": "vetflow models register positioning",
    }


def test_the_doctor_finds_a_secret_that_others_can_read(ledger: Path) -> None:
    secrets = ledger / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "uid.key").touch(mode=0o644)
    (secrets / "uid.key").chmod(0o644)

    told = runner.invoke(app, ["doctor", "--home", str(ledger), "--json"])

    checks = {check["check"]: check for check in json.loads(told.stdout)}
    assert checks["secret uid.key"]["well"] == "NO"


def test_sending_without_a_receiver_fails_and_says_why(tmp_path: Path) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(b"no film")

    told = runner.invoke(app, ["send", str(film), "--home", str(tmp_path), "--json"])

    (sent,) = json.loads(told.stdout)
    assert told.exit_code == 1
    assert sent["taken"] is False
    assert sent["note"]


def test_a_piped_table_is_tab_separated(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"id": "a", "state": None, "more": 1}], as_json=False, columns=("id", "state"))

    assert capsys.readouterr().out == "a\t\n"


def test_what_is_logged_never_mixes_with_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runner.invoke(app, ["models", "train", "astrology", "--home", str(tmp_path)])

    structlog.get_logger().warning("registry away")

    told = capsys.readouterr()
    assert told.out == ""
    assert "registry away" in told.err
