"""A site's TLS settings as the contexts its parts use."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from vetflow.settings import Settings, Tls

if TYPE_CHECKING:
    from vetflow.adapters.tls import PemFiles, Secure


def server_side(settings: Settings, said: Tls) -> "Secure":
    """Return what gives a server's context for each connection; it is made when first asked for."""
    from vetflow.adapters.tls import Renewed, server_context

    return Renewed(_files(settings, said), server_context)


def client_side(settings: Settings, said: Tls) -> "Secure":
    """Return what gives a client's context for each connection; it is made when first asked for."""
    from vetflow.adapters.tls import Renewed, client_context

    return Renewed(_files(settings, said), client_context)


def ends(settings: Settings, said: Tls) -> Mapping[str, datetime]:
    """Return when the first certificate of each file expires; ConfigurationError when the files can't be used."""
    from vetflow.adapters import tls

    return tls.ends(_files(settings, said))


def _files(settings: Settings, said: Tls) -> "PemFiles":
    from vetflow.adapters.tls import PemFiles

    folder = settings.secrets
    return PemFiles(certificate=folder / said.certificate, key=folder / said.key, authorities=folder / said.authorities)
