"""Folders with films and truth: whole, in part, damaged; and what bundles say of them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.bundles import untrained, untrained_trunk
from tests.trunk_answers import full, truthful

from vetflow.dicom.pixels import decode
from vetflow.domain.errors import ConfigurationError, StudyRefused
from vetflow.domain.trunk_sight import HEART_POINTS
from vetflow.domain.view import Region
from vetflow.phantoms.batch import make, plan
from vetflow.phantoms.trunk.developing import trunk_film
from vetflow.phantoms.trunk.order import LATERAL, Order
from vetflow.training import folder_cases, trial_pages
from vetflow.training.dataset_folder import TRUTH, Folder, opened
from vetflow.training.trials import Trial, figures, of_folder
from vetflow.training.trunk.cases import INSIDE, case
from vetflow.training.trunk.measuring import compare
from vetflow.training.trunk.scores import METRICS, metrics

SEED = 3


def decoder(data: bytes) -> np.ndarray:
    return decode(data, largest=1 << 26)


def silent(stage: str, done: int, whole: int) -> None:
    """Progress that nobody looks at."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three films of the chest and two of a forelimb, as the command writes them."""
    out = tmp_path_factory.mktemp("films")
    make(out, count=3, seed=SEED, region=Region.THORAX)
    make(out, count=2, seed=SEED + 1, region=Region.FORELIMB)
    return out


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(made, tmp_path / "films"))


def chests(folder: Folder) -> list[str]:
    return [name for name, truth in folder.truths.items() if truth["region"] == Region.THORAX]


def retold(folder: Path, name: str, truth: object) -> None:
    whole = json.loads((folder / TRUTH).read_text())
    (folder / TRUTH).write_text(json.dumps(whole | {name: truth}))


def test_a_film_comes_back_as_it_was_made(made: Path) -> None:
    films = opened(made)
    for name, (seed, view, region) in zip(chests(films), plan(SEED, 3, region=Region.THORAX), strict=True):
        order = Order(seed=seed, view=view, region=region)
        true = case(trunk_film(order, size=1024), film=name, group=folder_cases.GROUP)

        read = folder_cases.case(films.film(name, decoder))

        assert (read.right, read.inverted, read.foreign) == (true.right, true.inverted, true.foreign)
        assert np.array_equal(read.pixels, true.pixels)
        assert true.outlines is not None and read.outlines is not None
        assert np.array_equal(read.outlines, true.outlines)


def test_a_model_that_is_right_has_no_errors_on_a_folder(made: Path) -> None:
    films = opened(made)
    cases = [folder_cases.case(films.film(name, decoder)) for name in chests(films)]

    found = metrics([compare(one, truthful(one)) for one in cases])

    assert (found["plane_accuracy"], found["dice_organs"], found["vertebra_labels"]) == (1.0, 1.0, 1.0)
    assert found["rotation_mae"] == pytest.approx(0.0)


def test_what_a_truth_does_not_tell_is_not_asked(folder: Path) -> None:
    name = chests(opened(folder))[0]
    retold(folder, name, {"view": "lateral", "region": "thorax", "trunk": {"lesions": []}})

    right = folder_cases.case(opened(folder).film(name, decoder)).right

    assert right.classes == {"film": 1, "plane": 0, "region": 0, "back": 1}
    assert right.lesions == {"pleural": False, "pneumothorax": False}
    assert (right.rotation, right.breath, right.species, right.heart_score, right.heart_shown) == (
        None, None, None, None, False
    )  # fmt: skip
    assert (dict(right.cut), dict(right.spots)) == ({}, {})


def test_points_of_the_heart_need_the_vertebrae_that_are_their_unit(folder: Path) -> None:
    films = opened(folder)
    name = next(name for name in chests(films) if films.truths[name]["view"] in LATERAL)
    truth = json.loads(json.dumps(films.truths[name]))
    whole = folder_cases.case(films.film(name, decoder)).right
    del truth["trunk"]["vertebrae"]["T5"]
    retold(folder, name, truth)

    right = folder_cases.case(opened(folder).film(name, decoder)).right

    assert set(whole.spots) - set(right.spots) == {"T5", *HEART_POINTS}
    assert right.heart_score == whole.heart_score


