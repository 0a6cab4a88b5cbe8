"""Which fields of a film may stay when owner and clinic go, and in what words.

The base is the Basic Application Level Confidentiality Profile (PS3.15 table E.1-1) as dicom-anonymizer keeps it. On
top lies a rule that is easier to prove: a text survives only when it is one of a closed list of words, a code only
when a public dictionary holds it. The table alone would leave the breed registration number, which names the owner.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import cast

from dicomanonymizer.dicomfields_selector import (
    dicom_anonymization_database_selector,  # pyright: ignore[reportUnknownVariableType]  (no types)
)
from pydicom.datadict import tag_for_keyword

from vetflow.dicom import codes
from vetflow.domain.signalment import species_from_text
from vetflow.domain.view import region_from_term

TABLE = "dicomfields_2026c"
"""Edition of table E.1-1."""

KEPT_CHARACTERISTICS = frozenset({"PatientSex", "PatientSexNeutered", "PatientAge", "PatientSize", "PatientWeight"})
"""Retain Patient Characteristics Option; species and breed are in no row of the table."""

BLANK = (
    "AccessionNumber", "AcquisitionContextSequence", "BreedRegistrationSequence", "Manufacturer", "PatientBirthDate",
    "PatientName", "ReferringPhysicianName", "ResponsibleOrganization", "ResponsiblePerson", "StudyDate", "StudyID",
    "StudyTime",
)  # fmt: skip
"""Type 2 attributes: present and empty, so that the film stays a valid object."""

_TERMS: Mapping[str, str] = {
    "AnatomicalOrientationType": "BIPED|QUADRUPED",
    "BurnedInAnnotation": "YES|NO",
    "CalibrationImage": "YES|NO",
    "CollimatorShape": "RECTANGULAR|CIRCULAR|POLYGONAL",
    "DetectorType": "DIRECT|SCINTILLATOR|STORAGE|FILM",
    "ImageLaterality": "[RLUB]",
    "ImageType": "ORIGINAL|DERIVED|PRIMARY|SECONDARY|AXIAL|LOCALIZER|REFORMATTED|AVERAGE|OTHER",
    "Laterality": "[RL]",
    "LossyImageCompression": "00|01",
    "LossyImageCompressionMethod": r"ISO_\d{5}(_\d{1,2})?",
    "Modality": "DX|CR|DR|CT|MR|US|MG|RF|XA|PX|IO|NM|PT|OT|SC|SR|PR|KO|SEG",
    "PatientAge": r"\d{3}[DWMY]",
    "PatientOrientation": "(LE|RT|CR|CD|PR|DI|PA|PL|[DVRLMAPHF]){1,3}",
    "PatientSex": "[MFO]",
    "PatientSexNeutered": "ALTERED|UNALTERED",
    "PhotometricInterpretation": r"MONOCHROME[12]|PALETTE COLOR|RGB|YBR_(FULL(_422)?|ICT|RCT)",
    "PixelIntensityRelationship": "LIN|LOG|OTHER",
    "PixelSpacingCalibrationType": "GEOMETRY|FIDUCIAL",
    "PositionerType": "NONE|CARM|COLUMN|PANORAMIC|CEPHALOSTAT|RIGID|RAIL|TABLE",
    "PresentationIntentType": "FOR PRESENTATION|FOR PROCESSING",
    "PresentationLUTShape": "IDENTITY|INVERSE",
    "QualityControlImage": "YES|NO|BOTH",
    "RescaleType": "US|HU|OD|LOG_E REL|UNSPECIFIED",
    "ViewPosition": "AP|PA|LL|RL|LAT|LATERAL|[LR]LAT|(LEFT|RIGHT) LATERAL|VD|DV|RTLEL|LERTL|ML|LM|CRCD|CDCR|DPA|DPL|"
    "PAD|PLD|RCD|CDR|PRDI|DIPR|RLD|LLD|RLO|LLO|SKYLINE|OBLIQUE",
    "VOILUTFunction": "LINEAR|LINEAR_EXACT|SIGMOID",
}
INSTEAD: Mapping[int, str] = {0x00080060: "OT", 0x00200062: "U", 0x00281054: "US"}
"""Modality, ImageLaterality and RescaleType may not be empty: their words for not knowing."""

_TABLE_GROUPS = ("D_TAGS", "Z_TAGS", "X_TAGS", "Z_D_TAGS", "X_Z_TAGS", "X_D_TAGS", "X_Z_D_TAGS")


@cache
def removed() -> frozenset[int]:
    """Return the tags that the profile doesn't leave as they are; UIDs and references are dealt with apart."""
    table = cast("Mapping[str, list[tuple[int, ...]]]", dicom_anonymization_database_selector(TABLE))
    rows = {tag[0] << 16 | tag[1] for group in _TABLE_GROUPS for tag in table[group] if len(tag) == 2}
    return frozenset(rows - {_tag(keyword) for keyword in KEPT_CHARACTERISTICS})


@cache
def allowed_words() -> Mapping[int, Callable[[str], bool]]:
    """Return, by tag, what a value must pass to stay; text under any other tag goes."""
    tests: dict[int, Callable[[str], bool]] = {
        _tag(keyword): _matches(re.compile(pattern)) for keyword, pattern in _TERMS.items()
    }
    tests[_tag("BodyPartExamined")] = lambda word: region_from_term(word) is not None
    tests[_tag("PatientBreedDescription")] = codes.is_breed
    tests[_tag("PatientSpeciesDescription")] = _is_species
    return tests


def _is_species(text: str) -> bool:
    return len(text.split()) == 1 and species_from_text(text) is not None


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda word: pattern.fullmatch(word) is not None


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is no DICOM keyword")
    return tag
