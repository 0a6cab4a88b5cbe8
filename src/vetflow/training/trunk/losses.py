"""What the trunk network pays for each answer."""

from typing import cast

import torch
from torch.nn import functional

from vetflow.adapters.trunk_network import ASKED, LAYING, SCALES, Seen, lying, parted
from vetflow.domain.trunk_sight import CUT, HEADS, HEART_POINTS, OUTLINES, POINTS, shown_by
from vetflow.domain.view import Region, View
from vetflow.training.heads import UNKNOWN
from vetflow.training.trunk.pictures import Batch

Tensor = torch.Tensor
_WIDTH = 1.0
"""Spread of a true point, pixels of the map."""
_SMOOTHING = 0.02
_HEADS = {"film": 1.0, "plane": 1.0, "side": 0.8, "region": 0.5, "limbs_over": 0.5, "motion": 0.4, "ribs": 0.1}
_POINTS, _OUTLINES, _AMOUNTS, _CUT, _LESIONS = 2.0, 2.0, 0.8, 3.0, 4.0
_HEART = 3.0
"""Times that a point of the heart counts: two scores rest on five of them."""
_FAINT = {"pleural fluid": 8.0, "free air": 8.0}
"""Times that a pixel of what is narrow and hard to see counts."""
_COLUMN = {head: place for place, head in enumerate(HEADS)}


def asked(classes: Tensor) -> Tensor:
    """Return which parts may be cut off of films, by region and plane, shape (n, parts)."""
    regions, planes = (cast("list[int]", classes[:, _COLUMN[head]].tolist()) for head in ("region", "plane"))
    return torch.tensor(
        [
            [
                region != UNKNOWN and part in shown_by(Region(HEADS["region"][region]), View(HEADS["plane"][plane]))
                for part in CUT
            ]
            for region, plane in zip(regions, planes, strict=True)
        ],
        device=classes.device,
    )


def parts(seen: Seen, laid: Tensor, batch: Batch) -> dict[str, Tensor]:
    """Return the weighted loss of each part, of what is seen on films and how they lie; their sum is made small."""
    told, ways = parted(seen.answers), lying(laid)
    losses = {f"lying {head}": _class(ways[head], batch.lying[:, at]) for at, head in enumerate(LAYING)} | {
        f"head {head}": _HEADS[head] * _class(told.heads[head], batch.classes[:, _COLUMN[head]]) for head in ASKED
    }
    wanted_cut = torch.where(asked(batch.classes), batch.cut, UNKNOWN)
    return losses | {
        "points": _POINTS * _points(seen.spots, batch),
        "outlines": _OUTLINES * _outlines(seen.outlines, batch),
        "amounts": _AMOUNTS * _numbers(told.amounts, told.spreads, batch.amounts),
        "cut": _CUT * _yes_or_no(told.cut, wanted_cut),
        "lesions": _LESIONS * _yes_or_no(told.lesions, batch.lesions),
    }


def _class(logits: Tensor, right: Tensor) -> Tensor:
    if not bool((right != UNKNOWN).any()):
        return logits.sum() * 0.0
    return functional.cross_entropy(logits, right, ignore_index=UNKNOWN, label_smoothing=_SMOOTHING)


def _yes_or_no(logits: Tensor, right: Tensor) -> Tensor:
    known = right != UNKNOWN
    if not bool(known.any()):
        return logits.sum() * 0.0
    return functional.binary_cross_entropy_with_logits(logits[known], right[known].float())


def _points(spots: Tensor, batch: Batch) -> Tensor:
    """Return the cross entropy of where points lie, and whether they are there."""
    shape = cast("tuple[int, int]", tuple(batch.outlines.shape[2:]))
    maps = spots[:, :, :-1].reshape(*spots.shape[:2], *shape)
    columns, rows = _bell(batch.points[..., 0], shape[1]), _bell(batch.points[..., 1], shape[0])
    along = torch.einsum("npij,npj->npi", maps, columns)
    there = -(along * rows).sum(dim=2)
    counts = torch.tensor([_HEART if name in HEART_POINTS else 1.0 for name in POINTS], device=spots.device)
    cost = counts * torch.where(batch.points[..., 2] > 0, there, -2.0 * spots[:, :, -1])
    return cost[batch.placed].mean() / 4.0 if bool(batch.placed.any()) else cost.sum() * 0.0


def _bell(at: Tensor, edge: int) -> Tensor:
    places = torch.arange(edge, dtype=torch.float32, device=at.device) + 0.5
    bell = torch.exp(-((places - at[..., None]) ** 2) / (2.0 * _WIDTH**2))
    return bell / bell.sum(dim=2, keepdim=True).clamp_min(1e-6)


def _outlines(logits: Tensor, batch: Batch) -> Tensor:
    """Return cross entropy and one minus Dice, by outline over the batch."""
    if not bool(batch.placed.any()):
        return logits.sum() * 0.0
    logits, right = logits[batch.placed], batch.outlines[batch.placed]
    shares = torch.sigmoid(logits)
    both, either = (shares * right).sum((0, 2, 3)), (shares + right).sum((0, 2, 3))
    dice = (1.0 - (2.0 * both + 1.0) / (either + 1.0))[right.sum((0, 2, 3)) > 0]
    heavy = torch.tensor([_FAINT.get(name, 1.0) for name in OUTLINES], device=logits.device)[:, None, None]
    cost = functional.binary_cross_entropy_with_logits(logits, right, pos_weight=heavy)
    return 3.0 * cost + (dice.mean() if len(dice) else 0.0)


def _numbers(said: Tensor, spreads: Tensor, right: Tensor) -> Tensor:
    """Return what a number costs when its error is spread as Laplace's law with the network's own width."""
    known = torch.isfinite(right)
    if not bool(known.any()):
        return said.sum() * 0.0
    off = (said - torch.nan_to_num(right) / torch.tensor(SCALES, device=right.device)).abs()
    width = spreads.clamp(-4.0, 3.0)
    return (off * torch.exp(-width) + width)[known].mean() + 1.0
