"""Trachea, main bronchi and the tree of lung vessels."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vetflow.phantoms.meshes import Array
from vetflow.phantoms.trunk.heart import Heart
from vetflow.phantoms.trunk.lungs import POINTS, Diaphragm, Half, Pleura
from vetflow.phantoms.trunk.solids import AIR, BLOOD, MUSCLE, Rank, Soft
from vetflow.phantoms.trunk.torso import Torso
from vetflow.phantoms.trunk.tubes import smooth_tube, sticks

_TIPS = 210
"""Vessel ends in each lung."""
_MURRAY = 2.25
"""Exponent by which the widths of branches add up to that of the stem."""
_STEPS = 7
"""Most pieces of one branch."""


def trachea(rng: np.random.Generator, torso: Torso, heart: Heart) -> Iterator[Soft]:
    """Yield trachea and main bronchi, walls and air, the carina's ventral border where the heart has it."""
    unit = torso.body.unit_mm
    radius = (0.27 if torso.body.cat else 0.36) * unit * rng.uniform(0.88, 1.12)
    fork = heart.carina + np.array([0.0, 0.0, radius])
    inlet = float(torso.low(np.array(0.0)))
    bow = rng.uniform(-0.15, 0.1) * unit
    course = np.array([
        (9.0 * unit, 0.0, -1.3 * unit), (5.0 * unit, 0.0, -1.35 * unit), (1.0 * unit, -0.1 * unit, 0.4 * inlet),
        ((fork[0] + unit) / 2, -0.3 * unit, (0.42 * inlet + fork[2]) / 2 + bow), fork + np.array([-0.15 * unit, 0, 0]),
    ])  # fmt: skip
    pipes = [(course, np.full(5, radius))]
    for side in (1.0, -1.0):
        ends = np.array([(0.0, 0.1, 0.0), (-0.7, 0.45, -0.05), (-2.2, 1.2, -0.35), (-3.6, 1.9, -0.7)])
        ends = fork + ends * np.array([unit, side * unit, unit])
        pipes.append((ends, radius * np.array([0.75, 0.72, 0.55, 0.3])))
    for path, radii in pipes:
        yield Soft(
            name="airway wall", facets=smooth_tube(path, radii + 0.07 * unit), density=MUSCLE, rank=Rank.HEART
        )  # fmt: skip
        yield Soft(name="airway", facets=smooth_tube(path, radii), density=AIR, rank=Rank.GAS)


def vessels(rng: np.random.Generator, torso: Torso, heart: Heart, dome: Diaphragm, pleura: Pleura) -> Iterator[Soft]:
    """Yield the vessels of both lungs, each a tree from the hilus to ends all over the lung."""
    unit = torso.body.unit_mm
    for side, gap in zip((1.0, -1.0), pleura.gaps, strict=True):
        root = heart.carina + np.array([-0.5, side * 0.75, -0.3]) * unit
        tips = _tips(rng, torso, dome, side, gap)
        widest = 0.4 * unit * rng.uniform(0.9, 1.1)
        facets = _branches(rng, root, tips, widest)
        yield Soft(name="vessel", facets=facets, density=BLOOD, rank=Rank.HEART)


def _tips(rng: np.random.Generator, torso: Torso, dome: Diaphragm, side: float, gap: float) -> Array:
    """Return places all over one lung, evenly by volume as far as that is simple."""
    half = Half(torso=torso, side=side, gap=1.5 * gap + 0.15 * torso.body.unit_mm)
    share = rng.random((_TIPS, 1)) ** 0.9
    shrink = np.sqrt(rng.uniform(0.02, 0.98, _TIPS))
    where = rng.integers(0, half.ring(np.zeros(POINTS)).shape[0], _TIPS)
    start, end = torso.spine.level(1.5), torso.spine.level(12.5)
    ring = half.ring(np.broadcast_to(start + share * (end - start), (_TIPS, POINTS)))
    middle = ring.mean(axis=1)
    tips = middle + shrink[:, None] * (ring[np.arange(_TIPS), where] - middle)
    return tips[tips[:, 0] > dome.at(tips[:, 1], tips[:, 2]) + 0.2 * torso.body.unit_mm]


def _branches(rng: np.random.Generator, root: Array, tips: Array, widest: float) -> Array:
    """Grow a tree: each end joins the nearest point of what has grown so far, near ends first."""
    nodes, parents = _grown(rng, root, tips)
    load = np.zeros(len(nodes))
    for node in range(len(nodes) - 1, 0, -1):
        load[node] = load[node] or 1.0
        load[parents[node]] += load[node]
    width = widest * (load / load[0]) ** (1.0 / _MURRAY)
    first = np.minimum(width[parents], 1.25 * width)
    return sticks(nodes[parents[1:]], nodes[1:], np.stack([first, 0.9 * width], axis=1)[1:])


def _grown(rng: np.random.Generator, root: Array, tips: Array) -> tuple[Array, NDArray[np.intp]]:
    far = np.linalg.norm(tips - root, axis=1)
    longest = float(far.max())
    nodes, parents = np.repeat(root[None], _STEPS * len(tips) + 1, axis=0), np.zeros(_STEPS * len(tips) + 1, np.intp)
    count = 1
    for tip in tips[np.argsort(far)]:
        grown = nodes[:count]
        parent = int(np.argmin(_lengths(grown - tip) + 0.35 * _lengths(grown - root)))
        steps = min(_STEPS, 1 + int(_STEPS * _lengths(tip - grown[parent]) / longest))
        share = np.arange(1, steps + 1)[:, None] / steps
        path = grown[parent] + (tip - grown[parent]) * share
        path[:-1] += rng.normal(0.0, 0.012 * longest, (steps - 1, 3))
        nodes[count : count + steps] = path
        parents[count : count + steps] = [parent, *range(count, count + steps - 1)]
        count += steps
    return nodes[:count], parents[:count]


def _lengths(vectors: Array) -> Array:
    return np.sqrt(np.einsum("...i,...i", vectors, vectors))
