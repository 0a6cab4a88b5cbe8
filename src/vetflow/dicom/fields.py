"""Values of header fields read as what they should be, and as nothing when they are something else."""

import math
import struct
from collections.abc import Iterator
from itertools import islice
from typing import cast

from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from vetflow.dicom import codes
from vetflow.domain.coding import Code

UNREADABLE = (
    ArithmeticError, AttributeError, BytesLengthException, EOFError, LookupError, OSError, RuntimeError, TypeError,
    ValueError, struct.error,
)  # fmt: skip
"""What pydicom raises on a damaged value: bad text, unknown charset, wrong length, too deep a nest."""

_LONGEST = 4096
_MOST_ITEMS = 32


def text(dataset: Dataset, keyword: str) -> str:
    """Return a field as stripped text, several values joined by a backslash; empty when missing or damaged."""
    return "\\".join(texts(dataset, keyword))


def texts(dataset: Dataset, keyword: str) -> list[str]:
    """Return the values of a field as stripped texts."""
    try:
        return values(_value(dataset, keyword))
    except UNREADABLE:
        return []


def values(found: object) -> list[str]:
    """Return an element's value or values as stripped texts."""
    several = list(cast("MultiValue[object]", found)) if isinstance(found, MultiValue) else [found]
    return [str(value)[:_LONGEST].strip(" \0") for value in several if value is not None]


def number(dataset: Dataset, keyword: str) -> float | None:
    """Return a field as one finite number; None when it is missing, several or no number."""
    found = numbers(dataset, keyword)
    return found[0] if len(found) == 1 else None


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """Return the values of a field as numbers; none when one of them is no finite number."""
    try:
        found = tuple(map(float, texts(dataset, keyword)))
    except ValueError:
        return ()
    return found if all(map(math.isfinite, found)) else ()


def count(dataset: Dataset, keyword: str, *, default: int = 0) -> int:
    """Return a field as a whole number from 0 to 2^32; ``default`` when it is none."""
    found = number(dataset, keyword)
    return int(found) if found is not None and 0 <= found < 2**32 and found == int(found) else default


def items(dataset: Dataset, keyword: str, *, most: int | None = _MOST_ITEMS) -> Iterator[Dataset]:
    """Yield the items of a sequence, ``most`` of them at most; None is all, as many as an image has frames."""
    found = _value(dataset, keyword)
    try:
        yield from islice(found, most) if isinstance(found, Sequence) else ()
    except UNREADABLE:
        return


def coded(dataset: Dataset, keyword: str) -> Iterator[Code]:
    """Yield the codes of a code sequence that a dictionary holds."""
    for item in items(dataset, keyword):
        code = codes.canonical(text(item, "CodeValue"), text(item, "CodingSchemeDesignator"))
        if code:
            yield code


def _value(dataset: Dataset, keyword: str) -> object:
    try:
        found: object = dataset.get(keyword)
    except UNREADABLE:
        return None
    return found
