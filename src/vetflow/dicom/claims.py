"""What every field of a header claims about animal, body part, view and exposure."""

import re
from collections.abc import Iterable
from math import ceil
from typing import TypeVar

from pydicom.dataset import Dataset

from vetflow.dicom import codes, fields
from vetflow.domain.coding import Code
from vetflow.domain.evidence import Claim, Exposure, TagEvidence, agreed, said_first
from vetflow.domain.signalment import Signalment, Species, plain, species_from_text
from vetflow.domain.study import Facts
from vetflow.domain.view import Region, View, region_from_term, region_from_text, view_from_text

T = TypeVar("T")

_FILM_TEXT = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
"""Free text about one film or series."""
_STUDY_TEXT = ("PerformedProcedureStepDescription", "StudyDescription", "RequestedProcedureDescription")
"""Free text about a whole study, whose films may show other parts; heard where the film's own fields are silent."""
_ANIMAL_TEXT = ("PatientComments", *_FILM_TEXT, *_STUDY_TEXT)
_NOT_AN_ANIMAL = ("cat scan", "hot dog")
_TERM = re.compile(r"[A-Z0-9_ ]{0,16}")
_LARGEST_DEVIATION = 50.0
_NEUTERED = {"MN": "M", "MC": "M", "NM": "M", "CM": "M", "FS": "F", "SF": "F", "FN": "F", "NF": "F"}
_INTACT = {"MI": "M", "IM": "M", "FI": "F", "IF": "F", "ME": "M", "FE": "F"}
_QUADRUPED_AXES = {
    **dict.fromkeys(("LE", "RT"), "side"),
    **dict.fromkeys(("D", "V"), "height"),
    **dict.fromkeys(("CR", "CD"), "length"),
}
_HUMAN_AXES = {
    **dict.fromkeys("LR", "side"),
    **dict.fromkeys("AP", "height"),
    **dict.fromkeys("HF", "length"),
}
_HUNG = frozenset({("LE", "CD"), ("CD", "RT"), ("RT", "CR"), ("CR", "LE")})
"""Right and bottom edge of frontal films that, their head up, show the animal's left on the viewer's right."""
_IN_HUMANS = {"L": "LE", "R": "RT", "H": "CR", "F": "CD"}
_OTHER_SIDE = {"LE": "RT", "RT": "LE"}


def tag_evidence(header: Dataset, *, present_bytes: int, compressed: bool) -> TagEvidence:
    """Return the typed claims of a header; no free text of it comes along.

    Parameters
    ----------
    present_bytes, compressed
        Bytes of pixels that the file holds, and whether they are compressed frames.
    """
    species = _species(header)
    sex, neutered = _sex(header)
    rows, columns, frames = size(header)
    return TagEvidence(
        modality=_term(header, "Modality"),
        signalment=Signalment(species=agreed(species), sex=sex, neutered=neutered, breed=_breed(header)),
        species=species,
        regions=_regions(header),
        views=_views(header),
        exposure=_exposure(header),
        mirrored=_mirrored(header),
        rows=rows,
        columns=columns,
        frames=frames,
        bits=fields.count(header, "BitsStored"),
        photometric=_term(header, "PhotometricInterpretation"),
        compressed=compressed,
        declared_bytes=declared_bytes(header),
        present_bytes=present_bytes,
        burned_in=_term(header, "BurnedInAnnotation") == "YES",
    )


def _breed(header: Dataset) -> Code | None:
    return next(fields.coded(header, "PatientBreedCodeSequence"), None)


def routing_facts(header: Dataset) -> Facts:
    """Return what routing needs of a header; where fields disagree, the most trusted one's word."""
    return Facts(
        modality=_term(header, "Modality"),
        species=said_first(_species(header)),
        region=said_first(_regions(header)),
        view=said_first(_views(header)),
        expected_instances=fields.count(header, "NumberOfStudyRelatedInstances") or None,
    )


def size(header: Dataset) -> tuple[int, int, int]:
    """Return rows, columns and frames as declared; 0 where the header doesn't say."""
    rows, columns = fields.count(header, "Rows"), fields.count(header, "Columns")
    return rows, columns, fields.count(header, "NumberOfFrames") or 1


def declared_bytes(header: Dataset) -> int:
    """Return the bytes that the declared pixels take uncompressed."""
    rows, columns, frames = size(header)
    samples = fields.count(header, "SamplesPerPixel") or 1
    return rows * columns * frames * samples * ceil(fields.count(header, "BitsAllocated") / 8)


