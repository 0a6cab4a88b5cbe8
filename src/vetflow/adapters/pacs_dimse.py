"""A PACS reached by C-STORE, one association an object."""

import io
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Self

from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType]
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from vetflow.adapters.dimse import PLAIN, DimseNode, DimseTimeouts, associate, not_taken
from vetflow.adapters.tls import Secure
from vetflow.dicom.status import judge
from vetflow.domain.errors import PermanentFailure, TransientError

_VERIFICATION = UID("1.2.840.10008.1.1")


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
        self._node = DimseNode(host=host, port=port, called=called, calling=calling)
        self._timeouts = timeouts or DimseTimeouts()

    def over_tls(self, context: Secure) -> Self:
        """Let every association go over TLS, and return the sink; what is owed meanwhile waits for a certificate."""
        self._node = replace(self._node, tls=context)
        return self

    def store(self, data: bytes) -> None:
        """Send one instance as stored; TransientError, or PermanentFailure with the status."""
        dataset = _read(data)
        syntax = dataset.file_meta.TransferSyntaxUID
        syntaxes = PLAIN if syntax in PLAIN else (syntax,)
        with self._associated(UID(dataset.SOPClassUID), syntaxes) as association:
            try:
                answer = association.send_c_store(dataset)
            except (ValueError, AttributeError):
                raise not_taken() from None
            except RuntimeError:
                raise TransientError("the PACS ended the association") from None
        if "Status" not in answer:
            raise TransientError("the PACS did not answer")
        judge(int(answer.Status))

    def echo(self) -> None:
        """Ask whether it is there; TransientError when it is not."""
        with self._associated(_VERIFICATION, PLAIN) as association:
            try:
                answer = association.send_c_echo()
            except (RuntimeError, ValueError):
                raise TransientError("the PACS does not answer C-ECHO") from None
        if "Status" not in answer or answer.Status != 0:
            raise TransientError("the PACS does not answer C-ECHO")

    @contextmanager
    def _associated(self, sop_class: UID, syntaxes: tuple[UID, ...]) -> Generator[Association]:
        contexts = [build_context(sop_class, syntax) for syntax in syntaxes]
        association = associate(self._node, contexts, timeouts=self._timeouts)
        try:
            yield association
        finally:
            association.release()


def _read(data: bytes) -> FileDataset:
    try:
        dataset = dcmread(io.BytesIO(data))
    except (InvalidDicomError, EOFError, ValueError):
        raise PermanentFailure("the object is not a DICOM file", status="unreadable") from None
    if "SOPClassUID" not in dataset or "TransferSyntaxUID" not in dataset.file_meta:
        raise PermanentFailure("the object does not say what it is", status="unreadable")
    return dataset
