"""Settings about earlier studies: which PACS has them, and how much a case may have of them."""

from typing import Literal

from pydantic import Field

from vetflow.domain.priors import PriorLimits
from vetflow.settings.peers import DicomPeer, DicomwebPeer
from vetflow.settings.section import Section


class DicomPriors(DicomPeer):
    """A PACS that is asked for studies by C-FIND."""

    kind: Literal["dicom"]
    """C-FIND, and C-GET or C-MOVE."""
    retrieve: Literal["get", "move"] = "get"
    """``get`` brings images over the association that asks for them. ``move`` has the PACS send them to our receiver;
    it must know our AE title and be one of its senders, and what it sends is routed like any other study."""


class DicomwebPriors(DicomwebPeer):
    """A PACS that is asked for studies by QIDO-RS and hands them over by WADO-RS."""

    kind: Literal["dicomweb"]
    """QIDO-RS and WADO-RS."""


class Priors(Section):
    """How much a case may have of earlier studies, as ``draft`` asks for them; what is missing is said to be."""

    studies: int = Field(default=2, ge=0)
    """Most studies; 0 asks nobody."""
    days: int = Field(default=1825, ge=1)
    """Oldest, days before the study."""
    instances: int = Field(default=200, ge=1)
    """Images of a study above which it is not fetched."""
    megabytes: float = Field(default=500.0, gt=0)
    """Size of a study above which it is given up, MB; with ``move`` the number of images alone counts."""
    seconds: float = Field(default=20.0, gt=0)
    """Time for all questions and transfers together."""
    modalities: tuple[str, ...] = ("DX", "CR")
    """Studies that have none of these are no priors."""
    issuer: str = ""
    """IssuerOfPatientID that studies without one are taken to have."""

    @property
    def limits(self) -> PriorLimits:
        """The same as the domain takes them."""
        return PriorLimits(**dict(self))
