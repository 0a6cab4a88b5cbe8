"""Where a finding lies on the film is where viewers draw it: graphics read back from files, laid over the pixels."""

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from highdicom.sr import GraphicTypeValues, srread
from pydicom.dataset import Dataset
from tests.builders import film_dataset, part10
from tests.unit import results

from vetflow.dicom import header
from vetflow.dicom.presentation import presentations
from vetflow.dicom.report import report
from vetflow.domain.coding import Code
from vetflow.domain.finding import Finding, Presence
from vetflow.domain.place import Box

ROWS, COLUMNS = 64, 80
BOX = Box(left=21, top=9, right=47, bottom=40)
BRIGHT, DARK = 3000, 500


def drawn(rows: int = ROWS, columns: int = COLUMNS, *, low_is_bright: bool = False) -> np.ndarray:
    pixels = np.full((rows, columns), BRIGHT if low_is_bright else DARK, np.uint16)
    pixels[int(BOX.top) : int(BOX.bottom), int(BOX.left) : int(BOX.right)] = DARK if low_is_bright else BRIGHT
    return pixels


def plain() -> Dataset:
    return results.changed(film_dataset(), drawn())


def inverse() -> Dataset:
    tags = {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}
    return results.changed(film_dataset(**tags), drawn(low_is_bright=True))


def oblong_pixels() -> Dataset:
    return results.changed(film_dataset(ImagerPixelSpacing=[0.3, 0.15], PixelSpacing=[0.3, 0.15]), drawn())


def turned() -> Dataset:
    return results.changed(film_dataset(PatientOrientation=["CR", "LE"]), drawn())


def mirrored() -> Dataset:
    return results.changed(film_dataset(PatientOrientation=["RT", "CD"]), drawn())


def cropped() -> Dataset:
    tags = {"ShutterShape": "RECTANGULAR", "ShutterLeftVerticalEdge": 5, "ShutterRightVerticalEdge": 60}
    edges = {"ShutterUpperHorizontalEdge": 4, "ShutterLowerHorizontalEdge": 44}
    return results.changed(film_dataset(**tags, **edges, FieldOfViewOrigin=[200, 300]), drawn(50, 66))


def oblique_slice() -> Dataset:
    return results.ct_slice(drawn())


def third_of_four_frames() -> Dataset:
    frames = np.full((4, ROWS, COLUMNS), DARK, np.uint16)
    frames[2] = drawn()
    return results.many_frames(frames)


CASES = (plain, inverse, oblong_pixels, turned, mirrored, cropped, oblique_slice, third_of_four_frames)


def covered(points: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return the pixels whose centre a closed polyline goes around; 0\\0 is the corner of the first pixel."""
    down, across = np.mgrid[0:rows, 0:columns] + 0.5
    inside = np.zeros((rows, columns), bool)
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        crosses = (y0 > down) != (y1 > down)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (across < (x1 - x0) * (down - y0) / (y1 - y0) + x0)
    return inside


def written(image: Dataset) -> tuple[Dataset, Finding, Dataset]:
    """Return the film as its file has it, the finding, and the header that results are written from."""
    data = part10(image)
    frame = 3 if "NumberOfFrames" in image else None
    finding = Finding(
        code=Code(value="27925004", scheme="SCT", meaning="Nodule"), presence=Presence.PRESENT, says="A bright box.",
        source="picture", certainty=0.9, box=BOX, frame=frame,
    )  # fmt: skip
    return pydicom.dcmread(io.BytesIO(data)), finding, header.read(data)


def bright(image: Dataset, frame: int | None) -> np.ndarray:
    """Return the pixels that show bright, as a viewer sees them."""
    pixels = image.pixel_array[(frame or 1) - 1] if "NumberOfFrames" in image else image.pixel_array
    middle = (BRIGHT + DARK) / 2
    return pixels < middle if image.PhotometricInterpretation == "MONOCHROME1" else pixels > middle


@pytest.mark.parametrize("build", CASES)
def test_the_box_in_a_report_covers_exactly_the_pixels_it_was_found_on(
    build: Callable[[], Dataset], tmp_path: Path
) -> None:
    image, finding, source = written(build())

    path = results.filed(report((source,), results.of(finding), identity=results.IDENTITY), tmp_path)

    (group,) = srread(path).content.get_planar_roi_measurement_groups(graphic_type=GraphicTypeValues.POLYLINE)
    reference = group.roi.ContentSequence[0].ReferencedSOPSequence[0]
    assert reference.ReferencedSOPInstanceUID == image.SOPInstanceUID
    assert reference.get("ReferencedFrameNumber") == finding.frame
    shown = covered(np.array(group.roi.value), image.Rows, image.Columns)
    assert np.array_equal(shown, bright(image, finding.frame))


@pytest.mark.parametrize("build", CASES)
def test_the_box_in_a_presentation_state_covers_exactly_the_same_pixels(
    build: Callable[[], Dataset], tmp_path: Path
) -> None:
    image, finding, source = written(build())
    (made,) = presentations((source,), results.of(finding), identity=results.IDENTITY)

    document = pydicom.dcmread(results.filed(made, tmp_path))

    (item,) = [one for one in document.GraphicAnnotationSequence if one.GraphicLayer == "AI FINDINGS"]
    (graphic,) = item.GraphicObjectSequence
    assert graphic.GraphicAnnotationUnits == "PIXEL"
    assert item.ReferencedImageSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID
    assert item.ReferencedImageSequence[0].get("ReferencedFrameNumber") == finding.frame
    shown = covered(np.array(graphic.GraphicData).reshape(-1, 2), image.Rows, image.Columns)
    assert np.array_equal(shown, bright(image, finding.frame))


@pytest.mark.parametrize("build", CASES)
def test_a_presentation_state_shows_all_of_the_image_unturned_and_its_pixels_in_their_shape(
    build: Callable[[], Dataset],
) -> None:
    image, finding, source = written(build())

    (document,) = presentations((source,), results.of(finding), identity=results.IDENTITY)

    area = document.DisplayedAreaSelectionSequence[0]
    height, width = image.get("PixelSpacing") or image.get("ImagerPixelSpacing")
    assert "ImageRotation" not in document
    assert list(area.DisplayedAreaTopLeftHandCorner) == [1, 1]
    assert list(area.DisplayedAreaBottomRightHandCorner) == [image.Columns, image.Rows]
    assert area.PresentationPixelAspectRatio[0] / area.PresentationPixelAspectRatio[1] == pytest.approx(height / width)


@pytest.mark.parametrize("build", CASES)
def test_the_picture_under_the_graphics_looks_as_it_did_before(build: Callable[[], Dataset], tmp_path: Path) -> None:
    _image, finding, source = written(build())
    film, shown, alone = tmp_path / "film.dcm", tmp_path / "shown.pgm", tmp_path / "alone.pgm"
    film.write_bytes(part10(build()))
    (document,) = presentations((source,), results.of(finding), identity=results.IDENTITY)
    state, frame = results.filed(document, tmp_path), str(finding.frame or 1)

    with_state = results.run("dcmp2pgm", "-f", frame, "-p", state, film, shown)
    without = results.run("dcmp2pgm", "-f", frame, film, alone)

    assert (with_state.returncode, without.returncode) == (0, 0), with_state.stderr + without.stderr
    assert shown.read_bytes() == alone.read_bytes()
