"""Headers: typed claims out of what equipment writes, and a reason out of what can't be read."""

import io
import struct
import zlib

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian
from tests.builders import (
    coded,
    cut_off_film,
    encapsulated_bytes,
    enormous_film,
    film_bytes,
    film_dataset,
    jpeg2000_stream,
    part10,
    studyless_film,
    truncated_film,
    unknown_syntax_film,
)

from vetflow.dicom import header
from vetflow.domain.errors import StudyRefused
from vetflow.domain.evidence import Exposure
from vetflow.domain.signalment import Species
from vetflow.domain.view import Region, View

BARE = {
    "PatientSpeciesDescription": None,
    "PatientSpeciesCodeSequence": None,
    "PatientBreedDescription": None,
    "AnatomicRegionSequence": None,
    "BodyPartExamined": None,
    "ViewCodeSequence": None,
    "ViewPosition": None,
    "PatientOrientation": None,
    "SeriesDescription": None,
    "StudyDescription": None,
}


def bare(**tags: object) -> bytes:
    return film_bytes(**{**BARE, **tags})


def said(claims: object) -> list[tuple[str, object]]:
    return [(claim.field, claim.says) for claim in claims]


def test_codes_are_trusted_before_terms_and_terms_before_free_text() -> None:
    evidence = header.evidence(film_bytes())

    assert [claim.field for claim in evidence.regions] == [
        "AnatomicRegionSequence", "BodyPartExamined", "SeriesDescription",
    ]  # fmt: skip
    assert said(evidence.views)[:2] == [("ViewCodeSequence", View.VENTRODORSAL), ("ViewPosition", View.VENTRODORSAL)]
    assert said(evidence.species)[0] == ("PatientSpeciesCodeSequence", Species.DOG)


def test_each_field_speaks_for_itself_when_fields_disagree() -> None:
    evidence = header.evidence(film_bytes(ViewPosition="AP", SeriesDescription="Thorax LAT", ViewCodeSequence=None))

    assert said(evidence.views) == [
        ("ViewPosition", View.SAGITTAL), ("SeriesDescription", View.LATERAL), ("PatientOrientation", View.SAGITTAL),
    ]  # fmt: skip


def test_old_snomed_codes_are_understood_by_code_not_by_words() -> None:
    evidence = header.evidence(
        bare(
            PatientSpeciesCodeSequence=[coded("L-00376", "SRT", "whatever")],
            AnatomicRegionSequence=[coded("T-D3000", "SNM3", "whatever")],
            ViewCodeSequence=[coded("R-10236", "SRT", "right lateral")],
        )
    )

    assert said(evidence.species) == [("PatientSpeciesCodeSequence", Species.CAT)]
    assert said(evidence.regions) == [("AnatomicRegionSequence", Region.THORAX)]
    assert said(evidence.views) == [("ViewCodeSequence", View.LEFT_LATERAL)]


@pytest.mark.parametrize(
    ("breed", "species"),
    [("Maine Coon", Species.CAT), ("DSH", Species.CAT), ("Labrador", Species.DOG), ("Shetland pony", Species.HORSE),
     ("Mrs Doe's", None), ("mixed", None)],
)  # fmt: skip
def test_a_breed_names_its_species(breed: str, species: Species | None) -> None:
    evidence = header.evidence(bare(PatientBreedDescription=breed))

    assert evidence.signalment.species is species


def test_species_words_are_heard_in_comments_and_descriptions_but_a_cat_scan_is_no_cat() -> None:
    heard = header.evidence(bare(PatientComments="Katze, aggressive", StudyDescription="CAT scan of a dog"))

    assert said(heard.species) == [("PatientComments", Species.CAT), ("StudyDescription", Species.DOG)]
    assert heard.signalment.species is None


def test_a_description_of_the_whole_study_is_heard_only_when_the_film_is_silent() -> None:
    silent = header.evidence(bare(StudyDescription="Pelvis VD"))
    speaking = header.evidence(bare(StudyDescription="Pelvis VD", SeriesDescription="Thorax LAT"))

    assert (said(silent.regions), said(silent.views)) == (
        [("StudyDescription", Region.PELVIS)], [("StudyDescription", View.VENTRODORSAL)],
    )  # fmt: skip
    assert said(speaking.regions) == [("SeriesDescription", Region.THORAX)]
    assert said(speaking.views) == [("SeriesDescription", View.LATERAL)]


