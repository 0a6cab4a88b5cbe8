"""MLflow's registry as a shelf of bundles: what was put there is found by alias, whole."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest
from mlflow import MlflowClient

import vetflow
from vetflow.adapters.registry_mlflow import (
    CHALLENGER,
    CHAMPION,
    MlflowJournal,
    at_alias,
    follow,
    register,
    shortened,
)
from vetflow.domain.bundle import METADATA, from_folder
from vetflow.domain.errors import ConfigurationError
from vetflow.training.target import written

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
    written(changed, tmp_path / "newer")
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


def test_another_version_stands_beside_it_until_the_alias_follows_the_ledger(tracking: str, newer: Path) -> None:
    old = register(FOLDER, tracking_uri=tracking, alias=CHAMPION)
    new = register(newer, tracking_uri=tracking, alias=CHALLENGER)
    assert new.number != old.number
    assert at_alias("positioning", CHAMPION, tracking_uri=tracking) == old

    moved = follow(from_folder(newer), tracking_uri=tracking)

    assert not moved
    assert at_alias("positioning", CHAMPION, tracking_uri=tracking) == new
    assert at_alias("positioning", CHALLENGER, tracking_uri=tracking) is None


def test_an_alias_that_lags_behind_follows_and_one_moved_by_hand_is_told_apart(tracking: str, newer: Path) -> None:
    client = MlflowClient(tracking_uri=tracking)
    old, new = (register(folder, tracking_uri=tracking) for folder in (FOLDER, newer))
    follow(from_folder(FOLDER), tracking_uri=tracking)
    lagging = follow(from_folder(newer), tracking_uri=tracking)

    client.set_registered_model_alias("positioning", CHAMPION, str(old.number))
    moved = follow(from_folder(newer), tracking_uri=tracking)
    client.delete_registered_model_alias("positioning", CHAMPION)
    removed = follow(from_folder(newer), tracking_uri=tracking)

    assert (lagging, moved, removed) == (False, True, True)
    assert not follow(from_folder(newer), tracking_uri=tracking)
    assert at_alias("positioning", CHAMPION, tracking_uri=tracking) == new


def test_a_registry_that_was_wiped_is_filled_again(tmp_path: Path) -> None:
    fresh = f"sqlite:///{tmp_path}/wiped.db"

    moved = follow(from_folder(FOLDER), tracking_uri=fresh)

    found = at_alias("positioning", CHAMPION, tracking_uri=fresh)
    assert not moved
    assert found is not None and found.bundle == from_folder(FOLDER).digest


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
        journal.dataset("folder", digest="cd" * 32, count=4, source="a folder of the site")
        journal.metrics({"loss": 0.5}, step=2)
        journal.picture("sheet.png", b"\x89PNG")
        journal.files("bundle", {"configs/metadata.json": b"{}"})
        journal.tags({"decision": "refused"})

    client = MlflowClient(tracking_uri=tracking)
    experiment = client.get_experiment_by_name("vetflow-models")
    run = client.search_runs([experiment.experiment_id], "attributes.run_name = 'trial'")[0]
    assert run.info.status == "FINISHED"
    assert (run.data.params, run.data.metrics) == ({"seed": "1"}, {"loss": 0.5})
    assert run.data.tags["phantoms_sha256"] == "ab" * 32
    assert [one.path for one in client.list_artifacts(run.info.run_id, "figures")] == ["figures/sheet.png"]
    assert [one.path for one in client.list_artifacts(run.info.run_id, "bundle/configs")] == [
        "bundle/configs/metadata.json"
    ]
    assert run.data.tags["decision"] == "refused"
    known, own = sorted(run.inputs.dataset_inputs, key=lambda one: one.dataset.digest)
    assert (known.dataset.name, known.dataset.digest) == ("phantoms", ("ab" * 32)[:36])
    assert (known.dataset.source_type, known.dataset.source) == ("code", "vetflow.phantoms")
    assert (own.dataset.source_type, own.dataset.source) == ("local", "a folder of the site")
    assert [one.tags[0].value for one in (known, own)] == ["training", "evaluation"]


def test_a_run_names_the_version_and_the_revision_of_the_checkout(tracking: str) -> None:
    root = Path(vetflow.__file__).parents[2]
    with MlflowJournal(tracking_uri=tracking, name="revision"):
        pass

    client = MlflowClient(tracking_uri=tracking)
    experiment = client.get_experiment_by_name("vetflow-models")
    run = client.search_runs([experiment.experiment_id], "attributes.run_name = 'revision'")[0]
    assert run.data.tags["vetflow_version"] == version("vetflow")
    assert ("mlflow.source.git.commit" in run.data.tags) == (root / ".git").exists()


def test_a_training_that_fails_is_seen_as_failed(tracking: str) -> None:
    with pytest.raises(RuntimeError), MlflowJournal(tracking_uri=tracking, name="broken"):
        raise RuntimeError

    client = MlflowClient(tracking_uri=tracking)
    experiment = client.get_experiment_by_name("vetflow-models")
    run = client.search_runs([experiment.experiment_id], "attributes.run_name = 'broken'")[0]
    assert run.info.status == "FAILED"


def test_work_goes_on_without_mlflow_after_one_warning_once_it_goes_away(
    tracking: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = MlflowClient(tracking_uri=tracking)

    with MlflowJournal(tracking_uri=tracking, name="away") as journal:
        experiment = client.get_experiment_by_name("vetflow-models")
        run = client.search_runs([experiment.experiment_id], "attributes.run_name = 'away'")[0].info.run_id
        client.delete_run(run)
        journal.settings({"seed": 1})
        client.restore_run(run)
        journal.metrics({"loss": 0.5})
        journal.tags({"decision": "promoted"})
        journal.files("bundle", {"a.txt": b""})

    kept = client.get_run(run)
    assert (kept.data.params, kept.data.metrics, kept.info.status) == ({}, {}, "RUNNING")
    [warning] = [one.getMessage() for one in caplog.records if "mlflow.run_left_unfinished" in one.getMessage()]
    assert run in warning


def test_an_artifact_that_cannot_be_kept_loses_no_training(tmp_path: Path) -> None:
    (tmp_path / "mlflow-artifacts").write_text("a file where the folder should be")

    with MlflowJournal(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db", name="no room") as journal:
        journal.files("bundle", {"a.txt": b""})


def test_a_card_that_mlflow_cannot_hold_isshortened_by_whole_paragraphs() -> None:
    card = "\n\n".join(f"Paragraph {number}. " + "word " * 60 for number in range(40))

    told = shortened(card)

    assert len(told) <= 5000
    assert card.startswith(told.rpartition("\n\n")[0])
