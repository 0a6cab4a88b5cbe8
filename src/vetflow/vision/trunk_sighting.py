"""What was seen on a trunk film as JSON values and back, for the way out of the sandbox and into the cache."""

import base64
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from vetflow.domain.clipping import Extent
from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import ModelVersion
from vetflow.domain.place import Box, Fit, Point
from vetflow.domain.trunk_sight import (
    CUT,
    HEADS,
    LESIONS,
    OUTLINES,
    POINTS,
    Amount,
    Likelihood,
    Outline,
    Spot,
    TrunkSight,
)
from vetflow.domain.view import Region, View
from vetflow.vision import answers
from vetflow.vision.answers import Json

_LARGEST_GRID = 512
_FAR = 2.0
"""Longest sides of a film that no place is further away than; a network's square reaches beyond a narrow film."""
_PLANES, _SIDES = tuple(map(View, HEADS["plane"])), tuple(map(View, HEADS["side"]))
_REGIONS, _RIBS = tuple(map(Region, HEADS["region"])), tuple(map(int, HEADS["ribs"]))
_SIZES = ("oddness", "odd_from", "heart_score_error", "atrial_size_error")


def to_values(sight: TrunkSight) -> dict[str, Json]:
    """Return a sight as JSON values, its model left out: who asked knows it."""
    ribs = sight.ribs
    return {
        "film": answers.guess_values(sight.film, sight.film.says),
        "plane": answers.guess_values(sight.plane, sight.plane.says.value),
        "side": answers.guess_values(sight.side, sight.side.says.value),
        "region": answers.guess_values(sight.region, sight.region.says.value),
        "inverted": answers.guess_values(sight.inverted, sight.inverted.says),
        "head": answers.guess_values(sight.head, sight.head.says),
        "limbs_over": sight.limbs_over,
        "motion": sight.motion,
        "rotation": [sight.rotation.value, sight.rotation.error],
        "breath": [sight.breath.value, sight.breath.error],
        "cut": dict(sight.cut),
        "lesions": {name: _likelihood_values(one) for name, one in sight.lesions.items()},
        "spots": {name: [*spot.at, spot.error, spot.certainty] for name, spot in sight.spots.items()},
        "ribs": None if ribs is None else answers.guess_values(ribs, ribs.says),
        "outlines": {name: outline.certainty for name, outline in sight.outlines.items()},
        "drawn": _drawn(sight.outlines),
        "grid": [*sight.grid.scale, *sight.grid.offset],
        **{name: getattr(sight, name) for name in _SIZES},
        "threshold": sight.threshold,
    }


def from_values(values: Mapping[str, object], *, model: ModelVersion, extent: Extent) -> TrunkSight:
    """Return the sight of a sandbox's answer.

    Parameters
    ----------
    extent
        Size of the film.

    Raises
    ------
    StudyRefused
        ``model_output_invalid`` when it is none: a part is missing, a name is not known, a number is not finite or
        lies outside its range, a place is far outside the film, an outline has no sensible grid.
    """
    try:
        return _sight(values, model, extent)
    except answers.UNUSABLE:
        raise StudyRefused("model_output_invalid", "the model gave something that is no answer") from None


def _sight(values: Mapping[str, object], model: ModelVersion, extent: Extent) -> TrunkSight:
    limbs, ribs = values["limbs_over"], values["ribs"]
    return TrunkSight(
        film=answers.guess(values["film"], answers.boolean),
        plane=answers.guess(values["plane"], answers.one_of(_PLANES)),
        side=answers.guess(values["side"], answers.one_of(_SIDES)),
        region=answers.guess(values["region"], answers.one_of(_REGIONS)),
        inverted=answers.guess(values["inverted"], answers.boolean),
        head=answers.guess(values["head"], answers.one_of(HEADS["head"])),
        limbs_over=None if limbs is None else answers.share(limbs),
        motion=answers.share(values["motion"]),
        rotation=_amount(values["rotation"], answers.number),
        breath=_amount(values["breath"], answers.share),
        cut=answers.named(values["cut"], CUT, answers.share),
        lesions=answers.named(values["lesions"], LESIONS, lambda one: _likelihood(one, extent)),
        spots=answers.named(values["spots"], POINTS, lambda one: _spot(one, extent)),
        ribs=None if ribs is None else answers.guess(ribs, answers.one_of(_RIBS)),
        outlines=_outlines(values),
        grid=_grid(values["grid"]),
        **{name: answers.size(values[name]) for name in _SIZES},
        threshold=answers.share(values["threshold"]),
        model=model,
    )


