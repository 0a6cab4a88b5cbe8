"""How the supervisor sees whether a part is ready."""

import http.client
import json
import time
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

import psutil

Probe = Callable[[int], bool]
"""Whether the part with this pid is ready."""


def answers(url: str) -> Probe:
    """Return a probe that asks an HTTP address and wants 200."""
    parts = urlsplit(url)

    def ask(_pid: int) -> bool:
        connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=1.0)
        try:
            connection.request("GET", parts.path)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ask


def keeps_tables(api_url: str) -> Probe:
    """Return a probe that asks Prefect what only its tables can tell; without them its health page is still well."""

    def ask(_pid: int) -> bool:
        return _answer(api_url, "/work_pools/filter") is not None

    return ask


def known_to_prefect(api_url: str, pool: str) -> Probe:
    """Return a probe that asks Prefect whether it hears from the worker, whose name ends in its process id."""

    def ask(pid: int) -> bool:
        answer = _answer(api_url, f"/work_pools/{pool}/workers/filter")
        return answer is not None and _heard(answer, f"-{pid}")

    return ask


def listens(*ports: int) -> Probe:
    """Return a probe that looks whether the part listens on ports, without disturbing it by connecting."""

    def look(pid: int) -> bool:
        try:
            sockets = psutil.Process(pid).net_connections("inet")
        except psutil.Error:
            return False
        return {found.laddr.port for found in sockets if found.status == psutil.CONN_LISTEN} >= set(ports)

    return look


def lasts(seconds: float) -> Probe:
    """Return a probe that is content when the part has been alive for some seconds."""

    def wait(pid: int) -> bool:
        try:
            return time.time() - psutil.Process(pid).create_time() >= seconds
        except psutil.Error:
            return False

    return wait


def _answer(api_url: str, question: str) -> bytes | None:
    """Return what Prefect answers to an empty filter, None when it gives no good answer."""
    parts = urlsplit(api_url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=1.0)
    try:
        connection.request("POST", parts.path + question, "{}", {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.read() if answer.status == http.client.OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _heard(answer: bytes, ending: str) -> bool:
    workers = cast("list[dict[str, object]]", json.loads(answer))
    return any(str(worker["name"]).endswith(ending) and worker["status"] == "ONLINE" for worker in workers)
