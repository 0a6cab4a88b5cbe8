"""Text burned into pixels: held back unless a mask is set for the device, and black where it is."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate_extended
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, SecondaryCaptureImageStorage
from tests.builders import body, encapsulated_bytes, film_bytes, film_dataset, jpeg2000_stream, part10

from vetflow.dicom.deidentify import Deidentified, deidentify
from vetflow.dicom.masks import PixelMaskRule, may_carry_text
from vetflow.domain.errors import StudyRefused
from vetflow.settings import Limits, PixelMask, Settings
from vetflow.wiring import unpacking

KEY = b"a key of the site, 32 bytes long"
BURNED = {"BurnedInAnnotation": "YES", "ManufacturerModelName": "Shiny"}
PLACE = (3, 5, 20, 9)
RULE = PixelMaskRule(manufacturer="BUILDER", model="shiny", rows=64, columns=80, regions=(PLACE,))


def read(clean: Deidentified) -> Dataset:
    return pydicom.dcmread(io.BytesIO(clean.data))


def foreign(name: str) -> Dataset:
    """Return an image that pydicom brings along."""
    return pydicom.dcmread(str(get_testdata_file(name, download=False)))


def masked(image: Dataset) -> tuple[Dataset, Dataset]:
    """Return an image before and after its device's mask was laid over it."""
    image.Manufacturer = "Builder"
    rule = PixelMaskRule(manufacturer="Builder", rows=image.Rows, columns=image.Columns, regions=(PLACE,))
    file = io.BytesIO()
    image.save_as(file, enforce_file_format=True)
    return pydicom.dcmread(io.BytesIO(file.getvalue())), read(deidentify(file.getvalue(), key=KEY, masks=(rule,)))


def methods(image: Dataset) -> list[str]:
    return [item.CodeValue for item in image.DeidentificationMethodCodeSequence]


