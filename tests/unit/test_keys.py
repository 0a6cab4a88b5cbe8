import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vetflow.adapters.sealing import KeyRing
from vetflow.cli import main
from vetflow.cli.app import app
from vetflow.domain.errors import ConfigurationError
from vetflow.wiring import keys

runner = CliRunner()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("VETFLOW_"):
            monkeypatch.delenv(name)


@pytest.fixture
def home() -> Iterator[Path]:
    # Not tmp_path: as root the database runs under another account, which can't enter pytest's 0700 folders.
    path = Path(tempfile.mkdtemp(prefix="vetflow-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "secrets"


def command(home: Path, *words: str) -> object:
    return runner.invoke(app, ["keys", *words, "--home", str(home)])


def hidden(folder: Path) -> list[str]:
    """Return every key in hexadecimal."""
    return [keys.uid_key(folder).hex(), *(key.hex() for key in keys.map_keys(folder).values())]


def test_what_is_missing_is_made_for_its_owner_alone(folder: Path) -> None:
    made = keys.make(folder)

    assert made == ["uid.key", "map.keys"]
    assert (folder.stat().st_mode & 0o777, len(keys.uid_key(folder)), len(keys.map_keys(folder))) == (0o700, 32, 1)
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == dict.fromkeys(made, 0o600)


def test_keys_that_are_there_are_never_touched(folder: Path) -> None:
    keys.make(folder)
    before = hidden(folder)

    assert keys.make(folder) == []
    assert hidden(folder) == before


def test_makers_that_start_together_make_the_same_keys(folder: Path) -> None:
    folder.mkdir()
    with ThreadPoolExecutor(8) as makers:
        made = list(makers.map(keys.make, [folder] * 8))

    assert sum(len(names) for names in made) == 2


def test_rotations_that_start_together_lose_no_key(folder: Path) -> None:
    keys.make(folder)

    with ThreadPoolExecutor(8) as people:
        names = set(people.map(keys.rotate, [folder] * 8))

    assert len(keys.map_keys(folder)) == 9
    assert names < set(keys.map_keys(folder))


def test_a_new_key_is_current_and_the_older_ones_still_open(folder: Path) -> None:
    keys.make(folder)
    sealed = KeyRing(keys.map_keys(folder)).seal(b"who", "study")

    name = keys.rotate(folder)

    ring = KeyRing(keys.map_keys(folder))
    assert ring.current == name != sealed.key_id
    assert ring.unseal(sealed, "study") == b"who"
    assert [line.current for line in keys.lines(folder)] == [True, False, True]


@pytest.mark.parametrize("name", ["uid.key", "map.keys"])
def test_a_missing_key_says_how_to_make_one(folder: Path, name: str) -> None:
    keys.make(folder)
    (folder / name).unlink()

    with pytest.raises(ConfigurationError, match="vetflow keys make") as raised:
        keys.check(folder)

    assert name in str(raised.value)


@pytest.mark.parametrize("name", ["uid.key", "map.keys"])
@pytest.mark.parametrize("content", [b"", b"zz\n", b"abc " + b"0" * 64, b"0" * 63, b"\xff\xfe\x00"])
def test_a_damaged_key_file_is_named_and_not_quoted(folder: Path, name: str, content: bytes) -> None:
    keys.make(folder)
    (folder / name).write_bytes(content)

    with pytest.raises(ConfigurationError, match=name) as raised:
        keys.check(folder)

    assert "00000000" not in str(raised.value)


def test_a_mistyped_key_is_named_by_its_id(folder: Path) -> None:
    keys.make(folder)
    name = next(iter(keys.map_keys(folder)))
    line = (folder / "map.keys").read_text().strip()
    (folder / "map.keys").write_text(line[:-1] + ("0" if line[-1] != "0" else "1"))

    with pytest.raises(ConfigurationError, match=f"line 1: this is not the key {name}"):
        keys.map_keys(folder)


@pytest.mark.parametrize("name", ["uid.key", "map.keys"])
def test_a_key_that_others_can_read_is_not_used(folder: Path, name: str) -> None:
    keys.make(folder)
    (folder / name).chmod(0o640)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        keys.check(folder)


def test_making_keys_is_quiet_when_they_are_there(home: Path) -> None:
    first = command(home, "make")

    again = command(home, "make")

    assert (first.exit_code, again.exit_code, again.output) == (0, 0, "")
    assert "keep a copy elsewhere" in first.stderr


def test_a_home_with_a_ledger_gets_no_new_keys_unless_asked_twice(home: Path) -> None:
    command(home, "make")
    (home / "database").mkdir()
    (home / "secrets/map.keys").unlink()

    refused = command(home, "make")
    made = command(home, "make", "--replace")

    assert "bring map.keys back" in str(refused.exception)
    assert "can't be re-identified" in str(refused.exception)
    assert "uid.key" not in str(refused.exception)
    assert (refused.exit_code, made.exit_code) == (1, 0)
    keys.check(home / "secrets")


def test_a_ledger_elsewhere_is_asked_whether_it_has_films(
    home: Path, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.ledgers import arrival

    from vetflow.adapters.ledger import PostgresLedger

    monkeypatch.setenv("VETFLOW_DATABASE_URL", ledger_url)
    assert command(home, "make").exit_code == 0
    ledger = PostgresLedger(ledger_url)
    ledger.admit(arrival())
    ledger.close()
    (home / "secrets/uid.key").unlink()

    refused = command(home, "make")

    assert "has a ledger already" in str(refused.exception)


def test_listing_shows_ids_and_no_key(home: Path) -> None:
    command(home, "make")
    rotated = command(home, "rotate")

    listed = command(home, "ls", "--json")

    rows = json.loads(listed.stdout)
    assert [(row["file"], row["current"]) for row in rows] == [
        ("uid.key", True),
        ("map.keys", False),
        ("map.keys", True),
    ]
    assert rows[-1]["id"] in rotated.stderr
    for key in hidden(home / "secrets"):
        assert key not in listed.output + rotated.output
        assert not any(row["id"] in key for row in rows)


def test_up_refuses_to_start_without_keys_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    monkeypatch.setattr("sys.argv", ["vetflow", "up", "--home", str(home)])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert "make one with: vetflow keys make" in capsys.readouterr().err
    assert not home.exists()


def test_the_doctor_says_which_key_is_missing_and_which_is_open(
    tmp_path: Path, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VETFLOW_DATABASE_URL", ledger_url)
    keys.make(tmp_path / "secrets")
    (tmp_path / "secrets/map.keys").unlink()
    (tmp_path / "secrets/uid.key").chmod(0o644)

    told = runner.invoke(app, ["doctor", "--home", str(tmp_path), "--json"])

    checks = {check["check"]: check for check in json.loads(told.stdout)}
    assert "chmod 600" in checks["key uid.key"]["mend"]
    assert "vetflow keys make" in checks["key map.keys"]["mend"]
    assert checks["secret uid.key"]["well"] == "NO"


def test_a_ledger_that_is_not_asked_for_identities_loads_neither_keys_nor_cryptography(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from vetflow.settings import Settings
from vetflow.wiring import build
build(Settings(home=Path(sys.argv[1]), database_url="postgresql:///nowhere")).ledger.close()
print([name for name in sys.modules if name.partition(".")[0] == "cryptography"])
"""

    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
