"""Settings about who talks to vetflow and whom it talks to."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from vetflow.domain.delivery import ResultKind
from vetflow.settings.section import Section

AeTitle = Annotated[str, Field(min_length=1, max_length=16)]


class Tls(Section):
    """TLS 1.2 or newer with certificates on both sides (PS3.15 B.12); PEM files, relative to the secrets directory."""

    certificate: Path
    """Our certificate, followed by the intermediates of its chain."""
    key: Path
    """Its private key, readable by its owner alone."""
    authorities: Path
    """Certificates of the authorities whose peers are believed."""


class Sender(Section):
    """A modality or PACS that may send."""

    ae_title: AeTitle
    """Calling AE title."""
    host: str = ""
    """Address it must come from; empty accepts any."""


class SecureGateway(Tls):
    """DICOM over TLS, beside the plain port."""

    port: int = Field(default=2762, ge=1, le=65535)
    """DICOM TLS port."""


class Gateway(Section):
    """The DICOM receiver."""

    ae_title: AeTitle = "VETFLOW"
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
    tls: SecureGateway | None = None
    """DICOM over TLS; absent, only the plain port listens."""
    plain: bool = True
    """Whether the plain port listens; false leaves only TLS."""


class WebSender(Section):
    """Who may store by STOW-RS and ask for advice."""

    name: str = Field(min_length=1, max_length=64)
    """Name in the ledger."""
    token: str = Field(min_length=1)
    """Name of the file in the secrets directory that holds its bearer token."""


class Web(Section):
    """The HTTP port: health, and DICOMweb and advice for those who may store."""

    host: str = "127.0.0.1"
    """Address to listen on; loopback until a site says otherwise."""
    senders: tuple[WebSender, ...] = ()
    """Who may store by STOW-RS at ``/dicomweb/studies`` and ask for advice on films; nobody when empty."""
    tls: Tls | None = None
    """HTTPS with certificates on both sides; absent, plain HTTP."""
    largest_instance_mb: int = Field(default=1024, ge=1)
    """Largest instance accepted by STOW-RS, MB."""


class DicomPeer(Section):
    """A PACS reached over DICOM."""

    name: str
    """Name in deliveries, reports and logs."""
    ae_title: AeTitle
    """Called AE title."""
    host: str
    """Host name or address."""
    port: int = Field(ge=1, le=65535)
    """DICOM port."""
    tls: Tls | None = None
    """DICOM over TLS; absent, plain."""


class DicomwebPeer(Section):
    """A PACS reached over DICOMweb."""

    name: str
    """Name in deliveries, reports and logs."""
    url: str = Field(pattern=r"^https?://")
    """Base of its DICOMweb service, such as ``https://pacs.example/dicom-web``."""
    token: str = ""
    """Name of the file in the secrets directory that holds a bearer token; empty sends none."""
    tls: Tls | None = None
    """Our certificate and the authorities believed; absent, the machine's authorities and no certificate."""


class DicomDestination(DicomPeer):
    """A PACS that gets results by C-STORE."""

    kind: Literal["dicom"]
    """C-STORE."""
    results: tuple[ResultKind, ...] = (ResultKind.SR,)
    """Kinds of objects it gets: SR, GSPS, SEG, SC, KOS."""


class DicomwebDestination(DicomwebPeer):
    """A PACS that gets results by STOW-RS."""

    kind: Literal["dicomweb"]
    """STOW-RS."""
    results: tuple[ResultKind, ...] = (ResultKind.SR,)
    """Kinds of objects it gets: SR, GSPS, SEG, SC, KOS."""


class Hl7Destination(Section):
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
