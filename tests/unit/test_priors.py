import itertools
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydicom.dataset import Dataset
from tests.builders import STUDY_UID, coded, film_bytes, film_dataset
from tests.fakes import FakeStore

from vetflow.dicom import answers
from vetflow.domain.errors import ConfigurationError, PermanentFailure, StudyRefused, TransientError, VetflowError
from vetflow.domain.priors import (
    Answer,
    Missing,
    MissingPrior,
    Patient,
    PriorLimits,
    Priors,
    Question,
    StudyAt,
    Traits,
    eligible,
    joined,
    reason_of,
)
from vetflow.domain.signalment import Species
from vetflow.domain.view import Region
from vetflow.settings import load
from vetflow.tasks.search import Search
from vetflow.wiring import build
from vetflow.wiring.priors import prior_sources

LIMITS = PriorLimits(studies=2, days=1000, instances=10)
OURS = StudyAt(study_uid="1.1", on=date(2025, 1, 1), clock="101500")
REX = Patient(id="A1", issuer="CLINIC")


def said(uid: str, on: date | None, *, issuer: str = "CLINIC", patient: str = "A1", **more: object) -> Answer:
    return Answer(study=StudyAt(study_uid=uid, on=on, **more), patient=Patient(id=patient, issuer=issuer))


def chosen(
    *said_: Answer, patient: Patient = REX, limits: PriorLimits = LIMITS
) -> tuple[list[str], dict[str, Missing]]:
    wanted, missing = eligible(said_, patient=patient, study=OURS, limits=limits)
    return [study.study_uid for study in wanted], {one.study.study_uid: one.reason for one in missing if one.study}


def test_the_newest_earlier_studies_are_wanted_across_accession_numbers() -> None:
    wanted, missing = chosen(
        said("1.2", date(2023, 1, 1)), said("1.3", date(2024, 6, 1)), said("1.4", date(2024, 1, 1))
    )

    assert wanted == ["1.3", "1.4"]
    assert missing == {"1.2": Missing.TOO_MANY}


def test_a_study_of_another_number_is_no_prior_and_is_not_spoken_of() -> None:
    assert chosen(said("1.2", date(2024, 1, 1), patient="A10")) == ([], {})


@pytest.mark.parametrize("issuer", ["OTHER", ""])
def test_the_same_number_of_another_register_is_discarded(issuer: str) -> None:
    assert chosen(said("1.2", date(2024, 1, 1), issuer=issuer)) == ([], {"1.2": Missing.ISSUER_DIFFERS})


def test_without_an_issuer_of_our_own_answers_that_disagree_are_all_left_alone() -> None:
    two = said("1.2", date(2024, 1, 1)), said("1.3", date(2024, 2, 1), issuer="OTHER")

    assert chosen(*two, patient=Patient(id="A1")) == (
        [],
        {"1.2": Missing.ISSUER_DIFFERS, "1.3": Missing.ISSUER_DIFFERS},
    )


def test_without_an_issuer_of_our_own_answers_that_agree_are_believed() -> None:
    assert chosen(said("1.2", date(2024, 1, 1)), patient=Patient(id="A1"))[0] == ["1.2"]


def test_a_sites_issuer_stands_in_where_nobody_names_one() -> None:
    limits = replace(LIMITS, issuer="CLINIC")

    assert chosen(said("1.2", date(2024, 1, 1), issuer=""), limits=limits)[0] == ["1.2"]


def test_the_study_itself_and_later_ones_are_no_priors() -> None:
    later = said("1.2", date(2025, 1, 2)), said("1.1", date(2024, 1, 1)), said("1.3", date(2025, 1, 1), clock="101501")

    assert chosen(*later) == ([], {})


def test_an_earlier_study_of_the_same_day_is_a_prior_when_both_say_the_time() -> None:
    same_day = said("1.2", date(2025, 1, 1), clock="090000"), said("1.3", date(2025, 1, 1))

    assert chosen(*same_day) == (["1.2"], {})


def test_old_undated_and_large_studies_are_not_fetched_and_it_is_said_why() -> None:
    unfit = (
        said("1.2", date(2020, 1, 1)),
        said("1.3", None),
        said("1.4", date(2024, 1, 1), instances=11),
    )

    assert chosen(*unfit) == ([], {"1.4": Missing.TOO_LARGE, "1.2": Missing.TOO_OLD, "1.3": Missing.UNDATED})


