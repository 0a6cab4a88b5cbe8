"""The one frozen configuration: a site's TOML, ``VETFLOW_*`` variables and a secrets directory."""

from vetflow.settings.loading import default_home, load, write
from vetflow.settings.peers import (
    AeTitle,
    DicomDestination,
    DicomwebDestination,
    Gateway,
    Hl7Destination,
    SecureGateway,
    Sender,
    Tls,
    Web,
    WebSender,
)
from vetflow.settings.priors import DicomPriors, DicomwebPriors, Priors
from vetflow.settings.reports import Reports
from vetflow.settings.sections import (
    Judgement,
    Limits,
    PixelMask,
    Ports,
    Quiet,
    Retries,
    Route,
    Settings,
    Site,
    SiteFile,
    Store,
    UseCase,
)

__all__ = [
    "AeTitle",
    "DicomDestination",
    "DicomPriors",
    "DicomwebDestination",
    "DicomwebPriors",
    "Gateway",
    "Hl7Destination",
    "Judgement",
    "Limits",
    "PixelMask",
    "Ports",
    "Priors",
    "Quiet",
    "Reports",
    "Retries",
    "Route",
    "SecureGateway",
    "Sender",
    "Settings",
    "Site",
    "SiteFile",
    "Store",
    "Tls",
    "UseCase",
    "Web",
    "WebSender",
    "default_home",
    "load",
    "write",
]
