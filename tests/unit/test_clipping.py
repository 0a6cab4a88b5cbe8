"""What lies outside an image is brought inside, and the finding says so."""

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.results import EFFUSION, HEART

from vetflow.domain.clipping import OUTSIDE, Extent, inside
from vetflow.domain.coding import Code
from vetflow.domain.finding import Finding, Measurement
from vetflow.domain.place import Box, Landmark, Line

FILM = Extent(columns=80, rows=64)
NAME = Code(value="axis", scheme="99VETFLOW", meaning="Axis")
COORDINATE = st.floats(-200, 200) | st.sampled_from([0.0, 64.0, 80.0])


def measured(*points: tuple[float, float]) -> Finding:
    length = Measurement(name=NAME, value=1.0, unit=NAME, lines=(Line(name=NAME, points=points),))
    return replace(HEART, points=(), measurements=(length,))


def pieces(finding: Finding) -> list[tuple[tuple[float, float], ...]]:
    return [line.points for one in finding.measurements for line in one.lines]


def test_what_lies_inside_stays_as_it_was() -> None:
    assert inside(EFFUSION, FILM) == EFFUSION
    assert inside(HEART, FILM) == HEART


def test_a_box_that_fills_the_image_is_inside() -> None:
    finding = replace(EFFUSION, box=Box(left=0, top=0, right=80, bottom=64))

    assert inside(finding, FILM) == finding


def test_a_box_partly_outside_is_cut_and_the_finding_says_so() -> None:
    finding = inside(replace(EFFUSION, box=Box(left=-5, top=20, right=90, bottom=70)), FILM)

    assert finding.box == Box(left=0, top=20, right=80, bottom=64)
    assert finding.says == f"{EFFUSION.says} Its box reached beyond the image and was cut at the edge."


@pytest.mark.parametrize(
    "box",
    [
        Box(left=-20, top=5, right=-10, bottom=30),
        Box(left=80, top=5, right=90, bottom=30),
        Box(left=5, top=64, right=20, bottom=70),
        Box(left=5, top=-9, right=20, bottom=0),
    ],
)
def test_a_box_wholly_outside_is_left_out_and_the_finding_says_so(box: Box) -> None:
    finding = inside(replace(EFFUSION, box=box), FILM)

    assert finding.box is None
    assert finding.says.endswith(OUTSIDE)


def test_a_point_outside_is_moved_to_the_nearest_edge() -> None:
    finding = inside(replace(HEART, points=(Landmark(name=NAME, at=(90, -3)),), measurements=()), FILM)

    assert finding.points[0].at == (80, 0)
    assert finding.says.endswith("A point lay outside the image and was moved to its edge.")


def test_a_line_is_cut_where_it_crosses_the_edge_and_keeps_its_direction() -> None:
    finding = inside(measured((-10, 10), (10, 30)), FILM)

    assert pieces(finding) == [((0, 20), (10, 30))]
    assert finding.says.endswith("A line reached beyond the image and was cut at the edge.")


def test_a_line_that_leaves_the_image_and_comes_back_is_two() -> None:
    finding = inside(measured((70, 10), (90, 10), (90, 50), (70, 50)), FILM)

    assert pieces(finding) == [((70, 10), (80, 10)), ((80, 50), (70, 50))]


def test_a_line_wholly_outside_is_left_out() -> None:
    finding = inside(measured((90, 10), (90, 50)), FILM)

    assert pieces(finding) == []
    assert finding.says.endswith(OUTSIDE)


def test_a_finding_of_a_frame_that_does_not_exist_is_of_the_whole_image() -> None:
    finding = inside(replace(EFFUSION, frame=5), Extent(columns=80, rows=64, frames=4))

    assert (finding.box, finding.frame) == (None, None)
    assert finding.says.endswith("The image has no such frame.")


def test_an_image_of_one_frame_has_no_frame_numbers() -> None:
    assert inside(replace(EFFUSION, frame=1), FILM) == EFFUSION


def test_an_image_without_a_size_holds_nothing() -> None:
    assert inside(EFFUSION, Extent(columns=0, rows=0)).box is None


@given(st.lists(st.tuples(COORDINATE, COORDINATE), min_size=2, max_size=5))
def test_every_piece_of_a_line_lies_inside_and_on_the_line(points: list[tuple[float, float]]) -> None:
    found = pieces(inside(measured(*points), FILM))

    for piece in found:
        assert len(piece) >= 2
        for column, row in piece:
            assert 0 <= column <= 80
            assert 0 <= row <= 64
            assert min(from_segment((column, row), *ends) for ends in itertools.pairwise(points)) < 1e-6
    if all(0 <= column <= 80 and 0 <= row <= 64 for column, row in points):
        assert found == [tuple(points)]


def from_segment(at: tuple[float, float], here: tuple[float, float], there: tuple[float, float]) -> float:
    """Return the distance of a point from a segment."""
    along = (there[0] - here[0], there[1] - here[1])
    square = along[0] ** 2 + along[1] ** 2
    share = ((at[0] - here[0]) * along[0] + (at[1] - here[1]) * along[1]) / square if square else 0.0
    share = min(max(share, 0.0), 1.0)
    return math.dist(at, (here[0] + share * along[0], here[1] + share * along[1]))