def _species(header: Dataset) -> tuple[Claim[Species], ...]:
    breed = fields.text(header, "PatientBreedDescription")
    return _claims(
        *(("PatientSpeciesCodeSequence", codes.species_of(code)) for code in _codes(header, "PatientSpecies")),
        ("PatientSpeciesDescription", _named_animal(header, "PatientSpeciesDescription")),
        *(("PatientBreedCodeSequence", species_from_text(code.meaning)) for code in _codes(header, "PatientBreed")),
        ("PatientBreedDescription", species_from_text(breed) or codes.breed_species(breed)),
        *((keyword, _named_animal(header, keyword)) for keyword in _ANIMAL_TEXT),
    )


def _codes(header: Dataset, what: str) -> Iterable[Code]:
    return fields.coded(header, f"{what}CodeSequence")


def _named_animal(header: Dataset, keyword: str) -> Species | None:
    words = plain(fields.text(header, keyword))
    for phrase in _NOT_AN_ANIMAL:
        words = words.replace(phrase, " ")
    return species_from_text(words)


def _regions(header: Dataset) -> tuple[Claim[Region], ...]:
    term = fields.text(header, "BodyPartExamined")
    own = _claims(
        *(("AnatomicRegionSequence", codes.region_of(code)) for code in fields.coded(header, "AnatomicRegionSequence")),
        ("BodyPartExamined", region_from_term(term) or region_from_text(term)),
        *((keyword, region_from_text(fields.text(header, keyword))) for keyword in _FILM_TEXT),
    )
    return own or _claims(*((keyword, region_from_text(fields.text(header, keyword))) for keyword in _STUDY_TEXT))


def _views(header: Dataset) -> tuple[Claim[View], ...]:
    own = _claims(
        *(("ViewCodeSequence", codes.view_of(code)) for code in _codes(header, "View")),
        *((keyword, view_from_text(fields.text(header, keyword))) for keyword in ("ViewPosition", *_FILM_TEXT)),
        ("PatientOrientation", _oriented(header)),
    )
    return own or _claims(*((keyword, view_from_text(fields.text(header, keyword))) for keyword in _STUDY_TEXT))


def _oriented(header: Dataset) -> View | None:
    """Return the plane of right and bottom edge; R and L mean other things in quadrupeds (PS3.3 C.7.6.1.1.1)."""
    quadruped = _term(header, "AnatomicalOrientationType") == "QUADRUPED"
    axes: set[str | None] = set()
    for value in map(str.upper, fields.texts(header, "PatientOrientation")):
        axis = _QUADRUPED_AXES.get(value[:2]) or _QUADRUPED_AXES.get(value[:1])
        axes.add(axis or (None if quadruped else _HUMAN_AXES.get(value[:1])))
    if axes == {"side", "length"}:
        return View.SAGITTAL
    return View.LATERAL if axes == {"height", "length"} else None


def _mirrored(header: Dataset) -> bool | None:
    quadruped = _term(header, "AnatomicalOrientationType") == "QUADRUPED"
    values = [value.upper() for value in fields.texts(header, "PatientOrientation")]
    edges = tuple(
        value[:2] if value[:2] in _QUADRUPED_AXES else "" if quadruped else _IN_HUMANS.get(value[:1], "")
        for value in values
    )
    if edges in _HUNG:
        return False
    return True if tuple(_OTHER_SIDE.get(edge, edge) for edge in edges) in _HUNG else None


def _claims(*said: tuple[str, T | None]) -> tuple[Claim[T], ...]:
    return tuple(Claim(field=keyword, says=word) for keyword, word in said if word is not None)


def _exposure(header: Dataset) -> Exposure:
    deviation = fields.number(header, "DeviationIndex")
    return Exposure(
        index=_positive(fields.number(header, "ExposureIndex")),
        target=_positive(fields.number(header, "TargetExposureIndex")),
        deviation=deviation if deviation is not None and abs(deviation) <= _LARGEST_DEVIATION else None,
    )


def _positive(value: float | None) -> float | None:
    return value if value and value > 0 else None


def _sex(header: Dataset) -> tuple[str, str]:
    """Return PatientSex and PatientSexNeutered, also from clinics' two-letter words such as MN and FS."""
    said, neutered = _term(header, "PatientSex"), _term(header, "PatientSexNeutered")
    neutered = neutered if neutered in {"ALTERED", "UNALTERED"} else ""
    if said in _NEUTERED:
        return _NEUTERED[said], neutered or "ALTERED"
    if said in _INTACT:
        return _INTACT[said], neutered or "UNALTERED"
    return said if said in {"M", "F", "O"} else "", neutered


def _term(header: Dataset, keyword: str) -> str:
    """Return a coded string; anything that can't be one is free text in the wrong place and stays behind."""
    term = fields.text(header, keyword).upper()
    return term if _TERM.fullmatch(term) else ""
