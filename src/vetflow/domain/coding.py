"""A concept of a coding scheme."""

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
