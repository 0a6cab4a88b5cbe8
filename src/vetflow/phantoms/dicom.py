"""A phantom's film as a valid veterinary DX image (PS3.3 A.26), without owner data: the animal never lived."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from vetflow.domain.coding import Code
from vetflow.domain.signalment import SPECIES_CODES, Species
from vetflow.domain.view import REGION_CODES, VIEW_CODES, Region, View
from vetflow.phantoms.truth import Film

_SEED_DAY = datetime(2020, 1, 1, 8, tzinfo=UTC)
_VIEW_TERMS = {
    View.LEFT_LATERAL: "RTLEL",
    View.RIGHT_LATERAL: "LERTL",
    View.VENTRODORSAL: "VD",
    View.DORSOVENTRAL: "DV",
    View.MEDIOLATERAL: "ML",
}
_BODY_PARTS = {
    Region.THORAX: "CHEST",
    Region.ABDOMEN: "ABDOMEN",
    Region.TRUNK: "CHESTABDOMEN",
    Region.PELVIS: "PELVIS",
    Region.FORELIMB: "ELBOW",
    Region.HINDLIMB: "STIFLE",
}
_MIXED = {
    Species.DOG: Code(value="132619000", scheme="SCT", meaning="Mixed breed dog"),
    Species.CAT: Code(value="132653001", scheme="SCT", meaning="Mixed breed cat"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the phantom says it is; ``None`` fields are derived from the seed.

    Parameters
    ----------
    patient_id, accession
        Identifiers.
    study_uid
        Study the film belongs to.
    number
        Number of the film in its study.
    """

    patient_id: str | None = None
    accession: str | None = None
    study_uid: str | None = None
    number: int = 1


def dataset(film: Film, *, seed: int, species: Species = Species.DOG, identity: Identity | None = None) -> Dataset:
    """Return the film as a DX dataset with file meta information; the same film and seed give the same dataset."""
    who = identity or Identity()
    made = Dataset()
    _patient(made, seed, species, who)
    if film.weight_kg is not None:
        made.PatientWeight = f"{film.weight_kg:.1f}"
    _study(made, seed, who)
    _equipment(made)
    _acquisition(made, film, seed)
    _anatomy(made, film)
    _image(made, film)
    made.file_meta = _meta(made)
    return made


def _uid(*parts: object) -> str:
    return generate_uid(prefix="2.25.", entropy_srcs=["\0".join(map(str, ("phantom", *parts)))])


