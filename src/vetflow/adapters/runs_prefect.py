"""Prefect's REST API as dispatcher and reconciler use it.

Spoken with httpx: the processes that call this stay free of Prefect's 100 MB of imports, and each call has a
time limit of its own where Prefect's client would retry for a minute.
"""

import hashlib
import socket
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import httpx

from vetflow.domain.case import WaitingCase
from vetflow.domain.errors import TransientError

_LIVELY = frozenset({"SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"})
_EVENT_SECONDS = 0.4
_GONE = 404


def bell(api_url: str) -> str:
    """Return the abstract address at which a worker on this machine hears of new runs."""
    return f"\0vetflow-{hashlib.sha256(api_url.encode()).hexdigest()[:24]}"


@dataclass(slots=True, kw_only=True)
class PrefectRuns:
    """Flow runs of cases, by Prefect's own API.

    Parameters
    ----------
    api_url
        Address of the API, such as ``http://127.0.0.1:4200/api``.
    auth
        ``user:password`` where the server asks for one.
    seconds
        Limit of one call.
    """

    api_url: str
    auth: str = field(default="", repr=False)
    seconds: float = 10.0
    _client: httpx.Client = field(init=False, repr=False)
    _deployments: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    _silent_until: float = field(default=0.0, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        user, _, password = self.auth.partition(":")
        self._client = httpx.Client(
            base_url=self.api_url, timeout=self.seconds, auth=(user, password) if self.auth else None
        )

    def submit(self, case: WaitingCase) -> str:
        """Create the flow run, or find the one with the same key, and return its id; TransientError when it can't."""
        order = {
            "name": case.ref.id,
            "parameters": {"case": {"id": case.ref.id, "attempt": case.ref.attempt}},
            "idempotency_key": case.ref.key,
            "work_queue_name": str(case.queue),
            "state": {"type": "SCHEDULED"},
        }
        answer = self._ask("POST", f"/deployments/{self._deployment(case.use_case)}/create_flow_run", order)
        if answer is None:
            self._forget(case.use_case)
            raise TransientError(f"Prefect has lost the deployment of {case.use_case}")
        self._wake()
        return str(answer["id"])

    def alive(self, run_id: str) -> bool:
        """Whether the run may still start or is running, as far as Prefect knows; False when Prefect lost it."""
        run = self._ask("GET", f"/flow_runs/{run_id}")
        return run is not None and run.get("state_type") in _LIVELY

    def queued(self, run_id: str) -> bool:
        """Whether the run still waits for a worker, as far as Prefect knows."""
        run = self._ask("GET", f"/flow_runs/{run_id}")
        return run is not None and run.get("state_type") == "SCHEDULED"

    def crash(self, run_id: str, reason: str) -> None:
        """Mark a run whose process is gone as crashed, unless it has ended."""
        if self.alive(run_id):
            state = {"type": "CRASHED", "name": "Crashed", "message": reason}
            self._ask("POST", f"/flow_runs/{run_id}/set_state", {"state": state, "force": True})

    def announce(self, event: str, subject: str) -> None:
        """Emit an event with an opaque subject within a second; losing it does no harm."""
        if time.monotonic() < self._silent_until:
            return
        kind = subject.partition("-")[0] or "thing"
        sent = {
            "id": str(uuid.uuid4()),
            "occurred": datetime.now(UTC).isoformat(),
            "event": event,
            "resource": {"prefect.resource.id": f"vetflow.{kind}.{subject}"},
        }
        try:
            self._client.post("/events", json=[sent], timeout=_EVENT_SECONDS).raise_for_status()
        except httpx.HTTPError:
            self._silent_until = time.monotonic() + self.seconds

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _wake(self) -> None:
        """Tell a worker on this machine not to wait for its next look; it comes without, only later."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(OSError):
            sender.setblocking(False)
            sender.sendto(b"", bell(self.api_url))

    def _deployment(self, use_case: str) -> str:
        with self._lock:
            known = self._deployments.get(use_case)
        if known is None:
            found = self._ask("GET", f"/deployments/name/{use_case}/{use_case}")
            if found is None:
                raise TransientError(f"Prefect has no deployment of {use_case} yet")
            known = str(found["id"])
            with self._lock:
                self._deployments[use_case] = known
        return known

    def _forget(self, use_case: str) -> None:
        with self._lock:
            self._deployments.pop(use_case, None)

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Mapping[str, object] | None:
        """Return the answer, None when there is no such thing."""
        try:
            answer = self._client.request(method, path, json=body)
            if answer.status_code == _GONE:
                return None
            return cast("Mapping[str, object]", answer.raise_for_status().json())
        except (httpx.HTTPError, ValueError) as error:
            raise TransientError(f"Prefect can't be asked: {type(error).__name__}") from None
