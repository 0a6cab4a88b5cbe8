"""Certificate authorities and certificates for tests: good, expired, revoked, of strangers."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from vetflow.adapters.tls import PemFiles

HERE = "127.0.0.1"


class Authority:
    """Signs certificates.

    Parameters
    ----------
    folder
        Where files go.
    name
        Common name, and the folder's subfolder.
    """

    def __init__(self, folder: Path, name: str = "clinic") -> None:
        self._folder = folder / name
        self._folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        usage = x509.BasicConstraints(ca=True, path_length=None)
        made = self._begun(self._name, self._key, days=10).add_extension(usage, critical=True)
        self._certificate = made.sign(self._key, hashes.SHA256())
        self.file = self._folder / "authorities.pem"
        self.file.write_bytes(_pem(self._certificate))

    def issue(self, name: str, *, days: float = 5, address: str = HERE, believing: Path | None = None) -> PemFiles:
        """Return the files of a peer whose certificate ends in some days; negative ones have passed."""
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        secret = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        made = self._begun(_named(name), secret, days=days).add_extension(names, critical=False)
        certificate.write_bytes(_pem(made.sign(self._key, hashes.SHA256())))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        key.write_bytes(secret.private_bytes(*form))
        key.chmod(0o600)
        return PemFiles(certificate=certificate, key=key, authorities=believing or self.file)

    def revoke(self, *files: PemFiles) -> None:
        """Add a list of revoked certificates to the authority's file."""
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        builder = builder.last_update(now - timedelta(hours=1)).next_update(now + timedelta(days=1))
        for one in files:
            number = x509.load_pem_x509_certificate(one.certificate.read_bytes()).serial_number
            entry = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(now).build()
            builder = builder.add_revoked_certificate(entry)
        listed = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        self.file.write_bytes(_pem(self._certificate) + listed)

    def _begun(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: float) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=days))
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
