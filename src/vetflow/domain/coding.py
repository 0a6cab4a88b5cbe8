"""A concept of a coding scheme, and the scheme of our own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A coded concept as DICOM writes it (PS3.3 section 8).

    Parameters
    ----------
    value
        Code value, such as ``448771007``.
    scheme
        Coding scheme designator, such as ``SCT``, ``DCM`` or ``99VETFLOW``.
    meaning
        Words for people.
    """

    value: str
    scheme: str
    meaning: str

    def __post_init__(self) -> None:
        if not (self.value and self.scheme and self.meaning):
            raise ValueError("a code needs value, scheme and meaning")


SCHEME = "99VETFLOW"
"""Designator of the codes that no standard has; each stands in ``docs/reference/private-codes.md``."""


def own(value: str, meaning: str) -> Code:
    """Return a code of our own scheme.

    Parameters
    ----------
    value
        At most 16 characters, so that it fits a Code Value (0008,0100).
    """
    if len(value) > 16:
        raise ValueError("a code value has at most 16 characters")
    return Code(value=value, scheme=SCHEME, meaning=meaning)
