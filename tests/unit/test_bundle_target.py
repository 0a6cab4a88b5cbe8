"""Where a bundle may be written: never in place of anything but a bundle."""

from pathlib import Path

import pytest
from tests.bundles import untrained
from typer.testing import CliRunner

from vetflow.cli.app import app
from vetflow.domain.bundle import METADATA, from_folder
from vetflow.domain.errors import ConfigurationError
from vetflow.training.journal import NoJournal
from vetflow.training.target import written
from vetflow.training.trainings import TRAININGS, Wanted


def test_a_bundle_takes_the_place_of_an_earlier_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    written(untrained(1), tmp_path / "here")
    (tmp_path / "here" / "golden").mkdir()
    (tmp_path / "here" / "golden" / "stale.txt").write_text("of an earlier training")

    written(untrained(2), tmp_path / "here")

    assert from_folder(tmp_path / "here").files == untrained(2).files
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


@pytest.mark.parametrize("folder", ["new", "deep/er", "empty"])
def test_a_folder_that_is_new_or_empty_takes_a_bundle(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()

    written(untrained(), tmp_path / folder)

    assert from_folder(tmp_path / folder).digest == untrained().digest


@pytest.mark.parametrize("kept", ["thesis.txt", "models/mine.txt", ".git/config"])
def test_what_is_no_bundle_is_never_replaced(tmp_path: Path, kept: str) -> None:
    (tmp_path / kept).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / kept).write_text("years of work")

    with pytest.raises(ConfigurationError, match="would be lost; name another folder"):
        written(untrained(), tmp_path)

    assert (tmp_path / kept).read_text() == "years of work"


def test_a_bundle_with_something_else_beside_it_is_not_replaced(tmp_path: Path) -> None:
    written(untrained(), tmp_path / "here")
    (tmp_path / "here" / "thesis.txt").write_text("years of work")

    with pytest.raises(ConfigurationError, match=r"holds thesis.txt, which is no part of a bundle"):
        written(untrained(), tmp_path / "here")

    assert (tmp_path / "here" / "thesis.txt").exists()


def test_a_file_is_no_folder_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="is not a folder"):
        written(untrained(), tmp_path / "file")


def test_a_link_stays_and_the_folder_it_leads_to_is_replaced(tmp_path: Path) -> None:
    written(untrained(1), tmp_path / "there")
    (tmp_path / "link").symlink_to("there")

    written(untrained(2), tmp_path / "link")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / METADATA).read_bytes() == untrained(2).files[METADATA]


def test_a_training_is_refused_before_it_begins_when_its_folder_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")

    done = CliRunner().invoke(
        app, ["models", "train", "trunk", "--minutes", "0.1", "--out", str(tmp_path / "out"), "--home", str(tmp_path)]
    )

    assert isinstance(done.exception, ConfigurationError) and "thesis.txt" in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("seed", [999, 1000, 1001])
def test_a_training_on_the_films_of_the_gate_is_refused(tmp_path: Path, seed: int) -> None:
    wanted = Wanted(out=tmp_path / "out", seed=seed, minutes=0.1, folder=tmp_path)

    with pytest.raises(ConfigurationError, match="choose another --seed"):
        TRAININGS["positioning"](wanted, lambda stage, done, whole: None, NoJournal())


@pytest.mark.parametrize(
    "words", [("train", "trunk", "--seed", "998001"), ("train", "--seed", "-1"), ("evaluate", "--seed", "1000000")]
)
def test_a_seed_whose_films_there_are_none_of_is_wrong_use(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, ["models", *words, "--home", str(tmp_path)])

    assert done.exit_code == 2 and "--seed" in done.output
