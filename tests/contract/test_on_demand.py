import json
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from tests.archives import Send, free_port, orthanc
from tests.builders import film_bytes
from tests.ledgers import assessment, result
from typer.testing import CliRunner, Result

from vetflow.adapters.ledger import PostgresLedger
from vetflow.adapters.store_folder import FolderStore
from vetflow.cli.app import app
from vetflow.dicom import header
from vetflow.domain.case import CaseRef, Queue
from vetflow.domain.errors import PermanentFailure, StudyRefused, TransientError
from vetflow.domain.priors import Answer, Patient, PriorLimits, Question, StudyAt
from vetflow.domain.study import Completeness
from vetflow.gateway.sorter import Sorter, Wishes
from vetflow.settings import load
from vetflow.supervisor.on_demand import open_cases, study_named, take_in
from vetflow.wiring import Services, build

UID = "1.2.826.0.1.3680043.8.498.81"
SITE = '[[prior_sources]]\nname = "archive"\nkind = "dicom"\nae_title = "PACS"\nhost = "127.0.0.1"\n'
OTHER = "1.2.826.0.1.3680043.8.498.82"


def film(study: str = UID, image: int = 1, **tags: object) -> bytes:
    said = {
        "StudyInstanceUID": study,
        "SeriesInstanceUID": f"{study}.1",
        "SOPInstanceUID": f"{study}.1.{image}",
        "AccessionNumber": "ACC8",
    }
    return film_bytes(**{**said, **tags})


