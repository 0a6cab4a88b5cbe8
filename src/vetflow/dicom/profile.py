"""What becomes of each field of an object when owner and clinic go.

The base is the Basic Application Level Confidentiality Profile (PS3.15 table E.1-1) as dicom-anonymizer keeps it, with
the options Clean Descriptors, Clean Structured Content, Clean Graphics, Clean Pixel Data, Retain Longitudinal Temporal
Information with Modified Dates and Retain Patient Characteristics. On top lies a rule that is easier to prove: a text
survives only when it is one of a closed list of words, a code only when a public dictionary holds it, a number only
when it can't spell anything. Private elements, overlays and curves go without exception. The table alone would leave
the breed registration number, which names the owner.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum, auto
from functools import cache, lru_cache
from typing import cast

from dicomanonymizer.dicomfields_selector import (
    dicom_anonymization_database_selector,  # pyright: ignore[reportUnknownVariableType]  (no types)
)
from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.tag import BaseTag

from vetflow.dicom import descriptors, terms

TABLE = "dicomfields_2026c"
"""Edition of table E.1-1."""

KEPT_CHARACTERISTICS = frozenset({
    "PatientAge", "PatientSex", "PatientSexNeutered", "PatientSize", "PatientWeight", "PregnancyStatus",
})  # fmt: skip
"""Retain Patient Characteristics Option; species and breed are in no row of the table."""

_BLANK = (
    "AccessionNumber", "Manufacturer", "PatientBirthDate", "PatientID", "PatientName", "PatientSex",
    "ReferringPhysicianName", "StudyDate", "StudyID", "StudyTime",
)  # fmt: skip
_BLANK_OF_ANIMALS = (
    "BreedRegistrationSequence", "PatientBreedCodeSequence", "PatientBreedDescription", "PatientSexNeutered",
    "ResponsibleOrganization", "ResponsiblePerson",
)  # fmt: skip
"""Type 2 attributes: there and empty, so that objects stay valid."""

_NAMED_EQUIPMENT = ("DeviceSerialNumber", "Manufacturer", "ManufacturerModelName", "SoftwareVersions")
_ENHANCED = frozenset({
    "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2", "1.2.840.10008.5.1.4.1.1.4.1",
    "1.2.840.10008.5.1.4.1.1.4.4", "1.2.840.10008.5.1.4.1.1.30", "1.2.840.10008.5.1.4.1.1.66.4",
    "1.2.840.10008.5.1.4.1.1.66.7", "1.2.840.10008.5.1.4.1.1.130",
})  # fmt: skip
"""Enhanced CT, MR and PET, parametric maps and segmentations: their equipment has a name, a stand-in at least."""

_KIND_OF_ANIMAL = {
    "PatientBreedCodeSequence", "PatientBreedDescription", "PatientSpeciesCodeSequence", "PatientSpeciesDescription",
}  # fmt: skip
_IDENTITY_GROUPS = {0x0010, 0x0038}
_STUDY_IDENTITY = {
    "AccessionNumber", "AdmittingDiagnosesCodeSequence", "AdmittingDiagnosesDescription",
    "ConsultingPhysicianIdentificationSequence", "ConsultingPhysicianName", "IssuerOfAccessionNumberSequence",
    "NameOfPhysiciansReadingStudy", "PhysiciansOfRecord", "PhysiciansOfRecordIdentificationSequence",
    "PhysiciansReadingStudyIdentificationSequence", "ProcedureCodeSequence", "ReasonForPerformedProcedureCodeSequence",
    "ReasonForVisit", "ReasonForVisitCodeSequence", "ReferencedStudySequence",
    "ReferringPhysicianIdentificationSequence", "ReferringPhysicianName", "RequestingService",
    "RequestingServiceCodeSequence", "SpecificCharacterSet", "StudyDate", "StudyDescription", "StudyID", "StudyTime",
}  # fmt: skip
"""Patient, Patient Study and General Study modules (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2), and the charset they are in."""

FLAGS = frozenset({b"YES", b"NO", b"Y", b"N", b"NONE", b"OFF", b"ON", b"UNKNOWN"})
"""What a coded string may say that has no list of its own."""

REMOVED = "REMOVED"
_DUMMIES = {
    "AlgorithmName", "AlgorithmVersion", "ContentLabel", "PersonName", "SegmentAlgorithmName", "TextValue",
    "TrackingID", "UnformattedTextValue", "VerifyingObserverName", "VerifyingOrganization",
}  # fmt: skip
"""Texts that may not be empty."""

_DESCRIPTIONS = {
    "AcquisitionDeviceProcessingDescription", "AcquisitionProtocolDescription", "PerformedProcedureStepDescription",
    "ProtocolName", "RequestedProcedureDescription", "SegmentLabel", "SeriesDescription", "StudyDescription",
}  # fmt: skip
"""Clean Descriptors Option, as far as a name for a procedure, a series or a part is meant, not a sentence."""

_CLEANED = {"ContentSequence", "GraphicAnnotationSequence", "VerifyingObserverSequence"}
"""Rows of the table that are cleaned inside instead of replaced."""

_ALSO_REMOVED = {
    "CodingSchemeIdentificationSequence", "ContextGroupLocalVersion", "ContextGroupVersion", "OtherStudyNumbers",
    "ReportNumber", "TemplateLocalVersion", "TemplateVersion",
}  # fmt: skip
"""Numbers that name a study, dates that are versions, and what explains codes that go."""

_CODES = {"CodeValue", "CodingSchemeDesignator", "CodeMeaning"}
_NEEDING_CODE = {"ConceptNameCodeSequence", "ConceptCodeSequence", "MeasurementUnitsCodeSequence"}
"""Parts of a content item that may not be missing."""

_EMPTIED = {"ContentDescription", "PatientBirthDate", "PatientBirthTime", "PositionReferenceIndicator"}
"""Type 2 without a row in the table, and the two dates that no option keeps."""

_LABELS = {"GraphicLayer"}
"""Words of the user that other elements refer to."""

_TABLES = {
    "BluePaletteColorLookupTableData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
    "GreenPaletteColorLookupTableData", "LUTData", "RedPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData", "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData",
}  # fmt: skip
_BINARY_NUMBERS = frozenset({"US", "SS", "UL", "SL", "FL", "FD", "SV", "UV", "AT"})
_EMPTIED_GROUPS = ("Z_TAGS", "Z_D_TAGS", "X_Z_TAGS", "X_Z_D_TAGS")
_TABLE_GROUPS = ("D_TAGS", "X_TAGS", "X_D_TAGS", *_EMPTIED_GROUPS)


class Treatment(Enum):
    """What is done to an element."""

    REMOVE = auto()
    EMPTY = auto()
    SEQUENCE = auto()
    UID = auto()
    WORDS = auto()
    FLAG = auto()
    DESCRIPTION = auto()
    DUMMY = auto()
    LABEL = auto()
    CODE = auto()
    DATE = auto()
    TIME = auto()
    WRITTEN_NUMBER = auto()
    NUMBER = auto()
    TABLE = auto()


@lru_cache(maxsize=8192)
def treatment(place: int) -> Treatment:
    """Return what is done to the element of a tag; what no list names is removed."""
    if (place >> 16) % 2 or place >> 24 in {0x50, 0x60} or not dictionary_has_tag(place):
        return Treatment.REMOVE
    kind = dictionary_VR(place)
    for tags, wanted in _by_keyword():
        if place in tags:
            return wanted
    if kind in {"DA", "DT", "TM"}:
        return Treatment.TIME if kind == "TM" else Treatment.DATE
    if place in _rows(*_TABLE_GROUPS) - _tags(KEPT_CHARACTERISTICS):
        return Treatment.EMPTY if place in _rows(*_EMPTIED_GROUPS) else Treatment.REMOVE
    return _by_kind(kind)


@lru_cache(maxsize=8192)
def identifies(place: int) -> bool:
    """Whether a tag says whose animal and study an object is of: what is given back to results."""
    return place >> 16 in _IDENTITY_GROUPS or place in _tags(_STUDY_IDENTITY)


@cache
def kind_of_animal() -> frozenset[int]:
    """Return the tags of species and breed."""
    return _tags(_KIND_OF_ANIMAL)


@cache
def characteristics() -> frozenset[int]:
    """Return the tags that describe the animal and stay."""
    return _tags(KEPT_CHARACTERISTICS | _KIND_OF_ANIMAL)


@cache
def blank(*, animal: bool) -> tuple[BaseTag, ...]:
    """Return the tags of the attributes that are always there, empty if need be."""
    return tuple(map(tag, (*_BLANK, *(_BLANK_OF_ANIMALS if animal else ()))))


@cache
def named_equipment(sop_class: str) -> tuple[BaseTag, ...]:
    """Return the tags of the attributes that may not be empty in objects of a class."""
    return tuple(map(tag, _NAMED_EQUIPMENT)) if sop_class in _ENHANCED else ()


@cache
def words() -> Mapping[int, Callable[[str], str]]:
    """Return, by tag, what makes of a value the word that may stay; an empty one goes."""
    meant: dict[int, Callable[[str], str]] = {
        tag(keyword): _matching(re.compile(pattern)) for keyword, pattern in terms.TERMS.items()
    }
    meant[tag("BodyPartExamined")] = descriptors.body_part
    meant[tag("PatientAge")] = descriptors.coarse_age
    meant[tag("PatientBreedDescription")] = descriptors.breed
    meant[tag("PatientSpeciesDescription")] = descriptors.species
    return meant


@cache
def instead() -> Mapping[int, str]:
    """Return, by tag, what stands for a value that goes where none would make the object invalid."""
    return {tag(keyword): word for keyword, word in terms.INSTEAD.items()}


@cache
def needing_code() -> frozenset[int]:
    """Return the tags of code sequences that need an item even when its code goes."""
    return _tags(_NEEDING_CODE)


@cache
def _by_keyword() -> tuple[tuple[frozenset[int], Treatment], ...]:
    return (
        (_tags(_EMPTIED), Treatment.EMPTY),
        (_tags(_ALSO_REMOVED), Treatment.REMOVE),
        (_tags(_CODES), Treatment.CODE),
        (_tags(_DUMMIES), Treatment.DUMMY),
        (_tags(_LABELS), Treatment.LABEL),
        (_tags(_DESCRIPTIONS), Treatment.DESCRIPTION),
        (_tags(_TABLES), Treatment.TABLE),
        (_tags(_CLEANED), Treatment.SEQUENCE),
        (frozenset(words()), Treatment.WORDS),
    )


def _by_kind(kind: str) -> Treatment:
    known = {
        "CS": Treatment.FLAG,
        "DS": Treatment.WRITTEN_NUMBER,
        "IS": Treatment.WRITTEN_NUMBER,
        "SQ": Treatment.SEQUENCE,
        "UI": Treatment.UID,
    }
    return Treatment.NUMBER if kind.split(" ")[0] in _BINARY_NUMBERS else known.get(kind, Treatment.REMOVE)


@cache
def _rows(*groups: str) -> frozenset[int]:
    table = cast("Mapping[str, list[tuple[int, ...]]]", dicom_anonymization_database_selector(TABLE))
    return frozenset(tag[0] << 16 | tag[1] for group in groups for tag in table[group] if len(tag) == 2)


def _matching(pattern: re.Pattern[str]) -> Callable[[str], str]:
    return lambda word: word if pattern.fullmatch(word) else ""


def _tags(keywords: set[str] | frozenset[str]) -> frozenset[int]:
    return frozenset(map(tag, keywords))


def tag(keyword: str) -> BaseTag:
    """Return the tag of a DICOM keyword; ValueError when the dictionary has none."""
    found = tag_for_keyword(keyword)
    if found is None:
        raise ValueError(f"{keyword} is no DICOM keyword")
    return BaseTag(found)
