"""UIDs that follow from what they name, so that doing a thing twice names it once."""

import hashlib
import hmac

_VARIANT = 0x8 << 60
_VERSION = 0x8 << 76


def derived_uid(*parts: str) -> str:
    """Return the UID that belongs to ``parts``, in this order.

    Parameters
    ----------
    parts
        Texts without NUL, which separates them: ``("ab", "c")`` and ``("a", "bc")`` differ.
    """
    if not parts or any("\0" in part for part in parts):
        raise ValueError("a UID derives from one or more texts without NUL")
    return _as_uid(hashlib.sha256("\0".join(parts).encode()).digest())


def keyed_uid(original: str, key: bytes) -> str:
    """Return the replacement of a UID, which only the key's holder can tie to the original (HMAC-SHA256)."""
    return _as_uid(keyed(original, key))


def keyed(original: str, key: bytes) -> bytes:
    """Return 32 bytes that stand for ``original`` under ``key``."""
    if len(key) < 16:
        raise ValueError("a key has at least 16 bytes")
    return hmac.digest(key, original.encode(errors="surrogateescape"), "sha256")


def _as_uid(digest: bytes) -> str:
    """Write the first 128 bits as a version 8 UUID below the root 2.25 (PS3.5 B.2, RFC 9562)."""
    number = int.from_bytes(digest[:16])
    number = number & ~(0xC << 60) | _VARIANT
    number = number & ~(0xF << 76) | _VERSION
    return f"2.25.{number}"
