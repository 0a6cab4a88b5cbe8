"""Projections and body parts, and the many ways equipment spells them."""

import re
from enum import StrEnum

from vetflow.domain.coding import Code
from vetflow.domain.signalment import plain


class View(StrEnum):
    """How the beam went through the animal, as far as daily small-animal work tells views apart."""

    LATERAL = "lateral"
    """From one side to the other, side not known."""
    LEFT_LATERAL = "left_lateral"
    """Animal lies on its left: beam enters right (RtLeL)."""
    RIGHT_LATERAL = "right_lateral"
    """Animal lies on its right: beam enters left (LeRtL)."""
    VENTRODORSAL = "ventrodorsal"
    DORSOVENTRAL = "dorsoventral"
    SAGITTAL = "sagittal"
    """Along the midline plane (human words AP, PA, frontal), direction not known."""
    MEDIOLATERAL = "mediolateral"
    LATEROMEDIAL = "lateromedial"
    CRANIOCAUDAL = "craniocaudal"
    CAUDOCRANIAL = "caudocranial"
    DORSOPALMAR = "dorsopalmar"
    DORSOPLANTAR = "dorsoplantar"
    ROSTROCAUDAL = "rostrocaudal"
    SKYLINE = "skyline"
    OBLIQUE = "oblique"

    @property
    def plane(self) -> str:
        """``side``, ``front`` or ``other``: two views of different planes can't be of the same film."""
        return _PLANES.get(self, "other")


_PLANES = {
    View.LATERAL: "side",
    View.LEFT_LATERAL: "side",
    View.RIGHT_LATERAL: "side",
    View.MEDIOLATERAL: "side",
    View.LATEROMEDIAL: "side",
    View.VENTRODORSAL: "front",
    View.DORSOVENTRAL: "front",
    View.SAGITTAL: "front",
    View.CRANIOCAUDAL: "front",
    View.CAUDOCRANIAL: "front",
    View.DORSOPALMAR: "front",
    View.DORSOPLANTAR: "front",
}

VIEW_CODES = {
    View.VENTRODORSAL: Code(value="442441009", scheme="SCT", meaning="Ventro-dorsal"),
    View.DORSOVENTRAL: Code(value="441672003", scheme="SCT", meaning="Dorso-ventral"),
    View.LEFT_LATERAL: Code(value="399173006", scheme="SCT", meaning="Right-left lateral"),
    View.RIGHT_LATERAL: Code(value="399198007", scheme="SCT", meaning="Left-right lateral"),
    View.MEDIOLATERAL: Code(value="399260004", scheme="SCT", meaning="Mediolateral"),
    View.LATEROMEDIAL: Code(value="399352003", scheme="SCT", meaning="Lateromedial"),
    View.CAUDOCRANIAL: Code(value="399196006", scheme="SCT", meaning="Caudocranial"),
    View.CRANIOCAUDAL: Code(value="399162004", scheme="SCT", meaning="cranio-caudal"),
    View.DORSOPALMAR: Code(value="441505008", scheme="SCT", meaning="Dorsopalmar"),
    View.DORSOPLANTAR: Code(value="399335002", scheme="SCT", meaning="Dorsoplantar"),
    View.ROSTROCAUDAL: Code(value="442690000", scheme="SCT", meaning="Rostrocaudal"),
    View.SKYLINE: Code(value="442626000", scheme="SCT", meaning="Proximo-distal"),
}
"""CID 7484 (craniocaudal: CID 4010, since 7484 lacks it)."""

