"""Where findings lie, in codes of animals (CID 7482 and 7483), and in SNOMED's general ones where those lack one."""

from collections.abc import Mapping
from enum import StrEnum

from vetflow.domain.coding import Code
from vetflow.domain.view import REGION_CODES, Region


class Part(StrEnum):
    """Organs, bones and joints that findings speak of."""

    HEART = "heart"
    LEFT_ATRIUM = "left_atrium"
    AORTA = "aorta"
    LUNG = "lung"
    PLEURA = "pleura"
    TRACHEA = "trachea"
    CARINA = "carina"
    MEDIASTINUM = "mediastinum"
    DIAPHRAGM = "diaphragm"
    ESOPHAGUS = "esophagus"
    STERNUM = "sternum"
    RIB = "rib"
    VERTEBRA = "vertebra"
    PERITONEAL_CAVITY = "peritoneal_cavity"
    RETROPERITONEUM = "retroperitoneum"
    LIVER = "liver"
    GALLBLADDER = "gallbladder"
    SPLEEN = "spleen"
    STOMACH = "stomach"
    SMALL_INTESTINE = "small_intestine"
    COLON = "colon"
    KIDNEY = "kidney"
    BLADDER = "bladder"
    PROSTATE = "prostate"
    UTERUS = "uterus"
    SHOULDER = "shoulder"
    HUMERUS = "humerus"
    ELBOW = "elbow"
    RADIUS_ULNA = "radius_ulna"
    CARPUS = "carpus"
    HIP = "hip"
    FEMUR = "femur"
    STIFLE = "stifle"
    TIBIA_FIBULA = "tibia_fibula"
    TARSUS = "tarsus"


def _sct(value: str, meaning: str) -> Code:
    return Code(value=value, scheme="SCT", meaning=meaning)


PART_CODES: Mapping[Part, Code] = {
    Part.HEART: _sct("80891009", "Heart"),
    Part.LEFT_ATRIUM: _sct("82471001", "Left atrium"),
    Part.AORTA: _sct("15825003", "Aorta"),
    Part.LUNG: _sct("39607008", "Lung"),
    Part.PLEURA: _sct("3120008", "Pleura"),
    Part.TRACHEA: _sct("44567001", "Trachea"),
    Part.CARINA: _sct("28700002", "Carina"),
    Part.MEDIASTINUM: _sct("72410000", "Mediastinum"),
    Part.DIAPHRAGM: _sct("5798000", "Diaphragm"),
    Part.ESOPHAGUS: _sct("32849002", "Esophagus"),
    Part.STERNUM: _sct("56873002", "Sternum"),
    Part.RIB: _sct("113197003", "Rib"),
    Part.VERTEBRA: _sct("51282000", "Vertebra"),
    Part.PERITONEAL_CAVITY: _sct("83670000", "Peritoneal cavity"),
    Part.RETROPERITONEUM: _sct("82849001", "Retroperitoneum"),
    Part.LIVER: _sct("10200004", "Liver"),
    Part.GALLBLADDER: _sct("28231008", "Gallbladder"),
    Part.SPLEEN: _sct("78961009", "Spleen"),
    Part.STOMACH: _sct("69695003", "Stomach"),
    Part.SMALL_INTESTINE: _sct("30315005", "Small intestine"),
    Part.COLON: _sct("71854001", "Colon"),
    Part.KIDNEY: _sct("64033007", "Kidney"),
    Part.BLADDER: _sct("89837001", "Bladder"),
    Part.PROSTATE: _sct("41216001", "Prostate"),
    Part.UTERUS: _sct("35039007", "Uterus"),
    Part.SHOULDER: _sct("16982005", "Shoulder"),
    Part.HUMERUS: _sct("85050009", "Humerus"),
    Part.ELBOW: _sct("16953009", "Elbow joint"),
    Part.RADIUS_ULNA: _sct("110535000", "Radius and ulna"),
    Part.CARPUS: _sct("8205005", "Carpus"),
    Part.HIP: _sct("24136001", "Hip joint"),
    Part.FEMUR: _sct("71341001", "Femur"),
    Part.STIFLE: _sct("116010006", "Stifle joint"),
    Part.TIBIA_FIBULA: _sct("110536004", "Tibia and fibula"),
    Part.TARSUS: _sct("108371006", "Tarsus"),
}
"""CID 7483 spells the stifle "Stiffle"; SNOMED's own word stands here."""

_SPINE = _sct("421060004", "Spine")


def region_site(region: Region) -> Code | None:
    """Return the code of a region as the site of a finding.

    None for limbs: CID 7482 names their parts only, and a finding somewhere on a leg is not one of its foot.
    """
    if region in {Region.FORELIMB, Region.HINDLIMB}:
        return None
    return _SPINE if region is Region.SPINE else REGION_CODES[region]
