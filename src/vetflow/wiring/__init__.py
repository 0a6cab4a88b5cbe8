"""Where settings become adapters; the only place that names them, each imported when it is first asked for."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from vetflow import settings as site
from vetflow.domain.validation import Cell, Check
from vetflow.ports import Derived, FilmReader, ObjectStore, PracticeSystem, ResultSink, Runs, Sealer
from vetflow.settings import DicomDestination, DicomwebDestination, Hl7Destination, Settings
from vetflow.wiring import certificates, keys

if TYPE_CHECKING:
    from vetflow.adapters.lease import Leases
    from vetflow.adapters.ledger import Bell, PostgresLedger
    from vetflow.adapters.map_folder import SealedFolder
    from vetflow.adapters.sandbox import Answer

Expectations = Callable[[Mapping[str, Cell], str], tuple[Check, ...]]


class Services:
    """Everything a part of vetflow may ask for, made from settings when it is first used.

    Parameters
    ----------
    settings
        With ``database_url`` filled in.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def ledger(self) -> "PostgresLedger":
        """The truth."""
        from vetflow.adapters.ledger import PostgresLedger

        return PostgresLedger(self.settings.database_url, sealer=lambda: self.sealer)

    @cached_property
    def sealer(self) -> Sealer:
        """The key ring of sealed maps; only what de-identifies and re-identifies ever loads it."""
        from vetflow.adapters.sealing import KeyRing

        return KeyRing(keys.map_keys(self.settings.secrets))

    def export_map(self, folder: Path) -> "SealedFolder":
        """Return the sealed map of an export, kept in a folder."""
        from vetflow.adapters.map_folder import SealedFolder

        return SealedFolder(folder, sealer=lambda: self.sealer)

    @cached_property
    def store(self) -> ObjectStore:
        """Bytes by digest."""
        store = self.settings.store
        if store.kind == "folder":
            from vetflow.adapters.store_folder import FolderStore

            return FolderStore(self.settings.home / "store")
        from vetflow.adapters.store_s3 import S3Store

        return S3Store(
            store.endpoint,
            bucket=store.bucket,
            access_key=keys.secret(self.settings.secrets, "s3_access_key"),
            secret_key=keys.secret(self.settings.secrets, "s3_secret_key"),
            secure=store.secure,
        )

    @cached_property
    def derived(self) -> Derived:
        """Bytes that can be made again."""
        from vetflow.adapters.derived_folder import DerivedFolder

        return DerivedFolder(self.settings.home / "derived")

    @cached_property
    def leases(self) -> "Leases":
        """Leases in this process's name."""
        from vetflow.adapters.lease import Leases

        limits = self.settings.limits
        return Leases(cases=self.ledger, lease_seconds=limits.lease_seconds, renew_seconds=limits.renew_seconds)

    @cached_property
    def expectations(self) -> Expectations:
        """Great Expectations, imported only where films are validated."""
        from vetflow.adapters.expectations_gx import check

        return check

    @cached_property
    def uid_key(self) -> bytes:
        """The key that UIDs are replaced under."""
        return keys.uid_key(self.settings.secrets)

    @cached_property
    def reader(self) -> FilmReader:
        """The champions in their sandbox; bundles are read once for all films of a run."""
        from vetflow.adapters.film_reader import SandboxedReader

        bundle = lru_cache(maxsize=2)(self.store.get)
        return SandboxedReader(run=self._looked, bundle=bundle, derived=self.derived)

    def _looked(self, film: bytes, bundles: Mapping[str, bytes]) -> "Answer":
        from vetflow.adapters.sandbox import Function, Sandbox, nursery

        limits = self.settings.limits
        look = Function(target="vetflow.wiring.inside:look", crash="decoder_crashed")
        box = Sandbox(
            functions={"look": look},
            nursery=nursery,
            seconds=limits.sandbox_seconds,
            memory_mb=limits.sandbox_memory_mb,
        )
        largest = {"largest": limits.largest_film_pixels * 2}
        return box.run("look", arrays={"film": film, **bundles}, values=largest)

    @cached_property
    def runs(self) -> Runs:
        """Prefect, as far as dispatcher and reconciler use it."""
        from vetflow.adapters.runs_prefect import PrefectRuns

        return PrefectRuns(api_url=f"http://127.0.0.1:{self.settings.ports.prefect}/api")

    def bell(self, channel: str) -> "Bell":
        """Return what waits until the ledger rings on a channel; one for each thread."""
        from vetflow.adapters.ledger import Bell

        return Bell(self.settings.database_url, channel)

    def sinks(self) -> Mapping[str, ResultSink]:
        """Return the site's PACS destinations by name."""
        return {
            place.name: self._dimse(place) if isinstance(place, DicomDestination) else self._dicomweb(place)
            for place in self.settings.destinations
            if isinstance(place, DicomDestination | DicomwebDestination)
        }

    def _dimse(self, place: DicomDestination) -> ResultSink:
        from vetflow.adapters.pacs_dimse import DimseSink

        sink = DimseSink(place.host, place.port, called=place.ae_title, calling=self.settings.gateway.ae_title)
        return sink.over_tls(certificates.client_side(self.settings, place.tls)) if place.tls else sink

    def _dicomweb(self, place: DicomwebDestination) -> ResultSink:
        from vetflow.adapters.pacs_dicomweb import StowSink

        folder = self.settings.secrets
        return StowSink(
            place.url,
            token=lambda: keys.secret(folder, place.token) if place.token else "",
            tls=certificates.client_side(self.settings, place.tls) if place.tls else None,
        )

    def practices(self) -> Mapping[str, PracticeSystem]:
        """Return the site's practice systems by name."""
        from vetflow.adapters.practice_hl7 import MllpPractice

        return {
            place.name: MllpPractice(place.host, place.port)
            for place in self.settings.destinations
            if isinstance(place, Hl7Destination)
        }


_chosen: ContextVar[Services] = ContextVar("services")


def build(settings: Settings) -> Services:
    """Return the services of a site."""
    return Services(settings)


def services() -> Services:
    """Return the services in use: those chosen with `use_services`, else this process's own from its environment."""
    return _chosen.get(None) or _own()


@contextmanager
def use_services(chosen: Services) -> Generator[Services]:
    """Use these services in this context."""
    token = _chosen.set(chosen)
    try:
        yield chosen
    finally:
        _chosen.reset(token)


@lru_cache(maxsize=1)
def _own() -> Services:
    return build(site.load())
