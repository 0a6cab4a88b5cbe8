"""Anatomy is coded as animals' own context groups do, and never with a code that no dictionary holds."""

import pytest
from pydicom.sr import _cid_dict, _concepts_dict

from vetflow.domain.anatomy import PART_CODES, Part, region_site
from vetflow.domain.coding import Code
from vetflow.domain.view import Region

SNOMED = _concepts_dict.concepts["SCT"]
ANIMAL_GROUPS = (7482, 7483)


def meanings(code: Code) -> set[str]:
    return {
        meaning.removesuffix(" (body structure)").removesuffix(" structure").lower()
        for entries in SNOMED.values() for value, (meaning, _) in entries.items() if value == code.value
    }  # fmt: skip


def of_animals() -> dict[str, str]:
    keywords = {word for number in ANIMAL_GROUPS for word in _cid_dict.cid_concepts[number]["SCT"]}
    return {
        meaning.lower(): value
        for word in keywords for value, (meaning, groups) in SNOMED[word].items() if set(groups) & set(ANIMAL_GROUPS)
    }  # fmt: skip


@pytest.mark.parametrize("part", Part)
def test_every_part_has_a_code_of_snomed_under_its_own_name(part: Part) -> None:
    code = PART_CODES[part]

    assert code.meaning.lower() in meanings(code)


def test_what_the_groups_for_animals_name_is_coded_as_they_do() -> None:
    known = of_animals()

    differing = {
        code.meaning for code in PART_CODES.values() if known.get(code.meaning.lower(), code.value) != code.value
    }

    assert len(known) > 50
    assert differing == set()


@pytest.mark.parametrize("region", Region)
def test_a_region_is_a_site_only_where_a_code_means_all_of_it(region: Region) -> None:
    site = region_site(region)

    if region in {Region.FORELIMB, Region.HINDLIMB}:
        assert site is None
    else:
        assert site is not None
        assert site.meaning.lower() in meanings(site)
