"""Training: answers, losses, calibration, figures, card; and one whole training in small."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import special

from vetflow.adapters.networks import build
from vetflow.adapters.runtime_torch import TorchRuntime
from vetflow.domain.bundle import CARD, from_folder
from vetflow.domain.view import Region, View
from vetflow.phantoms.batch import plan
from vetflow.phantoms.films import projection
from vetflow.training.calibration import LEAST, temperature, temperatures, threshold
from vetflow.training.evaluation import Said, calibration_error, score
from vetflow.training.figures import confusion, sheet
from vetflow.training.fitting import Schedule, batches, fit, loss, split
from vetflow.training.heads import HEADS, SPREAD, UNKNOWN, answers, nothing
from vetflow.training.pictures import RENDERED, Pictures, Variety, digest, no_film, rendered
from vetflow.training.positioning import Plan, train

OUTPUTS = sum(len(classes) for classes in HEADS.values())
PNG = b"\x89PNG"


def silent(stage: str, done: int, whole: int) -> None:
    """Progress that nobody looks at."""


class Notes:
    """A journal kept in memory."""

    def __init__(self) -> None:
        self.values: dict[str, str | int | float] = {}
        self.sets: dict[str, tuple[str, int]] = {}
        self.pictures: dict[str, bytes] = {}

    def settings(self, values: dict[str, str | int | float]) -> None:
        self.values.update(values)

    def dataset(self, name: str, *, digest: str, count: int) -> None:
        self.sets[name] = (digest, count)

    def metrics(self, values: dict[str, float], *, step: int = 0) -> None:
        self.values.update(values)

    def picture(self, name: str, png: bytes) -> None:
        self.pictures[name] = png


def test_left_and_right_lateral_are_one_answer() -> None:
    left = projection(1, view=View.LEFT_LATERAL, region=Region.ABDOMEN, size=48).truth
    right = projection(1, view=View.RIGHT_LATERAL, region=Region.ABDOMEN, size=48).truth

    assert answers(left)[:2] == answers(right)[:2] == (0, 1)
    assert answers(left)[-1] == UNKNOWN


def test_ventrodorsal_and_dorsoventral_are_one_answer() -> None:
    seen = {
        answers(projection(1, view=view, region=Region.PELVIS, size=48).truth)[0]
        for view in (View.VENTRODORSAL, View.DORSOVENTRAL)
    }

    assert seen == {HEADS["view"].index(View.SAGITTAL)}


def test_the_right_toldcost_less_than_wrong_ones() -> None:
    right = torch.tensor([[0, 1, 0, 2, UNKNOWN]])
    good = torch.full((1, OUTPUTS), -3.0)
    for column, part in enumerate(split(good).values()):
        part[0, max(int(right[0, column]), 0)] = 3.0

    assert float(loss(good, right)) < float(loss(-good, right))


def test_heads_that_are_not_asked_get_no_gradient() -> None:
    logits = torch.zeros((2, OUTPUTS), requires_grad=True)

    loss(logits, torch.tensor([[0, 0, 0, 0, UNKNOWN], [1, 1, 1, 1, UNKNOWN]])).backward()

    assert logits.grad is not None
    gradients = split(logits.grad)
    assert float(gradients["limbs_over"].abs().sum()) == 0.0
    assert float(gradients["view"].abs().sum()) > 0.0


def test_a_picture_that_is_no_film_asks_for_even_answers() -> None:
    wanted = torch.tensor([nothing()])
    even, opinionated = torch.zeros((1, OUTPUTS)), torch.zeros((1, OUTPUTS))
    opinionated[0, 0] = 5.0

    assert wanted[0, 0] == SPREAD
    assert float(loss(even, wanted)) < float(loss(opinionated, wanted))


def test_too_certain_outputs_get_a_temperature_above_one() -> None:
    generator = torch.Generator().manual_seed(0)
    right = torch.randint(0, 2, (400, len(HEADS)), generator=generator)
    logits = torch.zeros((400, OUTPUTS))
    for column, part in enumerate(split(logits).values()):
        hit = torch.rand(400, generator=generator) < 0.8
        says = torch.where(hit, right[:, column], 1 - right[:, column])
        part[torch.arange(400), says] = 9.0

    found = temperatures(logits, right)

    assert all(value > 2.0 for value in found.values())


def test_a_head_that_was_always_right_is_no_surer_than_so_many_films_can_tell() -> None:
    logits = np.zeros((98, 2, 2))
    logits[:, :, 1] = 3.0

    shares = special.softmax(logits / temperature(logits, np.ones(98, np.int64)), axis=2).mean(axis=1)

    assert shares[:, 1] == pytest.approx(0.99, abs=0.002)


def test_certainty_is_that_of_all_copies_together() -> None:
    """Of two copies one is sure and one is not: put together they are right as often as they say."""
    rng = np.random.default_rng(4)
    logits = rng.normal(0.0, 4.0, (4000, 2, 1)) * np.array([-0.5, 0.5])
    together = special.softmax(logits, axis=2).mean(axis=1)
    right = (rng.random(4000) < together[:, 1]).astype(np.int64)

    assert temperature(logits, right) == pytest.approx(1.0, abs=0.1)


def test_the_threshold_rises_until_toldare_right() -> None:
    right = torch.zeros((200, len(HEADS)), dtype=torch.long)
    logits = torch.zeros((200, OUTPUTS))
    for head, part in split(logits).items():
        part[:, 0] = 6.0
        if head == "view":
            part[:60, 0] = 0.0
            part[:60, 1] = 2.9
    even = dict.fromkeys(HEADS, 1.0)

    assert threshold(logits, right, even) > LEAST
    assert threshold(logits[60:], right[60:], even) == LEAST


def test_figures_count_what_was_said() -> None:
    said = [
        Said(right=0, says=0, certainty=0.9, steady=True),
        Said(right=0, says=1, certainty=0.95, steady=False),
        Said(right=1, says=1, certainty=0.6, steady=True),
        Said(right=1, says=1, certainty=0.85, steady=True),
    ]

    found = score(said, classes=2, sure=0.8)

    assert (found.films, found.accuracy, found.covered, found.accuracy_when_sure) == (4, 0.75, 0.5, 1.0)
    assert found.confusion == ((1, 1), (0, 2))
    assert confusion(found, ["a", "b"]).startswith(PNG)


def test_no_toldgive_figures_of_nothing() -> None:
    assert score([], classes=2, sure=0.8).films == 0


def test_certainty_that_is_kept_has_no_calibration_error() -> None:
    certainty = np.full(1000, 0.75)
    hit = np.arange(1000) % 4 != 0

    assert calibration_error(certainty, hit) == pytest.approx(0.0, abs=1e-9)
    assert calibration_error(certainty, np.zeros(1000, np.bool_)) == pytest.approx(0.75)


def test_a_look_is_the_same_whenever_it_is_asked_for() -> None:
    made = [projection(seed, view=View.LATERAL, region=Region.THORAX, size=64) for seed in range(2)]
    pictures = Pictures(made=made, size=48, seed=3, variety=Variety())

    first, told = pictures.batch([1, 0])
    again, _ = pictures.batch([1])
    later, _ = pictures.batch([1], epoch=1)

    assert first.shape == (2, 1, 48, 48)
    assert told.shape == (2, len(HEADS))
    np.testing.assert_array_equal(first[:1], again)
    assert not np.array_equal(first[:1], later)


def test_looks_drawn_elsewhere_are_those_drawn_here() -> None:
    made = [projection(seed, view=View.LATERAL, region=Region.THORAX, size=48) for seed in range(5)]
    pictures = Pictures(made=made, size=32, seed=3, variety=Variety())

    here, elsewhere = (
        list(islice(batches(pictures, Schedule(seconds=1.0, batch=2, workers=workers), seed=4), 5))
        for workers in (0, 1)
    )

    assert [epoch for epoch, *_ in here] == [0, 0, 1, 1, 2]
    for (epoch, grey, right), (other_epoch, other_grey, other_right) in zip(here, elsewhere, strict=True):
        assert epoch == other_epoch
        assert torch.equal(grey, other_grey)
        assert torch.equal(right, other_right)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_no_film_is_a_picture_all_the_same(seed: int) -> None:
    picture = no_film(np.random.default_rng(seed), 40)

    assert picture.shape == (40, 40)
    assert picture.dtype == np.float32
    assert 0.0 <= picture.min() <= picture.max() <= 1.0


def test_a_network_learns_to_tell_inverted_films_apart() -> None:
    made = [projection(seed, view=View.LATERAL, region=Region.TRUNK, size=64) for seed in range(8)]
    torch.manual_seed(0)
    network = build("small_resnet", {"layers": (1, 1, 1, 1), "widths": (8, 8, 8, 8)}, outputs=OUTPUTS)
    pictures = Pictures(made=made * 8, size=32, seed=1, variety=Variety(turned=0.0, leaning=0.0, nothing=0.0))

    history = fit(network, pictures, Schedule(seconds=1.0, batch=16, workers=0, steps=60), seed=1, progress=silent)

    assert len(history) > 2
    assert history[-1] < 0.8 * history[0]
    assert not network.training


def test_more_time_means_more_films() -> None:
    assert Plan.of(10).films < Plan.of(20).films == Plan.of(60).films
    assert Plan.of(10).fitting(spent=1e6) == pytest.approx(240.0)


def test_films_rendered_elsewhere_are_those_rendered_here() -> None:
    elsewhere = rendered(2, seed=1, workers=1, progress=silent)

    here = [projection(seed, view=view, region=region, size=RENDERED) for seed, view, region in plan(1, 2)]

    for one, other in zip(elsewhere, here, strict=True):
        assert one.truth == other.truth
        np.testing.assert_array_equal(one.soft, other.soft.astype(np.float16))
    assert digest(elsewhere) == digest(list(elsewhere))
    assert digest(elsewhere) != digest(elsewhere[::-1])


def test_a_sheet_holds_every_film() -> None:
    assert sheet([np.zeros((10, 10), np.float32)] * 9).startswith(PNG)


class Watching(Notes):
    """A journal that sees what lies in a folder when figures are written down."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.seen: set[bool] = set()

    def metrics(self, values: dict[str, float], *, step: int = 0) -> None:
        super().metrics(values, step=step)
        self.seen.add((self.folder / CARD).is_file())


