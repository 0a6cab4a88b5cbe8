"""What a sender uploads: a multipart body taken apart as it comes, in a file without a name and not in memory."""

import logging
import mmap
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it quotes bytes of the body

_PIECE = 1 << 20
_ROOM_STEP = 16 << 20  # bytes after which the disk is looked at again
_DICOM = b"application/dicom"


class Malformed(Exception):
    """The body is not what its type says; nothing of it counts."""


class TooLarge(Exception):
    """An instance, or the request, is larger than is taken."""


class NoRoom(Exception):
    """The disk is low or full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What is taken of a request.

    Parameters
    ----------
    folder
        Where the body lies until it has been stored.
    room
        Whether the disk has room.
    instance, request
        Largest size, bytes.
    parts
        Most instances in a request.
    """

    folder: Path
    room: Callable[[], bool]
    instance: int
    request: int
    parts: int = 20_000


class Part:
    """One part of a body.

    Parameters
    ----------
    upload
        The body it is of; the part is gone once that is closed.
    start, end
        Where in it.
    dicom
        Whether its header says that it is DICOM, or says nothing.
    """

    def __init__(self, upload: "Upload", *, start: int, end: int, dicom: bool) -> None:
        self._upload = upload
        self._start = start
        self._end = end
        self.dicom = dicom

    @property
    def view(self) -> memoryview:
        """Its content, uncopied."""
        return self._upload.view[self._start : self._end]

    def pieces(self, start: int) -> Iterator[bytes]:
        """Yield its content from an offset on."""
        return self._upload.pieces(self._start + start, self._end)


class Upload:
    """The body of one request.

    Parameters
    ----------
    boundary
        Between its parts.
    bounds
        What is taken.

    Raises
    ------
    Malformed
        When the boundary can't be one.
    NoRoom
        When the disk does not take another file.
    """

    def __init__(self, boundary: bytes, bounds: Bounds) -> None:
        self._bounds = bounds
        self._lock = threading.Lock()
        self._came = 0
        self._size = 0
        self._start = 0
        self._field = self._value = b""
        self._dicom = True
        self._parts: list[Part] = []
        self._whole = False
        self._map: mmap.mmap | None = None
        try:
            self._parser = MultipartParser(boundary, self._callbacks())
        except FormParserError:
            raise Malformed from None
        try:
            self._file = tempfile.TemporaryFile(dir=bounds.folder, buffering=0)  # noqa: SIM115 — close() ends it
        except OSError:
            raise NoRoom from None

    def write(self, chunk: bytes) -> None:
        """Take what came next; Malformed, TooLarge or NoRoom end the upload."""
        before, self._came = self._came, self._came + len(chunk)
        if self._came > self._bounds.request:
            raise TooLarge
        if before // _ROOM_STEP != self._came // _ROOM_STEP and not self._bounds.room():
            raise NoRoom
        try:
            with self._lock:
                self._parser.write(chunk)
        except FormParserError:
            raise Malformed from None
        except OSError:
            raise NoRoom from None

    def parts(self) -> Sequence[Part]:
        """Return the parts of a body that has come as a whole; Malformed when its end is missing, or has none."""
        if not (self._whole and self._parts):
            raise Malformed
        return self._parts

    @property
    def view(self) -> memoryview:
        """All that was kept of the body."""
        if not self._size:
            return memoryview(b"")
        if self._map is None:
            self._map = mmap.mmap(self._file.fileno(), self._size, access=mmap.ACCESS_READ)
        return memoryview(self._map)

    def pieces(self, start: int, end: int) -> Iterator[bytes]:
        """Yield what lies between two offsets; read and not mapped, so that it never counts as memory of ours."""
        while start < end:
            piece = os.pread(self._file.fileno(), min(_PIECE, end - start), start)
            yield piece
            start += len(piece)

    def close(self) -> None:
        """Forget it all; a write under way ends first, or its bytes could go to whatever file comes next."""
        if self._map is not None:
            with suppress(BufferError):  # somebody still looks; it goes with the last look
                self._map.close()
        with self._lock:
            self._file.close()

    def _callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._named,
            "on_header_value": self._valued,
            "on_header_end": self._header_ended,
            "on_part_data": self._data,
            "on_part_end": self._ended,
            "on_end": self._completed,
        }

    def _begin(self) -> None:
        if len(self._parts) == self._bounds.parts:
            raise TooLarge
        self._start, self._dicom = self._size, True
        self._field = self._value = b""

    def _named(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _valued(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ended(self) -> None:
        if self._field.lower() == b"content-type":
            kind, _ = parse_options_header(self._value.decode("latin-1"))
            self._dicom = kind == _DICOM
        self._field = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._size - self._start > self._bounds.instance:
            raise TooLarge
        rest = memoryview(data)[start:end]
        while rest:
            rest = rest[self._file.write(rest) :]

    def _ended(self) -> None:
        self._parts.append(Part(self, start=self._start, end=self._size, dicom=self._dicom))

    def _completed(self) -> None:
        self._whole = True
