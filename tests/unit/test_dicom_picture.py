"""Pictures for people: from pixels alone, with what was found beside them."""

import io

import numpy as np
from PIL import Image
from tests.builders import body

from vetflow.dicom import picture
from vetflow.domain.finding import Assessment, Finding, ModelVersion, Presence, Verdict
from vetflow.domain.place import Box
from vetflow.domain.positioning import FIELD

MODEL = ModelVersion(name="positioning", version="1", digest="ab" * 32)
FOUND = Finding(
    code=FIELD, presence=Presence.PRESENT, says="The body runs out of the collimated field.", source="picture",
    box=Box(left=100, top=50, right=500, bottom=400), certainty=0.9,
)  # fmt: skip
ASSESSMENT = Assessment(verdict=Verdict.FINDINGS, findings=(FOUND,), model=MODEL)
AMBER = (0xFB, 0xBC, 0x04)


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

    film = hidden[60:512, :640][~(hidden[60:512, :640] == AMBER).all(axis=2)]
    assert (film == 24).all()


def test_bone_is_bright_whichever_way_the_film_is_stored() -> None:
    film = body(512, 640)

    usual = opened(picture.thumbnail(film, ASSESSMENT, width=640))
    inverted = opened(picture.thumbnail(4095 - film, ASSESSMENT, inverted=True, width=640))

    assert usual[256, 320].mean() > 200 > 60 > usual[5, 5].mean()
    assert (usual == inverted).all()


def test_a_long_list_of_findings_makes_the_picture_longer() -> None:
    many = Assessment(verdict=Verdict.FINDINGS, findings=(FOUND,) * 40, model=MODEL, abstained="not sure of the view")

    assert opened(picture.overlay(preview(), many, scale=1.0)).shape[0] > 1200


def test_a_blank_film_still_makes_a_picture() -> None:
    assert opened(picture.thumbnail(np.zeros((3, 5), np.uint16), ASSESSMENT)).shape[2] == 3
