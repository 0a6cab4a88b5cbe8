"""The one frozen configuration: a site's TOML, ``VETFLOW_*`` variables and a secrets directory."""

from vetflow.settings.loading import default_home, load, write
from vetflow.settings.sections import (
    AeTitle,
    DicomDestination,
    Gateway,
    Hl7Destination,
    Judgement,
    Limits,
    Ports,
    Quiet,
    Retries,
    Route,
    Sender,
    Settings,
    Site,
    SiteFile,
    Store,
    UseCase,
)

__all__ = [
    "AeTitle",
    "DicomDestination",
    "Gateway",
    "Hl7Destination",
    "Judgement",
    "Limits",
    "Ports",
    "Quiet",
    "Retries",
    "Route",
    "Sender",
    "Settings",
    "Site",
    "SiteFile",
    "Store",
    "UseCase",
    "default_home",
    "load",
    "write",
]
