"""The object store in a bucket of an S3-compatible service, by the ``minio`` client."""

import hashlib
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, S3Error, ServerError

from vetflow.domain.errors import ConfigurationError, StudyRefused, TransientError

_PREFIX = "objects/"
_IN_MEMORY = 32 * 1024 * 1024  # bytes; films fit, a multi-frame recording goes by way of the disk
_MISSING = {"NoSuchKey", "NoSuchObject"}
_A_PERSON_MUST_ACT = {
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    "InvalidAccessKeyId",
    "InvalidBucketName",
    "NoSuchBucket",
    "SignatureDoesNotMatch",
}


class S3Store:
    """Bytes by SHA-256 in a bucket; the service answers a put only once the object is durable.

    Parameters
    ----------
    endpoint
        Host and port.
    bucket
        Made when it is not there.
    access_key, secret_key
        From the secrets directory, never from the site's file.
    secure
        TLS.
    """

    def __init__(self, endpoint: str, *, bucket: str, access_key: str, secret_key: str, secure: bool = True) -> None:
        patience = urllib3.Timeout(connect=5.0, read=60.0)
        retries = urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504])
        pool = urllib3.PoolManager(timeout=patience, retries=retries, maxsize=32, cert_reqs="CERT_REQUIRED")
        self._bucket = bucket
        try:
            self._client = Minio(
                endpoint, access_key=access_key, secret_key=secret_key, secure=secure, http_client=pool
            )
            with _in_our_words():
                if not self._client.bucket_exists(bucket):
                    self._client.make_bucket(bucket)
        except ValueError:
            raise ConfigurationError("the object store's endpoint or bucket has no valid name") from None

    def put(self, parts: Iterable[bytes]) -> str:
        """Return the hexadecimal SHA-256 of the joined parts once they are durable; the same bytes are kept once.

        Two writers of the same bytes at the same moment both write them, which changes nothing: the name is the
        digest. (The ``minio`` client offers no conditional put.)
        """
        known = hashlib.sha256()
        with SpooledTemporaryFile(max_size=_IN_MEMORY) as draft:
            for part in parts:
                known.update(part)
                with _in_our_words():
                    draft.write(part)
            digest, size = known.hexdigest(), draft.tell()
            with _in_our_words():
                if self._size(digest) != size:
                    draft.seek(0)
                    self._client.put_object(self._bucket, _PREFIX + digest, cast("BinaryIO", draft), size)
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes; StudyRefused ``object_missing`` or ``object_damaged`` when they are not what was put."""
        with _in_our_words():
            answer = self._client.get_object(self._bucket, _PREFIX + digest)
            try:
                data = answer.read()
            finally:
                answer.close()
                answer.release_conn()
        if hashlib.sha256(data).hexdigest() != digest:
            raise StudyRefused("object_damaged")
        return data

    def has(self, digest: str) -> bool:
        """Whether the object is there, by name only."""
        with _in_our_words():
            return self._size(digest) is not None

    def digests(self) -> Iterator[str]:
        """Yield every digest held."""
        with _in_our_words():
            for entry in self._client.list_objects(self._bucket, prefix=_PREFIX, recursive=True):
                yield (entry.object_name or "").removeprefix(_PREFIX)

    def _size(self, digest: str) -> int | None:
        try:
            return self._client.stat_object(self._bucket, _PREFIX + digest).size
        except S3Error as error:
            if error.code in _MISSING:
                return None
            raise


@contextmanager
def _in_our_words() -> Generator[None]:
    """Turn the client's errors into ours; its messages quote requests, so they stay behind."""
    try:
        yield
    except S3Error as error:
        if error.code in _MISSING:
            raise StudyRefused("object_missing") from None
        if error.code in _A_PERSON_MUST_ACT:
            raise ConfigurationError(f"the object store refused us ({error.code}): check bucket and keys") from None
        raise TransientError(f"the object store did not serve us ({error.code})") from None
    except (urllib3.exceptions.HTTPError, InvalidResponseError, ServerError, OSError):
        raise TransientError("the object store can't be reached, or our own disk is full") from None
