"""MLflow's registry as a shelf of bundles: what was put there is found by alias, whole."""

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient

import vetflow
from vetflow.adapters.registry_mlflow import (
    CHALLENGER,
    CHAMPION,
    MlflowJournal,
    at_alias,
    move_alias,
    register,
)
from vetflow.domain.bundle import METADATA, from_folder
from vetflow.domain.errors import ConfigurationError
from vetflow.training.bundling import write

FOLDER = Path(vetflow.__file__).parent / "models" / "positioning"


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The bundle with another version in its manifest."""
    bundle = from_folder(FOLDER)
    metadata = json.loads(bundle.files[METADATA])
    metadata["version"] = "9.9.9"
    changed = type(bundle)(files={**bundle.files, METADATA: json.dumps(metadata).encode()})
    write(changed, tmp_path / "newer")
    return tmp_path / "newer"


def test_an_alias_leads_back_to_the_digests(tracking: str) -> None:
    bundle = from_folder(FOLDER)

    shown = register(FOLDER, tracking_uri=tracking, alias=CHAMPION)

    assert at_alias("positioning", CHAMPION, tracking_uri=tracking) == shown
    assert (shown.bundle, shown.weights) == (bundle.digest, bundle.manifest.weights)
    assert shown.version == bundle.manifest.version


def test_the_same_bundle_is_shown_once(tracking: str) -> None:
    first = register(FOLDER, tracking_uri=tracking)
    again = register(FOLDER, tracking_uri=tracking)

    assert first == again


def test_another_version_stands_beside_it_and_the_alias_can_be_moved(tracking: str, newer: Path) -> None:
    old = register(FOLDER, tracking_uri=tracking, alias=CHAMPION)
    new = register(newer, tracking_uri=tracking, alias=CHALLENGER)

    assert new.number != old.number
    assert at_alias("positioning", CHAMPION, tracking_uri=tracking) == old
    move_alias("positioning", CHAMPION, new.number, tracking_uri=tracking)
    assert at_alias("positioning", CHAMPION, tracking_uri=tracking) == new


def test_the_files_come_back_as_they_were(tracking: str, tmp_path: Path) -> None:
    shown = register(FOLDER, tracking_uri=tracking)
    client = MlflowClient(tracking_uri=tracking)
    run = client.get_model_version("positioning", str(shown.number)).run_id

    fetched = client.download_artifacts(run, "bundle", str(tmp_path))

    assert from_folder(Path(fetched)).digest == shown.bundle


def test_the_card_is_what_people_read_there(tracking: str) -> None:
    shown = register(FOLDER, tracking_uri=tracking)

    found = MlflowClient(tracking_uri=tracking).get_model_version("positioning", str(shown.number))

    assert "Trained on synthetic radiographs only" in found.description


@pytest.mark.parametrize(("name", "alias"), [("nothing", CHAMPION), ("positioning", "nobody")])
def test_an_alias_that_points_nowhere_is_nothing(tracking: str, name: str, alias: str) -> None:
    register(FOLDER, tracking_uri=tracking)

    assert at_alias(name, alias, tracking_uri=tracking) is None


def test_a_folder_that_is_no_bundle_is_refused(tracking: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        register(tmp_path, tracking_uri=tracking)


def test_a_journal_keeps_settings_figures_pictures_and_digests(tracking: str) -> None:
    with MlflowJournal(tracking_uri=tracking, name="trial") as journal:
        journal.settings({"seed": 1})
        journal.dataset("phantoms", digest="ab" * 32, count=3)
        journal.metrics({"loss": 0.5}, step=2)
        journal.picture("sheet.png", b"\x89PNG")

    client = MlflowClient(tracking_uri=tracking)
    experiment = client.get_experiment_by_name("vetflow-models")
    run = client.search_runs([experiment.experiment_id], "attributes.run_name = 'trial'")[0]
    assert run.info.status == "FINISHED"
    assert (run.data.params, run.data.metrics) == ({"seed": "1"}, {"loss": 0.5})
    assert run.data.tags["phantoms_sha256"] == "ab" * 32
    assert [one.path for one in client.list_artifacts(run.info.run_id, "figures")] == ["figures/sheet.png"]


def test_a_training_that_fails_is_seen_as_failed(tracking: str) -> None:
    with pytest.raises(RuntimeError), MlflowJournal(tracking_uri=tracking, name="broken"):
        raise RuntimeError

    client = MlflowClient(tracking_uri=tracking)
    experiment = client.get_experiment_by_name("vetflow-models")
    run = client.search_runs([experiment.experiment_id], "attributes.run_name = 'broken'")[0]
    assert run.info.status == "FAILED"