def test_a_bundle_is_tried_on_all_films_but_those_that_are_named(folder: Path) -> None:
    gone, damaged, mute, silly, _ = names = list(opened(folder).truths)
    (folder / gone).unlink()
    (folder / damaged).write_bytes((folder / damaged).read_bytes()[:50_000])
    retold(folder, mute, {"region": "thorax"})
    retold(folder, silly, {"view": "left_lateral", "region": "thorax", "trunk": {"breath": "deep"}})
    shutil.copy(folder / mute, folder / "more.dcm")
    retold(folder, "more.dcm", {"view": "left_lateral", "region": "thorax"})

    trial = of_folder(opened(folder), decoder).trial(untrained_trunk(), silent)

    assert [one.film for one in trial.records] == ["more.dcm"]
    assert trial.elsewhere == 1
    assert set(trial.refused) == set(names[:4])
    assert "missing" in trial.refused[gone]
    assert "fewer pixels" in trial.refused[damaged]
    assert "view" in trial.refused[mute]
    assert "trunk.breath" in trial.refused[silly] and "deep" not in trial.refused[silly]


def test_a_number_of_ribs_that_no_model_knows_is_refused_and_the_others_are_measured(folder: Path) -> None:
    odd, other = chests(opened(folder))[:2]
    retold(folder, odd, {"view": "left_lateral", "region": "thorax", "trunk": {"rib_pairs": 14}})

    trial = of_folder(opened(folder), decoder).trial(untrained_trunk(), silent)

    assert list(trial.refused) == [odd] and "trunk.rib_pairs other than 12 or 13" in trial.refused[odd]
    assert other in {one.film for one in trial.records}


def test_figures_and_plots_leave_out_the_easy_films_but_for_coverage(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    hard = tuple(full(str(n), rng) for n in range(20))
    easy = tuple(full(f"in {n}", rng, group=INSIDE) for n in range(30))
    told: list[tuple[int, int]] = []

    found = {one.name: one.films for one in figures((*hard, *easy), lambda _, done, whole: told.append((done, whole)))}
    for name, records in (("mixed", (*hard, *easy)), ("hard", hard)):
        trial_pages.write(tmp_path / name, untrained_trunk(), Trial(records=records, refused={}), {})

    assert (found["rotation_mae"], found["answered"], found["coverage"]) == (20, 20, 30)
    assert told == [(done, len(METRICS)) for done in range(1, len(METRICS) + 1)]
    assert (tmp_path / "mixed" / "roc.png").read_bytes() == (tmp_path / "hard" / "roc.png").read_bytes()


def test_a_model_of_any_body_part_is_asked_about_limbs_too(made: Path, tmp_path: Path) -> None:
    films = of_folder(opened(made), decoder)

    trial = films.trial(untrained(), silent)

    found = {one.name: one for one in figures(trial.records, silent)}
    assert len(trial.records) == 5 and not trial.refused and not trial.elsewhere
    assert found["view_accuracy"].films == found["inverted_accuracy"].films == 5
    assert found["view_accuracy"].low <= found["view_accuracy"].value <= found["view_accuracy"].high
    page = trial_pages.told(untrained(), films, trial, figures(trial.records, silent))
    trial_pages.write(tmp_path / "out", untrained(), trial, page)
    assert {"figures.json", "records.json", "confusion_view.png"} <= {one.name for one in (tmp_path / "out").iterdir()}


def test_the_digest_changes_with_truth_and_films(folder: Path) -> None:
    before = opened(folder).digest
    name = next(iter(opened(folder).truths))
    (folder / name).write_bytes(b"other")
    spoilt = opened(folder).digest
    retold(folder, name, {})

    assert len({before, spoilt, opened(folder).digest}) == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, "phantoms make"), ("{", "not JSON"), ("[]", "must map"), ("{}", "must map"), ('{"a.dcm": 1}', "must map"),
     ('{"../a.dcm": {}}', "must map"), ('{"a.dcm": {"trunk": {"breath": NaN}}}', "not JSON")],
)  # fmt: skip
def test_a_folder_without_a_sound_truth_is_refused_with_what_to_do(tmp_path: Path, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / TRUTH).write_text(text)

    with pytest.raises(ConfigurationError, match=told):
        opened(tmp_path)


def test_masks_that_do_not_fill_the_film_are_refused_before_they_are_laid_out(folder: Path) -> None:
    name = chests(opened(folder))[0]
    truth = dict(opened(folder).truths[name])
    retold(folder, name, truth | {"masks": {"heart": [1 << 60]}})

    with pytest.raises(StudyRefused, match="fill the film"):
        opened(folder).film(name, decoder)