@pytest.mark.parametrize(
    ("orientation", "animal", "view"),
    [(["CD", "V"], "QUADRUPED", View.LATERAL), (["LE", "CD"], "QUADRUPED", View.SAGITTAL),
     (["L", "F"], None, View.SAGITTAL), (["A", "F"], None, View.LATERAL),
     (["L", "DI"], "QUADRUPED", None), (["R", "CD"], "QUADRUPED", None), (["", ""], None, None)],
)  # fmt: skip
def test_orientation_gives_the_plane_and_r_is_rostral_in_quadrupeds(
    orientation: list[str], animal: str | None, view: View | None
) -> None:
    evidence = header.evidence(bare(PatientOrientation=orientation, AnatomicalOrientationType=animal))

    assert [claim.says for claim in evidence.views] == ([view] if view else [])


@pytest.mark.parametrize(
    ("orientation", "animal", "mirrored"),
    [
        (["LE", "CD"], "QUADRUPED", False),
        (["CD", "RT"], "QUADRUPED", False),
        (["RT", "CR"], "QUADRUPED", False),
        (["RT", "CD"], "QUADRUPED", True),
        (["LE", "CR"], "QUADRUPED", True),
        (["L", "F"], "BIPED", False),
        (["R", "F"], "BIPED", True),
        (["L", "F"], "QUADRUPED", None),
        (["CD", "V"], "QUADRUPED", None),
        (["LE"], "QUADRUPED", None),
        (None, "", None),
    ],
)
def test_a_frontal_film_says_by_its_edges_whether_it_is_mirrored(
    orientation: list[str] | None, animal: str, mirrored: bool | None
) -> None:
    evidence = header.evidence(bare(PatientOrientation=orientation, AnatomicalOrientationType=animal))

    assert evidence.mirrored is mirrored


def test_exposure_indices_that_are_no_numbers_count_as_missing() -> None:
    film = film_bytes().replace(b"\x18\x00\x11\x14DS\x04\x00250 ", b"\x18\x00\x11\x14DS\x04\x00junk")
    film = film.replace(b"\x18\x00\x12\x14DS\x04\x00250 ", b"\x18\x00\x12\x14DS\x04\x00-1  ")
    film = film.replace(b"\x18\x00\x13\x14DS\x04\x000.1 ", b"\x18\x00\x13\x14DS\x04\x009999")

    assert header.evidence(film).exposure == Exposure()
    assert header.evidence(film_bytes()).exposure == Exposure(index=250, target=250, deviation=0.1)


@pytest.mark.parametrize(
    ("sex", "neutered"), [("MN", ("M", "ALTERED")), ("FS", ("F", "ALTERED")), ("FI", ("F", "UNALTERED"))]
)
def test_clinics_letters_for_sex_and_neutering_are_understood(sex: str, neutered: tuple[str, str]) -> None:
    signalment = header.evidence(film_bytes(PatientSex=sex, PatientSexNeutered=None)).signalment

    assert (signalment.sex, signalment.neutered) == neutered


def test_no_free_text_comes_along_with_the_evidence() -> None:
    text = "ZZOWNERZZ dog thorax lateral"
    tags = dict.fromkeys(("SeriesDescription", "StudyDescription", "PatientComments", "ProtocolName"), text)

    evidence = header.evidence(film_bytes(PatientSex="ZZ", PhotometricInterpretation="ZZ Owner 1 !", **tags))

    assert "ZZ" not in repr(evidence)


def test_declared_and_present_bytes_are_told_apart() -> None:
    declared = 64 * 80 * 2

    assert header.evidence(film_bytes()).present_bytes == declared
    assert header.evidence(truncated_film()).present_bytes == declared // 2
    assert header.evidence(cut_off_film()).present_bytes == declared - 4000
    compressed = header.evidence(encapsulated_bytes("1.2.840.10008.1.2.4.90", jpeg2000_stream()))
    assert (compressed.compressed, compressed.declared_bytes) == (True, declared)


def test_a_claim_of_65535_squared_pixels_is_only_a_claim() -> None:
    evidence = header.evidence(enormous_film())

    assert (evidence.rows, evidence.columns, evidence.present_bytes) == (65535, 65535, 10240)


