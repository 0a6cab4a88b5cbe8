"""Authenticated encryption of identities: AES-256-GCM under a ring of keys (NIST SP 800-38D)."""

import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vetflow.domain.errors import ConfigurationError, StudyRefused
from vetflow.domain.privacy import Sealed

_NONCE_BYTES = 12


class KeyRing:
    """Seals under the last key, opens what any of them sealed.

    Parameters
    ----------
    keys
        32 bytes each by id, oldest first.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise ValueError("a key ring holds a key")
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._current = list(keys)[-1]

    @property
    def current(self) -> str:
        """Id of the key that is sealed under now."""
        return self._current

    def seal(self, plain: bytes, *about: str) -> Sealed:
        """Return a random 96-bit nonce and the bytes, encrypted and bound to what they are about.

        Parameters
        ----------
        about
            Texts without NUL, such as a study and an instance: under others it does not open.
        """
        nonce = secrets.token_bytes(_NONCE_BYTES)
        data = nonce + self._ciphers[self._current].encrypt(nonce, plain, _bound(about))
        return Sealed(key_id=self._current, data=data)

    def unseal(self, sealed: Sealed, *about: str) -> bytes:
        """Return what was sealed.

        Raises
        ------
        ConfigurationError
            The key it was sealed under is not on the ring.
        StudyRefused
            ``map_damaged`` when it was changed, cut, or sealed about something else.
        """
        cipher, bound = self._ciphers.get(sealed.key_id), _bound(about)
        if cipher is None:
            raise ConfigurationError(f"map.keys lacks the key {sealed.key_id}; bring its line back from your copy")
        try:
            return cipher.decrypt(sealed.data[:_NONCE_BYTES], sealed.data[_NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):  # ValueError when it is shorter than a nonce
            raise StudyRefused("map_damaged", "what is known of a study's identity was changed") from None


def _bound(about: tuple[str, ...]) -> bytes:
    if any("\0" in text for text in about):
        raise ValueError("what bytes are about has no NUL")
    return "\0".join(about).encode()
