"""A modality: sends films by C-STORE and says what became of each."""

import socket
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association

_MOST_CONTEXTS = 120
_BATCH = 500
"""Files looked at for one association, whose contexts must be known before it is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Where to send.

    Parameters
    ----------
    called, calling
        AE titles, the receiver's and ours.
    seconds
        How long it may take to answer.
    tls
        Our side of DICOM over TLS; None sends plain.
    """

    host: str
    port: int
    called: str = "VETFLOW"
    calling: str = "MODALITY"
    seconds: float = 60.0
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of one file.

    Parameters
    ----------
    file
        As given.
    status
        The receiver's C-STORE status, None when it gave none.
    note
        Why it was not taken, empty when it was.
    """

    file: Path
    status: int | None
    note: str = ""

    @property
    def taken(self) -> bool:
        """Whether it is the receiver's now."""
        return self.status is not None and (self.status == 0 or self.status >> 12 == 0xB)


def send(files: Iterable[Path], receiver: Receiver) -> Iterator[Sent]:
    """Send files in order and yield what became of each; a file that is no DICOM is reported, the rest goes on."""
    queue = iter(files)
    while batch := list(islice(queue, _BATCH)):
        yield from _send_batch(batch, receiver)


def _send_batch(files: list[Path], receiver: Receiver) -> Iterator[Sent]:
    kinds = {file: _kind(file) for file in files}
    wanted = list(dict.fromkeys(kind for kind in kinds.values() if kind))[:_MOST_CONTEXTS]
    association = _associate(wanted, receiver) if wanted else None
    try:
        for file in files:
            yield _send_one(file, kinds[file], association)
    finally:
        if association is not None and association.is_established:
            association.release()


def _send_one(file: Path, kind: tuple[UID, UID] | None, association: Association | None) -> Sent:
    if kind is None:
        return Sent(file=file, status=None, note="not a DICOM file, or without SOP class")
    if association is None or not association.is_established:
        return Sent(file=file, status=None, note=_why(association))
    dataset = _read(file)
    if dataset is None:
        return Sent(file=file, status=None, note="not a DICOM file")
    try:
        answer = association.send_c_store(dataset)
    except (ValueError, AttributeError):
        return Sent(file=file, status=None, note="the receiver takes no such object")
    except RuntimeError:
        return Sent(file=file, status=None, note="the association ended")
    if "Status" not in answer:
        return Sent(file=file, status=None, note="no answer")
    status = int(answer.Status)
    taken = Sent(file=file, status=status).taken
    return Sent(file=file, status=status, note="" if taken else f"refused with 0x{status:04X}")


def _kind(file: Path) -> tuple[UID, UID] | None:
    """Return SOP class and transfer syntax."""
    header = _read(file, header_only=True)
    if header is None or "SOPClassUID" not in header or "TransferSyntaxUID" not in header.file_meta:
        return None
    return UID(header.SOPClassUID), UID(header.file_meta.TransferSyntaxUID)


def _read(file: Path, *, header_only: bool = False) -> FileDataset | None:
    try:
        return dcmread(file, stop_before_pixels=header_only)
    except (InvalidDicomError, OSError, EOFError, ValueError):
        return None


def _associate(kinds: list[tuple[UID, UID]], receiver: Receiver) -> Association | None:
    entity = ApplicationEntity(receiver.calling)
    entity.connection_timeout = 5.0
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = receiver.seconds
    for sop_class, syntax in kinds:
        entity.add_requested_context(sop_class, syntax)
    secure = (receiver.tls, receiver.host) if receiver.tls else None
    try:
        association = entity.associate(receiver.host, receiver.port, ae_title=receiver.called, tls_args=secure)
    except OSError:
        return None
    wrapper = association.dul.socket
    if association.is_established and wrapper is not None and wrapper.socket is not None:
        wrapper.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return association


def _why(association: Association | None) -> str:
    if association is None:
        return "the receiver can't be reached"
    answer = association.acceptor.primitive
    if association.is_rejected and answer is not None:
        return f"association rejected ({answer.result}/{answer.result_source}/{answer.diagnostic})"
    return "no association"
