"""A PACS asked for studies by QIDO-RS, which hands them over by WADO-RS (PS3.18 sections 10.4 and 10.6)."""

import json
import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import httpx
from pydicom.dataset import Dataset
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from vetflow.adapters.tls import Secure
from vetflow.dicom import answers
from vetflow.dicom.fields import UNREADABLE
from vetflow.domain.errors import PermanentFailure, StudyRefused, TransientError
from vetflow.domain.priors import Answer, PriorLimits, Question

_MOST_ANSWERS = 500
_LARGEST_ANSWER = 16 << 20
_CONNECT_SECONDS = 5.0
_LATER = frozenset({408, 425, 429})
_PREAMBLE = 128
_ASKED, _STORED = "application/dicom+json", 'multipart/related; type="application/dicom"; transfer-syntax=*'
_Json = dict[str, object]
_Query = list[tuple[str, str | int | float | bool | None]]

# Both write the address of each request, and with it whose study is asked for.
for _library in ("httpx", "httpcore"):
    logging.getLogger(_library).setLevel(logging.WARNING)


class DicomwebPriors:
    """Earlier studies of a PACS that speaks DICOMweb.

    Parameters
    ----------
    url
        Base of its service, such as ``https://pacs.example/dicom-web``.
    token
        Gives the bearer token, empty for none.
    tls
        Our certificate and whom we believe; None believes the machine's authorities and shows none.
    """

    def __init__(self, url: str, *, token: Callable[[], str] = str, tls: Secure | None = None) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._tls = tls

    def find(self, question: Question, *, seconds: float) -> Sequence[Answer]:
        """Return the studies asked for, just as the PACS answers."""
        asked = answers.keys(question)
        query: _Query = [(keyword, value) for keyword, value in asked.items() if value]
        query += [("includefield", keyword) for keyword, value in asked.items() if not value]
        query += [("limit", str(_MOST_ANSWERS + 1))]
        with self._answered("studies", query, accept=_ASKED, seconds=seconds) as answer:
            said = b"".join(_pieces(answer, most=_LARGEST_ANSWER, end=time.monotonic() + seconds))
        studies = _studies(said)
        if len(studies) > _MOST_ANSWERS:
            raise PermanentFailure("the PACS names too many studies", status="too many answers")
        found = (answers.answer(study, question) for study in studies)
        return [answer for answer in found if answer]

    def fetch(self, study_uid: str, keep: Callable[[bytes], str], *, limits: PriorLimits) -> Sequence[str]:
        """Return the digests under which a study's images were kept; StudyRefused ``too_large`` or ``not_found``."""
        end = time.monotonic() + limits.seconds
        parts = _Parts(keep, most=limits.instances)
        with self._answered(f"studies/{study_uid}", [], accept=_STORED, seconds=limits.seconds) as answer:
            parser = parts.parser(answer.headers.get("content-type", ""))
            try:
                for piece in _pieces(answer, most=int(limits.megabytes * 1e6), end=end):
                    parser.write(piece)
            except FormParserError:
                raise TransientError("the PACS hands over what can't be read") from None
        if not parts.digests:
            raise StudyRefused("not_found", "The PACS hands over nothing of the study.")
        return parts.digests

    @contextmanager
    def _answered(self, path: str, query: _Query, *, accept: str, seconds: float) -> Generator[httpx.Response]:
        timeout = httpx.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds))
        verify = self._tls() if self._tls else True
        token = self._token()
        headers = {"Accept": accept} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            with (
                httpx.Client(timeout=timeout, verify=verify, trust_env=False) as client,
                client.stream("GET", f"{self._url}/{path}", params=query, headers=headers) as answer,
            ):
                _judge(answer.status_code)
                yield answer
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TransientError(f"the PACS does not answer ({type(error).__name__})") from None


class _Parts:
    """Keeps each part of a multipart answer as it is complete."""

    def __init__(self, keep: Callable[[bytes], str], *, most: int) -> None:
        self._keep = keep
        self._most = most
        self._part = bytearray()
        self.digests: list[str] = []

    def parser(self, content_type: str) -> MultipartParser:
        """Return what is fed with the answer; an answer without parts can't be read."""
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise PermanentFailure("the PACS does not hand over files", status="no multipart answer")
        return MultipartParser(boundary, {"on_part_data": self._grow, "on_part_end": self._end})

    def _grow(self, data: bytes, start: int, end: int) -> None:
        self._part += memoryview(data)[start:end]

    def _end(self) -> None:
        if len(self.digests) >= self._most:
            raise StudyRefused("too_large", "The study has too many images.")
        self._part[:_PREAMBLE] = bytes(min(_PREAMBLE, len(self._part)))  # may be anything, a program too
        self.digests.append(self._keep(bytes(self._part)))
        self._part.clear()


def _pieces(answer: httpx.Response, *, most: int, end: float) -> Iterator[bytes]:
    """Yield the answer as it comes; a PACS that drips is cut as one that is silent."""
    for piece in answer.iter_bytes():
        most -= len(piece)
        if most < 0:
            raise StudyRefused("too_large", "The study is too large.")
        if time.monotonic() > end:
            raise TransientError("the PACS did not answer in time")
        yield piece


def _studies(said: bytes) -> list[Dataset]:
    try:
        listed = cast("list[_Json]", json.loads(said)) if said else []
        return [Dataset.from_json(study) for study in listed]
    except UNREADABLE:
        raise TransientError("the PACS answers what can't be read") from None


def _judge(status: int) -> None:
    if status in {200, 204, 206}:
        return
    if status == 404:
        raise StudyRefused("not_found", "The PACS knows no such study.")
    if status in _LATER or status >= 500:
        raise TransientError(f"the PACS can't answer now (HTTP {status})")
    raise PermanentFailure("the PACS refuses the request", status=f"HTTP {status}")
