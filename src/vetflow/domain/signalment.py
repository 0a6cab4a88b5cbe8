"""The animal: species, sex and the words clinics use for them."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from vetflow.domain.coding import Code


class Species(StrEnum):
    """Species of CID 7454 that vetflow routes by."""

    DOG = "dog"
    CAT = "cat"
    HORSE = "horse"
    CATTLE = "cattle"
    SHEEP = "sheep"
    GOAT = "goat"
    PIG = "pig"
    RABBIT = "rabbit"
    FERRET = "ferret"
    GUINEA_PIG = "guinea_pig"
    RAT = "rat"
    MOUSE = "mouse"
    HUMAN = "human"


def _sct(value: str, meaning: str) -> Code:
    return Code(value=value, scheme="SCT", meaning=meaning)


SPECIES_CODES = {
    Species.DOG: _sct("448771007", "Canis lupus familiaris"),
    Species.CAT: _sct("448169003", "Felis catus"),
    Species.HORSE: _sct("35354009", "Equus caballus"),
    Species.CATTLE: _sct("34618005", "Bos taurus"),
    Species.SHEEP: _sct("125099002", "Ovis aries"),
    Species.GOAT: _sct("125097000", "Capra hircus"),
    Species.PIG: _sct("78678003", "Sus scrofa"),
    Species.RABBIT: _sct("36571002", "Oryctolagus cuniculus"),
    Species.FERRET: _sct("449310008", "Mustela putorius furo"),
    Species.GUINEA_PIG: _sct("125076001", "Cavia porcellus"),
    Species.RAT: _sct("371565004", "Rattus norvegicus"),
    Species.MOUSE: _sct("447612001", "Mus musculus"),
    Species.HUMAN: _sct("337915000", "Homo sapiens"),
}
"""SNOMED codes of CID 7454 (PS3.16)."""

_GENUS_CODES = {
    "388490000": Species.DOG,
    "36855005": Species.DOG,
    "388626009": Species.CAT,
    "388445009": Species.HORSE,
    "388168008": Species.CATTLE,
    "107007004": Species.CATTLE,
    "388254009": Species.SHEEP,
    "388249000": Species.GOAT,
    "388393002": Species.PIG,
    "371564000": Species.RAT,
    "447482001": Species.MOUSE,
}

_SRT_CODES = {
    "L-88124": Species.DOG,
    "L-881FC": Species.DOG,
    "L-88121": Species.DOG,
    "L-00376": Species.CAT,
    "L-000F9": Species.CAT,
    "L-8A102": Species.HORSE,
    "L-000A9": Species.HORSE,
    "L-8B941": Species.CATTLE,
    "L-8C336": Species.SHEEP,
    "L-8C306": Species.GOAT,
    "L-8B100": Species.PIG,
    "L-86B02": Species.RABBIT,
    "L-88423": Species.FERRET,
    "L-87A02": Species.GUINEA_PIG,
    "L-877FC": Species.RAT,
    "L-87831": Species.MOUSE,
    "L-85003": Species.HUMAN,
}

_WORDS = {
    Species.GUINEA_PIG: "guinea pig|guineapig|cavia|cavy|meerschweinchen",
    Species.DOG: "canine|dog|dogs|k9|canis|hund|chien|perro|cane|canino|puppy",
    Species.CAT: "feline|cat|cats|katze|chat|gato|felis|gatto|felino|kitten|kat",
    Species.HORSE: "equine|horse|pferd|cheval|equus|caballo|cavallo|pony|foal|mare|gelding|stallion",
    Species.CATTLE: "bovine|cow|cattle|rind|bos taurus|calf",
    Species.SHEEP: "ovine|sheep|schaf|ovis",
    Species.GOAT: "caprine|goat|ziege|capra",
    Species.PIG: "porcine|pig|swine|schwein|sus scrofa",
    Species.RABBIT: "rabbit|lagomorph|lapine|kaninchen|lapin|bunny",
    Species.FERRET: "ferret|frettchen|furet",
    Species.RAT: "rat|ratte|rattus",
    Species.MOUSE: "mouse|maus|mus musculus",
    Species.HUMAN: "human|homo sapiens",
}

_PATTERNS = {species: re.compile(rf"\b(?:{words})\b") for species, words in _WORDS.items()}


def plain(text: str) -> str:
    """Return text in lower case without accents, runs of anything else than letters and digits as one space."""
    bare = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", " ", bare).strip()


def species_from_code(value: str, scheme: str) -> Species | None:
    """Return the species of a CID 7454 code, SCT or the older SRT; None when the code is not of them."""
    if scheme in {"SRT", "SNM3", "99SDM"}:
        return _SRT_CODES.get(value)
    if scheme != "SCT":
        return None
    exact = {code.value: species for species, code in SPECIES_CODES.items()}
    return exact.get(value) or _GENUS_CODES.get(value)


def species_from_text(text: str) -> Species | None:
    """Return the one species that free text names; None when it names none, or more than one."""
    words = plain(text)
    named: set[Species] = set()
    for species, pattern in _PATTERNS.items():
        if pattern.search(words):
            named.add(species)
            words = pattern.sub(" ", words)
    return named.pop() if len(named) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signalment:
    """What is known of the animal without saying whose it is.

    Parameters
    ----------
    species
        None when no field says, or fields disagree.
    sex
        ``M``, ``F``, ``O`` or empty (PatientSex).
    neutered
        ``ALTERED``, ``UNALTERED`` or empty (PatientSexNeutered).
    breed
        Of CID 7480; None when none is coded.
    """

    species: Species | None = None
    sex: str = ""
    neutered: str = ""
    breed: Code | None = None
