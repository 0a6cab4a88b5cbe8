"""Reading headers: tolerant of what equipment writes, bounded in what it costs, silent about what it holds."""

from dataclasses import dataclass
from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset, read_partial, read_preamble
from pydicom.tag import BaseTag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from vetflow.dicom import claims, fields
from vetflow.domain.errors import StudyRefused
from vetflow.domain.evidence import TagEvidence
from vetflow.domain.study import Facts, is_uid

_LARGEST_HEADER = 16 << 20
_MOST_ELEMENTS = 20_000
_FLOAT_PIXEL_DATA = 0x7FE00008
_PIXEL_DATA = 0x7FE00010
_UNDEFINED = 0xFFFFFFFF
_IDENTITY = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A header and where the file's pixels lie.

    Parameters
    ----------
    syntax
        Transfer syntax, as the file says.
    start
        Offset of the first pixel byte, or of the first item when encapsulated; the file's size when there are none.
    present
        Bytes from there that belong to the pixels.
    encapsulated
        The pixels are compressed frames.
    """

    dataset: Dataset
    syntax: UID
    start: int
    present: int
    encapsulated: bool


def read(data: bytes) -> Dataset:
    """Return the header of a DICOM file, without its pixels.

    Raises
    ------
    StudyRefused
        ``not_dicom``, ``header_unreadable``, ``header_too_large``, ``uid_missing`` or ``transfer_syntax_unknown``.
    """
    return parse(data).dataset


def evidence(data: bytes) -> TagEvidence:
    """Return the typed claims of a file's header; refuses as :func:`read` does."""
    return evidence_of(parse(data))


def evidence_of(parsed: Parsed) -> TagEvidence:
    """Return the typed claims of a header that was read."""
    return claims.tag_evidence(parsed.dataset, present_bytes=parsed.present, compressed=parsed.encapsulated)


def facts(data: bytes) -> Facts:
    """Return what routing needs of a file's header; refuses as :func:`read` does."""
    return claims.routing_facts(parse(data).dataset)


def parse(data: bytes, *, any_uid: bool = False) -> Parsed:
    """Return the header of a DICOM file and where its pixels lie; refuses as :func:`read` does.

    Parameters
    ----------
    any_uid
        UIDs that break the rules of their form are good enough, because they are replaced next.
    """
    try:
        syntax = _syntax(data)
        file = BytesIO(data[:_LARGEST_HEADER])
        stop = _Stop(file)
        dataset = read_partial(file, stop_when=stop)
    except StudyRefused:
        raise
    except InvalidDicomError:
        raise StudyRefused("not_dicom", "The file is not DICOM.") from None
    except fields.UNREADABLE:
        raise StudyRefused("header_unreadable", "The header is damaged.") from None
    if stop.start is None and len(data) > _LARGEST_HEADER:
        raise StudyRefused("header_too_large", "The header is too large.")
    if not all(uid and (any_uid or is_uid(uid)) for uid in (fields.text(dataset, keyword) for keyword in _IDENTITY)):
        raise StudyRefused("uid_missing", "The header lacks the UID of its class, instance, series or study.")
    start = len(data) if stop.start is None else stop.start
    encapsulated = stop.length == _UNDEFINED
    present = len(data) - start if encapsulated else min(stop.length, len(data) - start)
    return Parsed(dataset=dataset, syntax=syntax, start=start, present=present, encapsulated=encapsulated)


def _syntax(data: bytes) -> UID:
    """Read the file meta group by itself: reading further would inflate a deflated header without bound."""
    file = BytesIO(data)
    read_preamble(file, force=False)
    meta = read_dataset(file, False, True, stop_when=lambda tag, vr, length: tag.group != 2)
    syntax = UID(fields.text(meta, "TransferSyntaxUID"))
    if not is_uid(syntax):
        raise StudyRefused("header_unreadable", "The file does not say its transfer syntax.")
    if syntax == DeflatedExplicitVRLittleEndian:
        raise StudyRefused("transfer_syntax_unknown", "Deflated headers are not accepted.")
    return syntax


class _Stop:
    """Ends reading at the pixels and remembers where they lie."""

    def __init__(self, file: BytesIO) -> None:
        self._file = file
        self._seen = 0
        self.start: int | None = None
        self.length = 0

    def __call__(self, tag: BaseTag, vr: str | None, length: int) -> bool:
        self._seen += 1
        if self._seen > _MOST_ELEMENTS:
            raise StudyRefused("header_too_large", "The header has too many elements.")
        if tag == _PIXEL_DATA:
            self.start, self.length = self._file.tell(), length
        return tag >= _FLOAT_PIXEL_DATA
