"""What is said of films of thorax and abdomen, as codes."""

from vetflow.domain.coding import Code, own

PLEURAL_EFFUSION = Code(value="60046008", scheme="SCT", meaning="Pleural effusion")
PNEUMOTHORAX = Code(value="36118008", scheme="SCT", meaning="Pneumothorax")
PERITONEAL_EFFUSION = own("perit-effusion", "Peritoneal effusion")
GASTRIC_VOLVULUS = own("gastric-volvulus", "Gastric dilatation-volvulus")
"""Emergencies that are looked for."""

HEART_ENLARGED = own("heart-enlarged", "Enlarged cardiac silhouette")
ATRIUM_ENLARGED = own("atrium-enlarged", "Enlarged left atrium")
HEART_SCORE = own("vhs", "Vertebral heart score")
ATRIAL_SIZE = own("vlas", "Vertebral left atrial size")
VERTEBRAE = Code(value="{vertebrae}", scheme="UCUM", meaning="vertebrae")
"""Unit of both scores: vertebral bodies with the disc spaces behind them, from the cranial edge of T4."""
MARGIN = own("margin", "Half the width of the 95 % interval")
"""How far off a score beside it may be, in its unit: the measurement's own error."""
HEART_APEX = Code(value="13383001", scheme="SCT", meaning="Apex of heart")
HEART_CRANIAL = own("heart-cranial", "Cranial border of the heart")
HEART_CAUDAL = own("heart-caudal", "Caudal border of the heart")
ATRIUM_CAUDAL = own("atrium-caudal", "Caudal end of the left atrium")
LONG_AXIS = Code(value="103339001", scheme="SCT", meaning="Long axis")
SHORT_AXIS = Code(value="103340004", scheme="SCT", meaning="Short axis")
SPINE_WALK = own("spine-walk", "Cranial edges of vertebrae from T4 on")
"""Landmarks and lines that the scores are measured by; the last is what lengths are laid along."""

OUTLINED = own("outlined", "Organ outlined")
"""The finding's site says which."""
VERTEBRA = own("vertebra", "Vertebra labelled")
"""The finding's label is its name, such as T4."""
CRANIAL_EDGE = own("cranial-edge", "Middle of a vertebra's cranial edge")
"""Landmark."""
RIBS = own("ribs", "Ribs counted")
RIB_PAIRS = own("rib-pairs", "Pairs of ribs")
DESCRIBED = frozenset({OUTLINED, VERTEBRA, RIBS})
"""What names and counts, and is no answer to a question about disease."""