def test_a_study_without_any_wanted_modality_is_no_prior() -> None:
    assert chosen(said("1.2", date(2024, 1, 1), modalities=("US", "SR"))) == ([], {})
    assert chosen(said("1.2", date(2024, 1, 1), modalities=("SR", "DX")))[0] == ["1.2"]


@given(
    some.lists(
        some.builds(
            said,
            some.sampled_from(["1.1", "1.2", "1.3", "1.4", "1.5"]),
            some.none() | some.dates(date(2019, 1, 1), date(2026, 1, 1)),
            issuer=some.sampled_from(["CLINIC", "OTHER", ""]),
            patient=some.sampled_from(["A1", "A2"]),
            instances=some.none() | some.integers(1, 20),
        )
    ),
    some.sampled_from(["CLINIC", ""]),
)
def test_whatever_a_pacs_answers_bounds_and_identity_hold(answered: list[Answer], issuer: str) -> None:
    wanted, missing = eligible(answered, patient=Patient(id="A1", issuer=issuer), study=OURS, limits=LIMITS)

    assert len(wanted) <= LIMITS.studies
    assert not {study.study_uid for study in wanted} & {one.study.study_uid for one in missing if one.study}
    for study in wanted:
        whose = [one.patient for one in answered if one.study == study]
        assert any(one.id == "A1" and issuer in {"", one.issuer} for one in whose)
        assert study.before(OURS)
        assert (OURS.on - study.on).days <= LIMITS.days


@pytest.mark.parametrize("number", ["", "A*", "A?", "A1\\A2"])
def test_a_number_that_would_ask_for_other_animals_too_is_not_asked_for(number: str) -> None:
    assert not Patient(id=number).askable


def test_what_tells_whose_a_study_is_is_never_shown() -> None:
    shown = repr((REX, Question(accession="ACC7"), Traits(names=frozenset({"rex"}), chips=frozenset({"9851"}))))

    assert not {"A1", "CLINIC", "ACC7", "rex", "9851"} & set(shown.replace("'", " ").split())


def test_a_question_is_about_one_thing() -> None:
    for wrong in ({}, {"accession": "1", "study_uid": "1.2"}):
        with pytest.raises(ValueError, match="one"):
            Question(**wrong)


@pytest.mark.parametrize(
    ("ours", "theirs", "apart"),
    [
        (Traits(species=Species.DOG), Traits(species=Species.CAT), True),
        (Traits(species=Species.DOG), Traits(), False),
        (Traits(names=frozenset({"doe", "rex"})), Traits(names=frozenset({"roe", "rex"})), False),
        (Traits(names=frozenset({"doe", "rex"})), Traits(names=frozenset({"roe", "tom"})), True),
        (Traits(chips=frozenset({"1"})), Traits(chips=frozenset({"2"})), True),
    ],
)
def test_two_animals_are_told_apart_by_species_name_and_microchip(ours: Traits, theirs: Traits, apart: bool) -> None:
    assert ours.contradict(theirs) is apart
    assert theirs.contradict(ours) is apart


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TransientError("away"), Missing.TIMED_OUT),
        (PermanentFailure("no"), Missing.REFUSED),
        (ConfigurationError("no token"), Missing.REFUSED),
        (StudyRefused("too_large"), Missing.TOO_LARGE),
        (StudyRefused("header_unreadable"), Missing.REFUSED),
    ],
)
def test_what_went_wrong_becomes_a_word(error: VetflowError, reason: Missing) -> None:
    assert reason_of(error) is reason


def test_no_earlier_study_at_all_is_said() -> None:
    assert joined([], [], []) == Priors(missing=(MissingPrior(reason=Missing.NOT_FOUND),))


def test_an_answer_is_read_without_its_free_text() -> None:
    film = film_dataset(StudyDescription="Thorax of Rex Doe", IssuerOfPatientID="CLINIC")

    answer = answers.answer(film, Question(study_uid=STUDY_UID))

    assert answer is not None
    assert (answer.study.on, answer.study.clock, answer.study.region) == (date(2025, 1, 1), "101500", Region.THORAX)
    assert answer.patient == REX
    assert "Rex" not in repr(answer)


@pytest.mark.parametrize(
    "question", [Question(accession="ACC2"), Question(patient=Patient(id="A2")), Question(study_uid="1.2.3")]
)
def test_an_answer_to_another_question_is_none(question: Question) -> None:
    assert answers.answer(film_dataset(), question) is None


