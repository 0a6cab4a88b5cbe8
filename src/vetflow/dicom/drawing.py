"""Findings as graphics and words in layers that a viewer can switch on and off, ready for a presentation state."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
from highdicom.color import CIELabColor
from highdicom.pr import AnnotationUnitsValues, GraphicLayer, GraphicObject, GraphicTypeValues, TextObject

from vetflow.domain.finding import Finding, Presence, percent
from vetflow.domain.finding import Measurement as Measured
from vetflow.domain.place import Point, Side

_PIXEL = AnnotationUnitsValues.PIXEL
"""The top left corner of the top left pixel is 0\\0 (PS3.3 C.10.5), as in a report: nothing is added."""


class Layer(Enum):
    """Layers by name, lowest first."""

    ABSENT = "AI ABSENT"
    FINDINGS = "AI FINDINGS"
    MEASUREMENTS = "AI MEASUREMENTS"
    LANDMARKS = "AI LANDMARKS"
    NOTE = "AI NOTE"


_LOOKS = {
    Layer.ABSENT: ("Looked for and not found", (129, 201, 149)),
    Layer.FINDINGS: ("Findings", (251, 188, 4)),
    Layer.MEASUREMENTS: ("What was measured, and along what", (138, 180, 248)),
    Layer.LANDMARKS: ("Landmarks", (120, 217, 236)),
    Layer.NOTE: ("Who says so", (251, 188, 4)),
}

_SIDES = {Side.LEFT: "left", Side.RIGHT: "right", Side.BOTH: "both sides"}
_MARKED = {Presence.PRESENT: "", Presence.ABSENT: "Absent: ", Presence.UNDETERMINED: "Undetermined: "}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One graphic of a finding, or words alone.

    Parameters
    ----------
    points
        Empty for words alone, which then stand at the top left of the image.
    tracking
        Identifier of the finding.
    """

    layer: Layer
    text: str
    points: tuple[Point, ...] = ()
    tracking: str = ""


def marks(finding: Finding, tracking: str) -> Iterator[Mark]:
    """Yield what there is to draw of a finding that lies inside its image: nothing when it is of the whole image."""
    if finding.box is not None:
        layer = Layer.ABSENT if finding.presence is Presence.ABSENT else Layer.FINDINGS
        yield Mark(layer=layer, text=_claim(finding), points=finding.box.outline, tracking=tracking)
    for one in finding.measurements:
        for line in one.lines:
            text = f"{line.name.meaning}: {_value(one)}"
            yield Mark(layer=Layer.MEASUREMENTS, text=text, points=line.points, tracking=tracking)
    for point in finding.points:
        yield Mark(layer=Layer.LANDMARKS, text=finding.called(point), points=(point.at,), tracking=tracking)


def layers(used: Collection[Layer]) -> list[GraphicLayer]:
    """Return the definitions of layers."""
    return [
        GraphicLayer(
            layer.value, order, description=_LOOKS[layer][0], display_color=CIELabColor.from_rgb(*_LOOKS[layer][1])
        )
        for order, layer in enumerate((layer for layer in Layer if layer in used), start=1)
    ]


def graphic(mark: Mark, uid: Callable[[str], str]) -> GraphicObject:
    """Return the graphic of a mark."""
    kind = GraphicTypeValues.POLYLINE if len(mark.points) > 1 else GraphicTypeValues.POINT
    return GraphicObject(
        kind, np.array(mark.points), _PIXEL, tracking_id=mark.tracking, tracking_uid=uid(mark.tracking)
    )


def words(mark: Mark) -> TextObject:
    """Return the words of a mark, at its first point, or at the top left of what is displayed."""
    if mark.points:
        return TextObject(mark.text, _PIXEL, anchor_point=mark.points[0], anchor_point_visible=False)
    return TextObject(
        mark.text, AnnotationUnitsValues.DISPLAY, bounding_box=(0.0, 0.0, 0.5, 0.04), text_justification="LEFT"
    )


def _claim(finding: Finding) -> str:
    side = f", {_SIDES[finding.side]}" if finding.side else ""
    sure = "" if finding.certainty is None else f" {percent(finding.certainty)}"
    return f"{_MARKED[finding.presence]}{finding.code.meaning}{side}{sure}"


def _value(one: Measured) -> str:
    unit = one.unit.value.strip("{}")
    return f"{one.name.meaning} {one.value:.4g}{'' if unit == '1' else f' {unit}'}"
