"""A practice system over MLLP, in each of its moods."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vetflow.adapters.practice_hl7 import MllpPractice
from vetflow.domain.errors import PermanentFailure, TransientError
from vetflow.hl7.mllp import framed
from vetflow.hospital.practice import Mood, Practice

MESSAGE = b"MSH|^~\\&|VETFLOW|SITE|PIMS|CLINIC|20250101||ORU^R01^ORU_R01|vf-1|P|2.5.1\rPID|1||A1\r"


def answering(*moods: Mood) -> Callable[[str], Mood]:
    """Answer with each mood in turn, then with the last for ever."""
    left = list(moods)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def send(practice: Practice) -> None:
    MllpPractice("127.0.0.1", practice.port, seconds=1).send(MESSAGE)


@pytest.mark.parametrize("mood", [Mood.ACCEPT, Mood.COMMIT])
def test_an_accepted_message_is_kept_as_sent(tmp_path: Path, mood: Mood) -> None:
    with Practice(tmp_path, mood=answering(mood)) as practice:
        send(practice)

    assert [path.read_bytes() for path in practice.messages()] == [MESSAGE]


@pytest.mark.parametrize("mood", [Mood.ERROR, Mood.SILENT, Mood.HALF, Mood.OTHER, Mood.LOST])
def test_whatever_is_not_an_acceptance_of_this_message_is_worth_another_try(tmp_path: Path, mood: Mood) -> None:
    with Practice(tmp_path, mood=answering(mood)) as practice, pytest.raises(TransientError):
        send(practice)


@pytest.mark.parametrize("mood", [Mood.REJECT])
def test_a_rejection_is_final_and_carries_its_code(tmp_path: Path, mood: Mood) -> None:
    with Practice(tmp_path, mood=answering(mood)) as practice, pytest.raises(PermanentFailure) as refusal:
        send(practice)

    assert refusal.value.status == "AR"


def test_a_lost_acknowledgement_leads_to_one_message_kept(tmp_path: Path) -> None:
    with Practice(tmp_path, mood=answering(Mood.LOST, Mood.ACCEPT)) as practice:
        with pytest.raises(TransientError):
            send(practice)
        send(practice)

    assert practice.asked == ["vf-1", "vf-1"]
    assert len(practice.messages()) == 1


def test_a_practice_that_is_away_is_worth_another_try(tmp_path: Path) -> None:
    practice = Practice(tmp_path)
    practice.start()
    practice.stop()

    with pytest.raises(TransientError):
        send(practice)


def test_a_practice_that_drips_its_answer_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_drip, args=(server,), daemon=True).start()
        began = time.monotonic()

        with pytest.raises(TransientError):
            MllpPractice("127.0.0.1", server.getsockname()[1], seconds=1).send(MESSAGE)

    assert time.monotonic() - began < 3


def _drip(server: socket.socket) -> None:
    peer, _ = server.accept()
    with peer:
        try:
            for byte in framed(b"MSH|^~\\&" + b"x" * 1000):
                peer.sendall(bytes([byte]))
                time.sleep(0.2)
        except OSError:
            return


def test_bytes_that_are_no_message_are_never_sent(tmp_path: Path) -> None:
    with Practice(tmp_path) as practice:
        with pytest.raises(PermanentFailure):
            MllpPractice("127.0.0.1", practice.port).send(b"hello")

        assert practice.asked == []


def test_several_messages_on_one_connection_are_each_acknowledged(tmp_path: Path) -> None:
    other = MESSAGE.replace(b"vf-1", b"vf-2")
    with Practice(tmp_path) as practice, socket.create_connection(("127.0.0.1", practice.port)) as peer:
        peer.settimeout(5)
        peer.sendall(framed(MESSAGE) + framed(other))
        answer = b""
        while answer.count(b"\x1c\r") < 2:
            answer += peer.recv(4096)

    assert b"MSA|AA|vf-1" in answer
    assert b"MSA|AA|vf-2" in answer