@pytest.mark.parametrize("tags", [{"StudyInstanceUID": "../../x"}, {"StudyInstanceUID": None}])
def test_an_answer_without_a_valid_study_is_none(tags: dict[str, str | None]) -> None:
    assert answers.answer(film_dataset(**tags), Question(accession="ACC1")) is None


@pytest.mark.parametrize("tags", [{"StudyDate": "yesterday", "StudyTime": "10"}, {"StudyDate": "", "StudyTime": ""}])
def test_a_damaged_date_is_no_date(tags: dict[str, str]) -> None:
    header = Dataset.from_json({})
    for keyword, value in tags.items():
        header.add_new(keyword, "LO", value)

    study = answers.study(header)

    assert (study.on, study.clock) == (None, "")


def test_a_microchip_and_the_words_of_a_name_are_traits() -> None:
    chip, other = Dataset(), Dataset()
    chip.PatientID, chip.TypeOfPatientID = "985112001234567", "RFID"
    other.PatientID, other.TypeOfPatientID = "OLD-1", "TEXT"

    traits = answers.traits(film_dataset(OtherPatientIDsSequence=[chip, other]))

    assert traits == Traits(species=Species.DOG, names=frozenset({"doe", "rex"}), chips=frozenset({"985112001234567"}))


@dataclass
class FakeSource:
    """A PACS that holds studies, and misbehaves when told to."""

    held: dict[str, list[bytes]] = field(default_factory=dict)
    answered: Sequence[Answer] = ()
    find_error: VetflowError | None = None
    fetch_error: VetflowError | None = None
    asked: list[Question] = field(default_factory=list)
    given: list[float] = field(default_factory=list)

    def find(self, question: Question, *, seconds: float) -> Sequence[Answer]:
        self.asked.append(question)
        self.given.append(seconds)
        if self.find_error:
            raise self.find_error
        return self.answered

    def fetch(self, study_uid: str, keep: Callable[[bytes], str], *, limits: PriorLimits) -> Sequence[str]:
        self.given.append(limits.seconds)
        if self.fetch_error:
            raise self.fetch_error
        return [keep(data) for data in self.held[study_uid]]


OLD = "1.2.826.0.1.3680043.8.498.71"
OLDER = "1.2.826.0.1.3680043.8.498.72"


def old_film(study: str = OLD, on: str = "20240301", **tags: object) -> bytes:
    said_ = {"StudyInstanceUID": study, "StudyDate": on, "AccessionNumber": "ACC0", "SOPInstanceUID": f"{study}.1.1"}
    return film_bytes(**{**said_, **tags})


def pacs(*studies: str, **tags: object) -> FakeSource:
    return FakeSource(
        held={study: [old_film(study, **tags)] for study in studies},
        answered=[said(study, date(2024, 3, 1), issuer="") for study in studies],
    )


def searched(
    *sources: FakeSource, store: FakeStore | None = None, ours: Dataset | None = None, **more: object
) -> Priors:
    named = {f"pacs-{number}": source for number, source in enumerate(sources)}
    search = Search(named, store or FakeStore(), limits=PriorLimits(seconds=10), **more)
    return search.of(ours or film_dataset())


def test_a_prior_under_another_accession_number_is_fetched_into_the_store() -> None:
    store = FakeStore()

    found = searched(pacs(OLD), store=store)

    (fetched,) = found.fetched
    assert [store.get(digest) for digest in fetched.digests] == [old_film()]
    assert found.found == (fetched.study,)
    assert found.missing == ()


def test_nobody_is_asked_for_an_animal_without_a_number() -> None:
    source = pacs(OLD)

    found = searched(source, ours=film_dataset(PatientID=""))

    assert found.missing == (MissingPrior(reason=Missing.NOT_ASKED),)
    assert source.asked == []


def test_a_site_without_a_pacs_to_ask_says_that_nobody_was_asked() -> None:
    assert searched().missing == (MissingPrior(reason=Missing.NOT_ASKED),)


@pytest.mark.parametrize(
    ("error", "reason"), [(TransientError("away"), Missing.TIMED_OUT), (PermanentFailure("no"), Missing.REFUSED)]
)
def test_a_pacs_that_does_not_answer_is_said_and_the_next_is_asked(error: VetflowError, reason: Missing) -> None:
    found = searched(FakeSource(find_error=error), pacs(OLD))

    assert [one.study.study_uid for one in found.fetched] == [OLD]
    assert found.missing == (MissingPrior(reason=reason),)