def test_a_header_in_an_unknown_transfer_syntax_can_still_be_routed() -> None:
    facts = header.facts(unknown_syntax_film())

    assert (facts.modality, facts.species, facts.region, facts.view) == (
        "DX", Species.DOG, Region.THORAX, View.VENTRODORSAL,
    )  # fmt: skip


@pytest.mark.parametrize("charset", ["ISO_IR 999", "nonsense", "ISO 2022 IR 87", ["", "ISO 2022 IR 149"]])
def test_a_wrong_character_set_hides_nothing_that_is_plain(charset: object) -> None:
    data = film_bytes(PatientName="Dö^Rex", SeriesDescription="Thorax LAT")
    name = charset if isinstance(charset, str) else "\\".join(charset)
    field = name.encode() + b" " * (len(name) % 2)
    old = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 192"
    wrong = data.replace(old, b"\x08\x00\x05\x00CS" + struct.pack("<H", len(field)) + field)

    evidence = header.evidence(wrong)

    assert wrong != data
    assert evidence.modality == "DX"
    assert ("SeriesDescription", View.LATERAL) in said(evidence.views)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_native_encodings_give_the_same_evidence(syntax: str) -> None:
    film = film_dataset()
    film.PixelData = bytes(64 * 80 * 2)
    film.file_meta.TransferSyntaxUID = syntax

    assert header.evidence(part10(film)) == header.evidence(film_bytes())


def nest(levels: int) -> bytes:
    film = film_dataset()
    innermost = Dataset()
    innermost.CodeMeaning = "bottom"
    for _ in range(levels):
        outer = Dataset()
        outer.ContentSequence = [innermost]
        outer["ContentSequence"].is_undefined_length = True
        innermost = outer
    film.ContentSequence = innermost.ContentSequence
    film["ContentSequence"].is_undefined_length = True
    return part10(film)


def test_forty_nested_sequences_are_read() -> None:
    assert header.evidence(nest(40)).modality == "DX"


def test_a_bottomless_nest_is_refused() -> None:
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    deep = (b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff" + item) * 5000
    data = film_bytes()
    at = data.index(b"\x08\x00\x60\x00CS")

    refused = reason(data[:at] + deep + data[at:])

    assert refused == "header_unreadable"


def reason(data: bytes) -> str:
    with pytest.raises(StudyRefused) as refused:
        header.evidence(data)
    return refused.value.reason


def test_what_is_not_dicom_is_refused_with_a_reason() -> None:
    assert reason(b"") == "not_dicom"
    assert reason(b"MZ" + bytes(4000)) == "not_dicom"
    assert reason(studyless_film()) == "uid_missing"
    assert reason(film_bytes(StudyInstanceUID=None, StudyID="../../x")) == "uid_missing"


def test_a_file_that_ends_anywhere_is_read_or_refused_never_worse() -> None:
    data = film_bytes()

    outcomes = {outcome(data[:end]) for end in range(0, len(data) - 10240, 7)}

    assert outcomes <= {"read", "not_dicom", "header_unreadable", "uid_missing"}


def test_a_file_with_any_byte_changed_is_read_or_refused_never_worse() -> None:
    data = film_bytes()

    outcomes = {outcome(data[:at] + b"\xff" + data[at + 1 :]) for at in range(0, len(data) - 10240, 3)}

    assert outcomes <= {"read", "not_dicom", "header_unreadable", "uid_missing", "transfer_syntax_unknown"}


def outcome(data: bytes) -> str:
    try:
        header.evidence(data)
        header.facts(data)
    except StudyRefused as refused:
        return refused.reason
    return "read"


def test_a_deflated_header_is_refused_before_it_is_inflated() -> None:
    film = film_dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    whole = part10(film)
    packer = zlib.compressobj(wbits=-15)
    bomb = whole[:340] + packer.compress(bytes(1 << 24)) + packer.flush()

    assert reason(whole) == "transfer_syntax_unknown"
    assert reason(bomb) == "transfer_syntax_unknown"


def test_a_flood_of_elements_is_refused() -> None:
    data = film_bytes()
    at = data.index(b"\x28\x00\x02\x00US")
    flood = io.BytesIO()
    for group in range(0x21, 0x28, 2):
        for element in range(0x1000, 0x1000 + 6000):
            flood.write(struct.pack("<HH2sH", group, element, b"LO", 0))

    assert reason(data[:at] + flood.getvalue() + data[at:]) == "header_too_large"
