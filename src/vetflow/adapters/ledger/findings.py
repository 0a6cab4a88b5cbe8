"""Findings and assessments as rows and back."""

from collections.abc import Iterable, Mapping
from typing import cast

from vetflow.adapters.ledger.tables import CaseRow, FindingRow, Json
from vetflow.domain.coding import Code
from vetflow.domain.finding import Assessment, Finding, Measurement, ModelVersion, Presence, Verdict
from vetflow.domain.place import Box


def finding_values(case_id: str, position: int, finding: Finding) -> dict[str, Json]:
    """Return the values of a row of ``findings``."""
    box = finding.box
    return {
        "case_id": case_id,
        "position": position,
        "code": _cells(finding.code),
        "presence": finding.presence.value,
        "certainty": finding.certainty,
        "source": finding.source,
        "says": finding.says,
        "reason": _cells(finding.reason) if finding.reason else None,
        "box": {"left": box.left, "top": box.top, "right": box.right, "bottom": box.bottom} if box else None,
        "measurements": [
            {"name": _cells(one.name), "value": one.value, "unit": _cells(one.unit)} for one in finding.measurements
        ],
    }


def assessment_of(case: CaseRow, findings: Iterable[FindingRow]) -> Assessment | None:
    """Return what a case came to, None before it is done."""
    if case.verdict is None:
        return None
    return Assessment(
        verdict=Verdict(case.verdict),
        findings=tuple(_finding(row) for row in findings),
        model=_model(case),
        abstained=case.abstained,
    )


def _model(case: CaseRow) -> ModelVersion | None:
    if case.model_name is None:
        return None
    return ModelVersion(
        name=case.model_name,
        version=case.model_version or "",
        digest=case.model_digest or "",
        calibration=case.model_calibration or "",
    )


def _finding(row: FindingRow) -> Finding:
    return Finding(
        code=_code(row.code),
        presence=Presence(row.presence),
        certainty=row.certainty,
        source=row.source,
        says=row.says,
        reason=_code(row.reason) if row.reason else None,
        box=_box(row.box) if row.box else None,
        measurements=tuple(_measurement(cells) for cells in row.measurements),
    )


def _box(cells: Mapping[str, Json]) -> Box:
    return Box(**{edge: _number(cells[edge]) for edge in ("left", "top", "right", "bottom")})


def _measurement(cells: Mapping[str, Json]) -> Measurement:
    return Measurement(name=_code(cells["name"]), value=_number(cells["value"]), unit=_code(cells["unit"]))


def _cells(code: Code) -> dict[str, Json]:
    return {"value": code.value, "scheme": code.scheme, "meaning": code.meaning}


def _code(cells: Json) -> Code:
    return Code(**cast("dict[str, str]", cells))


def _number(cell: Json) -> float:
    return float(cast("float", cell))
