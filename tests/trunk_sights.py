"""Builders of what the trunk model may see: a sound lateral film of a dog, and whatever a test changes of it."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from vetflow.domain.evidence import Claim, Exposure, TagEvidence
from vetflow.domain.finding import ModelVersion
from vetflow.domain.look import Look
from vetflow.domain.place import Fit
from vetflow.domain.sight import Guess
from vetflow.domain.signalment import Signalment, Species
from vetflow.domain.trunk_sight import CUT, LESIONS, OUTLINES, VERTEBRAE, Amount, Likelihood, Outline, Spot, TrunkSight
from vetflow.domain.view import Region, View

ROWS, COLUMNS = 300, 400
VERTEBRA = 15.0
"""Length of a vertebra with its disc, pixels; the spine runs along row 60."""
MODEL = ModelVersion(name="trunk", version="1", digest="cd" * 32, calibration="temperature")
GRID = Fit(scale=(0.1, 0.1), offset=(0.0, 5.0))
"""A square of 40 × 40 over the film, five rows of it empty above and below."""


def evidence(species: Species | None = Species.DOG, **changes: object) -> TagEvidence:
    """Return the tags of a left lateral film of thorax and abdomen."""
    sound = TagEvidence(
        modality="DX",
        signalment=Signalment(species=species),
        species=(Claim(field="PatientSpeciesDescription", says=species),) if species else (),
        regions=(Claim(field="BodyPartExamined", says=Region.TRUNK),),
        views=(Claim(field="ViewPosition", says=View.LEFT_LATERAL),),
        exposure=Exposure(index=200.0, target=200.0, deviation=0.0),
        rows=ROWS,
        columns=COLUMNS,
    )
    return replace(sound, **changes)


def spine(*without: str, certainty: float = 0.97) -> dict[str, Spot]:
    """Return the cranial edges of all vertebrae but some."""
    return {
        name: Spot(at=(20.0 + VERTEBRA * number, 60.0), error=2.0, certainty=certainty)
        for number, name in enumerate(VERTEBRAE)
        if name not in without
    }


def heart(*, long: float = 5.2, short: float = 4.5, atrium: float = 1.9, certainty: float = 0.9) -> dict[str, Spot]:
    """Return the landmarks of a heart that measures so many vertebrae."""
    column, row = 130.0, 110.0
    middle, half = row + long * VERTEBRA / 2, short * VERTEBRA / 2
    places = {
        "carina": (column, row),
        "apex": (column, row + long * VERTEBRA),
        "cranial border": (column - half, middle),
        "caudal border": (column + half, middle),
        "atrium": (column + atrium * VERTEBRA, row),
    }
    return {name: Spot(at=at, error=3.0, certainty=certainty) for name, at in places.items()}


def likelihood(share: float, **changes: object) -> Likelihood:
    """Return a likelihood that can't be told between 0.2 and 0.6."""
    return Likelihood(**{"share": share, "steady": True, "absent_below": 0.2, "present_from": 0.6} | changes)


def lesions(**shares: float) -> dict[str, Likelihood]:
    """Return how likely each emergency is; one that is not named, hardly."""
    return {name: likelihood(shares.get(name, 0.02)) for name in LESIONS}


def outlines(certainty: float = 0.95) -> dict[str, Outline]:
    """Return every outline as a block of its own."""
    drawn: dict[str, Outline] = {}
    for number, name in enumerate(OUTLINES):
        pixels = np.zeros((40, 40), np.bool_)
        pixels[8 + 2 * number : 12 + 2 * number, 5 + 2 * number : 15 + 2 * number] = True
        drawn[name] = Outline(pixels=pixels, certainty=certainty)
    return drawn


def cut(**parts: float) -> dict[str, float]:
    """Return how likely each part is cut off, its name with _ between its words; one that is not named, hardly."""
    given = {name.replace("_", " "): share for name, share in parts.items()}
    return {name: given.get(name, 0.01) for name in CUT}


def trunk_sight(**changes: object) -> TrunkSight:
    """Return what the model sees on a sound left lateral film of thorax and abdomen."""
    sound: Mapping[str, object] = {
        "film": Guess(says=True, certainty=0.99),
        "plane": Guess(says=View.LATERAL, certainty=0.99),
        "side": Guess(says=View.LEFT_LATERAL, certainty=0.97),
        "region": Guess(says=Region.TRUNK, certainty=0.97),
        "inverted": Guess(says=False, certainty=0.99),
        "head": Guess(says="left", certainty=0.99),
        "limbs_over": 0.03,
        "motion": 0.02,
        "rotation": Amount(value=1.0, error=3.0),
        "breath": Amount(value=0.5, error=0.3),
        "cut": cut(),
        "lesions": lesions(),
        "spots": spine() | heart(),
        "ribs": Guess(says=13, certainty=0.95),
        "outlines": outlines(),
        "grid": GRID,
        "oddness": 0.1,
        "odd_from": 0.5,
        "heart_score_error": 0.4,
        "atrial_size_error": 0.2,
        "threshold": 0.8,
        "model": MODEL,
    }
    return TrunkSight(**{**sound, **changes})


def look(species: Species | None = Species.DOG, *, tags: Mapping[str, object] | None = None, **changes: object) -> Look:
    """Return a film of a dog as it is judged; ``tags`` change its evidence, the rest what the model sees of it."""
    return Look(evidence=evidence(species, **(tags or {})), trunk=trunk_sight(**changes))


def unseen(why: str = "the picture bears text") -> Look:
    """Return a film that no model was asked about."""
    return Look(evidence=evidence(), abstained=why)


def sagittal(**changes: object) -> Look:
    """Return a ventrodorsal film of a dog's thorax."""
    seen: Mapping[str, object] = {
        "plane": Guess(says=View.SAGITTAL, certainty=0.99),
        "side": Guess(says=View.VENTRODORSAL, certainty=0.95),
        "region": Guess(says=Region.THORAX, certainty=0.97),
        "head": Guess(says="top", certainty=0.99),
        "limbs_over": None,
        "spots": spine(),
        "breath": Amount(value=0.9, error=0.2),
    }
    tags: Mapping[str, object] = {
        "views": (Claim(field="ViewPosition", says=View.VENTRODORSAL),),
        "regions": (Claim(field="BodyPartExamined", says=Region.THORAX),),
    }
    return look(tags=tags, **{**seen, **changes})
