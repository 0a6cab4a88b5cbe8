"""Closed lists of words that descriptions may keep when everything else of them goes (PS3.15 E.3.5).

A word is left out when somebody is called it: head, hand, foot, wing, heart, long, lung and colon are surnames, Max,
Scout and Echo are dogs, Ray, Tse and Dixon are both people and techniques. What stays is written in capitals, so that
not even the spelling of the original comes along.
"""

import re

from vetflow.dicom import codes
from vetflow.domain.signalment import Species, plain, species_from_text
from vetflow.domain.view import region_from_term

_ANATOMY = """
abdomen abdominal abdo atlantoaxial bladder carpal carpus cervical chest coxofemoral cranium cspine dental diaphragm
digit digits elbow elbows esophagus femoral femur fetlock fibula forefoot forelimb frontal hindfoot hindlimb hip hips
humeral humerus ilium kidney kidneys larynx limb limbs liver lspine lumbar lumbosacral lungs mandible maxilla
mediastinum metacarpal metacarpus metatarsal metatarsus nasal orbit patella pelvic pelvis phalanges phalanx pharynx
radius ribs sacral sacrum scapula shoulder shoulders sinus skull spinal spine spleen sternum stifle stifles stomach
tarsal tarsus
teeth thoracic thoracolumbar thorax tibia tibial tmj trachea trunk tspine ulna ulnar urethra urinary vertebra vertebrae
vertebral wholebody
"""
_VIEWS = """
ap axial bilateral caudal caudocranial cdcr coronal cranial craniocaudal crcd distal distraction dorsal dorsopalmar
dorsoplantar dorsoventral dpa dpl dv expiration expiratory extended extension flexed flexion inspiration inspiratory
lat lateral lateromedial left lertl ll llat lm medial mediolateral ml obl oblique pa palmar palmarodorsal plantar
plantarodorsal projection proximal recumbency recumbent right rl rlat rostral rostrocaudal rtlel sagittal skyline
standing transverse unilateral vd ventral ventrodorsal view views weightbearing
"""
_TECHNIQUE = """
adc algorithm angiogram arterial arthrogram contrast cr ct delayed dwi dx esophagram fluoroscopy flair followup
helical implant kernel localizer mip mpr mr mri myelogram native orthopedic pennhip phase postcontrast postop portal
precontrast preop radiograph radiographs radiography reconstruction screening series slice slices spiral stir study
survey t1 t1w t2 t2w tissue tomography ultrasound urogram us venous xray
"""
VOCABULARY = frozenset(f"{_ANATOMY} {_VIEWS} {_TECHNIQUE}".split())
"""Words of anatomy, view and technique, in lower case."""

_SPECIES = {
    Species.DOG: "CANINE", Species.CAT: "FELINE", Species.HORSE: "EQUINE", Species.CATTLE: "BOVINE",
    Species.SHEEP: "OVINE", Species.GOAT: "CAPRINE", Species.PIG: "PORCINE", Species.RABBIT: "LAPINE",
    Species.GUINEA_PIG: "GUINEA PIG",
}  # fmt: skip
_BREED_KINDS = frozenset({
    "bulldog", "cat", "cattle", "collie", "corgi", "dachshund", "dog", "goat", "hound", "horse", "longhair",
    "longhaired", "mastiff", "pig", "pinscher", "pointer", "pony", "poodle", "rabbit", "retriever", "schnauzer",
    "setter", "sheep", "sheepdog", "shepherd", "shorthair", "shorthaired", "spaniel", "terrier",
})  # fmt: skip
_BREEDS_ALONE = frozenset({
    "beagle", "bengal", "birman", "boxer", "bulldog", "chihuahua", "crossbreed", "dachshund", "dalmatian", "dlh", "dmh",
    "doberman", "domestic longhair", "domestic shorthair", "dsh", "european shorthair", "greyhound",
    "jack russell terrier", "labrador", "maine coon", "maltese", "mixed breed", "newfoundland", "pekingese", "persian",
    "pug", "ragdoll", "rottweiler", "saluki", "samoyed", "shiba inu", "shih tzu", "siamese", "sphynx", "vizsla",
    "weimaraner", "whippet",
})  # fmt: skip
"""Breeds as clinics write them that are nobody's name, though CID 7480 lacks them or they name no kind of animal."""

_LONGEST = 64
_AGE = re.compile(r"(\d{3})([DWMY])")
_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}


def described(text: str) -> str:
    """Return the words of a description that the vocabulary holds, in its order; empty when it holds none."""
    kept = " ".join(word for word in plain(text).split() if word in VOCABULARY).upper()
    return kept if len(kept) <= _LONGEST else kept[: kept.rfind(" ", 0, _LONGEST + 1)]


def species(text: str) -> str:
    """Return the species that a one-word description means, in one way of writing it; empty when it means none."""
    found = species_from_text(text) if len(plain(text).split()) == 1 or plain(text) == "guinea pig" else None
    return _SPECIES.get(found, found.upper()) if found else ""


def breed(text: str) -> str:
    """Return a breed's name; empty when CID 7480 has no such breed, or the word alone may be a person's name."""
    words = plain(text)
    several = len(words.split()) > 1 and not _BREED_KINDS.isdisjoint(words.split())
    return words.upper() if words in _BREEDS_ALONE or (several and codes.is_breed(words)) else ""


def body_part(text: str) -> str:
    """Return a BodyPartExamined term (PS3.16 annex L); empty when it is none."""
    term = re.sub(r"[^A-Z]", "", text.upper())
    return term if region_from_term(term) else ""


def coarse_age(text: str) -> str:
    """Return an age in whole years, below one year in whole months; empty when it is no age."""
    found = _AGE.fullmatch(text)
    if not found:
        return ""
    months = int(int(found[1]) * _DAYS[found[2]] / _DAYS["M"] + 1e-6)
    return f"{months // 12:03}Y" if months >= 12 else f"{months:03}M"
