"""A whole animal, laid as its order asks: bones and soft solids where they are, before any beam."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from vetflow.domain.view import View
from vetflow.phantoms.meshes import Array, loft
from vetflow.phantoms.trunk import airways, belly, bowel, heart, limbs, lungs, ribs, skeleton, stomach
from vetflow.phantoms.trunk.animal import Animal, animal
from vetflow.phantoms.trunk.heart import Heart
from vetflow.phantoms.trunk.lungs import Diaphragm, Half, Pleura
from vetflow.phantoms.trunk.order import REGIONS, Lesion, Order
from vetflow.phantoms.trunk.solids import FAT, MUSCLE, Hard, Rank, Soft
from vetflow.phantoms.trunk.spine import spine
from vetflow.phantoms.trunk.torso import Torso, torso
from vetflow.phantoms.trunk.tubes import smooth_tube, sticks

_DOWN = {View.LEFT_LATERAL: 1.0, View.RIGHT_LATERAL: -1.0}
_ML_KG_PER_SAG = 35.0
"""Free fluid that makes the abdomen hang one step further."""
_CAT_GROWTH = {Lesion.LARGE_HEART: 0.6, Lesion.LARGE_ATRIUM: 0.6}
"""How much less the hearts of cats grow."""
_CHIPPED = 0.4
_CHIP_MM = 11.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One animal, lying.

    Parameters
    ----------
    soft, hard
        Where the animal has them, mm.
    breath
        0 expiration, 1 inspiration.
    lesions
        What is wrong and how much.
    """

    order: Order
    torso: Torso
    dome: Diaphragm
    heart: Heart
    soft: tuple[Soft, ...]
    hard: tuple[Hard, ...]
    breath: float
    lesions: Mapping[Lesion, float]

    @property
    def body(self) -> Animal:
        """The animal's proportions."""
        return self.torso.body

    def skin(self, first: float, last: float) -> Array:
        """Return points (n, 3) of the skin between two places along the straight spine, mm."""
        x = np.linspace(first, last, 14)[:, None]
        around = np.linspace(0.0, 2.0 * np.pi, 36, endpoint=False)[None]
        return self.torso.spine.bent(self.torso.skin(x, around)).reshape(-1, 3)


def scene(order: Order) -> Scene:
    """Return the animal that an order asks for; for another film of the last one nothing is built anew.

    Raises
    ------
    ConfigurationError
        The bone meshes are not installed.
    """
    return replace(_built(replace(order, region=REGIONS[0], take=0)), order=order)


@lru_cache(maxsize=1)
def _built(order: Order) -> Scene:
    """Return an animal; what a film of it shows, and how, does not count here."""
    body = animal(order.rng(1), order.ranges, species=order.species)
    lesions = _wrong(order, body)
    wet = lesions.get(Lesion.PERITONEAL_EFFUSION, 0.0)
    breath = order.ranges.breath.draw(order.rng(3))
    walls = torso(
        replace(body, sag=body.sag + wet / _ML_KG_PER_SAG), spine(order.rng(2), body, order.ranges), breath=breath
    )  # fmt: skip
    dome = lungs.diaphragm(walls, breath=breath, down=_DOWN.get(order.view, 0.0))
    pump = heart.heart(order.rng(5), walls, dome, _size(order, walls, lesions), ranges=order.ranges)
    dome = lungs.pushed(dome, pump.outside())
    laid = limbs.limbs(order.rng(6), order.view, reach=order.ranges.reach.draw(order.rng(7)), cat=body.cat)
    bend = walls.spine.bent
    soft = (*_walls(order, walls), *_chest(order, walls, dome, pump, lesions), *_abdomen(order, walls, dome, lesions))
    hard = _bones(order, walls, breath=breath)
    return Scene(
        order=order, torso=walls, dome=dome, heart=pump, breath=breath, lesions=lesions,
        soft=(*(replace(one, facets=bend(one.facets)) for one in soft), *limbs.flesh(walls, laid)),
        hard=(
            *(replace(one, points=bend(one.points), inner=bend(one.inner)) for one in hard),
            *limbs.hard(walls, laid),
        ),
    )  # fmt: skip


def _wrong(order: Order, body: Animal) -> Mapping[Lesion, float]:
    """Return what is wrong with the animal of an order, and how much."""
    drawn = order.severities()
    return {lesion: amount * _CAT_GROWTH.get(lesion, 1.0) for lesion, amount in drawn.items()} if body.cat else drawn


def _size(order: Order, walls: Torso, lesions: Mapping[Lesion, float]) -> heart.Size:
    rng, ranges, cat = order.rng(4), order.ranges, walls.body.cat
    usual = ranges.cat_vhs if cat else ranges.dog_vhs
    usual_atrium = ranges.cat_vlas if cat else ranges.dog_vlas
    score, atrium = usual.draw(rng), usual_atrium.draw(rng)
    if Lesion.LARGE_HEART in lesions:
        score = usual.high + lesions[Lesion.LARGE_HEART]
    if Lesion.LARGE_ATRIUM in lesions:
        atrium = usual_atrium.high + lesions[Lesion.LARGE_ATRIUM]
    lift = 0.03 * walls.body.unit_mm * lesions.get(Lesion.PNEUMOTHORAX, 0.0)
    return heart.Size(score=score, atrial_score=atrium, lift=lift)


