"""Builders of DICOM films: one valid DX film of a dog, and the ways it can be broken."""

import io
from collections.abc import Mapping

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    JPEG2000,
    UID,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
)

STUDY_UID = "1.2.826.0.1.3680043.8.498.1"
SERIES_UID = "1.2.826.0.1.3680043.8.498.1.1"
SOP_UID = "1.2.826.0.1.3680043.8.498.1.1.1"

_PLAIN: Mapping[str, object] = {
    "ImageType": ["ORIGINAL", "PRIMARY"],
    "SOPClassUID": DigitalXRayImageStorageForPresentation,
    "SOPInstanceUID": SOP_UID,
    "StudyDate": "20250101",
    "ContentDate": "20250101",
    "AcquisitionDate": "20250101",
    "StudyTime": "101500",
    "ContentTime": "101500",
    "AcquisitionTime": "101500",
    "AccessionNumber": "ACC1",
    "Modality": "DX",
    "PresentationIntentType": "FOR PRESENTATION",
    "Manufacturer": "Builder",
    "ReferringPhysicianName": "",
    "StudyDescription": "Thorax 2 views",
    "SeriesDescription": "Thorax VD",
    "PatientName": "Doe^Rex",
    "PatientID": "A1",
    "PatientBirthDate": "20180101",
    "PatientSex": "M",
    "PatientSpeciesDescription": "Canine",
    "PatientSexNeutered": "ALTERED",
    "PatientBreedDescription": "Labrador",
    "PatientBreedCodeSequence": [],
    "BreedRegistrationSequence": [],
    "PatientWeight": "28.5",
    "ResponsiblePerson": "Doe^Jane",
    "ResponsiblePersonRole": "OWNER",
    "ResponsibleOrganization": "",
    "BodyPartExamined": "CHEST",
    "ImagerPixelSpacing": [0.14, 0.14],
    "ExposureIndex": "250",
    "TargetExposureIndex": "250",
    "DeviationIndex": "0.1",
    "DetectorType": "DIRECT",
    "PositionerType": "NONE",
    "ViewPosition": "VD",
    "StudyInstanceUID": STUDY_UID,
    "SeriesInstanceUID": SERIES_UID,
    "StudyID": "1",
    "SeriesNumber": "1",
    "InstanceNumber": "1",
    "PatientOrientation": ["LE", "CD"],
    "ImageLaterality": "U",
    "AnatomicalOrientationType": "QUADRUPED",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "BurnedInAnnotation": "NO",
    "PixelIntensityRelationship": "LOG",
    "PixelIntensityRelationshipSign": -1,
    "WindowCenter": "2048",
    "WindowWidth": "4096",
    "RescaleIntercept": "0",
    "RescaleSlope": "1",
    "RescaleType": "US",
    "LossyImageCompression": "00",
    "AcquisitionContextSequence": [],
    "PresentationLUTShape": "IDENTITY",
}


def coded(value: str, scheme: str, meaning: str) -> Dataset:
    """Return one item of a code sequence."""
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def body(rows: int = 64, columns: int = 80) -> np.ndarray:
    """Return 12-bit pixels of a bright body with a denser spine on a dark ground."""
    down, across = np.mgrid[0:rows, 0:columns] / np.array([rows, columns]).reshape(2, 1, 1)
    inside = ((down - 0.5) / 0.48) ** 2 + ((across - 0.5) / 0.3) ** 2 < 1
    spine = inside & (abs(across - 0.5) < 0.04)
    return (300 + 1500 * inside + 1800 * spine + 200 * down).astype(np.uint16)


def film_dataset(*, rows: int = 64, columns: int = 80, **tags: object) -> Dataset:
    """Return a valid DX film of a dog's thorax; ``tags`` change attributes by keyword, None removes one."""
    film = Dataset()
    film.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in _PLAIN.items():
        setattr(film, keyword, value)
    film.PatientSpeciesCodeSequence = [coded("448771007", "SCT", "Canis lupus familiaris")]
    film.AnatomicRegionSequence = [coded("816094009", "SCT", "Chest")]
    film.ViewCodeSequence = [coded("442441009", "SCT", "Ventro-dorsal")]
    film.Rows, film.Columns = rows, columns
    film.PixelData = body(min(rows, 4096), min(columns, 4096)).tobytes()
    film["PixelData"].VR = "OW"
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword, value in tags.items():
        if value is not None:
            setattr(film, keyword, value)
        elif keyword in film:
            delattr(film, keyword)
    return film


def part10(film: Dataset) -> bytes:
    """Return a dataset as a file."""
    film.file_meta.MediaStorageSOPClassUID = film.get("SOPClassUID", DigitalXRayImageStorageForPresentation)
    film.file_meta.MediaStorageSOPInstanceUID = film.get("SOPInstanceUID", SOP_UID)
    file = io.BytesIO()
    dcmwrite(file, film, enforce_file_format=True)
    return file.getvalue()


def film_bytes(*, rows: int = 64, columns: int = 80, **tags: object) -> bytes:
    """Return a valid DX film as a file; ``tags`` as in :func:`film_dataset`."""
    return part10(film_dataset(rows=rows, columns=columns, **tags))


def encapsulated_bytes(syntax: UID, *frames: bytes, **tags: object) -> bytes:
    """Return a film whose pixels are the given compressed frames."""
    film = film_dataset(**tags)
    film.file_meta.TransferSyntaxUID = syntax
    film.PixelData = encapsulate(list(frames))
    film["PixelData"].VR = "OB"
    film["PixelData"].is_undefined_length = True
    return part10(film)


def jpeg2000_stream(pixels: np.ndarray | None = None) -> bytes:
    """Return a lossless JPEG 2000 codestream of 12-bit pixels."""
    from openjpeg.utils import encode_array

    return bytes(encode_array(body() if pixels is None else pixels, bits_stored=12, photometric_interpretation=2))


def truncated_film() -> bytes:
    """Return a film that declares more pixels than it holds."""
    whole = film_dataset()
    return part10(film_dataset(PixelData=whole.PixelData[: len(whole.PixelData) // 2]))


def cut_off_film() -> bytes:
    """Return a file that ends in the middle of its pixels."""
    whole = film_bytes()
    return whole[:-4000]


def studyless_film() -> bytes:
    """Return a film without Study Instance UID."""
    return film_bytes(StudyInstanceUID=None)


def enormous_film() -> bytes:
    """Return a small file whose header claims 65535 × 65535 pixels."""
    return film_bytes(Rows=65535, Columns=65535)


def truncated_jpeg2000_film() -> bytes:
    """Return a film whose JPEG 2000 codestream ends early."""
    stream = jpeg2000_stream()
    return encapsulated_bytes(JPEG2000Lossless, stream[: len(stream) // 2])


def swollen_jpeg2000_film() -> bytes:
    """Return a film whose codestream is larger than its header says."""
    return encapsulated_bytes(JPEG2000, jpeg2000_stream(body(512, 512)))


def unknown_syntax_film() -> bytes:
    """Return a film in a transfer syntax nobody knows."""
    return film_bytes().replace(ExplicitVRLittleEndian.encode(), b"1.2.840.10008.1.2.9", 1)