_VIEW_WORDS: tuple[tuple[str, View], ...] = (
    (r"\b(rtlel|left lat(eral)?|l lat(eral)?|llat|lat(eral)? left|left recumben\w*)\b", View.LEFT_LATERAL),
    (r"\b(lertl|right lat(eral)?|r lat(eral)?|rlat|lat(eral)? right|right recumben\w*)\b", View.RIGHT_LATERAL),
    (r"\b(ml|mediolat(eral)?|medio lat(eral)?|mediolateral)\b", View.MEDIOLATERAL),
    (r"\b(lm|lateromedial|latero medial)\b", View.LATEROMEDIAL),
    (r"\b(vd|ventrodorsal|ventro dorsal)\b", View.VENTRODORSAL),
    (r"\b(dv|dorsoventral|dorso ventral)\b", View.DORSOVENTRAL),
    (r"\b(crcd|cr cd|craniocaudal|cranio caudal)\b", View.CRANIOCAUDAL),
    (r"\b(cdcr|cd cr|caudocranial|caudo cranial)\b", View.CAUDOCRANIAL),
    (r"\b(dpa|dorsopalmar|dorso palmar)\b", View.DORSOPALMAR),
    (r"\b(dpl|dorsoplantar|dorso plantar)\b", View.DORSOPLANTAR),
    (r"\b(rcd|rostrocaudal)\b", View.ROSTROCAUDAL),
    (r"\b(prdi|skyline)\b", View.SKYLINE),
    (r"\b(oblique|obl)\b", View.OBLIQUE),
    (r"\b(ap|pa|frontal|sagittal)\b", View.SAGITTAL),
    (r"\b(ll|rl|lat|lateral|latero lateral|profil)\b", View.LATERAL),
)
_VIEW_PATTERNS = tuple((re.compile(words), view) for words, view in _VIEW_WORDS)
_SMALLWOOD_OBLIQUE = re.compile(r"^[A-Z0-9]+_[A-Z0-9]+O$")
_VIEW_CODE_VALUES = {code.value: view for view, code in VIEW_CODES.items()}
_SRT_VIEWS = {
    "R-40AB0": View.VENTRODORSAL,
    "R-40AAC": View.DORSOVENTRAL,
    "R-10236": View.LEFT_LATERAL,
    "R-10232": View.RIGHT_LATERAL,
    "R-10224": View.MEDIOLATERAL,
    "R-10228": View.LATEROMEDIAL,
    "R-10244": View.CAUDOCRANIAL,
    "R-10242": View.CRANIOCAUDAL,
}


def view_from_code(value: str, scheme: str) -> View | None:
    """Return the view of a CID 7484 or 4010 code; lateral sides come from the code, never from its words."""
    if scheme == "SCT":
        return _VIEW_CODE_VALUES.get(value)
    return _SRT_VIEWS.get(value) if scheme == "SRT" else None


def view_from_text(text: str) -> View | None:
    """Return the view that a ViewPosition term or free text names, None when it names none."""
    if _SMALLWOOD_OBLIQUE.match(text.strip().upper()):
        return View.OBLIQUE
    words = plain(text)
    return next((view for pattern, view in _VIEW_PATTERNS if pattern.search(words)), None)


class Region(StrEnum):
    """Part of the body a film is of, coarse enough to route by."""

    THORAX = "thorax"
    ABDOMEN = "abdomen"
    TRUNK = "trunk"
    """Thorax and abdomen on one film."""
    PELVIS = "pelvis"
    FORELIMB = "forelimb"
    HINDLIMB = "hindlimb"
    HEAD = "head"
    SPINE = "spine"
    WHOLE_BODY = "whole_body"

    def overlaps(self, other: "Region") -> bool:
        """Whether one film may honestly be called both."""
        return self == other or other in _SHARED.get(self, ()) or self in _SHARED.get(other, ())


_SHARED = {
    Region.WHOLE_BODY: tuple(Region),
    Region.TRUNK: (Region.THORAX, Region.ABDOMEN, Region.SPINE),
    Region.SPINE: (Region.THORAX, Region.ABDOMEN, Region.PELVIS),
    Region.PELVIS: (Region.HINDLIMB, Region.ABDOMEN),
}