def _likelihood_values(one: Likelihood) -> dict[str, Json]:
    thresholds: dict[str, Json] = {"absent_below": one.absent_below, "present_from": one.present_from}
    return {
        "share": one.share, "steady": one.steady, "box": None if one.box is None else answers.box_values(one.box),
        **thresholds,
    }  # fmt: skip


def _likelihood(value: object, extent: Extent) -> Likelihood:
    held = answers.mapping(value)
    box = held["box"]
    made = Likelihood(
        share=answers.share(held["share"]),
        steady=answers.boolean(held["steady"]),
        absent_below=answers.share(held["absent_below"]),
        present_from=answers.share(held["present_from"]),
        box=None if box is None else _near_box(answers.box(box), extent),
    )
    if made.absent_below > made.present_from:
        raise ValueError
    return made


def _spot(value: object, extent: Extent) -> Spot:
    x, y, error, certainty = answers.sequence(value)
    at = (answers.number(x), answers.number(y))
    return Spot(at=_near(at, extent), error=answers.size(error), certainty=answers.share(certainty))


def _amount(value: object, read: Callable[[object], float]) -> Amount:
    said, error = answers.sequence(value)
    return Amount(value=read(said), error=answers.size(error))


def _grid(value: object) -> Fit:
    across, down, left, top = map(answers.number, answers.sequence(value))
    if min(across, down) <= 0.0:
        raise ValueError
    return Fit(scale=(across, down), offset=(left, top))


def _near(point: Point, extent: Extent) -> Point:
    if max(map(abs, point)) > _FAR * max(extent.columns, extent.rows):
        raise ValueError
    return point


def _near_box(box: Box, extent: Extent) -> Box:
    for corner in box.outline:
        _near(corner, extent)
    return box


def _drawn(outlines: Mapping[str, Outline]) -> dict[str, Json]:
    """Return all outlines as one string of bits: name by name in the order of `OUTLINES`, row by row."""
    layers = [outlines[name].pixels for name in OUTLINES if name in outlines]
    if not layers:
        return {"rows": 0, "columns": 0, "bits": ""}
    rows, columns = layers[0].shape
    bits = np.packbits(np.stack(layers), axis=None)
    return {"rows": rows, "columns": columns, "bits": base64.b64encode(bits.tobytes()).decode("ascii")}


def _outlines(values: Mapping[str, object]) -> dict[str, Outline]:
    shares = answers.named(values["outlines"], OUTLINES, answers.share)
    layers = _layers(answers.mapping(values["drawn"]), len(shares))
    return {
        name: Outline(pixels=pixels, certainty=certainty)
        for (name, certainty), pixels in zip(shares.items(), layers, strict=True)
    }


def _layers(drawn: Mapping[str, object], count: int) -> NDArray[np.bool_]:
    rows, columns, text = drawn["rows"], drawn["columns"], drawn["bits"]
    if not (isinstance(rows, int) and isinstance(columns, int) and isinstance(text, str)):
        raise TypeError
    least = min(count, 1)
    if not (least <= rows <= _LARGEST_GRID and least <= columns <= _LARGEST_GRID):
        raise ValueError
    bits = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    if len(bits) != -(-count * rows * columns // 8):
        raise ValueError
    return np.unpackbits(bits, count=count * rows * columns).reshape(count, rows, columns).astype(np.bool_)