def _item(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme, code.meaning
    return item


def _codes(codes: Iterable[Code]) -> Sequence:
    return Sequence([_item(code) for code in codes])


def _patient(made: Dataset, seed: int, species: Species, who: Identity) -> None:
    rng = np.random.default_rng([seed, 3])
    made.PatientName = f"Phantom^{species.value.title()} {seed}"
    made.PatientID = who.patient_id or f"PHANTOM-{seed:06d}"
    made.PatientBirthDate = ""
    made.PatientSex = str(rng.choice(["M", "F"]))
    made.PatientSexNeutered = str(rng.choice(["ALTERED", "UNALTERED"]))
    made.PatientSpeciesDescription = {Species.CAT: "Feline", Species.DOG: "Canine"}.get(species, species.value)
    made.PatientSpeciesCodeSequence = _codes([SPECIES_CODES[species]])
    made.PatientBreedCodeSequence = _codes([_MIXED[species]] if species in _MIXED else [])
    if species not in _MIXED:
        made.PatientBreedDescription = "unknown"
    made.BreedRegistrationSequence = Sequence()
    made.ResponsiblePerson = ""
    made.ResponsibleOrganization = ""
    made.AnatomicalOrientationType = "QUADRUPED"


def _study(made: Dataset, seed: int, who: Identity) -> None:
    when = _SEED_DAY + timedelta(minutes=seed % 500_000, seconds=who.number)
    study = who.study_uid or _uid("study", seed)
    made.SOPClassUID = DigitalXRayImageStorageForPresentation
    made.StudyInstanceUID = study
    made.SeriesInstanceUID = _uid("series", study, seed, who.number)
    made.SOPInstanceUID = _uid("instance", study, seed, who.number)
    made.StudyDate = made.SeriesDate = made.AcquisitionDate = made.ContentDate = when.strftime("%Y%m%d")
    made.StudyTime = made.SeriesTime = made.AcquisitionTime = made.ContentTime = when.strftime("%H%M%S")
    made.AccessionNumber = f"PH{seed:06d}" if who.accession is None else who.accession
    made.ReferringPhysicianName = ""
    made.StudyID = "1"
    made.StudyDescription = "Synthetic radiographs"
    made.SeriesNumber = made.InstanceNumber = who.number
    made.Modality = "DX"


def _equipment(made: Dataset) -> None:
    made.Manufacturer = "vetflow"
    made.ManufacturerModelName = "phantoms"
    made.SoftwareVersions = "synthetic"
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PresentationIntentType = "FOR PRESENTATION"
    made.ImageType = ["DERIVED", "PRIMARY"]
    made.DerivationDescription = "Rendered from meshes; not a radiograph of an animal"


def _acquisition(made: Dataset, film: Film, seed: int) -> None:
    rng = np.random.default_rng([seed, 4])
    drawn = float(np.clip(rng.normal(0.0, 0.4), -0.9, 0.9))
    deviation = drawn if film.deviation is None else film.deviation
    made.KVP = str(int(rng.integers(50, 90)))
    made.ExposureIndex = f"{400 * 10 ** (deviation / 10):.1f}"
    made.TargetExposureIndex = "400"
    made.DeviationIndex = f"{deviation:.1f}"
    made.DetectorType = "SCINTILLATOR"
    made.DetectorID = "phantom"
    made.ImagerPixelSpacing = [f"{film.pixel_mm:.4f}"] * 2
    made.PixelSpacing = [f"{film.pixel_mm:.4f}"] * 2
    made.PositionerType = ""
    made.FieldOfViewShape = "RECTANGLE"
    box = film.truth.field
    made.CollimatorShape = "RECTANGULAR"
    made.CollimatorLeftVerticalEdge, made.CollimatorRightVerticalEdge = int(box.left), int(box.right)
    made.CollimatorUpperHorizontalEdge, made.CollimatorLowerHorizontalEdge = int(box.top), int(box.bottom)


def _anatomy(made: Dataset, film: Film) -> None:
    truth = film.truth
    made.BodyPartExamined = _BODY_PARTS[truth.region]
    made.ViewPosition = _VIEW_TERMS.get(truth.view, "")
    made.ViewCodeSequence = _codes([VIEW_CODES[truth.view]])
    made.ViewCodeSequence[0].ViewModifierCodeSequence = Sequence()
    made.AnatomicRegionSequence = _codes([REGION_CODES[truth.region]])
    made.SeriesDescription = f"{truth.region.value} {truth.view.value}".replace("_", " ")
    made.ImageLaterality = "U"
    made.PatientOrientation = list(truth.orientation)
    made.AcquisitionContextSequence = Sequence()


def _image(made: Dataset, film: Film) -> None:
    made.Rows, made.Columns = film.pixels.shape
    made.SamplesPerPixel = 1
    made.PhotometricInterpretation = film.photometric
    made.PresentationLUTShape = "INVERSE" if film.photometric == "MONOCHROME1" else "IDENTITY"
    made.BitsAllocated = 16
    made.BitsStored, made.HighBit, made.PixelRepresentation = film.bits, film.bits - 1, 0
    made.PixelIntensityRelationship = "LOG"
    made.PixelIntensityRelationshipSign = 1 if film.photometric == "MONOCHROME2" else -1
    made.RescaleIntercept, made.RescaleSlope, made.RescaleType = "0", "1", "US"
    made.WindowCenter, made.WindowWidth = str(2 ** (film.bits - 1)), str(2**film.bits)
    made.BurnedInAnnotation = "NO"
    made.LossyImageCompression = "00"
    made.PixelData = film.pixels.astype("<u2").tobytes()


def _meta(made: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = made.SOPClassUID
    meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return meta
