"""The answer to STOW-RS: a Store Instances Response in the DICOM JSON model (PS3.18 annexes F and I)."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Protocol

JSON = "application/dicom+json"
OUT_OF_RESOURCES = 0xA700
_TOLERATED = frozenset({"*/*", "application/*", "application/json", JSON})
_RETRIEVE_URL, _FAILURE_REASON = "00081190", "00081197"
_FAILED, _STORED, _OTHERS_FAILED = "00081198", "00081199", "0008119A"
_CLASS, _INSTANCE = "00081150", "00081155"

_Element = dict[str, object]


class Outcome(Protocol):
    """What became of one part of a request."""

    @property
    def sop_class(self) -> str:
        """SOP Class UID, empty when there is none that is valid."""
        ...

    @property
    def sop(self) -> str:
        """SOP Instance UID, empty when there is none that is valid."""
        ...

    @property
    def status(self) -> int:
        """0 when it is stored, else the Failure Reason."""
        ...


def store_instances_response(outcomes: Sequence[Outcome]) -> bytes:
    """Return the body: what was stored and what was not, by UID, and how often something failed that has none."""
    stored = [{**_named(one), _RETRIEVE_URL: {"vr": "UR"}} for one in outcomes if not one.status]
    failed = [{**_named(one), **_why(one)} for one in outcomes if one.status and one.sop]
    nameless = [_why(one) for one in outcomes if one.status and not one.sop]
    sequences = {_FAILED: failed, _STORED: stored, _OTHERS_FAILED: nameless}
    # Type 2 and empty: nothing can be retrieved here.
    answer: dict[str, _Element] = {_RETRIEVE_URL: {"vr": "UR"}}
    answer |= {tag: {"vr": "SQ", "Value": items} for tag, items in sequences.items() if items}
    return json.dumps(answer).encode()


def http_status(outcomes: Sequence[Outcome]) -> HTTPStatus:
    """Return the status that says whether all, some or none of the instances were stored, or none of them yet."""
    statuses = [one.status for one in outcomes]
    if not any(statuses):
        return HTTPStatus.OK
    if not all(statuses):
        return HTTPStatus.ACCEPTED
    return HTTPStatus.SERVICE_UNAVAILABLE if OUT_OF_RESOURCES in statuses else HTTPStatus.CONFLICT


def is_read(accept: str) -> bool:
    """Whether who sent this Accept header reads DICOM JSON; an absent header accepts anything."""
    ranges = [part.lower().replace(" ", "").split(";") for part in accept.split(",")]
    return not accept or any(kind in _TOLERATED and "q=0" not in parameters for kind, *parameters in ranges)


def _named(one: Outcome) -> _Element:
    return {_CLASS: {"vr": "UI", "Value": [one.sop_class]}, _INSTANCE: {"vr": "UI", "Value": [one.sop]}}


def _why(one: Outcome) -> _Element:
    return {_FAILURE_REASON: {"vr": "US", "Value": [one.status]}}
