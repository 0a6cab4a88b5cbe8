"""Whose films they are and what was done, as a message to the practice system says it."""

from collections.abc import Mapping

from pydicom.dataset import Dataset

from vetflow.dicom import claims, fields
from vetflow.domain.coding import Code, own
from vetflow.domain.quality import SERVICE
from vetflow.domain.signalment import SPECIES_CODES
from vetflow.hl7.oru import Animal

SERVICES: Mapping[str, Code] = {
    "positioning": SERVICE,
    "cardiac": own("cardiac", "Heart size on radiographs"),
    "anatomy": own("anatomy", "Anatomy labelled on radiographs"),
    "triage": own("triage", "Emergencies on radiographs"),
}
"""What each use case does (OBR-4)."""


def animal(header: Dataset) -> Animal:
    """Return the animal of a film as its original header names it."""
    species = claims.routing_facts(header).species
    return Animal(
        id=fields.text(header, "PatientID"),
        issuer=fields.text(header, "IssuerOfPatientID"),
        name=fields.text(header, "PatientName"),
        birth_date=fields.text(header, "PatientBirthDate"),
        sex=fields.text(header, "PatientSex"),
        species=SPECIES_CODES[species] if species else None,
        breed=_breed(header),
        breed_text=fields.text(header, "PatientBreedDescription"),
    )


def accession(header: Dataset) -> str:
    """Return the film's accession number, empty when it has none."""
    return fields.text(header, "AccessionNumber")


def study_time(header: Dataset) -> str:
    """Return date and time of the study as HL7 wants them, empty when unknown."""
    date, time = fields.text(header, "StudyDate"), fields.text(header, "StudyTime").partition(".")[0]
    return (date + time if len(time) == 6 else date) if len(date) == 8 and date.isdigit() else ""


def _breed(header: Dataset) -> Code | None:
    for item in fields.items(header, "PatientBreedCodeSequence"):
        value, scheme, meaning = (
            fields.text(item, keyword) for keyword in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
        )
        if value and scheme and meaning:
            return Code(value=value, scheme=scheme, meaning=meaning)
    return None
