"""What a model and the image analysis saw on one film, and how far to rely on it."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from vetflow.domain.finding import ModelVersion
from vetflow.domain.place import Box
from vetflow.domain.view import Region, View

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess(Generic[T]):
    """A class with its calibrated probability, and whether mirrored copies of the film agree on it."""

    says: T
    certainty: float
    steady: bool = True

    def sure(self, threshold: float) -> bool:
        """Whether to rely on it."""
        return self.steady and self.certainty >= threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """The collimated field and the body in it.

    Parameters
    ----------
    box
        Exposed area, pixels of the original film.
    exposed
        Share of the film inside the field, 0 to 1.
    touching
        Edges (``left``, ``top``, ``right``, ``bottom``) where the body runs out of the field.
    saturated
        Share of field pixels at either end of the range, 0 to 1.
    """

    box: Box
    exposed: float
    touching: tuple[str, ...] = ()
    saturated: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What the model and the image analysis saw on one film, without knowing its tags.

    Parameters
    ----------
    limbs_over
        Probability that limbs lie over the region of interest; None when the model doesn't judge it.
    threshold
        Probability below which the model's own card says not to rely on it.
    """

    view: Guess[View]
    region: Guess[Region]
    inverted: Guess[bool]
    field: Field
    limbs_over: float | None = None
    model: ModelVersion
    threshold: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Thresholds, from the model card and the site's file.

    Parameters
    ----------
    sure
        Probability from which the model is relied on.
    deviation
        Largest tolerated absolute deviation index; 1 is about 26 % off (AAPM TG-116).
    """

    sure: float = 0.8
    deviation: float = 1.0
