"""The HTTP port of a site where nobody stores: health, and how to let somebody in."""

import asyncio
import subprocess
import sys

import httpx
import pytest
from fastapi import FastAPI
from tests.stow_service import TOKEN

from vetflow.gateway.desk import HandedIn
from vetflow.web.answer import http_status, is_read
from vetflow.web.app import app
from vetflow.web.security import sender_of


def asked(made: FastAPI, method: str, path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=made), base_url="http://here") as client:
            return await client.request(method, path)

    return asyncio.run(ask())


@pytest.mark.parametrize(("ledger", "status"), [(True, 200), (False, 503)])
def test_health_names_what_does_not_work(ledger: bool, status: int) -> None:
    answer = asked(app(lambda: {"ledger": ledger, "gateway": True}), "GET", "/healthz")

    assert answer.status_code == status
    assert answer.json()["checks"] == {"ledger": ledger, "gateway": True}


@pytest.mark.parametrize("path", ["/dicomweb/studies", "/dicomweb/studies/1.2.3"])
def test_where_nobody_may_store_the_answer_says_how_to_let_somebody(path: str) -> None:
    answer = asked(app(lambda: {}), "POST", path)

    assert answer.status_code == 403
    assert "[[web.senders]]" in answer.text


def test_a_site_where_nobody_stores_does_not_pay_for_what_storing_needs() -> None:
    heavy = {"pydicom", "pynetdicom", "sqlalchemy", "psycopg", "cryptography"}
    parts = "vetflow.supervisor.part, vetflow.web.app, vetflow.web.server"
    code = f"import sys\nimport {parts}\nassert not {heavy} & {{*sys.modules}}"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("statuses", "answer"),
    [
        ([0, 0], 200),
        ([0, 0xC000], 202),
        ([0xA700, 0], 202),
        ([0xC000, 0xA900], 409),
        ([0xA700, 0xA700], 503),
        ([0xC000, 0xA700], 503),
    ],
)
def test_the_status_tells_all_some_none_or_not_yet(statuses: list[int], answer: int) -> None:
    outcomes = [HandedIn(sop_class="1.2", sop="1.2.3", status=status) for status in statuses]

    assert http_status(outcomes) == answer


@pytest.mark.parametrize(
    ("accept", "read"),
    [
        ("", True),
        ("*/*;q=0.1", True),
        ("text/html, application/*", True),
        ("text/html", False),
        ("application/dicom+json; q=0", False),
    ],
)
def test_json_is_answered_to_those_who_read_it(accept: str, read: bool) -> None:
    assert is_read(accept) is read


def test_each_sender_is_known_by_its_own_token() -> None:
    tokens = {"first": TOKEN, "second": TOKEN[::-1], "empty": ""}.items()

    seen = [sender_of(f"bearer {shown}", lambda: tokens) for shown in (TOKEN, TOKEN[::-1], "", "other")]

    assert seen == ["first", "second", None, None]
