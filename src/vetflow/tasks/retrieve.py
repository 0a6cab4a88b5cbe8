"""Take a case and bring its films."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pydicom.dataset import Dataset

from vetflow.dicom import fields, header
from vetflow.domain.case import CaseRef, Subject
from vetflow.domain.errors import StudyRefused
from vetflow.domain.evidence import TagEvidence
from vetflow.tasks.step import step
from vetflow.wiring import services

MOST = 12
"""Films a case looks at; a study of more is rare, and each takes its time."""
_MODALITIES = frozenset({"CR", "DX"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A film on its way through a case: where its bytes are and what its tags claim.

    Parameters
    ----------
    digest
        SHA-256 of the film in the store.
    refused
        Why it can't be judged, for people; empty when it can.
    """

    digest: str
    evidence: TagEvidence
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What a case looks at.

    Parameters
    ----------
    films
        In order of arrival; findings name them by their number.
    left_out
        One sentence for each reason why images of the case are not among them.
    """

    subject: Subject
    films: tuple[Film, ...]
    left_out: tuple[str, ...] = ()

    def without(self, refusals: Mapping[int, StudyRefused]) -> "Study":
        """Return the study with films marked as refused, by number; the last refusal is raised when none is left."""
        films = tuple(
            replace(film, refused=str(refusals[number])) if number in refusals else film
            for number, film in enumerate(self.films)
        )
        if refusals and all(film.refused for film in films):
            raise list(refusals.values())[-1]
        return replace(self, films=films)


@step
def retrieve(case: CaseRef, *, one_film: bool = False) -> Study:
    """Return the films of a case with their tag evidence; the case's lease is held from here on.

    Parameters
    ----------
    one_film
        The use case is about one film, whatever its modality: StudyRefused ``not_one_film`` when there are several.
    """
    subject = services().leases.hold(case)
    if one_film:
        if len(subject.digests) != 1:
            raise StudyRefused("not_one_film", "this use case looks at one film")
        return Study(subject=subject, films=(_film(subject.digests[0]),))
    return _chosen(subject)


def _chosen(subject: Subject) -> Study:
    """Return the films among what the case is about, of one animal by their tags.

    Raises
    ------
    StudyRefused
        ``no_film``, ``several_animals``.
    """
    read = [_read(digest) for digest in subject.digests]
    films = [one for one in read if one and one.film.evidence.modality in _MODALITIES]
    sized = [one for one in films if one.film.evidence.rows and one.film.evidence.columns]
    if not sized:
        raise StudyRefused("no_film", "the study holds no film")
    if len({one.animal for one in sized[:MOST]} - {""}) > 1:
        raise StudyRefused("several_animals", "the films of the study are of different animals by their tags")
    chosen = tuple(one.film for one in sized[:MOST])
    if len(chosen) < len(subject.digests):
        services().ledger.judges(subject.ref, [film.digest for film in chosen])
    left_out = (
        (len(sized) - MOST, f"beyond the first {MOST} films"),
        (read.count(None), "unreadable"),
        (len(films) - len(sized), "without a size"),
    )
    told = (f"{_images(count)} not looked at: {why}" for count, why in left_out if count > 0)
    return Study(subject=subject, films=chosen, left_out=tuple(told))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """An image of the case and its PatientID, which goes no further."""

    film: Film
    animal: str = field(repr=False)


def _read(digest: str) -> _Read | None:
    """Return an image of the case, None when it can't be read."""
    try:
        parsed = header.parse(services().store.get(digest))
    except StudyRefused:
        return None
    film = Film(digest=digest, evidence=header.evidence_of(parsed))
    return _Read(film=film, animal=fields.text(parsed.dataset, "PatientID"))


def headers(study: Study) -> tuple[Dataset, ...]:
    """Return the films' original headers."""
    return tuple(header.read(services().store.get(film.digest)) for film in study.films)


def _film(digest: str) -> Film:
    return Film(digest=digest, evidence=header.evidence(services().store.get(digest)))


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"
