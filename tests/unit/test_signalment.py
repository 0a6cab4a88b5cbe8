"""Species out of codes and the words clinics use."""

import pytest

from vetflow.domain.signalment import SPECIES_CODES, Species, species_from_code, species_from_text


@pytest.mark.parametrize(
    ("text", "species"),
    [
        ("Canine", Species.DOG),
        ("K9", Species.DOG),
        ("FELINE, DSH", Species.CAT),
        ("Gato europeo", Species.CAT),
        ("Meerschweinchen", Species.GUINEA_PIG),
        ("guinea pig", Species.GUINEA_PIG),
        ("Equine / Warmblood", Species.HORSE),
        ("Katze", Species.CAT),
    ],
)
def test_free_text_names_a_species(text: str, species: Species) -> None:
    assert species_from_text(text) is species


@pytest.mark.parametrize("text", ["", "Maine Coon", "dog and cat", "CATHETER", "CT scan", "parrot", "doge"])
def test_text_that_names_no_single_species_gives_none(text: str) -> None:
    assert species_from_text(text) is None


@pytest.mark.parametrize("species", list(Species))
def test_every_species_is_found_by_its_own_code(species: Species) -> None:
    code = SPECIES_CODES[species]

    assert species_from_code(code.value, code.scheme) is species


def test_old_srt_codes_are_understood_and_foreign_schemes_are_not() -> None:
    assert species_from_code("L-88124", "SRT") is Species.DOG
    assert species_from_code("448771007", "LOCAL") is None
