"""ORU^R01 2.5.1: an assessment as an unverified result in the practice's record.

Structure and validation come from hl7apy. Every value of the outside is held back while hl7apy works, and put in
escaped afterwards, so that no value can become structure.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, cast

from hl7apy.consts import VALIDATION_LEVEL  # pyright: ignore[reportMissingTypeStubs]
from hl7apy.core import Message  # pyright: ignore[reportMissingTypeStubs]

from vetflow.domain import trunk
from vetflow.domain.coding import SCHEME, Code
from vetflow.domain.finding import PRESENCE_CODES, Assessment, Finding, ModelVersion, Presence
from vetflow.domain.urgency import URGENCY
from vetflow.hl7.escape import escaped

UNVERIFIED = "AI suggestion - not verified by a veterinarian"
_NOT_VERIFIED = "R"
"""Table 0085 and 0123: stored, not yet verified; P would claim a verified early result."""
_NAMELESS = "^^^^^^U"
"""PID-5 is required; table 0200: unspecified."""
_NORMAL = trunk.DESCRIBED | {URGENCY}
"""What is no abnormality although it is there: anatomy that has a name, and how soon the findings want to be read."""
_TOKEN = re.compile("\ue000([0-9]+)\ue001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Animal:
    """Who the message is about, as the film had it.

    Parameters
    ----------
    id
        PatientID; ``issuer`` IssuerOfPatientID or empty.
    name
        DICOM person name, ``family^given^middle^prefix^suffix``.
    birth_date
        YYYYMMDD or empty.
    sex
        PatientSex: M, F, O or empty.
    species, breed
        Codes; None when the film has none. ``breed_text`` stands in where a breed has words only.
    """

    id: str
    issuer: str = ""
    name: str = ""
    birth_date: str = ""
    sex: str = ""
    species: Code | None = None
    breed: Code | None = None
    breed_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Sending and receiving application and facility (MSH-3 to MSH-6)."""

    sender: str = "VETFLOW"
    sender_facility: str = ""
    receiver: str = ""
    receiver_facility: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OruInput:
    """All that goes into one message.

    Parameters
    ----------
    message_id
        MSH-10, at most 20 characters; the same on every try.
    made_at
        When the assessment was made.
    accession
        AccessionNumber, empty when unknown.
    study_time
        DICOM date and time of the study run together, ``YYYYMMDD[HHMMSS]``, or empty.
    service
        What was done (OBR-4).
    """

    message_id: str
    made_at: datetime
    animal: Animal
    assessment: Assessment
    service: Code
    route: Route = field(default_factory=Route)
    accession: str = ""
    study_time: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,20}", self.message_id):
            raise ValueError("a message control id has 1 to 20 letters, digits, dots or hyphens")


class _Element(Protocol):
    """As much of hl7apy's elements as is used here."""

    def add_segment(self, name: str) -> "_Element": ...
    def add_group(self, name: str) -> "_Element": ...
    def validate(self) -> bool: ...
    def to_er7(self) -> str: ...


class _Root(_Element, Protocol):
    """A message with the header hl7apy gives it."""

    msh: _Element


class _Values:
    """Values held back from hl7apy, by token."""

    def __init__(self) -> None:
        self._held: list[str] = []

    def hold(self, *components: str) -> str:
        """Return a field of components in which each value is a token."""
        return "^".join(self._token(component) for component in components).rstrip("^")

    def code(self, code: Code | None) -> str:
        """Return a coded element."""
        return self.hold(code.value, code.meaning, code.scheme) if code else ""

    def _token(self, value: str) -> str:
        if not value:
            return ""
        self._held.append(escaped(value))
        return f"\ue000{len(self._held) - 1}\ue001"

    def put_into(self, text: str) -> str:
        """Return text with each token replaced by its value, in one pass."""
        return _TOKEN.sub(lambda found: self._held[int(found[1])], text)


