"""What a trunk model's bundle says of how far to rely on its numbers: ``configs/trunk.json``."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import cast

from vetflow.domain.errors import ConfigurationError
from vetflow.domain.trunk_sight import CUT, LESIONS, OUTLINES

PATH = "configs/trunk.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """From a model's own logit to a probability that holds (Platt 1999).

    Parameters
    ----------
    slope, shift
        Of the logit.
    """

    slope: float = 1.0
    shift: float = 0.0

    def __call__(self, logit: float) -> float:
        """Return a probability, 0 to 1."""
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, self.slope * logit + self.shift))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Probabilities below which a lesion counts as absent and from which it counts as present."""

    absent_below: float = 0.5
    present_from: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkCard:
    """Calibration of a trunk model, found on phantoms it has not learnt from.

    Parameters
    ----------
    lesions, thresholds, cut
        By the names of `LESIONS` and `CUT`.
    spots
        From the logit of the share of a landmark's map that lies around its peak to the probability that it is right.
    spot_error
        Errors of landmarks that 95 of 100 stay below, vertebrae, for certainties below 0.5, 0.8, 0.95 and above.
    outlines
        From the logit of an outline's mean certainty to its expected Dice.
    rotation, breath
        What the network's own spread is multiplied by for a 95 % interval.
    heart_score_error, atrial_size_error
        Half the width of the 95 % interval, vertebrae.
    odd_from
        Distance to the nearest neighbours from which a film is unlike those learnt from.
    """

    lesions: Mapping[str, Curve]
    thresholds: Mapping[str, Threshold]
    cut: Mapping[str, Curve]
    spots: Curve
    spot_error: tuple[float, float, float, float]
    outlines: Mapping[str, Curve]
    rotation: float
    breath: float
    heart_score_error: float
    atrial_size_error: float
    odd_from: float

    def to_bytes(self) -> bytes:
        """Return the file."""
        return json.dumps(asdict(self), indent=2).encode() + b"\n"


UNTRIED = TrunkCard(
    lesions=dict.fromkeys(LESIONS, Curve()),
    thresholds=dict.fromkeys(LESIONS, Threshold()),
    cut=dict.fromkeys(CUT, Curve()),
    spots=Curve(),
    spot_error=(1.0, 1.0, 1.0, 1.0),
    outlines=dict.fromkeys(OUTLINES, Curve()),
    rotation=1.0,
    breath=1.0,
    heart_score_error=1.0,
    atrial_size_error=1.0,
    odd_from=2.0,
)
"""Of a model that has not been calibrated yet."""


def read_card(data: bytes) -> TrunkCard:
    """Return the card in the bytes of ``configs/trunk.json``; ConfigurationError when it is none."""
    try:
        whole = cast("Mapping[str, object]", json.loads(data))
        errors = [float(value) for value in cast("list[float]", whole["spot_error"])]
        return TrunkCard(
            lesions=_curves(whole["lesions"], LESIONS),
            thresholds={
                name: Threshold(**cast("Mapping[str, Mapping[str, float]]", whole["thresholds"])[name])
                for name in LESIONS
            },
            cut=_curves(whole["cut"], CUT),
            spots=Curve(**cast("Mapping[str, float]", whole["spots"])),
            spot_error=(errors[0], errors[1], errors[2], errors[3]),
            outlines=_curves(whole["outlines"], OUTLINES),
            **{name: float(cast("float", whole[name])) for name in _NUMBERS},
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{PATH} is no calibration vetflow can read: {error!r}") from error


_NUMBERS = tuple(one.name for one in fields(TrunkCard) if one.type is float)


def _curves(value: object, names: tuple[str, ...]) -> Mapping[str, Curve]:
    held = cast("Mapping[str, Mapping[str, float]]", value)
    return {name: Curve(**held[name]) for name in names}
