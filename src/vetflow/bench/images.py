"""Images to send: noise of the right size under a plain header."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)


@dataclass(frozen=True, slots=True)
class _Form:
    sop_class: str
    modality: str
    rows: int
    columns: int


class Kind(Enum):
    """What equipment sends, 16 bit a pixel."""

    CT = _Form(CTImageStorage, "CT", 512, 512)
    CR = _Form(ComputedRadiographyImageStorage, "CR", 2048, 2560)
    DX = _Form(DigitalXRayImageStorageForPresentation, "DX", 2614, 3072)


def write_images(folder: Path, kind: Kind, count: int) -> list[Path]:
    """Write the images of one study and return their files."""
    folder.mkdir(parents=True)
    form = kind.value
    noise = np.random.default_rng(7).integers(0, 4096, (form.rows, form.columns), np.uint16)
    study, series = generate_uid(), generate_uid()
    files = [folder / f"{number:04}.dcm" for number in range(count)]
    for number, file in enumerate(files):
        image = _image(form, np.roll(noise, number, axis=0), study=study, series=series)
        image.InstanceNumber = number + 1
        image.save_as(file, enforce_file_format=True)
    return files


def _image(form: _Form, pixels: NDArray[np.uint16], *, study: str, series: str) -> Dataset:
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = form.sop_class, generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = study, series
    image.Modality, image.PatientID, image.PatientName = form.modality, "BENCH", "Bench"
    image.PatientSpeciesDescription, image.BodyPartExamined, image.ViewPosition = "Canine", "CHEST", "VD"
    image.Rows, image.Columns = pixels.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.PixelData = pixels.tobytes()
    return image