def oru(message: OruInput) -> bytes:
    """Return the message, UTF-8, segments ended by carriage returns; the same input gives the same bytes."""
    values = _Values()
    root = cast("_Root", Message("ORU_R01", version="2.5.1", validation_level=VALIDATION_LEVEL.TOLERANT))
    _header(root, message, values)
    result = root.add_group("ORU_R01_PATIENT_RESULT")
    _patient(result.add_group("ORU_R01_PATIENT").add_segment("PID"), message.animal, values)
    order = result.add_group("ORU_R01_ORDER_OBSERVATION")
    _request(order.add_segment("OBR"), message, values)
    _observations(order, message, values)
    root.validate()
    return (values.put_into(root.to_er7()).rstrip("\r") + "\r").encode()


def _fill(segment: _Element, prefix: str, numbered: dict[int, str]) -> None:
    for number, value in numbered.items():
        if value:
            setattr(segment, f"{prefix}_{number}", value)


def _header(root: _Root, message: OruInput, values: _Values) -> None:
    route = message.route
    names = (route.sender, route.sender_facility, route.receiver, route.receiver_facility)
    numbered = {number: values.hold(name) for number, name in enumerate(names, start=3)}
    numbered |= {7: _stamp(message), 9: "ORU^R01^ORU_R01", 10: message.message_id, 11: "P", 18: "UNICODE UTF-8"}
    _fill(root.msh, "msh", numbered)


def _stamp(message: OruInput) -> str:
    return message.made_at.strftime("%Y%m%d%H%M%S")


def _moment(digits: str) -> str:
    """Return a time HL7 can read, empty when a film's date is not one."""
    found = re.match(r"[0-9]{8}(?:[0-9]{2}){0,3}", digits)
    return found[0] if found else ""


def _patient(segment: _Element, animal: Animal, values: _Values) -> None:
    breed = values.code(animal.breed) or (values.hold("", animal.breed_text) if animal.breed_text else "")
    numbered = {
        1: "1",
        3: values.hold(animal.id, "", "", animal.issuer, "PI"),
        5: values.hold(*_name(animal.name)) or _NAMELESS,
        7: _moment(animal.birth_date)[:8],
        8: animal.sex if animal.sex in {"M", "F", "O"} else "U",
        35: values.code(animal.species),
        36: breed if animal.species else "",  # PID-36 without PID-35 is not allowed
    }
    _fill(segment, "pid", numbered)


def _name(person: str) -> tuple[str, ...]:
    """Return XPN components: HL7 wants suffix before prefix, DICOM the other way round."""
    family, given, middle, prefix, suffix = (person.split("=")[0].split("^") + [""] * 5)[:5]
    return family, given, middle, suffix, prefix


def _request(segment: _Element, message: OruInput, values: _Values) -> None:
    numbered = {
        1: "1",
        4: values.code(message.service),
        7: _moment(message.study_time),
        18: values.hold(message.accession),
        22: _stamp(message),
        25: _NOT_VERIFIED,
    }
    _fill(segment, "obr", numbered)


def _observations(order: _Element, message: OruInput, values: _Values) -> None:
    assessment = message.assessment
    outcome = assessment.verdict.value.replace("_", " ")
    rows = [({3: values.hold("verdict", "Outcome", SCHEME), 2: "ST", 5: values.hold(outcome)}, assessment.abstained)]
    rows += [(_finding(finding, values), finding.says) for finding in assessment.findings]
    rows.append(({3: values.hold("note", "AI note", SCHEME), 2: "ST", 5: values.hold(UNVERIFIED)}, ""))
    for number, (numbered, note) in enumerate(rows, start=1):
        group = order.add_group("ORU_R01_OBSERVATION")
        shared = {1: str(number), 4: str(number), 11: _NOT_VERIFIED, 14: _stamp(message)}
        _fill(group.add_segment("OBX"), "obx", numbered | shared | {17: _method(assessment.model, values)})
        if note:
            _fill(group.add_segment("NTE"), "nte", {1: "1", 3: values.hold(note)})


def _finding(finding: Finding, values: _Values) -> dict[int, str]:
    return {
        2: "CWE",
        3: values.code(finding.code),
        5: values.code(PRESENCE_CODES[finding.presence]),
        8: "A" if finding.presence is Presence.PRESENT and finding.code not in _NORMAL else "",
        9: "" if finding.certainty is None else f"{finding.certainty:.2f}",
    }


def _method(model: ModelVersion | None, values: _Values) -> str:
    return values.hold(model.name, model.version, SCHEME, model.digest) if model else ""
