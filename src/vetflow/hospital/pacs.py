"""A PACS that keeps what it is sent in a folder, and refuses when told to."""

import contextlib
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from pydicom.uid import AllTransferSyntaxes
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.presentation import AllStoragePresentationContexts

from vetflow.domain.study import is_uid

_INVALID_UID = 0xA900


def always_success(_sop_uid: str) -> int:
    """Return Success for every instance."""
    return 0x0000


class HospitalPacs:
    """A C-STORE SCP in this process; files are named by SOP Instance UID.

    Parameters
    ----------
    folder
        Where objects go.
    ae_title
        Called AE title; any is answered.
    port
        0 takes a free one.
    answer
        The status for a SOP Instance UID; the object is kept when it is Success or a warning.
    tls
        Its side of DICOM over TLS; None takes plain associations.
    """

    def __init__(
        self,
        folder: Path,
        ae_title: str = "PACS",
        port: int = 0,
        *,
        answer: Callable[[str], int] = always_success,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._folder = folder
        self._tls = tls
        self._answer = answer
        self._lock = threading.Lock()
        self.asked: list[str] = []
        """SOP Instance UIDs in the order they came, repeated ones included."""
        self._entity = ApplicationEntity(ae_title)
        self._entity.add_supported_context("1.2.840.10008.1.1")
        for context in AllStoragePresentationContexts:
            self._entity.add_supported_context(str(context.abstract_syntax), list(AllTransferSyntaxes))
        self._entity.maximum_associations = 50
        self._entity.maximum_pdu_size = 1 << 18
        self._port = port
        self._server: contextlib.ExitStack | None = None

    @property
    def port(self) -> int:
        """Port it listens on; the same again after a stop and a start."""
        return self._port

    def start(self) -> None:
        """Listen."""
        self._folder.mkdir(parents=True, exist_ok=True)
        server = self._entity.start_server(
            ("127.0.0.1", self._port),
            block=False,
            evt_handlers=[(evt.EVT_C_STORE, self._store)],
            ssl_context=self._tls,
        )
        if server is None:
            raise RuntimeError("the PACS did not start")
        self._port = server.server_address[1]
        self._server = contextlib.ExitStack()
        self._server.callback(server.shutdown)

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def objects(self) -> list[Path]:
        """Return the files kept."""
        return sorted(self._folder.glob("*.dcm"))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def _store(self, event: evt.Event) -> int:
        uid = str(cast("C_STORE", event.request).AffectedSOPInstanceUID)
        with self._lock:
            self.asked.append(uid)
        if not is_uid(uid):
            return _INVALID_UID
        status = self._answer(uid)
        if status == 0 or status >> 12 == 0xB:
            part = self._folder / f"{uid}.part"
            part.write_bytes(event.encoded_dataset())
            part.rename(self._folder / f"{uid}.dcm")
        return status