@pytest.mark.slow
def test_a_whole_training_in_small_leaves_a_sound_bundle(tmp_path: Path) -> None:
    notes, stages = Watching(tmp_path / "positioning"), set[str]()

    found = train(
        tmp_path / "positioning",
        seed=2,
        minutes=0.1,
        progress=lambda stage, done, whole: stages.add(stage),
        journal=notes,
    )

    bundle = from_folder(tmp_path / "positioning")
    metadata = json.loads(bundle.files["configs/metadata.json"])
    assert stages == {"render", "fit", "evaluate"}
    assert sorted(bundle.files) == [
        "configs/metadata.json",
        CARD,
        "golden/film.npy",
        "golden/sight.json",
        "models/model.safetensors",
    ]
    assert notes.seen == {True}, "a journal that fails must not cost the bundle"
    assert metadata["vetflow"]["training"]["dataset_sha256"] == notes.sets["phantoms"][0]
    assert metadata["vetflow"]["measured"]["heads"]["view"]["accuracy"] == found.heads["view"].accuracy
    assert "synthetic radiographs only" in bundle.files[CARD].decode()
    assert f"{found.heads['view'].accuracy:.3f}" in bundle.files[CARD].decode()
    assert {"films.png", "confusion_view.png", "confusion_region.png"} <= set(notes.pictures)
    assert TorchRuntime(bundle).model.digest == bundle.manifest.weights
