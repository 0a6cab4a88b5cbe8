"""Values that came out of the sandbox, each taken only for what it must be; ValueError or TypeError otherwise."""

import math
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar, cast

from vetflow.domain.place import Box
from vetflow.domain.sight import Guess

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
T = TypeVar("T")

UNUSABLE = (KeyError, OverflowError, TypeError, ValueError)
"""What reading an answer that is none ends in; a whole number may be too large for a coordinate."""


def guess_values(guess: Guess[T], says: Json) -> dict[str, Json]:
    """Return a guess as JSON values."""
    return {"says": says, "certainty": guess.certainty, "steady": guess.steady}


def box_values(box: Box) -> list[Json]:
    """Return a box as JSON values."""
    return [box.left, box.top, box.right, box.bottom]


def guess(value: object, says: Callable[[object], T]) -> Guess[T]:
    """Return a guess.

    Parameters
    ----------
    says
        Makes its class, and raises for what is none.
    """
    held = mapping(value)
    return Guess(says=says(held["says"]), certainty=share(held["certainty"]), steady=boolean(held["steady"]))


def box(value: object) -> Box:
    """Return a box."""
    left, top, right, bottom = map(number, sequence(value))
    return Box(left=left, top=top, right=right, bottom=bottom)


def one_of(known: Collection[T]) -> Callable[[object], T]:
    """Return what picks the known word or whole number that a value is; true is not 1 here, nor 13.0 the same as 13."""

    def chosen(value: object) -> T:
        found = [each for each in known if type(value) in {str, int} and each == value]
        if not found:
            raise ValueError
        return found[0]

    return chosen


def named(value: object, known: Collection[str], read: Callable[[object], T]) -> dict[str, T]:
    """Return what is said of some of the names that are known, in their order."""
    held = mapping(value)
    if not set(held) <= set(known):
        raise ValueError
    return {name: read(held[name]) for name in known if name in held}


def mapping(value: object) -> Mapping[str, object]:
    """Return an object of JSON."""
    if not isinstance(value, dict):
        raise TypeError
    return cast("Mapping[str, object]", value)


def sequence(value: object) -> list[object]:
    """Return a list of JSON."""
    if not isinstance(value, list):
        raise TypeError
    return cast("list[object]", value)


def boolean(value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise TypeError
    return value


def number(value: object) -> float:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if not math.isfinite(value):
        raise ValueError
    return float(value)


def share(value: object) -> float:
    """Return a number from 0 to 1."""
    held = number(value)
    if not 0.0 <= held <= 1.0:
        raise ValueError
    return held


def size(value: object) -> float:
    """Return a number that is not negative."""
    held = number(value)
    if held < 0.0:
        raise ValueError
    return held
