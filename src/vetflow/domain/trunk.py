"""What is said of films of thorax and abdomen, as codes."""

from vetflow.domain.coding import Code


def _own(value: str, meaning: str) -> Code:
    return Code(value=value, scheme="99VETFLOW", meaning=meaning)


PLEURAL_EFFUSION = Code(value="60046008", scheme="SCT", meaning="Pleural effusion")
PNEUMOTHORAX = Code(value="36118008", scheme="SCT", meaning="Pneumothorax")
PERITONEAL_EFFUSION = _own("peritoneal-effusion", "Peritoneal effusion")
GASTRIC_VOLVULUS = _own("gastric-volvulus", "Gastric dilatation-volvulus")
"""Emergencies that are looked for."""

HEART_ENLARGED = _own("heart-enlarged", "Enlarged cardiac silhouette")
ATRIUM_ENLARGED = _own("left-atrium-enlarged", "Enlarged left atrium")
HEART_SCORE = _own("vertebral-heart-score", "Vertebral heart score")
ATRIAL_SIZE = _own("vertebral-left-atrial-size", "Vertebral left atrial size")
VERTEBRAE = Code(value="{vertebrae}", scheme="UCUM", meaning="vertebrae")
"""Unit of both scores: vertebral bodies with the disc spaces behind them, from the cranial edge of T4."""

OUTLINED = _own("outlined", "Organ outlined")
"""The finding's site says which."""
VERTEBRA = _own("vertebra", "Vertebra labelled")
"""The finding's label is its name, such as T4."""
RIBS = _own("ribs", "Ribs counted")
RIB_PAIRS = _own("rib-pairs", "Pairs of ribs")
