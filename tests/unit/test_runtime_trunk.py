"""The trunk runtime turns whatever a network gives into a sight that says how far to rely on it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from vetflow.adapters.networks import build
from vetflow.adapters.runtime_trunk import TrunkRuntime, outline_logit, spot_logit, vertebra
from vetflow.adapters.trunk_network import LAYING
from vetflow.domain.bundle import Bundle
from vetflow.domain.errors import ConfigurationError
from vetflow.domain.trunk_card import PATH, UNTRIED, Curve, Threshold, read_card
from vetflow.domain.trunk_sight import HEADS, LESIONS_OF, POINTS, VERTEBRAE, TrunkSight, shown_by
from vetflow.domain.view import Region
from vetflow.training.trunk.bundling import Draft, bundled

_SETTINGS = {"widths": (8, 8, 8, 16), "depth": 16, "rows": 64, "columns": 96, "neighbours": 8}


_HEAD_LEFT = sum(len(HEADS[head]) for head in LAYING[: LAYING.index("head")])


def _bundle(*, bias: float = 0.0) -> Bundle:
    torch.manual_seed(3)
    network = build("trunk", _SETTINGS, outputs=sum(map(len, HEADS.values())))
    weights = dict(network.state_dict())
    weights["gone.bias"] = weights["gone.bias"] + bias
    weights["laying.answers.bias"][_HEAD_LEFT] += 30.0  # so that the film is laid along the rectangle
    return bundled(Draft(settings=_SETTINGS, weights=weights, temperatures=dict.fromkeys(HEADS, 1.0), card=UNTRIED))


def _film(rng: np.random.Generator) -> np.ndarray:
    return (rng.random((280, 420)) * 4095).astype(np.uint16)


@pytest.fixture(scope="module")
def sight() -> TrunkSight:
    return TrunkRuntime(_bundle(bias=-30.0)).look(_film(np.random.default_rng(1)), inverted=False)


def test_a_film_of_a_region_is_asked_only_what_it_can_show(sight: TrunkSight) -> None:
    assert set(sight.lesions) == set(LESIONS_OF[sight.region.says])
    assert set(sight.cut) == set(shown_by(sight.region.says, sight.plane.says))
    assert (sight.ribs is None) == (sight.region.says is Region.ABDOMEN)


def test_landmarks_lie_on_the_film_in_its_own_pixels(sight: TrunkSight) -> None:
    assert set(sight.spots) & set(VERTEBRAE)
    for spot in sight.spots.values():
        assert 0 <= spot.at[0] <= 420
        assert 0 <= spot.at[1] <= 280
        assert 0.0 <= spot.certainty <= 1.0
        assert spot.error > 0.0


def test_landmarks_that_the_network_says_are_not_there_are_left_out() -> None:
    sight = TrunkRuntime(_bundle(bias=30.0)).look(_film(np.random.default_rng(1)), inverted=False)

    assert sight.spots == {}
    assert sight.heart is None


@pytest.mark.parametrize("film", [np.zeros((64, 64), np.uint16), np.full((2000, 30), 9, np.int16), np.ones((1, 1))])
def test_pictures_without_anything_on_them_are_looked_at_without_harm(film: np.ndarray) -> None:
    sight = TrunkRuntime(_bundle()).look(film, inverted=True)

    assert 0.0 <= sight.film.certainty <= 1.0


def test_the_same_film_gives_the_same_sight() -> None:
    runtime, film = TrunkRuntime(_bundle()), _film(np.random.default_rng(3))

    first, second = (runtime.look(film, inverted=False) for _ in range(2))

    assert first.rotation == second.rotation
    assert first.spots == second.spots


def test_a_model_that_answers_other_questions_is_refused() -> None:
    bundle = _bundle()
    metadata = json.loads(bundle.files["configs/metadata.json"])
    metadata["vetflow"]["heads"]["film"] = ["yes", "no"]
    other = Bundle(files={**bundle.files, "configs/metadata.json": json.dumps(metadata).encode()})

    with pytest.raises(ConfigurationError, match="answers the questions"):
        TrunkRuntime(other)


def test_a_calibration_survives_the_way_through_its_file() -> None:
    card = replace(UNTRIED, spots=Curve(slope=2.0, shift=-1.0), thresholds={**UNTRIED.thresholds, "pleural": Threshold(
        absent_below=0.1, present_from=0.4)}, spot_error=(1.0, 0.5, 0.25, 0.125))  # fmt: skip

    assert read_card(card.to_bytes()) == card


@pytest.mark.parametrize("broken", [b"", b"[]", b"{}", UNTRIED.to_bytes().replace(b"pleural", b"plural")])
def test_a_file_that_is_no_calibration_is_refused(broken: bytes) -> None:
    with pytest.raises(ConfigurationError, match=PATH):
        read_card(broken)


def test_a_share_around_the_peak_is_certain_only_when_the_landmark_is_there() -> None:
    assert spot_logit(0.9, 1.0) > spot_logit(0.9, 0.6) > spot_logit(0.4, 0.6)


def test_an_outline_between_two_minds_promises_less_than_one_that_is_sure() -> None:
    sure, unsure = np.zeros((20, 20), np.float32), np.full((20, 20), 0.45, np.float32)
    sure[5:15, 5:15], unsure[5:15, 5:15] = 0.99, 0.6

    assert outline_logit(sure) > 2.0 > outline_logit(unsure)


def test_a_vertebra_is_as_long_as_most_steps_from_one_to_the_next() -> None:
    spots = np.zeros((len(POINTS), 4))
    spots[: len(VERTEBRAE), 0] = 12.0 * np.arange(len(VERTEBRAE))
    spots[:, 3] = 1.0
    spots[5, 0] += 5.0

    assert vertebra(spots) == pytest.approx(12.0)
