"""Findings and assessments as rows and back."""

from collections.abc import Iterable, Mapping
from typing import cast

from vetflow.adapters.ledger.schema import Json
from vetflow.adapters.ledger.tables import CaseRow, FindingRow
from vetflow.domain.coding import Code
from vetflow.domain.finding import Assessment, Finding, Measurement, ModelVersion, Presence, Verdict
from vetflow.domain.place import Box, Landmark, Line, Point, Side


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
        "measurements": [_measured(one) for one in finding.measurements],
        "site": _cells(finding.site) if finding.site else None,
        "side": finding.side.value if finding.side else None,
        "points": [{"name": _cells(one.name), "at": list(one.at)} for one in finding.points],
        "image": finding.image,
        "frame": finding.frame,
        "label": finding.label,
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
        site=_code(row.site) if row.site else None,
        side=Side(row.side) if row.side else None,
        points=tuple(Landmark(name=_code(cells["name"]), at=_point(cells["at"])) for cells in row.points),
        image=row.image,
        frame=row.frame,
        label=row.label,
    )


def _box(cells: Mapping[str, Json]) -> Box:
    return Box(**{edge: _number(cells[edge]) for edge in ("left", "top", "right", "bottom")})


def _measured(one: Measurement) -> dict[str, Json]:
    lines: list[Json] = [{"name": _cells(line.name), "points": [list(at) for at in line.points]} for line in one.lines]
    return {"name": _cells(one.name), "value": one.value, "unit": _cells(one.unit), "lines": lines}


def _measurement(cells: Mapping[str, Json]) -> Measurement:
    return Measurement(
        name=_code(cells["name"]),
        value=_number(cells["value"]),
        unit=_code(cells["unit"]),
        lines=tuple(map(_line, _listed(cells.get("lines", [])))),
    )


def _line(cells: Json) -> Line:
    whole = cast("dict[str, Json]", cells)
    return Line(name=_code(whole["name"]), points=tuple(map(_point, _listed(whole["points"]))))


def _point(cell: Json) -> Point:
    column, row = _listed(cell)
    return _number(column), _number(row)


def _listed(cell: Json) -> list[Json]:
    return cast("list[Json]", cell)


def _cells(code: Code) -> dict[str, Json]:
    return {"value": code.value, "scheme": code.scheme, "meaning": code.meaning}


def _code(cells: Json) -> Code:
    return Code(**cast("dict[str, str]", cells))


def _number(cell: Json) -> float:
    return float(cast("float", cell))