def _walls(order: Order, walls: Torso) -> Iterator[Soft]:
    """Yield skin, fat and muscle of the trunk."""
    unit = walls.body.unit_mm
    x = np.linspace(10.0 * unit, walls.spine.vertebrae["Ca8"].caudal - 0.3 * unit, 74)[:, None]
    around = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)[None]
    yield Soft(name="skin", facets=loft(walls.skin(x, around)), density=MUSCLE, rank=Rank.SKIN)
    under = loft(walls.skin(x[1:-1], around, inset=0.09 * unit))
    yield Soft(name="fat", facets=under, density=FAT, rank=Rank.FAT)
    yield Soft(name="muscle", facets=loft(walls.muscle(x, around)), density=MUSCLE, rank=Rank.MUSCLE)
    yield from _folds(order.rng(18), walls)


def _folds(rng: np.random.Generator, walls: Torso) -> Iterator[Soft]:
    """Yield folds of skin, and streaks of fat between muscles."""
    unit, spine = walls.body.unit_mm, walls.spine
    for number in range(int(rng.integers(5, 12))):
        skin = number % 2 == 0
        first, level = rng.uniform(0.4, 2.6) * (1.0 if rng.random() < 0.5 else -1.0), rng.uniform(1.0, 20.0)
        levels = level + np.linspace(0.0, rng.uniform(1.0, 6.0), 6)
        x = np.array([spine.level(max(one, 1.0)) for one in levels])
        angle = first + np.linspace(0.0, rng.normal(0.0, 0.5), 6)
        path = walls.skin(x, angle) if skin else walls.muscle(x, angle) * np.array([1.0, 0.93, 0.93])
        radii = unit * rng.uniform(0.1, 0.3) * np.array([0.2, 0.7, 1.0, 1.0, 0.7, 0.2])
        facets = smooth_tube(path, radii, flatness=1.0 if skin else 0.4)
        density, rank = (MUSCLE, Rank.SKIN) if skin else (FAT, Rank.PLEURA)
        yield Soft(name="fold", facets=facets, density=density, rank=rank)


def _chest(order: Order, walls: Torso, dome: Diaphragm, pump: Heart, lesions: Mapping[Lesion, float]) -> Iterator[Soft]:
    pleura = _pleura(order, walls, dome, lesions)
    yield from lungs.lungs(walls, dome, pleura, density=order.ranges.lung.draw(order.rng(9)))
    yield from heart.solids(order.rng(10), pump, walls, dome)
    yield from airways.trachea(order.rng(11), walls, pump)
    yield from airways.vessels(order.rng(12), walls, pump, dome, pleura)


def _pleura(order: Order, walls: Torso, dome: Diaphragm, lesions: Mapping[Lesion, float]) -> Pleura:
    """Return what lies between lungs and wall: fluid mostly on both sides, air often on one."""
    rng = order.rng(8)
    air = Lesion.PNEUMOTHORAX in lesions
    volume = walls.body.weight_kg * lesions.get(Lesion.PNEUMOTHORAX if air else Lesion.PLEURAL_EFFUSION, 0.0)
    left = rng.uniform(0.35, 0.65) if rng.random() < (0.5 if air else 0.75) else float(rng.choice([0.1, 0.9]))
    gaps = [
        lungs.gap_for(Half(torso=walls, side=side, gap=0.0, air=air), dome, share * volume)
        for side, share in ((1.0, left), (-1.0, 1.0 - left))
    ]
    return Pleura(gaps=(gaps[0], gaps[1]), air=air)


def _abdomen(order: Order, walls: Torso, dome: Diaphragm, lesions: Mapping[Lesion, float]) -> Iterator[Soft]:
    fluid = walls.body.weight_kg * lesions.get(Lesion.PERITONEAL_EFFUSION, 0.0)
    within = belly.belly(order.rng(13), order.ranges, walls, fluid_ml=fluid)
    yield from belly.solids(order.rng(14), walls, dome, within)
    rng = order.rng(19)
    gas = order.ranges.gas.draw(rng)
    yield from bowel.small_bowel(rng, walls, gas=gas)
    yield from bowel.large_bowel(rng, walls, gas=gas)
    back = belly.liver_back(walls, dome, within.liver)
    pouch = stomach.stomach(order.rng(15), order.ranges, rotation=lesions.get(Lesion.VOLVULUS, 0.0))
    yield from stomach.solids(order.rng(16), walls, back, pouch)


def _bones(order: Order, walls: Torso, *, breath: float) -> Iterator[Hard]:
    rng = order.rng(17)
    yield from skeleton.vertebrae(walls.spine)
    how = ribs.Cage(thickness=rng.uniform(0.9, 1.1), mineral=rng.uniform(0.1, 0.6), breath=breath)
    yield from ribs.cage(rng, walls, how)
    if rng.random() < _CHIPPED:
        yield _chip(rng, walls)


def _chip(rng: np.random.Generator, walls: Torso) -> Hard:
    """Return a microchip under the skin between the shoulders."""
    x = np.array([walls.spine.level(rng.uniform(2.0, 6.0))])
    place = walls.skin(x, np.array([rng.normal(0.0, 0.3)]), inset=0.25 * walls.body.unit_mm)[0]
    way = rng.normal(0.0, 1.0, 3)
    end = place + _CHIP_MM * way / np.linalg.norm(way)
    facets = sticks(place[None], end[None], np.full((1, 2), 1.1))
    return Hard.of("chip", facets, density=2.5)
