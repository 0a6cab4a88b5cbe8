"""What a study's headers give a draft report: animal, history, films; nobody's name."""

from collections.abc import Iterable, Sequence

from pydicom.dataset import Dataset

from vetflow.dicom import answers, fields
from vetflow.domain.evidence import TagEvidence, said_first
from vetflow.domain.priors import Priors
from vetflow.domain.report import Given, Shot
from vetflow.domain.signalment import Signalment
from vetflow.domain.urgency import Urgency
from vetflow.domain.view import Region

_PER_YEAR = {"Y": 1.0, "M": 12.0, "W": 365.25 / 7, "D": 365.25}
"""Units of an AS value (PS3.5 section 6.2)."""
_OLDEST = 100.0


def given(header: Dataset, films: Sequence[TagEvidence], *, priors: Priors, asked: Urgency = Urgency.ROUTINE) -> Given:
    """Return what people and tags say of a study.

    Parameters
    ----------
    header
        Original header of any of its images.
    films
        Evidence of each image, in the order that findings number them.
    asked
        How soon the clinic wants it read.
    """
    shots = tuple(
        Shot(view=said_first(film.views), region=said_first(film.regions), modality=film.modality) for film in films
    )
    weight = fields.number(header, "PatientWeight")
    return Given(
        signalment=films[0].signalment if films else Signalment(),
        breed=next(fields.coded(header, "PatientBreedCodeSequence"), None),
        age_years=_age(header),
        weight_kg=weight if weight and weight > 0 else None,
        history=fields.text(header, "AdditionalPatientHistory"),
        region=_region(shot.region for shot in shots if shot.region),
        films=shots,
        priors=priors,
        asked=asked,
    )


def _region(regions: Iterable[Region]) -> Region | None:
    """Return the one region that films are of, the trunk for its two halves; None when they are of several."""
    seen = set(regions)
    if len(seen) == 1:
        return seen.pop()
    return Region.TRUNK if seen and seen <= {Region.THORAX, Region.ABDOMEN, Region.TRUNK} else None


def _age(header: Dataset) -> float | None:
    """Return PatientAge in years, else the time from birth to the study."""
    said = fields.text(header, "PatientAge").upper()
    if said[-1:] in _PER_YEAR and said[:-1].isdigit():
        years = int(said[:-1]) / _PER_YEAR[said[-1]]
    else:
        born, on = answers.date_of(header, "PatientBirthDate"), answers.date_of(header, "StudyDate")
        years = (on - born).days / _PER_YEAR["D"] if born and on else -1.0
    return years if 0.0 <= years <= _OLDEST else None
