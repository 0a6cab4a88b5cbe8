"""Views and body parts, however they are spelt."""

import pytest

from vetflow.domain.view import (
    Region,
    View,
    region_from_code,
    region_from_term,
    region_from_text,
    view_from_code,
    view_from_text,
)


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("VD", View.VENTRODORSAL),
        ("RTLEL", View.LEFT_LATERAL),
        ("LEFT LATERAL", View.LEFT_LATERAL),
        ("LERTL", View.RIGHT_LATERAL),
        ("Thorax R LAT", View.RIGHT_LATERAL),
        ("Thorax LAT", View.LATERAL),
        ("LL", View.LATERAL),
        ("AP", View.SAGITTAL),
        ("PA", View.SAGITTAL),
        ("elbow mediolateral", View.MEDIOLATERAL),
        ("CdCr stifle", View.CAUDOCRANIAL),
        ("LE20D_RTVO", View.OBLIQUE),
    ],
)
def test_a_view_is_read_from_terms_and_text(text: str, view: View) -> None:
    assert view_from_text(text) is view


@pytest.mark.parametrize("text", ["", "Thorax", "plate 2", "appendix", "LATE ARRIVAL"])
def test_text_without_a_view_gives_none(text: str) -> None:
    assert view_from_text(text) is None


def test_the_lateral_code_means_the_recumbency_and_not_its_words() -> None:
    # CID 7484 calls 399173006 "Right-left lateral": the beam enters right, so the animal lies on its left.
    assert view_from_code("399173006", "SCT") is View.LEFT_LATERAL
    assert view_from_code("R-10232", "SRT") is View.RIGHT_LATERAL
    assert view_from_code("399173006", "LOCAL") is None


@pytest.mark.parametrize(
    ("term", "region"),
    [
        ("CHEST", Region.THORAX),
        ("KNEE", Region.HINDLIMB),
        ("STIFLE", Region.HINDLIMB),
        ("WRIST", Region.FORELIMB),
        ("CHESTABDOMEN", Region.TRUNK),
        ("LSSPINE", Region.SPINE),
        ("chest ", Region.THORAX),
    ],
)
def test_body_parts_of_animals_and_people_give_regions(term: str, region: Region) -> None:
    assert region_from_term(term) is region


def test_regions_come_from_text_and_codes_too() -> None:
    assert region_from_text("Thorax and abdomen, lateral") is Region.TRUNK
    assert region_from_text("Hips extended") is Region.PELVIS
    assert region_from_text("follow-up") is None
    assert region_from_code("816094009", "SCT") is Region.THORAX


def test_a_trunk_film_may_honestly_be_called_thorax_but_not_pelvis() -> None:
    assert Region.TRUNK.overlaps(Region.THORAX)
    assert Region.THORAX.overlaps(Region.TRUNK)
    assert not Region.THORAX.overlaps(Region.PELVIS)
    assert not Region.TRUNK.overlaps(Region.HINDLIMB)


def test_side_and_front_are_different_planes() -> None:
    assert View.LATERAL.plane == View.LEFT_LATERAL.plane == "side"
    assert View.SAGITTAL.plane == View.VENTRODORSAL.plane == "front"
    assert View.OBLIQUE.plane == "other"
