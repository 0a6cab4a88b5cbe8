"""Names and UIDs of a film are nowhere but in the store, among the ledger's UIDs, at the PACS and the practice."""

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pydicom.dataset import Dataset
from tests.builders import part10
from tests.e2e.canaries import (
    NAME,
    UID,
    Planter,
    misplaced_names,
    misread_film,
    named_film,
    names_somebody,
    truncated_film,
)
from tests.e2e.clinic import Clinic, wait_until

from vetflow.supervisor.places import database_url

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FILMS: Mapping[str, Callable[[Planter], Dataset]] = {
    "good": named_film,
    "truncated": truncated_film,
    "misplaced": misplaced_names,
    "misread": misread_film,
    "stumbling": named_film,
}
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
UIDS_IN_THE_LEDGER = {
    ("studies", "study_uid"),
    ("instances", "series_uid"),
    ("instances", "sop_uid"),
}


@dataclass(frozen=True, slots=True)
class Travelled:
    """A clinic through which films full of names went; for each its case, and how that ended."""

    clinic: Clinic
    cases: dict[str, str]
    endings: dict[str, tuple[str, str]]

    def rows(self, database: str) -> Iterator[tuple[str, str, bytes]]:
        """Yield table, column and value of all a database holds."""
        tables = (
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        with psycopg.connect(database_url(self.clinic.settings, database)) as connection:
            for schema, table in connection.execute(tables).fetchall():
                for column, value in values(connection, sql.Identifier(schema, table)):
                    yield table, column, value


def values(connection: psycopg.Connection, table: sql.Identifier) -> Iterator[tuple[str, bytes]]:
    query = sql.SQL("SELECT (jsonb_each_text(to_jsonb(one))).* FROM {} AS one").format(table)
    for column, value in connection.execute(query):
        yield column, (value or "").encode()


@pytest.fixture(scope="module")
def travelled(opened_clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Travelled:
    clinic, planter, folder = opened_clinic, Planter(), tmp_path_factory.mktemp("films")
    if not clinic.runs:
        clinic.start()
    done = Travelled(clinic, {}, {})
    for name, film in FILMS.items():
        made = film(planter)
        (file := folder / f"{name}.dcm").write_bytes(part10(made))
        if name == "stumbling":
            with in_the_way(clinic.home / "derived"):
                bring(done, name, file, str(made.StudyInstanceUID))
        else:
            bring(done, name, file, str(made.StudyInstanceUID))
    wait_until(lambda: all(part["state"] == "ready" for part in clinic.tree()["parts"]), seconds=120)
    return done


@contextmanager
def in_the_way(folder: Path) -> Iterator[None]:
    """Put a file where a step wants a folder: it breaks in a way nobody foresaw."""
    folder.rename(aside := folder.with_name("aside"))
    folder.touch()
    yield
    folder.unlink()
    aside.rename(folder)


def bring(done: Travelled, name: str, film: Path, study: str) -> None:
    """Send a film, and wait until its case has ended for the ledger and its runs for Prefect."""
    clinic = done.clinic
    clinic.send([film])
    clinic.wait_for([study])
    asked = "SELECT cases.id, state, reason FROM cases JOIN studies ON studies.id = study_id WHERE study_uid = %s"
    ((case, state, reason),) = clinic.ask(asked, study)
    done.cases[name] = case
    done.endings[name] = (state, reason)
    runs = clinic.ask("SELECT run_id FROM attempts WHERE case_id = %s", case)
    wait_until(
        lambda: all(clinic.prefect(f"/flow_runs/{run}").json()["state_type"] in ENDED for (run,) in runs), seconds=60
    )


def test_films_full_of_names_end_as_others_do(travelled: Travelled) -> None:
    assert travelled.endings == {
        "good": ("done", ""),
        "truncated": ("refused", "pixels_truncated"),
        "misplaced": ("done", ""),
        "misread": ("refused", "not_greyscale"),
        "stumbling": ("failed", "step_failed: StepFailed"),
    }


@pytest.mark.parametrize("database", ["prefect", "mlflow"])
def test_no_database_of_others_names_anybody(travelled: Travelled, database: str) -> None:
    held = list(travelled.rows(database))

    assert {(table, column) for table, column, value in held if names_somebody(value)} == set()
    assert b"positioning" in {value for _, _, value in held}


def test_every_film_left_its_traces_where_was_looked(travelled: Travelled) -> None:
    everything = b"\n".join(value for _, _, value in travelled.rows("prefect"))

    assert [name for name, case in travelled.cases.items() if case.encode() not in everything] == []
    assert b"StepFailed" in everything


def test_the_ledger_holds_original_uids_where_it_must_and_nobodys_name(travelled: Travelled) -> None:
    held = list(travelled.rows("ledger"))

    assert {(table, column) for table, column, value in held if names_somebody(value)} == UIDS_IN_THE_LEDGER
    assert [(table, column) for table, column, value in held if NAME.encode() in value.upper()] == []


def test_no_file_of_the_home_names_anybody_but_those_of_the_store(travelled: Travelled) -> None:
    home = travelled.clinic.home
    folders = [path for path in home.iterdir() if path.name != "database"]
    files = [file for top in folders for file in (top, *top.rglob("*")) if file.is_file()]

    naming = {file.relative_to(home).parts[0] for file in files if names_somebody(file.read_bytes())}

    assert naming == {"store"}
    assert [file for file in files if names_somebody(str(file).encode())] == []
    assert {"logs", "derived", "prefect", "mlflow", "tree.json"} <= {file.relative_to(home).parts[0] for file in files}


def test_what_the_tree_says_names_nobody(travelled: Travelled) -> None:
    said = (travelled.clinic.folder / "up.log").read_bytes()

    assert b"ready for films" in said
    assert not names_somebody(said)


def test_what_people_are_shown_names_nobody(travelled: Travelled) -> None:
    clinic = travelled.clinic
    cases = [travelled.cases[film] for film in ("good", "truncated", "stumbling")]
    studies = clinic.ask("SELECT study_id FROM cases WHERE id = ANY(%s)", cases)
    pages = [("cases", "show", case) for case in cases] + [("studies", "show", study) for (study,) in studies]

    shown = [clinic.run(*page) for page in [("deliveries", "ls"), ("studies", "ls"), *pages]]

    assert [one.returncode for one in shown] == [0] * 8
    assert [one.args for one in shown if names_somebody((one.stdout + one.stderr).encode())] == []


def test_the_animal_is_named_at_the_pacs_and_at_the_practice(travelled: Travelled) -> None:
    clinic = travelled.clinic

    assert any(names_somebody(path.read_bytes()) for path in clinic.pacs.objects())
    assert any(names_somebody(path.read_bytes()) for path in clinic.practice.messages())


@pytest.mark.parametrize("hidden", [f"so says {NAME.lower()}00001, she", f"{{'uid': '{UID}000003'}}"])
@pytest.mark.parametrize("shift", range(4))
def test_the_search_looks_through_encodings(hidden: str, shift: int) -> None:
    text = b"." * shift + hidden.encode()

    assert names_somebody(b"x/" + base64.b64encode(text))
    assert names_somebody(b'{"data": "' + base64.urlsafe_b64encode(base64.b64encode(text)) + b'"}')
    assert names_somebody(b"\\x" + text.hex().encode())
    assert names_somebody(hidden.encode("utf-16-le"))
    assert not names_somebody(base64.b64encode(text.swapcase().replace(b"Z", b"Y").replace(b"7", b"8")))
