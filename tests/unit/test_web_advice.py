"""Advice by HTTP: who may ask, how long an answer waits, and what stands in it."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import httpx
import pytest
from tests.stow_service import TOKEN, until

from vetflow.domain import quality
from vetflow.domain.coding import Code
from vetflow.domain.errors import TransientError
from vetflow.domain.film_advice import AdviceState, FilmAdvice
from vetflow.domain.finding import Assessment, Finding, ModelVersion, Presence, Verdict
from vetflow.web.advice import Adviser, Wait
from vetflow.web.app import app
from vetflow.web.server import server

SOP = "1.2.840.1"
CAME, WENT = datetime(2026, 1, 1, 10, tzinfo=UTC), datetime(2026, 1, 1, 10, 0, 2, tzinfo=UTC)
ADVICE = Finding(code=quality.ADVICE, presence=Presence.PRESENT, says="Retake: rotated.", source="picture")
ROTATED = Finding(
    code=quality.ROTATION, presence=Presence.PRESENT, says="Rotated 14 degrees.", source="picture", certainty=0.93,
    reason=quality.POSITIONING,
)  # fmt: skip
JUDGED = Assessment(
    verdict=Verdict.FINDINGS, findings=(ADVICE, ROTATED), model=ModelVersion(name="m", version="1", digest="ab" * 32)
)
DONE = FilmAdvice(state=AdviceState.DONE, received_at=CAME, ended_at=WENT, assessment=JUDGED)
WAITING = FilmAdvice(state=AdviceState.WAITING, received_at=CAME)


@dataclass
class Films:
    """A ledger's films; each look takes the next of what is known, the last one again and again."""

    known: list[FilmAdvice | None] = field(default_factory=lambda: [DONE])
    away: bool = False
    looks: int = 0

    def look(self, sop_uid: str) -> FilmAdvice | None:
        self.looks += 1
        if self.away:
            raise TransientError("away")
        return (self.known.pop(0) if len(self.known) > 1 else self.known[0]) if sop_uid == SOP else None


def adviser(films: Films, **waits: float) -> Adviser:
    wait = Wait(**{"longest": 2.0, "pause": 0.01, **waits})
    return Adviser(tokens=lambda: [("room", TOKEN)], look=films.look, wait=wait)


def asked(films: Films, path: str = f"/films/{SOP}/advice", *, token: str = TOKEN) -> httpx.Response:
    made = app(lambda: {}, advise=adviser(films).advise)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=made), base_url="http://here") as client:
            return await client.get(path, headers={"Authorization": f"Bearer {token}"})

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("presence", "retake"), [(Presence.PRESENT, True), (Presence.ABSENT, False), (Presence.UNDETERMINED, None)]
)
def test_a_retake_is_null_while_it_is_not_known(presence: Presence, retake: bool | None) -> None:
    judged = replace(JUDGED, findings=(replace(ADVICE, presence=presence), ROTATED))

    assert asked(Films([replace(DONE, assessment=judged)])).json()["retake"] is retake


def test_the_advice_is_told_with_what_it_rests_on() -> None:
    answer = asked(Films())

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "status": "suggestion", "state": "done", "advice": "Retake: rotated.", "retake": True, "reason": "",
        "received_at": "2026-01-01T10:00:00Z", "ended_at": "2026-01-01T10:00:02Z",
        "findings": [{
            "code": code(quality.ROTATION), "presence": "present", "certainty": 0.93, "says": "Rotated 14 degrees.",
            "source": "picture", "reason": code(quality.POSITIONING),
        }],
    }  # fmt: skip


def code(of: Code) -> dict[str, str]:
    return {"value": of.value, "scheme": of.scheme, "meaning": of.meaning}