def test_a_prior_that_does_not_come_is_missing_and_the_others_come() -> None:
    slow, well = pacs(OLD), pacs(OLDER)
    slow.fetch_error = TransientError("in time")

    found = searched(slow, well)

    assert [one.study.study_uid for one in found.fetched] == [OLDER]
    assert [(one.study.study_uid, one.reason) for one in found.missing if one.study] == [(OLD, Missing.TIMED_OUT)]
    assert {study.study_uid for study in found.found} == {OLD, OLDER}


def test_a_study_that_two_pacs_name_comes_from_the_first() -> None:
    first, second = pacs(OLD), pacs(OLD)

    searched(first, second)

    assert (len(first.given), len(second.given)) == (2, 1)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"PatientID": "A10"}, Missing.OTHER_ANIMAL),
        ({"PatientName": "Roe^Tom"}, Missing.OTHER_ANIMAL),
        (
            {
                "PatientSpeciesDescription": "Feline",
                "PatientSpeciesCodeSequence": [coded("448169003", "SCT", "Felis catus")],
            },
            Missing.OTHER_ANIMAL,
        ),
    ],
)
def test_images_that_are_another_animals_are_not_used_whatever_the_pacs_answered(
    tags: dict[str, object], reason: Missing
) -> None:
    found = searched(pacs(OLD, **tags))

    assert (found.fetched, found.found) == ((), ())
    assert [one.reason for one in found.missing] == [reason]


def test_images_of_another_register_are_not_used() -> None:
    source = pacs(OLD, IssuerOfPatientID="OTHER")
    source.answered = [said(OLD, date(2024, 3, 1))]

    found = searched(source, ours=film_dataset(IssuerOfPatientID="CLINIC"))

    assert [one.reason for one in found.missing] == [Missing.ISSUER_DIFFERS]


def test_all_questions_and_transfers_share_one_budget_of_time() -> None:
    ticks = itertools.count(100.0, 4.0)
    source = pacs(OLD, OLDER)

    found = searched(source, monotonic=lambda: next(ticks))

    assert source.given == [6.0, 2.0]
    assert [one.reason for one in found.missing] == [Missing.TIMED_OUT]


def test_a_disk_that_is_full_costs_the_prior_only() -> None:
    store = FakeStore()
    store.full = True

    assert [one.reason for one in searched(pacs(OLD), store=store).missing] == [Missing.TIMED_OUT]


def test_nothing_about_whose_study_it_is_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    searched(pacs(OLD, PatientName="Roe^Tom"), FakeSource(find_error=TransientError("away")))

    assert not any(word in caplog.text for word in ("A1", "Rex", "Roe", OLD))


SITE = """
[priors]
studies = 5
issuer = "CLINIC"

[[prior_sources]]
name = "archive"
kind = "dicom"
ae_title = "ARCHIVE"
host = "127.0.0.1"
port = 104
retrieve = "move"

[[prior_sources]]
name = "cloud"
kind = "dicomweb"
url = "https://pacs.example/dicom-web"
token = "cloud.token"
"""


def test_a_sites_file_names_its_pacs_and_its_bounds(tmp_path: Path) -> None:
    (tmp_path / "vetflow.toml").write_text(SITE)

    settings = load(home=tmp_path)

    assert list(prior_sources(build(settings))) == ["archive", "cloud"]
    assert settings.priors.limits == PriorLimits(studies=5, issuer="CLINIC")


@pytest.mark.parametrize(
    ("wrong", "key", "nearest"),
    [("retreive", "retrieve", "retrieve"), ("tokn", "token", "token")],
)
def test_a_misspelt_key_of_a_pacs_is_answered_with_one_of_its_own_kind(
    tmp_path: Path, wrong: str, key: str, nearest: str
) -> None:
    (tmp_path / "vetflow.toml").write_text(SITE.replace(f"\n{key} =", f"\n{wrong} ="))

    with pytest.raises(ConfigurationError, match=rf"prior_sources\.\d\.{wrong} .* nearest valid key is {nearest}"):
        load(home=tmp_path)


def test_two_pacs_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "vetflow.toml").write_text(SITE.replace('"cloud"', '"archive"'))

    with pytest.raises(ConfigurationError, match="two prior sources share a name"):
        load(home=tmp_path)


def test_the_values_of_a_search_survive_json_without_names() -> None:
    found = searched(pacs(OLD))

    assert "Rex" not in json.dumps(found, default=repr)
