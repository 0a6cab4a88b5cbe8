"""Pixels: right in every syntax by the word of a second decoder, and refused before they can do harm."""

import resource
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array
from pydicom.uid import JPEG2000, ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLosslessSV1
from tests import builders
from tests.builders import body, encapsulated_bytes, film_bytes, film_dataset, jpeg2000_stream, part10

from vetflow.dicom import pixels
from vetflow.domain.errors import StudyRefused

LARGEST = 1 << 26
EIGHT_BIT = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}


def decode(data: bytes) -> np.ndarray:
    return pixels.decode(data, largest=LARGEST)


def reason(data: bytes, *, largest: int = LARGEST) -> str:
    with pytest.raises(StudyRefused) as refused:
        pixels.decode(data, largest=largest)
    return refused.value.reason


def transcoded(folder: Path, tool: str, *options: str, **tags: object) -> Path:
    """Have DCMTK compress a film."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} of DCMTK is not installed")
    plain, packed = folder / "plain.dcm", folder / "packed.dcm"
    plain.write_bytes(film_bytes(**tags))
    subprocess.run([tool, *options, plain, packed], check=True, timeout=60)
    return packed


def eight_bit_body() -> bytes:
    return (body() >> 4).astype(np.uint8).tobytes()


@pytest.mark.parametrize(
    ("tool", "option"),
    [("dcmcjpeg", "+e1"), ("dcmcjpeg", "+el"), ("dcmcjpls", "+el"), ("dcmcrle", "-q")],
    ids=["JPEG lossless SV1", "JPEG lossless", "JPEG-LS", "RLE"],
)
def test_lossless_syntaxes_give_back_the_pixels_that_dcmtk_packed(tmp_path: Path, tool: str, option: str) -> None:
    packed = transcoded(tmp_path, tool, option)

    assert pydicom.dcmread(packed).file_meta.TransferSyntaxUID.is_compressed
    assert (decode(packed.read_bytes()) == body()).all()


def test_jpeg_baseline_agrees_with_a_second_decoder(tmp_path: Path) -> None:
    packed = transcoded(tmp_path, "dcmcjpeg", "+eb", PixelData=eight_bit_body(), **EIGHT_BIT)
    unpacked = tmp_path / "unpacked.dcm"
    subprocess.run(["dcmdjpeg", packed, unpacked], check=True, timeout=60)

    ours, theirs = decode(packed.read_bytes()), pydicom.dcmread(unpacked).pixel_array

    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1
    assert np.corrcoef(ours.ravel(), body().ravel())[0, 1] > 0.999


def test_jpeg_ls_near_lossless_agrees_with_a_second_decoder(tmp_path: Path) -> None:
    packed = transcoded(tmp_path, "dcmcjpls", "+en", "+md", "3")

    ours = decode(packed.read_bytes())

    assert (ours == pixel_array(packed, raw=True, decoding_plugin="gdcm")).all()
    assert 0 < np.abs(ours.astype(int) - body()).max() <= 3


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEG2000])
def test_jpeg_2000_agrees_with_a_second_decoder(tmp_path: Path, syntax: str) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(encapsulated_bytes(syntax, jpeg2000_stream()))

    ours = decode(film.read_bytes())

    assert (ours == body()).all()
    assert (ours == pixel_array(film, raw=True, decoding_plugin="gdcm")).all()


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_native_syntaxes_give_the_same_pixels(syntax: str) -> None:
    film = film_dataset()
    if syntax == ExplicitVRBigEndian:
        film.PixelData = body().astype(">u2").tobytes()
    film.file_meta.TransferSyntaxUID = syntax

    assert (decode(part10(film)) == body()).all()


def test_signed_pixels_and_several_frames_keep_sign_and_order() -> None:
    frames = np.stack([body().astype(np.int16) - 2000, body().astype(np.int16)])
    film = film_bytes(PixelData=frames.tobytes(), NumberOfFrames="2", PixelRepresentation=1, BitsStored=16, HighBit=15)

    assert (decode(film) == frames).all()


@pytest.mark.parametrize("signed", [False, True])
def test_overlays_in_the_unused_bits_are_dropped(signed: bool) -> None:
    values = body().astype(np.int16) // 2 - (1800 if signed else 0)
    stored = (values.view(np.uint16) & 0x0FFF) | 0xA000
    film = film_bytes(PixelData=stored.tobytes(), PixelRepresentation=int(signed))

    assert (decode(film) == values).all()


def test_native_pixels_are_not_copied() -> None:
    assert not decode(film_bytes()).flags.owndata


@pytest.mark.parametrize(
    ("film", "why"),
    [
        (builders.truncated_film, "pixels_truncated"),
        (builders.cut_off_film, "pixels_truncated"),
        (builders.truncated_jpeg2000_film, "pixels_truncated"),
        (builders.swollen_jpeg2000_film, "pixels_inconsistent"),
        (builders.enormous_film, "pixels_too_large"),
        (builders.unknown_syntax_film, "transfer_syntax_unknown"),
        (builders.studyless_film, "uid_missing"),
    ],
)
def test_broken_films_are_refused_with_their_reason(film: object, why: str) -> None:
    assert callable(film)
    assert reason(film()) == why


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({"PixelData": b""}, "pixels_missing"),
        ({"Rows": None}, "pixels_missing"),
        ({"NumberOfFrames": "2000000000"}, "pixels_too_large"),
        ({"BitsAllocated": 12}, "pixels_inconsistent"),
        ({"BitsStored": 17}, "pixels_inconsistent"),
        ({"PhotometricInterpretation": "RGB"}, "not_greyscale"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "not_greyscale"),
    ],
)
def test_headers_that_contradict_their_pixels_are_refused(tags: dict[str, object], why: str) -> None:
    assert reason(film_bytes(**tags)) == why


def test_a_film_larger_than_the_site_accepts_is_refused() -> None:
    assert reason(film_bytes(), largest=64 * 80 * 2 - 1) == "pixels_too_large"
    assert pixels.decode(film_bytes(), largest=64 * 80 * 2).shape == (64, 80)


def test_a_jpeg_2000_stream_cut_anywhere_is_never_returned_as_pixels() -> None:
    stream = jpeg2000_stream()

    refused = {reason(encapsulated_bytes(JPEG2000Lossless, stream[:end])) for end in range(2, len(stream) - 1, 11)}

    assert refused <= {"pixels_truncated", "decoder_failed"}


def test_a_jpeg_stream_cut_anywhere_is_never_returned_as_pixels(tmp_path: Path) -> None:
    packed = pydicom.dcmread(transcoded(tmp_path, "dcmcjpeg", "+e1"))
    stream = next(pydicom.encaps.generate_frames(packed.PixelData, number_of_frames=1))

    refused = {reason(encapsulated_bytes(JPEGLosslessSV1, stream[:end])) for end in range(2, len(stream) - 3, 41)}

    assert refused <= {"pixels_truncated", "decoder_failed"}


def test_fewer_frames_than_declared_are_refused() -> None:
    film = encapsulated_bytes(JPEG2000Lossless, jpeg2000_stream(), NumberOfFrames="2")

    assert reason(film) == "pixels_truncated"


def test_native_bytes_under_a_compressed_syntax_are_refused() -> None:
    film = film_dataset()
    data = part10(film).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0", 1)

    assert reason(data) == "pixels_inconsistent"


def test_refusing_an_enormous_claim_allocates_nothing() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for film in (builders.enormous_film(), builders.swollen_jpeg2000_film()):
        with pytest.raises(StudyRefused):
            decode(film)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_shades_come_as_plain_values_and_junk_counts_as_absent() -> None:
    film = film_dataset(PhotometricInterpretation="MONOCHROME1", WindowCenter=["100", "200"], WindowWidth=["50", "60"])
    junk = film_dataset(WindowWidth="0", RescaleSlope="0")

    assert pixels.greyscale(film) == pixels.Greyscale(inverted=True, window=(100.0, 50.0))
    assert pixels.greyscale(junk) == pixels.Greyscale()
