"""What a site may set, section by section, with units and reasons."""

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from vetflow.domain.case import Queue
from vetflow.domain.rollout import Phase
from vetflow.domain.signalment import Species
from vetflow.domain.view import Region, View
from vetflow.settings.peers import DicomDestination, DicomwebDestination, Gateway, Hl7Destination, Web
from vetflow.settings.priors import DicomPriors, DicomwebPriors, Priors
from vetflow.settings.reports import Reports
from vetflow.settings.section import Section

UseCase = Literal["positioning", "cardiac", "anatomy", "triage", "draft"]


class Site(Section):
    """Who runs this."""

    name: str = "clinic"
    """Short name of the site, shown on pages and in reports."""
    simulated: bool = False
    """True only for the demo: no real animal or owner is involved, so phases may start integrated."""


class PixelMask(Section):
    """Where a device burns text into its images; what is there is blackened before a model or an export sees it."""

    manufacturer: str
    """Manufacturer (0008,0070), as the device writes it; case does not matter."""
    model: str = ""
    """ManufacturerModelName (0008,1090); empty means any."""
    rows: int = Field(ge=1)
    """Rows of the images it holds for."""
    columns: int = Field(ge=1)
    """Columns of the images it holds for."""
    regions: tuple[tuple[int, int, int, int], ...] = ()
    """Rectangles as left, top, right, bottom in pixels, right and bottom excluded; empty says none are burned in."""


class Quiet(Section):
    """When a study counts as complete."""

    seconds: dict[str, float] = {"DX": 20.0, "CR": 20.0, "CT": 60.0, "MR": 120.0}  # noqa: RUF012  pydantic copies defaults
    """Seconds without a new image, per modality."""
    default_seconds: float = 60.0
    """For modalities not named."""
    longest_seconds: float = 5400.0
    """After this many seconds a study is closed even when images are missing."""


class Route(Section):
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
    """Work queue; a silent phase always uses ``silent``, and a draft that of the most urgent case it
    speaks of, but never ``stat``."""


class Limits(Section):
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
    """Attempts at a case before it counts as failed; those that met an outage don't count."""
    lease_seconds: float = Field(default=30.0, gt=0)
    """A running case that does not renew its lease for this long is taken for dead."""
    renew_seconds: float = Field(default=5.0, gt=0)
    """How often a running case renews its lease."""


class Retries(Section):
    """How the courier tries again."""

    first_seconds: float = Field(default=5.0, gt=0)
    """Wait after the first transient failure; doubles each time."""
    cap_seconds: float = Field(default=900.0, gt=0)
    """Longest wait."""


class Store(Section):
    """Where bytes are kept."""

    kind: Literal["folder", "s3"] = "folder"
    """A folder under the home, or S3-compatible storage."""
    endpoint: str = ""
    """Host and port of the S3 service."""
    bucket: str = "vetflow"
    """Bucket; must exist."""
    secure: bool = True
    """TLS to the S3 service."""


class Ports(Section):
    """Where the parts that speak HTTP listen, on loopback."""

    prefect: int = Field(default=4200, ge=1, le=65535)
    """Prefect server and UI."""
    mlflow: int = Field(default=5000, ge=1, le=65535)
    """MLflow tracking, registry and UI."""
    web: int = Field(default=8080, ge=1, le=65535)
    """Health page."""


class Judgement(Section):
    """Thresholds of the positioning use case."""

    sure: float = Field(default=0.8, gt=0.5, le=1.0)
    """Probability from which the model is relied on; the model card's own threshold holds when it is higher."""
    deviation: float = Field(default=1.0, gt=0)
    """Largest tolerated absolute deviation index."""


class SiteFile(Section):
    """All that a site's TOML may say."""

    site: Site = Site()
    gateway: Gateway = Gateway()
    web: Web = Web()
    completeness: Quiet = Quiet()
    routes: tuple[Route, ...] = ()
    destinations: tuple[
        Annotated[DicomDestination | DicomwebDestination | Hl7Destination, Field(discriminator="kind")], ...
    ] = ()
    masks: tuple[PixelMask, ...] = ()
    phases: dict[UseCase, Phase] = {}  # noqa: RUF012  idem
    """Ceiling per use case: a file can lower a phase, never raise one."""
    limits: Limits = Limits()
    retries: Retries = Retries()
    store: Store = Store()
    ports: Ports = Ports()
    positioning: Judgement = Judgement()
    priors: Priors = Priors()
    prior_sources: tuple[Annotated[DicomPriors | DicomwebPriors, Field(discriminator="kind")], ...] = ()
    reports: Reports = Reports()

    def ceiling(self, use_case: str) -> Phase | None:
        """Return the highest phase this file allows a use case, None when it does not say."""
        return next((phase for name, phase in self.phases.items() if name == use_case), None)

    @model_validator(mode="after")
    def _names_are_unique(self) -> "SiteFile":
        for what, places in (("destinations", self.destinations), ("prior sources", self.prior_sources)):
            if len({place.name for place in places}) != len(places):
                raise ValueError(f"two {what} share a name")
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
