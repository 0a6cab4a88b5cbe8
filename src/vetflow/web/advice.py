"""Advice on a film as soon as there is some: the answer waits for it, so that nobody has to ask again and again."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from vetflow.domain.errors import TransientError
from vetflow.domain.film_advice import FilmAdvice
from vetflow.domain.study import is_uid
from vetflow.rest.advice import told
from vetflow.web.security import Tokens, sender_of

log = structlog.stdlib.get_logger()

Look = Callable[[str], FilmAdvice | None]
"""Return what is known of a film by its SOP Instance UID, None when nothing is."""

_HEADERS = {"Cache-Control": "no-store"}
_RETRY = {**_HEADERS, "Retry-After": "2"}  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How long an answer may wait for the advice.

    Parameters
    ----------
    longest
        Seconds, whatever is asked for.
    pause
        Seconds between two looks.
    waiting
        Most answers that wait at once; further ones say at once how things stand.
    """

    longest: float = 30.0
    pause: float = 0.1
    waiting: int = 16


class Adviser:
    """Answers ``GET /films/{sop}/advice?wait=SECONDS``.

    Parameters
    ----------
    tokens
        Who may ask: those who may store.
    look
        Looks a film up; TransientError when it can't now.
    """

    def __init__(self, *, tokens: Tokens, look: Look, wait: Wait | None = None) -> None:
        self._tokens = tokens
        self._look = look
        self._wait = wait or Wait()
        self._waiting = 0

    async def advise(self, request: Request) -> Response:
        """Answer one request: 404 when no film of that UID gets advice, 503 when the ledger is away."""
        if await run_in_threadpool(sender_of, request.headers.get("authorization", ""), self._tokens) is None:
            log.warning("advice refused", reason="token_unknown")
            words = "Show the bearer token of a sender."
            return PlainTextResponse(words, HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
        sop, seconds = request.path_params["sop"], _seconds(request.query_params.get("wait", "0"))
        if seconds is None:
            words = "wait is a number of seconds, such as 5."
            return PlainTextResponse(words, HTTPStatus.BAD_REQUEST, headers=_HEADERS)
        try:
            found = await self._found(request, sop, seconds) if is_uid(sop) else None
        except TransientError:
            words = "The ledger is away; ask again."
            return PlainTextResponse(words, HTTPStatus.SERVICE_UNAVAILABLE, headers=_RETRY)
        if found is None:
            words = "No film of that UID gets advice here."
            return PlainTextResponse(words, HTTPStatus.NOT_FOUND, headers=_HEADERS)
        return Response(told(found), headers=_HEADERS, media_type="application/json")

    async def _found(self, request: Request, sop: str, seconds: float) -> FilmAdvice | None:
        """Return what is known once it is all there will be, or time is up; a film may still be on its way here."""
        end = time.monotonic() + min(seconds, self._wait.longest)
        if self._waiting >= self._wait.waiting:
            end = 0.0
        self._waiting += 1
        try:
            while True:
                found = await run_in_threadpool(self._look, sop)
                ended = found is not None and found.state.ended
                if ended or time.monotonic() >= end or await request.is_disconnected():
                    return found
                await asyncio.sleep(self._wait.pause)
        finally:
            self._waiting -= 1


def _seconds(text: str) -> float | None:
    """Return a number of seconds, None when it is none; ``nan`` would wait for ever."""
    digits = text.replace(".", "", 1)
    return float(text) if digits.isascii() and digits.isdigit() else None