@pytest.mark.parametrize(
    "tags",
    [{"BurnedInAnnotation": "YES"}, {"SOPClassUID": SecondaryCaptureImageStorage}, {"ConversionType": "WSD"},
     {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1"}, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1"},
     {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.77.1.4"}, {"SOPClassUID": "1.2.3.4"},
     {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}],
)  # fmt: skip
def test_an_image_that_may_carry_text_is_held_back(tags: dict[str, object]) -> None:
    with pytest.raises(StudyRefused) as refused:
        deidentify(film_bytes(**tags), key=KEY)

    assert refused.value.reason == "burned_in_text"


@pytest.mark.parametrize(
    "tags", [{}, {"BurnedInAnnotation": None}, {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1"}, {"ConversionType": ""}]
)
def test_films_keep_their_markers(tags: dict[str, object]) -> None:
    assert not may_carry_text(film_dataset(**tags))

    assert read(deidentify(film_bytes(**tags), key=KEY)).PixelData == body().tobytes()


def test_a_masked_image_is_black_there_and_untouched_elsewhere_and_says_so() -> None:
    done = deidentify(film_bytes(**BURNED), key=KEY, masks=(RULE,))

    image, hidden = read(done), np.zeros((64, 80), bool)
    hidden[5:9, 3:20] = True
    assert (image.pixel_array[hidden] == body().min()).all()
    assert (image.pixel_array[~hidden] == body()[~hidden]).all()
    assert (image.BurnedInAnnotation, done.removed.masked) == ("NO", 1)
    assert methods(image) == ["113100", "113101", "113105", "113107", "113108"]


def test_bright_is_dark_in_monochrome1() -> None:
    image = read(deidentify(film_bytes(PhotometricInterpretation="MONOCHROME1", **BURNED), key=KEY, masks=(RULE,)))

    assert (image.pixel_array[5:9, 3:20] == body().max()).all()


def test_a_rule_holds_for_its_manufacturer_model_and_size_only() -> None:
    rules = (
        PixelMaskRule(manufacturer="Other", rows=64, columns=80, regions=(PLACE,)),
        PixelMaskRule(manufacturer="Builder", model="Dull", rows=64, columns=80, regions=(PLACE,)),
        PixelMaskRule(manufacturer="Builder", rows=80, columns=64, regions=(PLACE,)),
    )

    with pytest.raises(StudyRefused):
        deidentify(film_bytes(**BURNED), key=KEY, masks=rules)


def test_all_rules_that_hold_are_laid_over_also_beyond_the_edge() -> None:
    more = PixelMaskRule(manufacturer="Builder", rows=64, columns=80, regions=((70, 60, 900, 900), (-5, -5, 2, 2)))

    done = deidentify(film_bytes(**BURNED), key=KEY, masks=(RULE, more))

    pixels = read(done).pixel_array
    assert {pixels[60:, 70:].max(), pixels[:2, :2].max(), pixels[5:9, 3:20].max()} == {body().min()}
    assert done.removed.masked == 3


def test_a_rule_without_regions_vouches_for_the_device_and_claims_no_cleaned_pixels() -> None:
    rule = PixelMaskRule(manufacturer="Builder", rows=64, columns=80)

    image = read(deidentify(film_bytes(**BURNED), key=KEY, masks=(rule,)))

    assert image.BurnedInAnnotation == "NO"
    assert image.PixelData == body().tobytes()
    assert "113101" not in methods(image)


def test_a_masked_image_is_not_held_back_when_it_is_deidentified_again() -> None:
    once = deidentify(film_bytes(SOPClassUID=SecondaryCaptureImageStorage, **BURNED), key=KEY, masks=(RULE,))

    assert deidentify(once.data, key=KEY).data == once.data


def test_a_compressed_image_is_masked_and_stored_uncompressed() -> None:
    data = encapsulated_bytes(JPEG2000Lossless, jpeg2000_stream(), **BURNED)

    image = read(deidentify(data, key=KEY, masks=(RULE,)))

    assert image.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert (image.pixel_array[5:9, 3:20] == body().min()).all()
    assert (image.pixel_array[10:] == body()[10:]).all()


def test_offsets_of_compressed_frames_go_with_them() -> None:
    film = pydicom.dcmread(io.BytesIO(encapsulated_bytes(JPEG2000Lossless, jpeg2000_stream(), **BURNED)))
    stream, film.ExtendedOffsetTable, film.ExtendedOffsetTableLengths = encapsulate_extended([jpeg2000_stream()])
    film["PixelData"].value = stream

    kept = read(deidentify(part10(film), key=KEY, masks=(PixelMaskRule(manufacturer="Builder", rows=64, columns=80),)))
    painted = read(deidentify(part10(film), key=KEY, masks=(RULE,)))

    assert "ExtendedOffsetTable" in kept
    assert not {"ExtendedOffsetTable", "ExtendedOffsetTableLengths"} & {element.keyword for element in painted}


@pytest.mark.parametrize(
    "name",
    ["SC_rgb_rle.dcm", "SC_rgb_rle_16bit_2frame.dcm", "SC_rgb_rle_32bit.dcm",
     "SC_rgb_jpeg_gdcm.dcm", "examples_palette.dcm", "SC_ybr_full_422_uncompressed.dcm", "SC_rgb_jpeg_dcmtk.dcm"],
)  # fmt: skip
def test_colour_and_all_frames_are_masked(name: str) -> None:
    before, after = masked(foreign(name))

    shape = (-1, before.Rows, before.Columns, before.SamplesPerPixel)
    seen, shown = before.pixel_array.reshape(shape), after.pixel_array.reshape(shape)
    assert (shown[:, 5:9, 3:20] == 0).all()
    assert (seen[:, 5:9, 3:20] != 0).any()
    shown[:, 5:9, 3:20] = seen[:, 5:9, 3:20]
    assert (shown == seen).all()
    assert after.BurnedInAnnotation == "NO"


def test_planes_and_full_range_luminance_are_masked_in_the_files_own_form() -> None:
    planes = foreign("SC_rgb_small_odd.dcm")
    pixels = planes.pixel_array
    planes.PlanarConfiguration, planes.PixelData = 1, np.moveaxis(pixels, 2, 0).tobytes() + b"\0"
    luminance = foreign("SC_rgb_small_odd.dcm")
    luminance.PhotometricInterpretation = "YBR_FULL"

    for image, black in ((planes, [0, 0, 0]), (luminance, [0, 128, 128])):
        rule = PixelMaskRule(manufacturer="Builder", rows=3, columns=3, regions=((1, 0, 3, 2),))
        image.Manufacturer = "Builder"
        after = read(deidentify(part10(image), key=KEY, masks=(rule,)))
        shown = np.frombuffer(after.PixelData, np.uint8)[:27]
        shown = shown.reshape(3, 3, 3).transpose(1, 2, 0) if image is planes else shown.reshape(3, 3, 3)
        assert (shown[0:2, 1:3] == black).all()
        assert (shown[2] == pixels[2]).all()


def test_pixels_that_cant_be_painted_are_refused() -> None:
    for tags, reason in (
        ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}, "burned_in_text"),
        ({"PixelData": body().tobytes()[:100]}, "pixels_truncated"),
    ):
        with pytest.raises(StudyRefused) as refused:
            deidentify(film_bytes(**tags, **BURNED), key=KEY, masks=(RULE,))
        assert refused.value.reason == reason


def test_compressed_pixels_are_decoded_in_the_sandbox_within_the_sites_limits() -> None:
    film = encapsulated_bytes(JPEG2000Lossless, jpeg2000_stream(), **BURNED)
    small = Settings(home=Path(), limits=Limits(largest_film_pixels=10))

    done = deidentify(film, key=KEY, masks=(RULE,), decoder=unpacking.decoder(Settings(home=Path())))
    with pytest.raises(StudyRefused) as refused:
        deidentify(film, key=KEY, masks=(RULE,), decoder=unpacking.decoder(small))

    assert (read(done).pixel_array[5:9, 3:20] == body().min()).all()
    assert refused.value.reason == "pixels_too_large"


def test_a_site_says_where_its_devices_burn_in_text() -> None:
    mask = PixelMask(manufacturer="Builder", rows=64, columns=80, regions=(PLACE,))
    site = Settings(home=Path(), masks=(mask,))

    assert unpacking.rules(site) == (
        PixelMaskRule(manufacturer="Builder", model="", rows=64, columns=80, regions=(PLACE,)),
    )
