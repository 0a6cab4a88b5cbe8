"""TLS from PEM files, made anew when a file has changed: TLS 1.2 or newer, certificates on both sides (PS3.15 B.12)."""

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from vetflow.domain.errors import ConfigurationError, TransientError

log = structlog.stdlib.get_logger()

Secure = Callable[[], ssl.SSLContext]
"""Gives the context for a new connection; ConfigurationError when there is none."""

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and authenticated encryption alone (BCP 195). TLS 1.3 has nothing else."""
_VERDICT_SECONDS = 2.0
_FAULTS = {
    10: "has expired",
    18: "is not of an authority we believe",
    19: "is not of an authority we believe",
    20: "is not of an authority we believe",
    21: "is not of an authority we believe",
    23: "was revoked",
    62: "is for another host",
    64: "is for another address",
}
"""X509_V_ERR_ codes, as OpenSSL numbers them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PemFiles:
    """Where our identity and whom we believe are kept.

    Parameters
    ----------
    certificate
        Ours, followed by the intermediates of its chain.
    key
        Its private key, not encrypted, closed to everybody but its owner.
    authorities
        Certificates of the authorities whose peers are believed. Revocation lists may stand in it too; then each
        certificate must be in none of them, and an authority without a list is not believed.
    """

    certificate: Path
    key: Path
    authorities: Path


class Renewed:
    """Gives the context of the files as they are now; while new ones are broken, that of the last good ones.

    Parameters
    ----------
    make
        :func:`server_context` or :func:`client_context`.
    """

    def __init__(self, files: PemFiles, make: Callable[[PemFiles], ssl.SSLContext]) -> None:
        self._files = files
        self._make = make
        self._context: ssl.SSLContext | None = None
        self._seen: object = None
        self._lock = threading.Lock()

    def __call__(self) -> ssl.SSLContext:
        """Return the context; ConfigurationError when the files are broken and never were good."""
        with self._lock:
            stamp = [_stamp(path) for path in (self._files.certificate, self._files.key, self._files.authorities)]
            if self._context is None:
                self._context = self._make(self._files)
            elif stamp != self._seen:
                self._context = self._anew(self._context)
            self._seen = stamp
            return self._context

    def _anew(self, old: ssl.SSLContext) -> ssl.SSLContext:
        try:
            made = self._make(self._files)
        except ConfigurationError as error:
            log.warning("certificate not renewed, the old one stays in use", reason=str(error))
            return old
        log.info("certificate renewed")
        return made


def server_context(files: PemFiles) -> ssl.SSLContext:
    """Return a server's context that wants a certificate of each peer; ConfigurationError says what is broken."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, files)
    context.verify_mode = ssl.CERT_REQUIRED
    # A resumed session would not be asked for its certificate again.
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 0
    return context


def client_context(files: PemFiles) -> ssl.SSLContext:
    """Return a client's context that shows our certificate and wants the peer's to name its host or address."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, files)


def usable(secure: Secure) -> ssl.SSLContext:
    """Return a client's context; TransientError when it is broken, since a person mends it and what is owed waits."""
    try:
        return secure()
    except ConfigurationError as error:
        raise TransientError(f"our certificate can't be used: {error}") from None


def diagnosis(host: str, port: int, context: ssl.SSLContext, *, seconds: float) -> str:
    """Return what is wrong between a PACS and us, empty when it is not TLS.

    Asks once more, for nothing but a handshake: clients don't say what became of theirs, and with TLS 1.3 a peer's
    verdict on our certificate is lost when it closes while we are sending.
    """
    try:
        with (
            socket.create_connection((host, port), timeout=seconds) as raw,
            context.wrap_socket(raw, server_hostname=host) as peer,
        ):
            peer.settimeout(min(seconds, _VERDICT_SECONDS))
            if not peer.recv(1):
                return "the PACS ends the connection after the TLS handshake; it may not accept our certificate"
    except ssl.SSLCertVerificationError as error:
        return f"the PACS's certificate {_FAULTS.get(error.verify_code, 'is not accepted: ' + error.verify_message)}"
    except ssl.SSLError as error:
        return (
            f"the PACS and we do not agree on TLS ({(error.reason or type(error).__name__).lower().replace('_', ' ')})"
        )
    except OSError:
        return ""
    return ""


def ends(files: PemFiles) -> Mapping[str, datetime]:
    """Return when the first certificate of each file expires; ConfigurationError when the files can't be used."""
    from cryptography import x509

    server_context(files)
    chains = {
        path.name: x509.load_pem_x509_certificates(_read(path)) for path in (files.certificate, files.authorities)
    }
    return {name: min(one.not_valid_after_utc for one in chain) for name, chain in chains.items()}


def _context(protocol: int, files: PemFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    for path in (files.certificate, files.key, files.authorities):
        _read(path)
    if files.key.stat().st_mode & 0o077:
        raise ConfigurationError(f"{files.key} can be read by others; run: chmod 600 {files.key}")
    try:
        # An encrypted key fails with the empty password instead of asking the terminal for one.
        context.load_cert_chain(files.certificate, files.key, password="")
    except ssl.SSLError as error:
        raise ConfigurationError(_broken(files, error)) from None
    try:
        context.load_verify_locations(files.authorities)
    except ssl.SSLError:
        raise ConfigurationError(f"{files.authorities} holds no certificates in PEM form") from None
    believed = context.cert_store_stats()
    if not believed["x509"]:
        raise ConfigurationError(f"{files.authorities} holds revocation lists and no certificates")
    if believed["crl"]:
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    return context


def _broken(files: PemFiles, error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"{files.key} is not the key of {files.certificate}"
    return f"{files.certificate} or {files.key} is not in PEM form, or the key is encrypted"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from None


def _stamp(path: Path) -> tuple[int, int, int] | None:
    with suppress(OSError):
        seen = path.stat()
        return seen.st_mtime_ns, seen.st_ino, seen.st_size
    return None
