"""Findings as rows and back."""

from collections.abc import Mapping
from typing import cast

from vetflow.adapters.ledger.tables import Json
from vetflow.domain.coding import Code
from vetflow.domain.finding import Box, Finding, Measurement, Presence

FindingCells = tuple[
    dict[str, Json], str, float | None, str, str, dict[str, Json] | None, dict[str, Json] | None, list[dict[str, Json]]
]
"""code, presence, certainty, source, says, reason, box, measurements."""


def finding_row(case_id: str, position: int, finding: Finding) -> dict[str, Json]:
    """Return the values of a row of ``findings``."""
    box = finding.box
    return {
        "case_id": case_id,
        "position": position,
        "code": _code_json(finding.code),
        "presence": finding.presence.value,
        "certainty": finding.certainty,
        "source": finding.source,
        "says": finding.says,
        "reason": _code_json(finding.reason) if finding.reason else None,
        "box": {"left": box.left, "top": box.top, "right": box.right, "bottom": box.bottom} if box else None,
        "measurements": [
            {"name": _code_json(one.name), "value": one.value, "unit": _code_json(one.unit)}
            for one in finding.measurements
        ],
    }


def finding_from(cells: FindingCells) -> Finding:
    """Return the finding that a row holds."""
    code, presence, certainty, source, says, reason, box, measurements = cells
    return Finding(
        code=_code(code),
        presence=Presence(presence),
        certainty=certainty,
        source=source,
        says=says,
        reason=_code(reason) if reason else None,
        box=Box(**{edge: _number(box[edge]) for edge in ("left", "top", "right", "bottom")}) if box else None,
        measurements=tuple(_measurement(one) for one in measurements),
    )


def _measurement(cells: Mapping[str, Json]) -> Measurement:
    return Measurement(name=_code(cells["name"]), value=_number(cells["value"]), unit=_code(cells["unit"]))


def _code_json(code: Code) -> dict[str, Json]:
    return {"value": code.value, "scheme": code.scheme, "meaning": code.meaning}


def _code(cells: Json) -> Code:
    return Code(**cast("dict[str, str]", cells))


def _number(cell: Json) -> float:
    return float(cast("float", cell))
