"""Shots mirrored and turned with everything that is known of them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vetflow.domain.place import Box, Point
from vetflow.phantoms.films import turned
from vetflow.phantoms.trunk.framing import Extent
from vetflow.phantoms.trunk.truth import Body, Severity, Shot, TrunkTruth

Move = Callable[[Point], Point]
"""Where a point of the film goes."""


def turned_shot(shot: Shot, *, quarters: int, mirrored: bool) -> Shot:
    """Return the shot mirrored left to right if asked, then turned clockwise by quarter turns."""
    rows, columns = map(int, shot.projection.bone.shape)
    masks = {name: np.rot90(mask[:, ::-1] if mirrored else mask, -quarters) for name, mask in shot.masks.items()}
    move = _move(rows, columns, quarters=quarters % 4, mirrored=mirrored)
    return Shot(
        projection=turned(shot.projection, quarters=quarters, mirrored=mirrored),
        truth=moved(shot.truth, move),
        masks={name: np.ascontiguousarray(mask) for name, mask in masks.items()},
        extents={part: _corners(*extent, move) for part, extent in shot.extents.items()},
    )


def _move(rows: int, columns: int, *, quarters: int, mirrored: bool) -> Move:
    def move(point: Point) -> Point:
        x, y, height, width = point[0], point[1], rows, columns
        x = width - x if mirrored else x
        for _ in range(quarters):
            x, y, height, width = height - y, x, width, height
        return x, y

    return move


def moved(truth: TrunkTruth, move: Move) -> TrunkTruth:
    """Return a truth with all its points moved, by whole mirrorings and quarter turns or as a film is resized."""
    heart = truth.heart
    if heart is not None:
        first, last = heart.widest
        heart = replace(
            heart,
            carina=move(heart.carina),
            apex=move(heart.apex),
            widest=(move(first), move(last)),
            atrium=move(heart.atrium),
        )
    return replace(
        truth,
        vertebrae={name: _body(body, move) for name, body in truth.vertebrae.items()},
        rib_heads={name: move(point) for name, point in truth.rib_heads.items()},
        heart=heart,
        diaphragm=tuple(map(move, truth.diaphragm)),
        lesions=tuple(_severity(one, move) for one in truth.lesions),
    )


def _body(body: Body, move: Move) -> Body:
    (a, b), (c, d) = body.cranial, body.caudal
    return replace(body, centre=move(body.centre), cranial=(move(a), move(b)), caudal=(move(c), move(d)))


def _severity(one: Severity, move: Move) -> Severity:
    if one.box is None:
        return one
    (left, top), (right, bottom) = _corners((one.box.left, one.box.top), (one.box.right, one.box.bottom), move)
    return replace(one, box=Box(left=left, top=top, right=right, bottom=bottom))


def _corners(first: Point, last: Point, move: Move) -> Extent:
    """Return upper left and lower right corner of what was between two corners."""
    (x, y), (u, v) = move(first), move(last)
    return (min(x, u), min(y, v)), (max(x, u), max(y, v))
