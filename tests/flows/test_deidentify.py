"""The step that takes owner and clinic out of a film: once a film, remembered before it is kept, or held back."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.builders import STUDY_UID, film_bytes

from vetflow.dicom import header
from vetflow.domain.case import CaseRef, Subject
from vetflow.domain.errors import StudyRefused
from vetflow.domain.privacy import Identity
from vetflow.settings import PixelMask, Settings
from vetflow.tasks.deidentify import HELD, CleanStudy, deidentify
from vetflow.tasks.retrieve import Film, Study
from vetflow.tasks.validate import ValidStudy
from vetflow.wiring import Services, keys, use_services

BURNED = film_bytes(BurnedInAnnotation="YES")


@dataclass(slots=True)
class FakeMap:
    known: list[tuple[str, str, Identity]] = field(default_factory=list)

    def remember(self, study: str, instance: str, identity: Identity) -> None:
        self.known.append((study, instance, identity))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Services]:
    keys.make(tmp_path / "secrets")
    services = Services(Settings(home=tmp_path))
    services.__dict__["ledger"] = FakeMap()
    with use_services(services):
        yield services


def valid(site: Services, *films: bytes) -> ValidStudy:
    digests = tuple(site.store.put([data]) for data in films)
    subject = Subject(
        ref=CaseRef(id="case-1"), use_case="positioning", study_id="study-1", revision=None, instance_ids=("image-1",),
        digests=digests,
    )  # fmt: skip
    evidence = header.evidence(film_bytes())
    study = Study(subject=subject, films=tuple(Film(digest=digest, evidence=evidence) for digest in digests))
    return ValidStudy(study=study, checks=())


def cleaned(site: Services, *films: bytes) -> CleanStudy:
    return deidentify.fn(valid(site, *films))


def test_a_film_is_derived_once_and_the_way_back_is_remembered_by_its_digest(site: Services) -> None:
    clean = cleaned(site, film_bytes())
    again = cleaned(site, film_bytes())

    film = site.derived.get(clean.keys[0])
    assert film is not None
    assert b"Doe" not in film
    assert (again, clean.held) == (clean, {})
    ((study, instance, identity),) = site.ledger.known
    assert (study, instance) == ("study-1", clean.study.films[0].digest)
    assert STUDY_UID in identity.uids.values()


def test_a_film_that_may_carry_text_is_held_back_and_says_so(site: Services) -> None:
    clean = cleaned(site, BURNED)

    assert (clean.keys, clean.held) == ({}, {0: HELD})
    assert site.ledger.known == []


def test_the_sites_mask_lets_it_through_and_another_mask_derives_it_anew(site: Services) -> None:
    names = set[str]()

    for bottom in (10, 12):
        mask = PixelMask(manufacturer="Builder", rows=64, columns=80, regions=((0, 0, 80, bottom),))
        site.settings = site.settings.model_copy(update={"masks": (mask,)})
        names |= set(cleaned(site, BURNED).keys.values())

    assert len(names) == 2


def test_of_several_films_the_one_held_back_and_the_damaged_one_stop_no_other(site: Services) -> None:
    clean = cleaned(site, BURNED, film_bytes().replace(b"DICM", b"XXXX"), film_bytes())

    assert (list(clean.keys), clean.held) == ([2], {0: HELD})
    assert [bool(film.refused) for film in clean.study.films] == [False, True, False]


def test_another_refusal_stays_one(site: Services) -> None:
    with pytest.raises(StudyRefused) as refused:
        cleaned(site, film_bytes().replace(b"DICM", b"XXXX"))

    assert refused.value.reason == "not_dicom"