@pytest.mark.parametrize(
    ("presence", "retake"), [(Presence.PRESENT, True), (Presence.ABSENT, False), (Presence.UNDETERMINED, None)]
)
def test_retake_is_told_as_far_as_it_is_known(presence: Presence, retake: bool | None) -> None:
    advice = Finding(code=quality.ADVICE, presence=presence, says="So.", source="tags")
    judged = Assessment(verdict=Verdict.NOTHING, findings=(advice,), model=None)

    answer = asked(Films([FilmAdvice(state=AdviceState.DONE, received_at=CAME, ended_at=WENT, assessment=judged)]))

    assert (answer.json()["retake"], answer.json()["advice"]) == (retake, "So.")


def test_what_is_withheld_says_nothing_of_the_judgement() -> None:
    answer = asked(Films([DONE.withheld()]))

    told = answer.json()
    assert (told["state"], told["reason"]) == ("withheld", "silent")
    assert (told["advice"], told["retake"], told["findings"]) == ("", None, [])
    assert "otated" not in answer.text


@pytest.mark.parametrize("token", ["", "another-token-of-twenty-letters"])
def test_only_who_may_store_may_ask(token: str) -> None:
    films = Films()

    answer = asked(films, token=token)

    assert (answer.status_code, answer.headers["www-authenticate"], films.looks) == (401, "Bearer", 0)


@pytest.mark.parametrize("sop", ["1.2.840.2", "1.2.840.1x", "1" * 65])
def test_a_film_that_is_not_here_is_not_found(sop: str) -> None:
    answer = asked(Films(), f"/films/{sop}/advice")

    assert answer.status_code == 404
    assert sop not in answer.text


def test_without_a_wait_the_answer_says_at_once_how_things_stand() -> None:
    films = Films([WAITING])

    answer = asked(films)

    assert (answer.json()["state"], answer.json()["ended_at"], films.looks) == ("waiting", None, 1)


def test_an_answer_waits_for_a_film_that_is_on_its_way_and_then_for_its_advice() -> None:
    films = Films([None, None, WAITING, WAITING, DONE])

    answer = asked(films, f"/films/{SOP}/advice?wait=2")

    assert (answer.json()["state"], films.looks) == ("done", 5)


def test_an_answer_waits_no_longer_than_it_was_asked_to() -> None:
    started = time.monotonic()

    answer = asked(Films([WAITING]), f"/films/{SOP}/advice?wait=0.1")

    assert answer.json()["state"] == "waiting"
    assert 0.1 <= time.monotonic() - started < 1.9


@pytest.mark.parametrize("wait", ["-1", "nan", "inf", "1e9", "soon", "", "٣", "1.2.3"])
def test_a_wait_that_is_no_number_of_seconds_is_refused(wait: str) -> None:
    assert asked(Films(), f"/films/{SOP}/advice?wait={wait}").status_code == 400


def test_a_ledger_that_is_away_is_no_advice_and_says_when_to_ask_again() -> None:
    answer = asked(Films(away=True))

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


@pytest.fixture
def served() -> Iterator[tuple[str, Films]]:
    films = Films([WAITING])
    running = server(app(lambda: {}, advise=adviser(films, longest=30, waiting=1).advise), host="127.0.0.1", port=0)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        until(lambda: running.started or not thread.is_alive())
        yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}/films/{SOP}/advice", films
    finally:
        running.should_exit = True
        thread.join(20)


def test_who_waits_too_many_is_told_at_once_and_who_hangs_up_makes_room(served: tuple[str, Films]) -> None:
    url, films = served
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with pytest.raises(httpx.ReadTimeout), httpx.Client(trust_env=False, timeout=0.5, headers=headers) as first:
        waiting = threading.Thread(target=lambda: second.append(state(f"{url}?wait=20", headers)))
        second: list[str] = []
        threading.Timer(0.2, waiting.start).start()
        first.get(f"{url}?wait=30")
    waiting.join(5)
    told_at_once = list(second)

    films.known = [WAITING, WAITING, DONE]

    assert told_at_once == ["waiting"]
    until(lambda: state(f"{url}?wait=20", headers) == "done")


def state(url: str, headers: dict[str, str]) -> str:
    answer = httpx.get(url, headers=headers, trust_env=False, timeout=30)
    return str(json.loads(answer.text)["state"])