@pytest.fixture
def site(ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VETFLOW_DATABASE_URL", ledger_url)
    return tmp_path


@contextmanager
def with_pacs(home: Path) -> Generator[Send]:
    folder = home / "orthanc"
    folder.mkdir()
    with orthanc(folder, free_port()) as (port, _, send):
        (home / "vetflow.toml").write_text(f"{SITE}port = {port}\n")
        yield send


@pytest.fixture
def pacs(site: Path) -> Iterator[Send]:
    """An archive that the site's file names."""
    with with_pacs(site) as send:
        yield send


def services_of(home: Path, ledger_url: str) -> Services:
    return build(load(home=home).model_copy(update={"database_url": ledger_url}))


@pytest.fixture
def services(site: Path, ledger_url: str) -> Services:
    return services_of(site, ledger_url)


def sorter(ledger: PostgresLedger, home: Path) -> Sorter:
    return Sorter(ledger, ledger, store=FolderStore(home / "store"), read_facts=header.facts, wishes=Wishes(routes=()))


@contextmanager
def gateway(step: Callable[[], object]) -> Generator[None]:
    """Do again and again what the gateway or a worker does while a command waits."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            step()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def received(services: Services, *films: bytes) -> str:
    """Take films in as the receiver does, sort them and return their study."""
    for data in films:
        take_in(services, data, study_uid=UID)
    sorter(services.ledger, services.settings.home).step()
    return services.ledger.studies()[0].id


def run(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["run", *words, "--home", str(home), "--json"])


def test_a_stored_study_gets_its_case_at_stat_on_its_latest_revision(services: Services) -> None:
    study = received(services, film())
    services.ledger.close_revision(study, Completeness(complete=True, reason="quiet"))

    (opened,) = open_cases(services, "triage", study, actor="vet")

    (waiting,) = services.ledger.waiting_cases(10)
    assert (waiting.ref.id, waiting.use_case, waiting.queue) == (opened.id, "triage", Queue.STAT)
    assert opened.before is None
    assert services.ledger.case(opened.id).case.revision == 1


def test_a_study_that_is_no_revision_yet_is_made_one(services: Services) -> None:
    study = received(services, film(), film(image=2))

    (opened,) = open_cases(services, "triage", study, actor="vet")

    assert services.ledger.study(study).revisions[0].reason == "asked for by a person"
    assert services.ledger.case(opened.id).case.revision == 1


def test_positioning_gets_a_case_for_each_film(services: Services) -> None:
    study = received(services, film(), film(image=2), film(image=3, SOPClassUID="1.2.840.10008.5.1.4.1.1.2"))

    opened = open_cases(services, "positioning", study, actor="vet")

    assert len({case.id for case in opened}) == 2


def test_asking_again_finds_the_same_case_and_says_how_it_stands(services: Services) -> None:
    study = received(services, film())
    (first,) = open_cases(services, "triage", study, actor="vet")
    end(services.ledger, first.id)

    (again,) = open_cases(services, "triage", study, actor="vet")

    assert again.id == first.id
    assert again.before is not None
    assert again.before.state.ended


def test_once_more_is_another_case_of_the_same_revision(services: Services) -> None:
    study = received(services, film())
    (first,) = open_cases(services, "triage", study, actor="vet")
    end(services.ledger, first.id)

    (second,) = open_cases(services, "triage", study, actor="vet", again=True)

    assert second.id != first.id
    assert second.before is None
    assert [line.round for line in services.ledger.study(study).cases] == [1, 2]


def test_the_command_runs_a_use_case_once_more_when_told_to(site: Path, services: Services) -> None:
    study = received(services, film())
    (first,) = open_cases(services, "triage", study, actor="vet")
    end(services.ledger, first.id)

    told = run(site, "triage", study, "--again")

    (line,) = json.loads(told.stdout)
    assert (told.exit_code, line["state"]) == (0, "waiting")
    assert line["id"] != first.id


def test_who_asked_stands_in_the_journal(services: Services, ledger_url: str) -> None:
    study = received(services, film())

    (opened,) = open_cases(services, "triage", study, actor="vet")

    with psycopg.connect(ledger_url) as connection:
        entry = connection.execute("SELECT actor, action, subject, detail FROM audit ORDER BY seq DESC").fetchone()
    assert entry == ("vet", "case.asked", opened.id, "triage")


def test_a_stored_study_is_found_by_its_uid_and_nobody_is_asked(services: Services) -> None:
    study = received(services, film())

    assert study_named(services, UID, tell=pytest.fail) == study
    assert study_named(services, study, tell=pytest.fail) == study


@pytest.mark.parametrize("name", ["study-00", "1.2.3.4", "ACC9"])
def test_a_study_that_nobody_knows_is_refused(services: Services, name: str) -> None:
    with pytest.raises(StudyRefused) as refused:
        study_named(services, name, tell=lambda _: None)

    assert refused.value.reason == "unknown_study"


@pytest.mark.parametrize("name", [UID, "ACC8"])
def test_a_study_at_a_pacs_is_fetched_first(site: Path, ledger_url: str, pacs: Send, name: str) -> None:
    pacs(film())
    pacs(film(image=2))
    services = services_of(site, ledger_url)

    study = study_named(services, name, tell=lambda _: None)

    page = services.ledger.study(study)
    assert [services.store.has(line.instance.digest) for line in page.instances] == [True, True]
    assert study_named(services, name, tell=lambda _: None) == study


def test_a_pacs_that_is_away_does_not_hide_the_one_that_has_the_study(site: Path, ledger_url: str, pacs: Send) -> None:
    here = (site / "vetflow.toml").read_text()
    away = SITE.replace("archive", "away") + f"port = {free_port()}\n"
    pacs(film())

    (site / "vetflow.toml").write_text(away + here)
    found = study_named(services_of(site, ledger_url), UID, tell=lambda _: None)
    (site / "vetflow.toml").write_text(away)
    with pytest.raises((TransientError, PermanentFailure)):
        study_named(services_of(site, ledger_url), OTHER, tell=lambda _: None)

    assert found.startswith("study-")


class _Breaks:
    """An archive whose association ends after the first of two images."""

    def find(self, question: Question, *, seconds: float) -> list[Answer]:
        return [Answer(study=StudyAt(study_uid=UID, instances=2), patient=Patient(id=""))]

    def fetch(self, study_uid: str, keep: Callable[[bytes], str], *, limits: PriorLimits) -> list[str]:
        keep(film())
        raise TransientError("the association was aborted")


def test_half_a_study_that_came_before_the_line_broke_is_not_judged_as_one(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vetflow.supervisor.on_demand.prior_sources", lambda _: {"archive": _Breaks()})

    for _ in range(2):
        with pytest.raises(TransientError, match="aborted"):
            study_named(services, UID, tell=lambda _: None)

    assert services.ledger.study_of(UID) is None


def test_a_film_that_was_fetched_and_is_sent_later_is_the_same_film(services: Services) -> None:
    data = film()

    study = received(services, data, b"of its sender".ljust(128) + data[128:])

    page = services.ledger.study(study)
    assert [line.copies for line in page.instances] == [2]
    assert not page.study.conflicted


@pytest.mark.parametrize("data", [film(OTHER), film(SOPClassUID="1.2.840.10008.1.1"), b"not DICOM"])
def test_a_pacs_that_hands_over_something_else_is_refused(services: Services, data: bytes) -> None:
    with pytest.raises(StudyRefused) as refused:
        take_in(services, data, study_uid=UID)

    assert refused.value.reason == "not_taken"
    assert services.ledger.studies() == []


def test_an_accession_number_of_two_studies_is_no_name(site: Path, ledger_url: str, pacs: Send) -> None:
    pacs(film())
    pacs(film(OTHER))

    with pytest.raises(StudyRefused) as refused:
        study_named(services_of(site, ledger_url), "ACC8", tell=lambda _: None)

    assert refused.value.reason == "several_studies"


def end(ledger: PostgresLedger, case: str) -> None:
    ledger.claim(CaseRef(id=case), owner="worker", lease_seconds=30)
    ledger.finish(CaseRef(id=case), assessment(), [result()], [])


def test_the_command_fetches_opens_waits_and_tells(site: Path, ledger: PostgresLedger, pacs: Send) -> None:
    pacs(film())
    sorting = sorter(ledger, site)

    def work() -> None:
        sorting.step()
        for case in ledger.waiting_cases(10):
            end(ledger, case.ref.id)

    with gateway(work):
        told = run(site, "positioning", UID, "--wait")

    (line,) = json.loads(told.stdout)
    assert told.exit_code == 0
    assert (line["use_case"], line["queue"], line["state"]) == ("positioning", "stat", "done")
    assert "fetching it" in told.stderr
    assert f"{line['id']} is done" in told.stderr
    assert UID not in told.stdout + told.stderr


def test_the_command_does_not_wait_unless_it_is_told_to(site: Path, services: Services) -> None:
    study = received(services, film())

    told = run(site, "positioning", study)

    (line,) = json.loads(told.stdout)
    assert (told.exit_code, line["state"]) == (0, "waiting")


def test_the_command_says_that_a_case_has_ended_and_how_to_see_it(site: Path, services: Services) -> None:
    study = received(services, film())
    (first,) = open_cases(services, "positioning", study, actor="vet")
    services.ledger.fail(CaseRef(id=first.id), "step_failed", again=False, most=3)

    told = run(site, "positioning", study)

    assert told.exit_code == 1
    assert f"{first.id} ended as failed before" in told.stderr
    assert f"vetflow cases show {first.id}" in told.stderr


@pytest.mark.parametrize(("use_case", "study"), [("astrology", "study-00"), ("positioning", "study-00")])
def test_wrong_use_is_told_as_such(site: Path, use_case: str, study: str) -> None:
    assert run(site, use_case, study).exit_code == 2
