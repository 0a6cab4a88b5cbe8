"""Plots and pictures: what they are drawn from, and that they can be drawn."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.trunk_answers import Knowing, full, record, told, truthful

from vetflow.domain.place import Fit
from vetflow.training.trunk.cases import kept, listed
from vetflow.training.trunk.evaluating import Evaluation
from vetflow.training.trunk.figures import lesion_shares, number_pairs, plots
from vetflow.training.trunk.journalling import pictures
from vetflow.training.trunk.journalling import record as write_down
from vetflow.training.trunk.measuring import compare
from vetflow.training.trunk.overlays import WORST, one_film, worst
from vetflow.training.trunk.records import Number
from vetflow.training.trunk.statistics import wilson

GREEN, ORANGE = (0x30, 0xE0, 0x60), (0xFF, 0x90, 0x20)


class Notes:
    """A journal kept in memory."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.sets: dict[str, tuple[str, int]] = {}
        self.pictures: dict[str, bytes] = {}

    def settings(self, values: dict[str, str | int | float]) -> None:
        raise AssertionError("a measurement has no settings")

    def dataset(self, name: str, *, digest: str, count: int) -> None:
        self.sets[name] = (digest, count)

    def metrics(self, values: dict[str, float], *, step: int = 0) -> None:
        self.values.update(values)

    def picture(self, name: str, png: bytes) -> None:
        self.pictures[name] = png


def seen(png: bytes, colour: tuple[int, int, int]) -> int:
    """Return how many pixels have about a colour."""
    grey = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), np.int16)
    return int((np.abs(grey - np.array(colour)).max(axis=2) < 12).sum())


def test_every_plot_is_drawn_that_the_films_allow() -> None:
    rng = np.random.default_rng(1)

    drawn = plots([full(str(number), rng) for number in range(60)])

    assert {"roc.png", "reliability.png", "agreement_heart_score.png", "rotation.png", "confusion_side.png"} <= set(
        drawn
    )
    assert "agreement_atrial_size.png" not in drawn
    for png in drawn.values():
        assert min(Image.open(io.BytesIO(png)).size) > 100


def test_no_plot_is_drawn_of_nothing() -> None:
    assert plots([record()]) == {}
    assert plots([record(lesions={"pleural": told(False, 0.1, "absent")})]) == {}


def test_plots_show_answered_films_only() -> None:
    silent = record("2", heart_score=Number(right=9.0, said=None))
    asked = record("1", heart_score=Number(right=9.0, said=9.5), lesions={"pleural": told(True, 0.4, "undetermined")})

    shares, there = lesion_shares([asked, silent], "pleural")

    assert number_pairs([asked, silent], "heart_score").tolist() == [[9.0, 9.5]]
    assert (shares.tolist(), there.tolist()) == ([0.4], [1.0])


def test_the_worst_cases_are_those_with_the_largest_error() -> None:
    errors = (0.1, 0.9, 0.4)
    records = [record(str(n), heart_score=Number(right=10.0, said=10.0 + e)) for n, e in enumerate(errors)]

    found = worst([*records, record("silent", heart_score=Number(right=10.0, said=None))], WORST["cardiac"], count=2)

    assert [one.film for one in found] == ["1", "2"]


def test_the_worst_emergency_is_the_one_that_was_most_surely_wrong() -> None:
    records = [
        record("sure and wrong", lesions={"pleural": told(True, 0.02, "absent")}),
        record("sure and right", lesions={"pleural": told(True, 0.99, "present")}),
        record("undetermined", lesions={"pleural": told(True, 0.0, "undetermined")}),
    ]

    assert [one.film for one in worst(records, WORST["triage"])] == ["sure and wrong", "sure and right"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("films")


def test_a_film_shows_what_is_said_in_orange(folder: Path) -> None:
    film = kept(folder, next(listed(limit=1)))

    sight = truthful(film)
    drawn = one_film(film.pixels, sight, inverted=film.inverted, title="suggested points")
    bare = one_film(film.pixels, replace(sight, spots={}, outlines={}), inverted=film.inverted, title="nothing")

    assert seen(drawn, ORANGE) > 500 and seen(bare, ORANGE) == 0


def test_a_measurement_is_written_down_with_intervals_the_sets_digest_and_pictures(folder: Path) -> None:
    films = [kept(folder, one) for one in listed(limit=1)]
    look = Knowing(films, lambda sight: replace(sight, grid=Fit(scale=(1.0, 1.0), offset=(12.0, 12.0))))
    records = tuple(compare(film, look(film.pixels, inverted=film.inverted)) for film in films)
    evaluation = Evaluation(holdout="ab" * 32, records=records, strangers=(), checks=(), real=())
    notes = Notes()

    drawn = pictures(evaluation, look, folder=folder)
    write_down(notes, evaluation, drawn)

    assert notes.sets == {"holdout": ("ab" * 32, 2)}
    figures = ("plane_accuracy", "plane_accuracy_low", "inside_coverage")
    assert [notes.values[name] for name in figures] == [1.0, wilson(2, 2)[0], 1.0]
    assert notes.pictures == dict(drawn)
    assert {f"worst_{use_case}.png" for use_case in WORST} | {"sheet.png"} <= set(drawn)
    assert seen(drawn["sheet.png"], GREEN) > 100 and seen(drawn["sheet.png"], ORANGE) > 100