REGION_CODES = {
    Region.THORAX: Code(value="816094009", scheme="SCT", meaning="Chest"),
    Region.ABDOMEN: Code(value="818981001", scheme="SCT", meaning="Abdomen"),
    Region.TRUNK: Code(value="416550000", scheme="SCT", meaning="Chest and Abdomen"),
    Region.PELVIS: Code(value="816092008", scheme="SCT", meaning="Pelvis"),
    Region.FORELIMB: Code(value="419176008", scheme="SCT", meaning="Forefoot"),
    Region.HINDLIMB: Code(value="416804009", scheme="SCT", meaning="Hindfoot"),
    Region.HEAD: Code(value="89546000", scheme="SCT", meaning="Skull"),
    Region.SPINE: Code(value="122495006", scheme="SCT", meaning="Thoracic spine"),
    Region.WHOLE_BODY: Code(value="38266002", scheme="SCT", meaning="Entire body"),
}
"""CID 7482 and 7483; limbs have no code of their own there, so the nearest named part stands."""

_TERMS = {
    Region.TRUNK: "CHESTABDOMEN",
    Region.THORAX: "CHEST THORAX LUNG HEART RIB RIBS ESOPHAGUS",
    Region.ABDOMEN: "ABDOMEN BLADDER COLON UGITRACT URETHRA URINARYTRACT KIDNEY",
    Region.PELVIS: "PELVIS HIP HIPS",
    Region.FORELIMB: "CARPUS ELBOW FOREFETLOCK FOREFOOT FOREPASTERN HUMERUS METACARPUS RADIUSULNA SHOULDER "
    "WING NAVICULAR WRIST HAND FOREARM RADIUS ULNA FORELIMB THORACICLIMB SCAPULA",
    Region.HINDLIMB: "FEMUR HINDFETLOCK HINDFOOT HINDPASTERN METATARSUS PATELLA STIFLE TARSUS TIBIAFIBULA KNEE "
    "ANKLE FOOT TIBIA LEG HOCK HINDLIMB PELVICLIMB",
    Region.HEAD: "SKULL JAW FRONTALSINUS HEAD MANDIBLE MAXILLA TEETH NASALSINUS ORBIT TMJ",
    Region.SPINE: "ATLANTOAXIAL ATLANTOOCCIPITAL CSPINE CTSPINE LSPINE LSSPINE SSPINE TLSPINE TSPINE TAIL SPINE "
    "NECK COCCYX",
    Region.WHOLE_BODY: "WHOLEBODY BODY BABYGRAM",
}
_TERM_REGIONS = {term: region for region, terms in _TERMS.items() for term in terms.split()}
_REGION_WORDS = (
    (r"\b(thorax and abdomen|thorax abdomen|chest abdomen|chest and abdomen|trunk)\b", Region.TRUNK),
    (r"\b(thorax|thoracic|chest|lungs?|heart|torax)\b", Region.THORAX),
    (r"\b(abdomen|abdominal|bladder|abd)\b", Region.ABDOMEN),
    (r"\b(pelvis|hips?|becken)\b", Region.PELVIS),
    (r"\b(elbow|carpus|shoulder|humerus|radius|ulna|forelimb|foreleg|front leg)\b", Region.FORELIMB),
    (r"\b(stifle|knee|tarsus|hock|femur|tibia|hindlimb|hind leg)\b", Region.HINDLIMB),
    (r"\b(skull|head|jaw|mandible|teeth|dental)\b", Region.HEAD),
    (r"\b(spine|vertebra\w*|cervical|lumbar|neck)\b", Region.SPINE),
    (r"\b(whole body|babygram)\b", Region.WHOLE_BODY),
)
_REGION_PATTERNS = tuple((re.compile(words), region) for words, region in _REGION_WORDS)
_REGION_CODE_VALUES = {code.value: region for region, code in REGION_CODES.items()}


def region_from_code(value: str, scheme: str) -> Region | None:
    """Return the region of a CID 7482 or 7483 code that names one."""
    return _REGION_CODE_VALUES.get(value) if scheme == "SCT" else None


def region_from_term(term: str) -> Region | None:
    """Return the region of a BodyPartExamined term, animal or human (PS3.16 annex L)."""
    return _TERM_REGIONS.get(re.sub(r"[^A-Z]", "", term.upper()))


def region_from_text(text: str) -> Region | None:
    """Return the region that free text names first in the order trunk to whole body."""
    words = plain(text)
    return next((region for pattern, region in _REGION_PATTERNS if pattern.search(words)), None)
