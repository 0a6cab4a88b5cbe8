"""Tag evidence: what each field of a header claims, as typed facts without free text."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from vetflow.domain.signalment import Signalment, Species
from vetflow.domain.view import Region, View

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Generic[T]):
    """One field's word on one question.

    Parameters
    ----------
    field
        DICOM keyword, such as ``SeriesDescription``.
    says
        What the field means; the field's own text is left behind.
    """

    field: str
    says: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Exposure indices of IEC 62494-1; None where the tag is missing or not a number.

    Parameters
    ----------
    index
        ExposureIndex (0018,1411), unitless.
    target
        TargetExposureIndex (0018,1412), unitless.
    deviation
        DeviationIndex (0018,1413), 10·log10(EI / EIT).
    """

    index: float | None = None
    target: float | None = None
    deviation: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagEvidence:
    """The typed claims of one instance's header, extracted before de-identification.

    Parameters
    ----------
    modality
        ``DX``, ``CR``, ``CT`` …
    rows, columns, frames
        Size of the pixel matrix, pixels.
    bits
        BitsStored.
    photometric
        PhotometricInterpretation.
    declared_bytes, present_bytes
        Uncompressed pixel bytes the header declares, and pixel bytes present; equal or padded by one when sound.
        ``present_bytes`` of a compressed film counts its encapsulated stream, and ``compressed`` is true.
    burned_in
        BurnedInAnnotation is ``YES``.
    mirrored
        Whether a frontal film, its head up, shows the animal's left on the viewer's left, which is not the usual way;
        None when its tags don't say.
    """

    modality: str
    signalment: Signalment
    species: tuple[Claim[Species], ...] = ()
    regions: tuple[Claim[Region], ...] = ()
    views: tuple[Claim[View], ...] = ()
    exposure: Exposure = Exposure()
    rows: int = 0
    columns: int = 0
    frames: int = 1
    bits: int = 0
    photometric: str = ""
    compressed: bool = False
    declared_bytes: int = 0
    present_bytes: int = 0
    burned_in: bool = False
    mirrored: bool | None = None


def agreed(claims: Iterable[Claim[T]]) -> T | None:
    """Return what all claims say, None when there are none or they disagree."""
    said = {claim.says for claim in claims}
    return said.pop() if len(said) == 1 else None


def said_first(claims: tuple[Claim[T], ...]) -> T | None:
    """Return the most trusted claim; claims come in order of trust, codes before terms before free text."""
    return claims[0].says if claims else None
