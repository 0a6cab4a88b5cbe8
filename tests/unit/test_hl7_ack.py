from datetime import UTC, datetime

import pytest

from vetflow.hl7.ack import AckCode, NotHl7, ack_of, control_id, fields, read_ack

MESSAGE = b"MSH|^~\\&|VETFLOW|SITE|PIMS|CLINIC|20250101||ORU^R01^ORU_R01|vf-123|P|2.5.1\rPID|1\r"
NOW = datetime(2025, 1, 1, tzinfo=UTC)


def test_an_acknowledgement_names_the_message_it_answers() -> None:
    ack = read_ack(ack_of(MESSAGE, AckCode.AA, now=NOW))

    assert ack.code.accepted
    assert ack.control_id == control_id(MESSAGE) == "vf-123"


def test_sender_and_receiver_change_places_in_the_answer() -> None:
    header = fields(ack_of(MESSAGE, AckCode.AE, now=NOW), "MSH")

    assert header[3:7] == ["PIMS", "CLINIC", "VETFLOW", "SITE"]


@pytest.mark.parametrize(
    ("code", "accepted", "rejected"),
    [("AA", True, False), ("CA", True, False), ("AE", False, False), ("CE", False, False), ("AR", False, True)],
)
def test_codes_say_whether_to_try_again(code: str, accepted: bool, rejected: bool) -> None:
    assert (AckCode(code).accepted, AckCode(code).rejected) == (accepted, rejected)


@pytest.mark.parametrize(
    "data", [b"", b"MSH", b"MSH|^~\\&|A\r", b"MSH|^~\\&|A\rMSA|ZZ|1\r", b"\xff\xfe", b"MSA|AA|1\r"]
)
def test_what_is_no_acknowledgement_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(NotHl7):
        read_ack(data)
