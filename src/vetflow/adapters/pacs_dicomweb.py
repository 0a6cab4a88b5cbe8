"""A PACS reached by DICOMweb: STOW-RS with the bytes as they are stored (PS3.18 section 10.5)."""

import json
import secrets
import ssl
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from http import HTTPStatus
from typing import cast

import httpx

from vetflow.adapters.tls import Secure, diagnosis, usable
from vetflow.dicom.status import judge
from vetflow.domain.errors import ConfigurationError, PermanentFailure, TransientError

_JSON = "application/dicom+json"
_FAILED = ("00081198", "0008119A")
"""Failed SOP Sequence, and Other Failures Sequence for what has no SOP Instance UID."""
_FAILURE_REASON = "00081197"
_Answer = dict[str, dict[str, list[dict[str, dict[str, list[int]]]]]]
_LONGEST_ANSWER = 1 << 20
_TIMEOUTS = httpx.Timeout(30.0, connect=5.0, read=60.0)
_MENDED_BY_PEOPLE: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "the PACS does not accept our token",
    HTTPStatus.FORBIDDEN: "the PACS does not allow us to store",
    HTTPStatus.NOT_FOUND: "the PACS has no DICOMweb service at this address",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "a proxy before the PACS wants to know us",
}
"""What our configuration or theirs is to blame for, not the object: worth another try until somebody has mended it."""
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class StowSink:
    """A PACS that takes DICOM objects by STOW-RS, one request an object.

    Parameters
    ----------
    url
        Base of its DICOMweb service.
    token
        Gives the bearer token, empty for none; ConfigurationError when it can't be read.
    tls
        Our certificate and whom we believe; None believes the machine's authorities and shows none.
    timeouts
        How long it may take.
    """

    def __init__(
        self,
        url: str,
        *,
        token: Callable[[], str] = str,
        tls: Secure | None = None,
        timeouts: httpx.Timeout = _TIMEOUTS,
    ) -> None:
        self._url = f"{url.rstrip('/')}/studies"
        self._token = token
        self._tls = tls
        self._timeouts = timeouts

    def store(self, data: bytes) -> None:
        """Send one instance as stored; TransientError, or PermanentFailure with the status."""
        if data[128:132] != b"DICM":
            raise PermanentFailure("the object is not a DICOM file", status="unreadable")
        boundary = secrets.token_hex(16)
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        tail = f"\r\n--{boundary}--\r\n".encode()
        headers = {
            "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
            "Content-Length": str(len(head) + len(data) + len(tail)),
        }
        with self._asked("POST", self._url, headers=headers, content=iter((head, data, tail))) as answer:
            _settled(answer.status_code, _body(answer))

    def echo(self) -> None:
        """Ask for a study that can't be there, so that no owner's data comes back; TransientError when that fails."""
        with self._asked("GET", f"{self._url}?limit=1&StudyInstanceUID=2.25.0") as answer:
            # A service may take objects and answer no queries.
            if not answer.is_success and answer.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
                raise TransientError(f"the PACS does not answer QIDO-RS (HTTP {answer.status_code})")

    @contextmanager
    def _asked(
        self, method: str, url: str, *, headers: dict[str, str] | None = None, content: Iterator[bytes] | None = None
    ) -> Generator[httpx.Response]:
        """Give the answer to one request, its body unread; faults of the way there and refusals of us are errors."""
        sent = {"Accept": _JSON, **self._authorization(), **(headers or {})}
        context = usable(self._tls) if self._tls else self._machine
        try:
            with (
                httpx.Client(verify=context, timeout=self._timeouts, trust_env=False) as client,
                client.stream(method, url, headers=sent, content=content) as answer,
            ):
                _let_in(answer.status_code)
                yield answer
        except httpx.InvalidURL:
            raise TransientError("the PACS's address is not valid") from None
        except httpx.TimeoutException:
            raise TransientError("the PACS did not answer in time") from None
        except httpx.TransportError:
            raise TransientError(self._why(context) or "the PACS can't be reached") from None

    def _why(self, context: ssl.SSLContext) -> str:
        asked = httpx.URL(self._url)
        if asked.scheme != "https":
            return ""
        return diagnosis(asked.host, asked.port or 443, context, seconds=self._timeouts.connect or 5.0)

    def _authorization(self) -> dict[str, str]:
        try:
            token = self._token()
        except ConfigurationError as error:
            raise TransientError(str(error)) from None
        return {"Authorization": f"Bearer {token}"} if token else {}

    @cached_property
    def _machine(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def _let_in(status: int) -> None:
    """Do nothing when the answer is about the object."""
    if words := _MENDED_BY_PEOPLE.get(status):
        raise TransientError(f"{words} (HTTP {status})")
    if 300 <= status < 400:
        raise TransientError(f"the PACS names another address; set that one (HTTP {status})")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
        raise TransientError(f"the PACS can't take objects now (HTTP {status})")


def _settled(status: int, body: object) -> None:
    """Do nothing when the object was stored, by the answer's status and what it says of the object."""
    reasons = _reasons(body)
    if reasons:
        judge(reasons[0])
    elif status == HTTPStatus.ACCEPTED and reasons is None:
        raise PermanentFailure("the PACS took the object or not; its answer can't be read", status=f"HTTP {status}")
    elif not 200 <= status < 300:
        raise PermanentFailure("the PACS refuses the object", status=f"HTTP {status}")


def _reasons(body: object) -> list[int] | None:
    """Return the failure reasons of a Store Instances Response (PS3.18 annex I), None when it is none."""
    try:
        answer = cast("_Answer", body[0] if isinstance(body, list) else body)
        failed = [item for kind in _FAILED for item in answer.get(kind, {}).get("Value", [])]
        return [int(item[_FAILURE_REASON]["Value"][0]) for item in failed]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None


def _body(answer: httpx.Response) -> object:
    """Return an answer's JSON, None when it is none or too long to be an answer about one object."""
    held = bytearray()
    for part in answer.iter_bytes():
        held += part
        if len(held) > _LONGEST_ANSWER:
            return None
    try:
        return json.loads(held)
    except ValueError:
        return None
