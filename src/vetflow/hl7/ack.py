"""Acknowledgements: reading and writing MSH and MSA, and nothing else of a message."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vetflow.hl7.escape import clean


class AckCode(StrEnum):
    """Table 0008."""

    AA = "AA"
    AE = "AE"
    AR = "AR"
    CA = "CA"
    CE = "CE"
    CR = "CR"

    @property
    def accepted(self) -> bool:
        """Whether the message is the receiver's business now."""
        return self in {AckCode.AA, AckCode.CA}

    @property
    def rejected(self) -> bool:
        """Whether sending the same message again is useless."""
        return self in {AckCode.AR, AckCode.CR}


class NotHl7(ValueError):
    """The bytes are not an HL7 v2 message with the segments wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What a receiver answered.

    Parameters
    ----------
    code
        MSA-1.
    control_id
        MSA-2, the MSH-10 of the message answered.
    """

    code: AckCode
    control_id: str


def fields(message: bytes, segment: str) -> list[str]:
    """Return the raw fields of the first segment of a name, index 0 being the name; NotHl7 when it is missing.

    In MSH the separator counts as field 1, so that indices are HL7's everywhere.
    """
    text = message.decode("utf-8", "replace").replace("\r\n", "\r").replace("\n", "\r")
    if not text.startswith("MSH") or len(text) < 8:
        raise NotHl7("a message begins with MSH")
    separator = text[3]
    for line in text.split("\r"):
        parts = line.split(separator)
        if parts[0] == segment:
            return [parts[0], separator, *parts[1:]] if segment == "MSH" else parts
    raise NotHl7(f"the message has no {segment}")


def control_id(message: bytes) -> str:
    """Return MSH-10, empty when the message has none."""
    header = fields(message, "MSH")
    return header[10] if len(header) > 10 else ""


def read_ack(message: bytes) -> Acknowledgement:
    """Return the acknowledgement in a message; NotHl7 when there is none."""
    parts = fields(message, "MSA")
    if len(parts) < 3 or parts[1] not in set(AckCode):
        raise NotHl7("MSA names a code and a message")
    return Acknowledgement(code=AckCode(parts[1]), control_id=parts[2])


def ack_of(message: bytes, code: AckCode, *, now: datetime, answers: str | None = None) -> bytes:
    """Return the acknowledgement of a message.

    Parameters
    ----------
    answers
        MSA-2 in place of the message's own MSH-10.
    """
    header = fields(message, "MSH") + [""] * 12
    reference = clean(header[10] if answers is None else answers)
    stamp = now.strftime("%Y%m%d%H%M%S")
    own = [
        "MSH",
        "^~\\&",
        *header[5:7],
        *header[3:5],
        stamp,
        "",
        "ACK",
        f"A{reference}"[:20],
        "P",
        header[12] or "2.5.1",
    ]
    return ("|".join(own) + f"\rMSA|{code}|{reference}\r").encode()
