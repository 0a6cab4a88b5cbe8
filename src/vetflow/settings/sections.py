"""What a site may set, section by section, with units and reasons."""

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vetflow.domain.case import Queue
from vetflow.domain.delivery import ResultKind
from vetflow.domain.rollout import Phase
from vetflow.domain.signalment import Species
from vetflow.domain.view import Region, View

AeTitle = str
UseCase = Literal["positioning"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Site(_Section):
    """Who runs this."""

    name: str = "clinic"
    """Short name of the site, shown on pages and in reports."""
    simulated: bool = False
    """True only for the demo: no real animal or owner is involved, so phases may start integrated."""


class Sender(_Section):
    """A modality or PACS that may send."""

    ae_title: AeTitle = Field(min_length=1, max_length=16)
    """Calling AE title."""
    host: str = ""
    """Address it must come from; empty accepts any."""


class Gateway(_Section):
    """The DICOM receiver."""

    ae_title: AeTitle = Field(default="VETFLOW", min_length=1, max_length=16)
    """Called AE title; others are rejected."""
    host: str = "127.0.0.1"
    """Address to listen on; loopback until a site says otherwise."""
    port: int = Field(default=11112, ge=1, le=65535)
    """DICOM port."""
    senders: tuple[Sender, ...] = ()
    """Calling AE titles allowed; none are allowed when empty."""
    largest_pdu: int = Field(default=1 << 20, ge=4096)
    """Largest PDU accepted, bytes; larger ones end the association."""
    pdu_seconds: float = Field(default=30.0, gt=0)
    """Seconds for one PDU to arrive; slower peers are cut."""
    associations: int = Field(default=30, ge=1)
    """Associations at once."""
    associations_per_peer: int = Field(default=12, ge=1)
    """Associations at once from one address."""
    free_disk_mb: int = Field(default=512, ge=0)
    """Free space of the store below which nothing is accepted, MB."""


class Quiet(_Section):
    """When a study counts as complete."""

    seconds: dict[str, float] = {"DX": 20.0, "CR": 20.0, "CT": 60.0, "MR": 120.0}
    """Seconds without a new image, per modality."""
    default_seconds: float = 60.0
    """For modalities not named."""
    longest_seconds: float = 5400.0
    """After this many seconds a study is closed even when images are missing."""


class Route(_Section):
    """Which films or studies get which use case; an empty list means any."""

    use_case: UseCase
    """Flow to run."""
    species: tuple[Species, ...] = ()
    """Species by tags."""
    regions: tuple[Region, ...] = ()
    """Body regions by tags."""
    modalities: tuple[str, ...] = ("DX", "CR")
    """DICOM modalities."""
    views: tuple[View, ...] = ()
    """Views by tags."""
    queue: Queue = Queue.ROUTINE
    """Work queue; a silent phase always uses ``silent``."""


class DicomDestination(_Section):
    """A PACS that gets results by C-STORE."""

    name: str
    """Name in deliveries and logs."""
    kind: Literal["dicom"]
    """C-STORE."""
    ae_title: AeTitle
    """Called AE title."""
    host: str
    """Host name or address."""
    port: int = Field(ge=1, le=65535)
    """DICOM port."""
    results: tuple[ResultKind, ...] = (ResultKind.SR,)
    """Kinds of objects it gets."""


class Hl7Destination(_Section):
    """A practice system that gets ORU^R01 over MLLP."""

    name: str
    """Name in deliveries and logs."""
    kind: Literal["hl7"]
    """MLLP."""
    host: str
    """Host name or address."""
    port: int = Field(ge=1, le=65535)
    """MLLP port."""
    dialect: Literal["2.5.1"] = "2.5.1"
    """HL7 version of the messages."""
    application: str = "PIMS"
    """Receiving application (MSH-5)."""
    facility: str = "CLINIC"
    """Receiving facility (MSH-6)."""
    results: tuple[ResultKind, ...] = (ResultKind.ORU,)
    """Kinds of messages it gets."""


class Limits(_Section):
    """Bounds that keep one case from harming others."""

    case_seconds: float = Field(default=120.0, gt=0)
    """Wall-clock limit of one case."""
    case_memory_mb: int = Field(default=6144, ge=512)
    """Address space of one case's process, MB; CPU torch alone maps about 1400."""
    sandbox_seconds: float = Field(default=60.0, gt=0)
    """Wall-clock limit of decoding or inference in the sandbox."""
    sandbox_memory_mb: int = Field(default=4096, ge=512)
    """Address space of the sandbox, MB."""
    largest_film_pixels: int = Field(default=100_000_000, ge=1)
    """Rows × columns × frames above which a film is refused."""
    concurrent_cases: int = Field(default=2, ge=1)
    """Cases running at once on one worker; routine and silent together use all but one when there are two or more."""
    attempts: int = Field(default=3, ge=1)
    """Attempts at a case before it counts as failed."""
    lease_seconds: float = Field(default=30.0, gt=0)
    """A running case that does not renew its lease for this long is taken for dead."""
    renew_seconds: float = Field(default=5.0, gt=0)
    """How often a running case renews its lease."""


class Retries(_Section):
    """How the courier tries again."""

    first_seconds: float = Field(default=5.0, gt=0)
    """Wait after the first transient failure; doubles each time."""
    cap_seconds: float = Field(default=900.0, gt=0)
    """Longest wait."""


class Store(_Section):
    """Where bytes are kept."""

    kind: Literal["folder", "s3"] = "folder"
    """A folder under the home, or S3-compatible storage."""
    endpoint: str = ""
    """Host and port of the S3 service."""
    bucket: str = "vetflow"
    """Bucket; must exist."""
    secure: bool = True
    """TLS to the S3 service."""


class Ports(_Section):
    """Where the parts that speak HTTP listen, on loopback."""

    prefect: int = Field(default=4200, ge=1, le=65535)
    """Prefect server and UI."""
    mlflow: int = Field(default=5000, ge=1, le=65535)
    """MLflow tracking, registry and UI."""
    web: int = Field(default=8080, ge=1, le=65535)
    """Health page."""


class Judgement(_Section):
    """Thresholds of the positioning use case."""

    sure: float = Field(default=0.8, gt=0.5, le=1.0)
    """Probability from which the model is relied on; the model card's own threshold holds when it is higher."""
    deviation: float = Field(default=1.0, gt=0)
    """Largest tolerated absolute deviation index."""


class SiteFile(_Section):
    """All that a site's TOML may say."""

    site: Site = Site()
    gateway: Gateway = Gateway()
    completeness: Quiet = Quiet()
    routes: tuple[Route, ...] = ()
    destinations: tuple[Annotated[DicomDestination | Hl7Destination, Field(discriminator="kind")], ...] = ()
    phases: dict[UseCase, Phase] = {}
    """Ceiling per use case: a file can lower a phase, never raise one."""
    limits: Limits = Limits()
    retries: Retries = Retries()
    store: Store = Store()
    ports: Ports = Ports()
    positioning: Judgement = Judgement()

    def ceiling(self, use_case: str) -> Phase | None:
        """Return the highest phase this file allows a use case, None when it does not say."""
        return next((phase for name, phase in self.phases.items() if name == use_case), None)

    @model_validator(mode="after")
    def _names_are_unique(self) -> "SiteFile":
        names = [destination.name for destination in self.destinations]
        if len(set(names)) != len(names):
            raise ValueError("two destinations share a name")
        return self


class Settings(SiteFile):
    """The site's file joined with where things live on this machine."""

    home: Path
    """Data directory, ``VETFLOW_HOME``."""
    file: Path | None = None
    """The site's TOML, None when every default holds."""
    database_url: str = ""
    """``VETFLOW_DATABASE_URL``; empty uses the embedded PostgreSQL under the home."""

    @cached_property
    def secrets(self) -> Path:
        """Directory of secret files, mode 0700."""
        return Path(os.environ.get("VETFLOW_SECRETS", self.home / "secrets"))
