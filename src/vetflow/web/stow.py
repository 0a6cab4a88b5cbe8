"""STOW-RS: instances come in by HTTP, and are answered for once they are durable (PS3.18 section 10.5)."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

import structlog
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from vetflow.domain.study import is_uid
from vetflow.web.answer import JSON, Outcome, http_status, is_read, store_instances_response
from vetflow.web.security import Tokens, sender_of
from vetflow.web.upload import Bounds, Malformed, NoRoom, Part, TooLarge, Upload

log = structlog.stdlib.get_logger()

_RETRY = {"Retry-After": "10"}  # seconds


class HandIn(Protocol):
    """Takes the files of one request."""

    def __call__(self, files: Sequence[Part], *, sender: str, study: str) -> Sequence[Outcome]:
        """Return what became of each, once it is durable or refused; of one study when that is not empty."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a sender may take, and how many at once.

    Parameters
    ----------
    chunk_seconds
        Without a byte.
    upload_seconds
        For all of a request's body.
    uploads
        Bodies coming in at once.
    """

    chunk_seconds: float = 30.0
    upload_seconds: float = 1800.0
    uploads: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What stands behind the service.

    Parameters
    ----------
    tokens
        Who may store.
    hand_in
        Takes files.
    refuse
        Records for people what a sender was refused: sender, reason, status.
    """

    tokens: Tokens
    hand_in: HandIn
    refuse: Callable[[str, str, str], None]
    bounds: Bounds
    patience: Patience = Patience()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    status: HTTPStatus
    reason: str
    says: str


_MALFORMED = _Refusal(
    status=HTTPStatus.BAD_REQUEST, reason="body_malformed", says="The body is no complete multipart message."
)
_TOO_LARGE = _Refusal(
    status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason="too_large", says="An instance or the request is too large."
)
_NO_ROOM = _Refusal(
    status=HTTPStatus.SERVICE_UNAVAILABLE, reason="disk_low", says="There is no room now; nothing was stored."
)
_BUSY = _Refusal(
    status=HTTPStatus.SERVICE_UNAVAILABLE, reason="too_many_uploads", says="Too many uploads at once; try again."
)
_SLOW = _Refusal(status=HTTPStatus.REQUEST_TIMEOUT, reason="too_slow", says="The body took too long.")
_NOT_READ = _Refusal(status=HTTPStatus.NOT_ACCEPTABLE, reason="answer_not_accepted", says=f"Answers are {JSON}.")
_NO_STUDY = _Refusal(
    status=HTTPStatus.BAD_REQUEST, reason="uid_invalid", says="The study in the path is not named by a UID."
)
_OTHER_TYPE = _Refusal(
    status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    reason="type_not_taken",
    says='Send multipart/related; type="application/dicom"; boundary=…',
)


class _TurnedAway(Exception):
    """A request no instance of which was looked at."""

    def __init__(self, refusal: _Refusal) -> None:
        super().__init__(refusal.says)
        self.refusal = refusal


class Stow:
    """The store transaction.

    Parameters
    ----------
    door
        What stands behind it.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._under_way = 0

    async def store(self, request: Request) -> Response:
        """Answer one request."""
        sender = await run_in_threadpool(sender_of, request.headers.get("authorization", ""), self._door.tokens)
        if sender is None:
            log.warning("upload refused", reason="token_unknown")
            words = "Show the bearer token of a sender."
            return PlainTextResponse(words, HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
        try:
            outcomes = await self._outcomes(request, sender)
        except _TurnedAway as turned:
            why = turned.refusal
            await run_in_threadpool(self._door.refuse, sender, why.reason, f"HTTP {why.status}")
            return PlainTextResponse(why.says, why.status, headers=_headers(why.status))
        except ClientDisconnect:
            log.info("upload broken off")
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        status = http_status(outcomes)
        return Response(store_instances_response(outcomes), status, headers=_headers(status), media_type=JSON)

    async def _outcomes(self, request: Request, sender: str) -> Sequence[Outcome]:
        boundary = self._boundary(request)
        if self._under_way >= self._door.patience.uploads:
            raise _TurnedAway(_BUSY)
        self._under_way += 1
        try:
            return await self._received(request, boundary, sender)
        except Malformed:
            raise _TurnedAway(_MALFORMED) from None
        except TooLarge:
            raise _TurnedAway(_TOO_LARGE) from None
        except NoRoom:
            raise _TurnedAway(_NO_ROOM) from None
        except TimeoutError:
            raise _TurnedAway(_SLOW) from None
        finally:
            self._under_way -= 1

    def _boundary(self, request: Request) -> bytes:
        """Return what stands between the parts of a request that may come in; its body has not been read yet."""
        if not is_read(request.headers.get("accept", "")):
            raise _TurnedAway(_NOT_READ)
        kind, options = parse_options_header(request.headers.get("content-type"))
        if kind != b"multipart/related" or options.get(b"type", b"application/dicom").lower() != b"application/dicom":
            raise _TurnedAway(_OTHER_TYPE)
        if not is_uid(request.path_params.get("study", "0")):
            raise _TurnedAway(_NO_STUDY)
        length = request.headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._door.bounds.request:
            raise _TurnedAway(_TOO_LARGE)
        if not self._door.bounds.room():
            raise _TurnedAway(_NO_ROOM)
        return options.get(b"boundary", b"")

    async def _received(self, request: Request, boundary: bytes, sender: str) -> Sequence[Outcome]:
        """Return what became of each instance; what blocks does so in a thread, and is never cut off there."""
        upload = await run_in_threadpool(Upload, boundary, self._door.bounds)
        with ExitStack() as unfinished:
            unfinished.callback(upload.close)
            async for chunk in self._chunks(request):
                await run_in_threadpool(upload.write, chunk)
            unfinished.pop_all()  # from here on it is closed where it is handed in
        study = request.path_params.get("study", "")
        return await run_in_threadpool(self._handed_in, upload, sender=sender, study=study)

    def _handed_in(self, upload: Upload, *, sender: str, study: str) -> Sequence[Outcome]:
        try:
            return self._door.hand_in(upload.parts(), sender=sender, study=study)
        finally:
            upload.close()

    async def _chunks(self, request: Request) -> AsyncIterator[bytes]:
        """Yield the body as it comes; TimeoutError when it takes too long."""
        patience = self._door.patience
        end = time.monotonic() + patience.upload_seconds
        stream = request.stream()
        while True:
            # A deadline around the caller's threads would leave them at work on an upload that is closed.
            async with asyncio.timeout(min(patience.chunk_seconds, end - time.monotonic())):
                chunk = await anext(stream, None)
            if chunk is None:
                return
            yield chunk


def _headers(status: HTTPStatus) -> dict[str, str]:
    return _RETRY if status is HTTPStatus.SERVICE_UNAVAILABLE else {}
