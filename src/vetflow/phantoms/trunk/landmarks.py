"""Where the landmarks of a scene fall on its film."""

from collections.abc import Iterator

import numpy as np

from vetflow.domain.heart import HeartPoints
from vetflow.domain.place import Box, Point
from vetflow.phantoms.meshes import Array
from vetflow.phantoms.raster import Beam
from vetflow.phantoms.trunk.framing import inside
from vetflow.phantoms.trunk.heart import widest
from vetflow.phantoms.trunk.order import LATERAL
from vetflow.phantoms.trunk.scene import Scene
from vetflow.phantoms.trunk.spine import LUMBAR, THORACIC
from vetflow.phantoms.trunk.truth import Body

NAMED = ("C7", *THORACIC, *LUMBAR, "S1")
"""Vertebrae of the truth."""


def point(seen: Array) -> Point:
    """Return one projected point as pixels from the film's corner."""
    return float(seen[0]) + 0.5, float(seen[1]) + 0.5


def vertebrae(one: Scene, beam: Beam, field: Box) -> dict[str, Body]:
    """Return the bodies C7 to S1 on the film."""
    made: dict[str, Body] = {}
    way = np.array([0.0, 0.0, 1.0]) if one.order.view in LATERAL else np.array([0.0, 1.0, 0.0])
    for name in NAMED:
        body = one.torso.spine.vertebrae[name]
        half = body.height / 2 * way
        cranial, caudal = np.array([body.cranial, 0.0, 0.0]), np.array([body.caudal, 0.0, 0.0])
        straight = np.stack([(cranial + caudal) / 2, cranial + half, cranial - half, caudal + half, caudal - half])
        seen = beam.project(one.torso.spine.bent(straight))
        centre, *ends = (point(corner) for corner in seen)
        made[name] = Body(
            centre=centre, cranial=(ends[0], ends[1]), caudal=(ends[2], ends[3]), shown=bool(inside(seen, field).all())
        )
    return made


def edges(bodies: dict[str, Body]) -> Iterator[Point]:
    """Yield the middles of the cranial edges of T4 to S1, as scores are laid along them."""
    for name in (*THORACIC[3:], *LUMBAR, "S1"):
        (ax, ay), (bx, by) = bodies[name].cranial
        yield (ax + bx) / 2, (ay + by) / 2


def heart_points(one: Scene, beam: Beam) -> HeartPoints:
    """Return the landmarks of the heart on a lateral film, the axes measured on its projected outline."""
    bend = one.torso.spine.bent
    carina = beam.project(bend(one.heart.carina))[:2]
    atrium = beam.project(bend(one.heart.atrium))[:2]
    outline = beam.project(bend(one.heart.outside())).reshape(-1, 3)[:, :2]
    nominal = beam.project(bend(one.heart.apex))[:2] - carina
    apex = outline[int(np.argmax(outline @ nominal))]
    first, last = widest(outline, carina, apex)
    return HeartPoints(
        carina=point(carina), apex=point(apex), widest=(point(first), point(last)), atrium=point(atrium)
    )  # fmt: skip


def shown(heart: HeartPoints, field: Box) -> bool:
    """Whether all points of a heart lie in the field."""
    ends = (heart.carina, heart.apex, *heart.widest, heart.atrium)
    return all(field.left <= x <= field.right and field.top <= y <= field.bottom for x, y in ends)


def rib_heads(one: Scene, beam: Beam) -> dict[str, Point]:
    """Return where each rib meets its vertebra."""
    unit, spine = one.body.unit_mm, one.torso.spine
    return {
        f"rib {number} {letter}": point(
            beam.project(spine.bent(np.array([spine.level(number), side * 0.42 * unit, 0.2 * unit])))
        )
        for number in range(1, one.body.ribs + 1)
        for letter, side in (("L", 1.0), ("R", -1.0))
    }


def dome(one: Scene, beam: Beam) -> Array:
    """Return the cranial outline of the diaphragm, shape (n, 2), column and row of pixel centres."""
    walls = one.torso
    low = float(walls.low(np.array(walls.spine.level(10.0))))
    half = float(walls.half(np.array(walls.spine.level(10.0))))
    y, z = np.meshgrid(np.linspace(-1.0, 1.0, 41) * half, np.linspace(-0.02, 1.0, 41) * low)
    kept = (y / half) ** 2 + ((z / low - 0.5) / 0.55) ** 2 <= 1.0
    sheet = np.stack([one.dome.at(y, z), y, z], axis=-1)
    seen = beam.project(walls.spine.bent(sheet))
    lateral = one.order.view in LATERAL
    ahead = np.where(kept, sheet[..., 0], -np.inf).argmax(axis=1 if lateral else 0)
    line = seen[np.arange(41), ahead] if lateral else seen[ahead, np.arange(41)]
    shown = kept.any(axis=1 if lateral else 0)
    return line[shown, :2]
