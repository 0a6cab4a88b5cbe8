import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.trunk_sights import COLUMNS, GRID, ROWS, heart, look, outlines, sagittal, spine, unseen

from vetflow.domain import labelling, trunk
from vetflow.domain.anatomy import PART_CODES, Part
from vetflow.domain.coding import Code
from vetflow.domain.finding import Assessment, Finding, Presence, Verdict
from vetflow.domain.labelling import runs
from vetflow.domain.look import Look
from vetflow.domain.sight import Guess
from vetflow.domain.trunk_sight import VERTEBRAE
from vetflow.vision.outlining import spread


def judge(*looks: Look) -> Assessment:
    return labelling.judge(looks, spread=spread)


def of(assessment: Assessment, code: Code, presence: Presence = Presence.PRESENT) -> list[Finding]:
    return [one for one in assessment.findings if one.code == code and one.presence is presence]


def test_every_vertebra_that_is_seen_is_labelled_at_its_point() -> None:
    found = of(judge(look()), trunk.VERTEBRA)

    assert [one.label for one in found] == list(VERTEBRAE)
    assert [one.points[0].at for one in found] == [spot.at for spot in spine().values()]
    assert len({one.tracking for one in found}) == len(VERTEBRAE)


def test_a_vertebra_that_is_not_seen_surely_is_not_labelled() -> None:
    doubtful = spine("T5") | {"T9": spine(certainty=0.4)["T9"]} | heart()

    labels = [one.label for one in of(judge(look(spots=doubtful)), trunk.VERTEBRA)]

    assert labels == [name for name in VERTEBRAE if name not in {"T5", "T9"}]


def test_vertebrae_of_several_films_come_in_the_order_of_the_body() -> None:
    loins = {name: spot for name, spot in spine().items() if name.startswith("L")}
    chest = {name: spot for name, spot in spine().items() if name.startswith("T")}

    found = of(judge(look(spots=loins), look(spots=chest)), trunk.VERTEBRA)

    assert [one.label for one in found] == [name for name in VERTEBRAE if name[0] in "TL"]
    assert {one.image for one in found if one.label.startswith("T")} == {1}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), ()),
        (("T4",), ("T4",)),
        (("C7", "T1", "T2"), ("C7 to T2",)),
        (("T3", "T1", "T2", "T5", "T13", "L1"), ("T1 to T3", "T5", "T13 to L1")),
    ],
)
def test_vertebrae_without_a_gap_are_named_together(names: tuple[str, ...], words: tuple[str, ...]) -> None:
    assert runs(names) == words


@given(some.sets(some.sampled_from(VERTEBRAE)))
def test_no_vertebra_is_named_that_was_not_labelled(names: set[str]) -> None:
    told: list[str] = []
    for run in runs(names):
        first, _, last = run.partition(" to ")
        told += VERTEBRAE[VERTEBRAE.index(first) : VERTEBRAE.index(last or first) + 1]

    assert set(told) == names
    assert len(told) == len(names)


def test_ribs_are_counted_when_the_model_is_sure() -> None:
    sure = of(judge(look()), trunk.RIBS)
    unsure = judge(look(ribs=Guess(says=12, certainty=0.6)))

    assert sure[0].measurements[0].value == 13
    assert of(unsure, trunk.RIBS) == []
    assert of(unsure, trunk.RIBS, Presence.UNDETERMINED)[0].measurements == ()
    assert of(judge(look(ribs=None)), trunk.RIBS, Presence.UNDETERMINED) == []


def test_organs_are_outlined_and_gas_and_fluid_are_not_organs() -> None:
    assessment = judge(look())

    sites = {one.site for one in of(assessment, trunk.OUTLINED)}
    assert sites == {mask.label for mask in assessment.masks}
    assert len(assessment.masks) == 8
    assert PART_CODES[Part.DIAPHRAGM] in sites


def test_an_outline_that_is_not_good_enough_is_not_drawn() -> None:
    assessment = judge(look(outlines=outlines() | {"liver": outlines(certainty=0.7)["liver"]}))

    assert PART_CODES[Part.LIVER] not in {mask.label for mask in assessment.masks}
    doubtful = of(assessment, trunk.OUTLINED, Presence.UNDETERMINED)
    assert [(one.site, one.certainty) for one in doubtful] == [(PART_CODES[Part.LIVER], None)]


def test_masks_have_the_films_own_matrix_and_lie_where_the_model_drew_them() -> None:
    assessment = judge(unseen(), look())

    heart_mask = next(mask for mask in assessment.masks if mask.label == PART_CODES[Part.HEART])
    rows, columns = np.nonzero(heart_mask.pixels[0])
    assert heart_mask.image == 1
    assert heart_mask.pixels.shape == (1, ROWS, COLUMNS)
    left, top = GRID.out((5, 8))
    right, bottom = GRID.out((15, 12))
    assert (columns.min(), columns.max() + 1, rows.min(), rows.max() + 1) == (left, right, top, bottom)


def test_a_film_that_may_not_be_relied_on_is_not_labelled() -> None:
    assessment = judge(look(oddness=0.9))

    assert assessment.findings == ()
    assert assessment.masks == ()
    assert assessment.verdict is Verdict.ABSTAINED
    assert "unlike the films" in assessment.abstained


def test_frontal_films_are_labelled_too() -> None:
    assert judge(sagittal()).verdict is Verdict.FINDINGS
