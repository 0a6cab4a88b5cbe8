"""Codes as equipment writes them, brought to the standard's own codes and words."""

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import cast

from pydicom.sr import _cid_dict, _concepts_dict, _snomed_dict

from vetflow.domain.coding import Code
from vetflow.domain.signalment import Species, plain, species_from_code, species_from_text
from vetflow.domain.view import Region, View, region_from_code, region_from_text, view_from_code

_MEMBERS = cast("Mapping[int, Mapping[str, Iterable[str]]]", _cid_dict.cid_concepts)
_CONCEPTS = cast("Mapping[str, Mapping[str, Mapping[str, tuple[str, list[int]]]]]", _concepts_dict.concepts)
_FROM_SRT = cast("Mapping[str, str]", _snomed_dict.mapping["SRT"])
_OLD_SNOMED = frozenset({"SRT", "SNM3", "99SDM"})
_HUMAN_VIEWS = {
    "399348003": View.SAGITTAL,
    "272479007": View.SAGITTAL,
    "399033003": View.SAGITTAL,
    "399067008": View.LATERAL,
}
"""CID 4010: antero-posterior, postero-anterior, frontal, lateral."""

_BREED_CID = 7480
_BREED_FILLERS = frozenset(
    {"breed", "dog", "cat", "superbreed", "of", "the", "and", "or", "mix", "mixed", "cross", "x"}
)
_BREED_SHORT = {"dsh": Species.CAT, "dmh": Species.CAT, "dlh": Species.CAT}
"""Domestic short-, medium- and longhair, as clinics write them."""


def canonical(value: str, scheme: str) -> Code | None:
    """Return a code in its present scheme with the dictionary's words; None when no dictionary holds it."""
    if scheme in _OLD_SNOMED:
        value, scheme = _FROM_SRT.get(value, ""), "SCT"
    meaning = _meanings(scheme).get(value)
    return Code(value=value, scheme=scheme, meaning=meaning[:64]) if meaning else None


def species_of(code: Code) -> Species | None:
    """Return the species of a CID 7454 code."""
    return species_from_code(code.value, code.scheme)


def region_of(code: Code) -> Region | None:
    """Return the region of an anatomic code, by the dictionary's words where it is not of CID 7482."""
    return region_from_code(code.value, code.scheme) or region_from_text(code.meaning)


def view_of(code: Code) -> View | None:
    """Return the view of a code of CID 7484 or 4010; sides come from the code, never from words."""
    known = view_from_code(code.value, code.scheme) or _HUMAN_VIEWS.get(code.value)
    return known or (View.OBLIQUE if "oblique" in code.meaning.lower() else None)


def breed_species(text: str) -> Species | None:
    """Return the species of a breed's name, None when no breed or breeds of several species bear it."""
    named = {_BREED_SHORT[word] for word in plain(text).split() if word in _BREED_SHORT}
    named |= {species for _, species in _bearing(text) if species}
    return named.pop() if len(named) == 1 else None


def is_breed(text: str) -> bool:
    """Whether a breed of CID 7480 bears this name, so that the text can't be anybody's name."""
    words = set(plain(text).split())
    return bool(words) and (words <= _BREED_SHORT.keys() or bool(_bearing(text)))


@lru_cache(maxsize=256)
def _bearing(text: str) -> list[tuple[frozenset[str], Species | None]]:
    words = frozenset(plain(text).split()) - _BREED_FILLERS
    return [breed for breed in _breeds() if words <= breed[0]] if words else []


@cache
def _breeds() -> tuple[tuple[frozenset[str], Species | None], ...]:
    return tuple((frozenset(plain(meaning).split()), species_from_text(meaning)) for meaning in _cid(_BREED_CID))


def _cid(number: int) -> Iterable[str]:
    for scheme, keywords in _MEMBERS[number].items():
        for keyword in keywords:
            yield from (meaning for meaning, groups in _CONCEPTS[scheme][keyword].values() if number in groups)


@cache
def _meanings(scheme: str) -> dict[str, str]:
    """Take the shortest of several meanings: the longer ones carry SNOMED's semantic tags."""
    found: dict[str, str] = {}
    for entries in _CONCEPTS.get(scheme, {}).values():
        for value, (meaning, _) in entries.items():
            if len(meaning) < len(found.get(value, meaning + " ")):
                found[value] = meaning
    return found
