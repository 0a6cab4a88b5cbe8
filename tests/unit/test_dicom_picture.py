"""Pictures for people: from pixels alone, with what was found beside them."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image
from tests.builders import body

from vetflow.dicom import picture
from vetflow.dicom.marks import legible
from vetflow.dicom.picture import Preview
from vetflow.domain import trunk
from vetflow.domain.clipping import Extent
from vetflow.domain.coding import Code
from vetflow.domain.finding import Assessment, Finding, Measurement, ModelVersion, Presence, Verdict
from vetflow.domain.place import Box, Landmark, Line, Mask
from vetflow.domain.quality import FIELD, UNITLESS
from vetflow.domain.standing import SUGGESTION, Signature, Standing

MODEL = ModelVersion(name="positioning", version="1", digest="ab" * 32)
FOUND = Finding(
    code=FIELD, presence=Presence.PRESENT, says="The body runs out of the collimated field.", source="picture",
    box=Box(left=100, top=50, right=500, bottom=400), certainty=0.9,
)  # fmt: skip
ASSESSMENT = Assessment(verdict=Verdict.FINDINGS, findings=(FOUND,), model=MODEL)
AMBER, BLUE = (0xFB, 0xBC, 0x04), (0x8A, 0xB4, 0xF8)
HEART = Code(value="80891009", scheme="SCT", meaning="Heart")
SIGNED = Standing(
    edition=1, signature=Signature(name="Roe^Ann", organization="Clinic", at=datetime(2025, 1, 2, tzinfo=UTC))
)


def opened(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def preview() -> bytes:
    held = io.BytesIO()
    Image.fromarray(picture.eight_bit(body(512, 640), inverted=False)).save(held, "PNG")
    return held.getvalue()


def test_a_box_is_drawn_where_the_finding_is() -> None:
    drawn = opened(picture.overlay(preview(), ASSESSMENT, scale=1.0))

    rows, columns = np.nonzero((drawn[:, :640] == AMBER).all(axis=2))
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (100, 50, 499, 399)


def test_a_box_follows_the_scale_of_preview_and_picture() -> None:
    drawn = opened(picture.overlay(preview(), ASSESSMENT, scale=0.5, width=320))

    rows, columns = np.nonzero((drawn[:, :320] == AMBER).all(axis=2))
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (25, 12, 124, 99)


def test_findings_stand_beside_the_film_not_on_it() -> None:
    plain = opened(picture.overlay(preview(), Assessment(verdict=Verdict.NOTHING, findings=(), model=None), scale=1.0))

    shades = opened(preview())
    assert plain.shape[1] > 640
    assert (plain[:512, :640] == shades).all()
    assert (plain[:, 640:] != plain[-1, -1]).any()


def test_a_film_that_admits_to_burned_in_text_is_not_shown() -> None:
    hidden = opened(picture.overlay(preview(), ASSESSMENT, scale=1.0, hidden=True))

    assert (hidden[200:380, 150:450] == 24).all()


@pytest.mark.parametrize("inverted", [False, True])
def test_bone_is_bright_whichever_way_the_film_is_stored(inverted: bool) -> None:
    film = body(512, 640)

    shades = picture.eight_bit(4095 - film if inverted else film, inverted=inverted)

    assert shades[256, 320] > 200 > 60 > shades[5, 5]


def test_a_long_list_of_findings_makes_the_picture_longer() -> None:
    many = Assessment(verdict=Verdict.FINDINGS, findings=(FOUND,) * 40, model=MODEL, abstained="not sure of the view")

    assert opened(picture.overlay(preview(), many, scale=1.0)).shape[0] > 1200


def test_a_blank_film_still_makes_a_picture() -> None:
    assert picture.eight_bit(np.zeros((3, 5), np.uint16), inverted=False).shape == (3, 5)
    assert shown(Preview(png=dark(3, 5), scale=1.0)).shape[2] == 3


def dark(rows: int = 512, columns: int = 640) -> bytes:
    return picture.png(np.zeros((rows, columns), np.uint8))


def shown(film: Preview, *, standing: Standing = SUGGESTION, **changes: object) -> np.ndarray:
    return picture.drawing(film, replace(ASSESSMENT, **changes), standing=standing)


def of(drawn: np.ndarray, colour: tuple[int, int, int], *, columns: int = 640) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of a colour's pixels on the film."""
    return np.nonzero((drawn[:, :columns] == colour).all(axis=2))


def pointed(column: float, row: float, **changes: object) -> Finding:
    return replace(FOUND, box=None, points=(Landmark(name=HEART, at=(column, row)),), **changes)


