"""A PACS reached by C-STORE, one association an object."""

import io
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association

from vetflow.adapters.tls import Secure, diagnosis, usable
from vetflow.dicom.status import judge
from vetflow.domain.errors import PermanentFailure, TransientError

_VERIFICATION = UID("1.2.840.10008.1.1")
_PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
_REJECTED_PERMANENT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DimseTimeouts:
    """How long a PACS may take, seconds: to connect, to answer an association, to answer a message."""

    connect: float = 5.0
    associate: float = 10.0
    answer: float = 30.0


class DimseSink:
    """A PACS that takes DICOM objects by C-STORE.

    Parameters
    ----------
    host, port
        Where it listens.
    called, calling
        AE titles, its own and ours.
    timeouts
        How long it may take.
    """

    def __init__(
        self, host: str, port: int, *, called: str, calling: str, timeouts: DimseTimeouts | None = None
    ) -> None:
        self._address = (host, port)
        self._called = called
        self._calling = calling
        self._timeouts = timeouts or DimseTimeouts()
        self._tls: Secure | None = None

    def over_tls(self, context: Secure) -> Self:
        """Let every association go over TLS, and return the sink.

        What is wrong with a certificate, theirs or ours, is a TransientError: a person mends it, and what is owed
        meanwhile goes out by itself.
        """
        self._tls = context
        return self

    def store(self, data: bytes) -> None:
        """Send one instance as stored; TransientError, or PermanentFailure with the status."""
        dataset = _read(data)
        syntax = dataset.file_meta.TransferSyntaxUID
        syntaxes = _PLAIN if syntax in _PLAIN else (syntax,)
        with self._associated(UID(dataset.SOPClassUID), syntaxes) as association:
            try:
                answer = association.send_c_store(dataset)
            except (ValueError, AttributeError):
                raise PermanentFailure("the PACS takes no such object", status="context not accepted") from None
            except RuntimeError:
                raise TransientError("the PACS ended the association") from None
        if "Status" not in answer:
            raise TransientError("the PACS did not answer")
        judge(int(answer.Status))

    def echo(self) -> None:
        """Ask whether it is there; TransientError when it is not."""
        with self._associated(_VERIFICATION, _PLAIN) as association:
            try:
                answer = association.send_c_echo()
            except (RuntimeError, ValueError):
                raise TransientError("the PACS does not answer C-ECHO") from None
        if "Status" not in answer or answer.Status != 0:
            raise TransientError("the PACS does not answer C-ECHO")

    @contextmanager
    def _associated(self, sop_class: UID, syntaxes: tuple[UID, ...]) -> Generator[Association]:
        association = self._associate(sop_class, syntaxes)
        try:
            yield association
        finally:
            if association.is_established:
                association.release()

    def _associate(self, sop_class: UID, syntaxes: tuple[UID, ...]) -> Association:
        entity = ApplicationEntity(self._calling)
        entity.connection_timeout = self._timeouts.connect
        entity.acse_timeout = self._timeouts.associate
        entity.dimse_timeout = entity.network_timeout = self._timeouts.answer
        for syntax in syntaxes:
            entity.add_requested_context(sop_class, syntax)
        host, port = self._address
        secure = usable(self._tls) if self._tls else None
        try:
            association = entity.associate(
                host, port, ae_title=self._called, tls_args=(secure, host) if secure else None
            )
        except OSError:
            raise TransientError("the PACS can't be reached") from None
        if not association.is_established:
            raise _refusal(association) or TransientError(self._why(secure) or "the PACS makes no association now")
        _undelayed(association)
        return association

    def _why(self, secure: ssl.SSLContext | None) -> str:
        return diagnosis(*self._address, secure, seconds=self._timeouts.connect) if secure else ""


def _read(data: bytes) -> FileDataset:
    try:
        dataset = dcmread(io.BytesIO(data))
    except (InvalidDicomError, EOFError, ValueError):
        raise PermanentFailure("the object is not a DICOM file", status="unreadable") from None
    if "SOPClassUID" not in dataset or "TransferSyntaxUID" not in dataset.file_meta:
        raise PermanentFailure("the object does not say what it is", status="unreadable")
    return dataset


def _undelayed(association: Association) -> None:
    """Send small PDUs at once: waiting for delayed acknowledgements costs 40 ms an object."""
    wrapper = association.dul.socket
    if wrapper is not None and wrapper.socket is not None:
        wrapper.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _refusal(association: Association) -> PermanentFailure | None:
    """Return the error for an association that was not made and never will be, None when it may be later."""
    answer = association.acceptor.primitive
    if association.is_rejected and answer is not None and answer.result == _REJECTED_PERMANENT:
        codes = f"A-ASSOCIATE-RJ {answer.result}/{answer.result_source}/{answer.diagnostic}"
        return PermanentFailure("the PACS rejects our association", status=codes)
    if association.rejected_contexts and not association.accepted_contexts:
        return PermanentFailure("the PACS takes no such object", status="context not accepted")
    return None
