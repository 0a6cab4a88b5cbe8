"""A sight as JSON values and back, for the way out of the sandbox."""

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import ModelVersion
from vetflow.domain.place import Box
from vetflow.domain.sight import Field, Guess, Sight
from vetflow.domain.view import Region, View

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
T = TypeVar("T")

_EDGES = ("left", "top", "right", "bottom")


def to_values(sight: Sight) -> dict[str, Json]:
    """Return a sight as JSON values, its model left out: who asked knows it."""
    field, box = sight.field, sight.field.box
    return {
        "view": _guess_values(sight.view, sight.view.says.value),
        "region": _guess_values(sight.region, sight.region.says.value),
        "inverted": _guess_values(sight.inverted, sight.inverted.says),
        "box": [box.left, box.top, box.right, box.bottom],
        "exposed": field.exposed,
        "touching": list(field.touching),
        "saturated": field.saturated,
        "limbs_over": sight.limbs_over,
        "threshold": sight.threshold,
    }


def from_values(values: Mapping[str, object], *, model: ModelVersion) -> Sight:
    """Return the sight of a sandbox's answer.

    Raises
    ------
    StudyRefused
        ``model_output_invalid`` when it is none: a part is missing, a number is not finite, a certainty lies outside
        0 to 1. No result is written from it.
    """
    try:
        limbs = values["limbs_over"]
        left, top, right, bottom = (_number(edge) for edge in _sequence(values["box"]))
        return Sight(
            view=_guess(values["view"], View),
            region=_guess(values["region"], Region),
            inverted=_guess(values["inverted"], bool),
            field=Field(
                box=Box(left=left, top=top, right=right, bottom=bottom),
                exposed=_share(values["exposed"]),
                touching=tuple(_edge(edge) for edge in _sequence(values["touching"])),
                saturated=_share(values["saturated"]),
            ),
            limbs_over=None if limbs is None else _share(limbs),
            threshold=_share(values["threshold"]),
            model=model,
        )
    except (KeyError, OverflowError, TypeError, ValueError):  # a whole number may be too large for a coordinate
        raise StudyRefused("model_output_invalid", "the model gave something that is no answer") from None


def _guess_values(guess: Guess[T], says: Json) -> dict[str, Json]:
    return {"says": says, "certainty": guess.certainty, "steady": guess.steady}


def _guess(value: object, kind: type[T]) -> Guess[T]:
    if not isinstance(value, Mapping):
        raise TypeError
    guess = cast("Mapping[str, object]", value)
    says, steady = guess["says"], guess["steady"]
    if not isinstance(steady, bool) or (kind is bool) != isinstance(says, bool):
        raise TypeError
    return Guess(says=cast("Callable[[object], T]", kind)(says), certainty=_share(guess["certainty"]), steady=steady)


def _sequence(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError
    return cast("list[object]", value)


def _edge(value: object) -> str:
    if value not in _EDGES:
        raise ValueError
    return str(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _share(value: object) -> float:
    number = _number(value)
    if not 0.0 <= number <= 1.0:
        raise ValueError
    return number