@pytest.mark.parametrize(("scale", "aspect"), [(1.0, 1.0), (0.5, 1.0), (0.5, 0.5)])
def test_a_ring_lies_around_a_point(scale: float, aspect: float) -> None:
    film = Preview(png=dark(), scale=scale, aspect=aspect)

    drawn = shown(film, findings=(pointed(400, 300),))

    column, row = round(400 * scale), round(300 * scale * aspect)
    near = drawn[row - 6 : row + 7, column - 6 : column + 7]
    rows, columns = np.nonzero((near == AMBER).all(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (1, 11, 1, 11)
    assert (near[6, 6] == 0).all()


def test_a_landmark_bears_the_label_that_tells_it_from_others() -> None:
    named = Landmark(name=Code(value="x", scheme="99VETFLOW", meaning="T4"), at=(400, 300))

    by_label = shown(Preview(png=dark(), scale=1.0), findings=(pointed(400, 300, label="T4"),))
    by_name = shown(Preview(png=dark(), scale=1.0), findings=(replace(pointed(400, 300), points=(named,)),))

    assert (by_label == by_name).all()
    assert (by_label != shown(Preview(png=dark(), scale=1.0), findings=(pointed(400, 300),))).any()


@pytest.mark.parametrize(("certainty", "same"), [(0.99, True), (0.98, False)])
def test_no_finding_is_said_to_be_beyond_doubt(certainty: float, same: bool) -> None:
    sure, other = (
        shown(Preview(png=dark(), scale=1.0), findings=(replace(FOUND, certainty=one),)) for one in (1.0, certainty)
    )

    assert (sure == other).all() == same


def test_a_healthy_animals_anatomy_is_nothing_to_look_at() -> None:
    bone = replace(pointed(400, 300), code=trunk.VERTEBRA, label="T4")
    named, found = (
        shown(Preview(png=dark(), scale=1.0), findings=(replace(bone, code=code),)) for code in (bone.code, FIELD)
    )

    headline = slice(30, 60)
    assert (named[headline, 640:] != found[headline, 640:]).any()


def test_a_line_runs_from_point_to_point() -> None:
    line = Line(name=HEART, points=((100, 400), (300, 400), (300, 480)))
    measured = replace(FOUND, box=None, measurements=(Measurement(name=HEART, value=1, unit=UNITLESS, lines=(line,)),))

    drawn = shown(Preview(png=dark(), scale=1.0), findings=(measured,))

    along = drawn[399:402, 200:299].max(axis=0), drawn[405:480, 299:302].max(axis=1)
    assert all((pixels == AMBER).all() for pixels in along)
    assert not (drawn[:380, :640] == AMBER).all(axis=2).any()


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_the_outline_of_a_mask_lies_on_its_edge(scale: float) -> None:
    pixels = np.zeros((1, round(512 / scale), round(640 / scale)), bool)
    pixels[0, round(100 / scale) : round(300 / scale), round(200 / scale) : round(500 / scale)] = True
    heart = Mask(label=HEART, category=HEART, pixels=pixels)

    drawn = shown(Preview(png=dark(), scale=scale), findings=(), masks=(heart,))

    rows, columns = of(drawn, BLUE)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (100, 299, 200, 499)
    assert not (drawn[150:280, 210:490] == BLUE).all(axis=2).any()


def test_each_image_shows_what_was_found_on_it_alone() -> None:
    mask = Mask(label=HEART, category=HEART, pixels=np.ones((1, 512, 640), bool), image=1)
    here, there = (
        shown(Preview(png=dark(), scale=1.0, image=image), findings=(replace(FOUND, image=1),), masks=(mask,))
        for image in (1, 0)
    )

    assert of(here, AMBER)[0].size
    assert of(here, BLUE)[0].size
    assert not of(there, AMBER)[0].size
    assert not of(there, BLUE)[0].size


@pytest.mark.parametrize(
    ("film", "row"),
    [({"image": 2}, 300), ({"frame": 3}, 300), ({"image": 1}, 200), ({"frame": 2}, 200)],
    ids=["slice of a series", "frame of an image", "another slice", "another frame"],
)
def test_a_volume_shows_the_slice_of_the_picture(film: dict[str, int], row: int) -> None:
    pixels = np.zeros((3, 512, 640), bool)
    pixels[1, 200:, 100:200], pixels[2, 300:, 100:200] = True, True
    volume = Mask(label=HEART, category=HEART, pixels=pixels)

    drawn = shown(Preview(png=dark(), scale=1.0, **film), findings=(), masks=(volume,))

    assert of(drawn, BLUE)[0].min() == row


def test_a_box_beyond_the_film_is_cut_at_its_edge() -> None:
    beyond = replace(FOUND, box=Box(left=-50, top=20, right=9000, bottom=9000))

    rows, columns = of(shown(Preview(png=dark(), scale=1.0), findings=(beyond,)), AMBER)

    assert (columns.min(), rows.min(), columns.max(), rows.max()) == (0, 20, 639, 511)


def test_what_a_veterinarian_rejected_is_named_and_not_drawn() -> None:
    rejected = Standing(edition=1, rejected=frozenset({FOUND.tracking, HEART.value}))
    mask = Mask(label=HEART, category=HEART, pixels=np.ones((1, 512, 640), bool))

    drawn = shown(Preview(png=dark(), scale=1.0), standing=rejected, masks=(mask,))

    assert not drawn[:, :640].any()
    assert (drawn[90:110, 640:] != drawn[-1, -1]).any()


def test_a_signed_picture_does_not_say_that_nobody_verified_it() -> None:
    nothing = {"findings": (), "verdict": Verdict.NOTHING, "model": None}

    suggested, signed = (
        shown(Preview(png=dark(), scale=1.0), standing=standing, **nothing) for standing in (SUGGESTION, SIGNED)
    )

    assert of(suggested, AMBER, columns=1020)[0].size
    assert not of(signed, AMBER, columns=1020)[0].size


def test_words_are_written_in_letters_that_the_font_has() -> None:
    assert legible("Döe – 14° ≥ ½ µm, x², e\u0301, 猫") == "Doe - 14° >= 1/2 µm, x2, e, ?"


def test_a_box_on_the_last_row_of_the_image_is_not_called_cut_where_the_preview_lacks_that_row() -> None:
    whole = replace(FOUND, box=Box(left=0, top=0, right=641, bottom=513))
    said = replace(ASSESSMENT, findings=(whole,))
    smaller = Preview(png=preview(), scale=1.0)

    known = picture.drawing(replace(smaller, extent=Extent(columns=641, rows=513)), said)

    assert (known == picture.drawing(smaller, replace(said, findings=(FOUND,))))[:, 650:].all()
    assert (known != picture.drawing(smaller, said))[:, 650:].any()
