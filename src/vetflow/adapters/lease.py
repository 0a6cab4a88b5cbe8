"""A lease on a case, renewed by a thread for as long as this process works on it."""

import os
import secrets
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from vetflow.domain.case import CaseRef, Subject
from vetflow.domain.errors import StaleAttempt, TransientError
from vetflow.ports import Cases


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """Takes leases in this process's name.

    Parameters
    ----------
    lease_seconds
        How long the ledger believes in this process after its last word.
    renew_seconds
        How often it speaks.
    """

    cases: Cases
    lease_seconds: float
    renew_seconds: float
    owner: str = field(default_factory=_owner)

    def hold(self, case: CaseRef) -> Subject:
        """Return what the case is about, its lease renewed until this process ends or another attempt owns it."""
        subject = self.cases.claim(case, owner=self.owner, lease_seconds=self.lease_seconds)
        threading.Thread(target=self._renew, args=(case,), name="lease", daemon=True).start()
        return subject

    def _renew(self, case: CaseRef) -> None:
        pause = threading.Event()
        with suppress(StaleAttempt):
            while not pause.wait(self.renew_seconds):
                with suppress(TransientError):
                    self.cases.renew(case, owner=self.owner, lease_seconds=self.lease_seconds)
