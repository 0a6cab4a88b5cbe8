"""Secondary captures: the whole picture under a banner that says whether anybody verified it."""

import io
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from tests.builders import SOP_UID, STUDY_UID, film_bytes

from vetflow.dicom import header
from vetflow.dicom.capture import BANNER, capture
from vetflow.dicom.identity import SERIES_DESCRIPTION, SIGNED_DESCRIPTION, ReportIdentity, to_bytes
from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import Assessment, ModelVersion, Verdict
from vetflow.domain.standing import REPLACED, SUGGESTION, Predecessor, Signature, Standing

ASSESSMENT = Assessment(
    verdict=Verdict.NOTHING, findings=(), model=ModelVersion(name="triage", version="1", digest="ab" * 32)
)
IDENTITY = ReportIdentity(
    digests=("cd" * 32,), use_case="triage", made_at=datetime(2025, 1, 1, 10, tzinfo=UTC), software="0.1.0"
)
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SIGNED = Standing(
    edition=1, signature=Signature(name="Roe^Ann", organization="Clinic", at=datetime(2025, 1, 2, tzinfo=UTC))
)
PICTURE = np.random.default_rng(3).integers(0, 256, (201, 401, 3), np.uint8)


def captured(standing: Standing = SUGGESTION, picture: np.ndarray = PICTURE, **tags: object) -> Dataset:
    source = header.read(film_bytes(**tags))
    made = capture(source, picture, ASSESSMENT, identity=IDENTITY, standing=standing)
    return pydicom.dcmread(io.BytesIO(to_bytes(made)))


def banner(document: Dataset) -> np.ndarray:
    return document.pixel_array[: document.Rows - len(PICTURE)]


def dciodvfy(document: Dataset, folder: Path) -> list[str]:
    tool = shutil.which("dciodvfy") or Path(pydicom.__file__).parents[4] / "bin" / "dciodvfy"
    file = folder / "capture.dcm"
    file.write_bytes(to_bytes(document))
    said = subprocess.run([tool, file], capture_output=True, text=True, timeout=60, check=False).stderr
    assert "SCImage" in said
    return [line for line in said.splitlines() if line.startswith(("Error", "Warning"))]


@pytest.mark.parametrize("standing", [SUGGESTION, SIGNED], ids=["suggested", "signed"])
def test_every_capture_is_valid_by_dciodvfy(standing: Standing, tmp_path: Path) -> None:
    assert dciodvfy(captured(standing), tmp_path) == []


def test_a_film_that_does_not_say_its_side_gives_a_capture_that_does_not_either(tmp_path: Path) -> None:
    document = captured(ImageLaterality=None)

    (only,) = dciodvfy(document, tmp_path)
    assert only.startswith("Warning - is only permitted to be empty when actually unknown")
    assert document.Laterality == ""


def test_the_picture_is_whole_below_the_banner() -> None:
    document = captured()

    assert (document.pixel_array[-len(PICTURE) :] == PICTURE).all()
    assert len(banner(document)) > 20


def test_another_decoder_shows_the_same_picture(tmp_path: Path) -> None:
    if shutil.which("dcm2pnm") is None:
        pytest.skip("dcm2pnm of DCMTK is not installed")
    document, file = captured(), tmp_path / "capture.dcm"
    file.write_bytes(to_bytes(document))

    subprocess.run(["dcm2pnm", "+op", file, tmp_path / "shown.ppm"], timeout=60, check=True)

    with Image.open(tmp_path / "shown.ppm") as shown:
        assert (np.asarray(shown) == document.pixel_array).all()


def test_a_suggestion_bears_the_banner_not_verified_and_a_signed_one_does_not() -> None:
    suggested, signed = captured(), captured(SIGNED)

    assert BANNER == "AI - not verified"
    assert BANNER in suggested.DerivationDescription
    assert "not verified" not in signed.DerivationDescription
    assert banner(suggested).std() > 20
    assert (banner(suggested) != banner(signed)).any()
    assert (suggested.SeriesDescription, signed.SeriesDescription) == (SERIES_DESCRIPTION, SIGNED_DESCRIPTION)


def test_the_capture_says_that_it_is_a_burned_in_derivative_of_the_film() -> None:
    document = captured()

    assert (document.BurnedInAnnotation, document.ConversionType) == ("YES", "WSD")
    assert document.ImageType == ["DERIVED", "SECONDARY"]
    assert (document.PhotometricInterpretation, document.BitsStored) == ("RGB", 8)
    assert document.SourceImageSequence[0].ReferencedSOPInstanceUID == SOP_UID


def test_the_capture_is_about_the_animal_of_the_film() -> None:
    film = header.read(film_bytes())

    document = captured()

    for keyword in (
        "PatientName", "PatientID", "PatientSpeciesDescription", "PatientBreedDescription", "ResponsiblePerson",
        "StudyInstanceUID", "AccessionNumber", "PatientOrientation", "AnatomicalOrientationType", "ImageLaterality",
    ):  # fmt: skip
        assert document[keyword].value == film[keyword].value, keyword
    assert document.SeriesInstanceUID != film.SeriesInstanceUID


def test_writing_a_capture_again_gives_the_same_bytes() -> None:
    assert to_bytes(captured()) == to_bytes(captured())


def test_captures_of_two_films_are_two_objects_of_one_series_and_an_edition_is_another() -> None:
    one, other, later = captured(), captured(SOPInstanceUID="1.2.3"), captured(replace(SIGNED, edition=2))

    assert one.SeriesInstanceUID == other.SeriesInstanceUID != later.SeriesInstanceUID
    assert len({one.SOPInstanceUID, other.SOPInstanceUID, later.SOPInstanceUID}) == 3


def test_a_later_capture_names_the_one_it_replaces(tmp_path: Path) -> None:
    earlier = Predecessor(
        sop_class=CAPTURE, sop_uid="1.2.3.1", series_uid="1.2.3.2", study_uid=STUDY_UID, purpose=REPLACED
    )

    document = captured(replace(SIGNED, predecessors=(earlier,)))

    assert dciodvfy(document, tmp_path) == []
    assert document.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.1"


def test_a_capture_of_no_known_image_is_refused() -> None:
    with pytest.raises(StudyRefused) as refused:
        captured(SOPClassUID="1.2.3.4")

    assert refused.value.reason == "report_impossible"
