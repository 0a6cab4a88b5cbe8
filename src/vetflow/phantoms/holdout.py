"""The fixed held-out set: films that nothing is ever learnt from."""

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from vetflow.domain.view import Region, View
from vetflow.phantoms.trunk.order import Order
from vetflow.phantoms.trunk.ranges import Ranges

FIRST_SEED = 10**12
"""Seeds from here on belong to the held-out set; every other film has a smaller one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Films of one purpose.

    Parameters
    ----------
    count
        How many there are.
    first_seed
        Seed of the first; the others follow.
    views, regions
        Drawn evenly.
    foreign
        Share of films with noise and processing that training never sees.
    """

    name: str
    count: int
    first_seed: int
    views: tuple[View, ...]
    regions: tuple[Region, ...]
    foreign: float

    def __post_init__(self) -> None:
        if self.first_seed < FIRST_SEED:
            raise ValueError("held-out seeds start where the others end")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """One film of the set, to be made by `trunk.developing.trunk_film`."""

    order: Order
    foreign: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """The held-out set.

    Parameters
    ----------
    digest
        SHA-256 of the file that fixes it; logged with every figure measured on the set.
    """

    groups: tuple[Group, ...]
    ranges: Ranges
    digest: str

    def films(self, group: str | None = None, *, limit: int | None = None) -> Iterator[HeldOut]:
        """Yield the films of a group, or of all; at most `limit` of each group, which are always the same."""
        for one in self.groups:
            if group in {None, one.name}:
                for seed in range(one.first_seed, one.first_seed + min(one.count, limit or one.count)):
                    yield self._film(one, seed)

    def _film(self, group: Group, seed: int) -> HeldOut:
        rng = np.random.default_rng([seed, 12])
        view = group.views[int(rng.integers(len(group.views)))]
        region = group.regions[int(rng.integers(len(group.regions)))]
        order = Order(seed=seed, view=view, region=region, ranges=self.ranges)
        return HeldOut(order=order, foreign=bool(rng.random() < group.foreign))


@cache
def holdout() -> Holdout:
    """Return the held-out set as ``holdout.toml`` fixes it."""
    data = files("vetflow.phantoms").joinpath("holdout.toml").read_bytes()
    table = tomllib.loads(data.decode())
    groups = (
        Group(
            name=one["name"],
            count=one["count"],
            first_seed=one["first_seed"],
            views=tuple(map(View, one["views"])),
            regions=tuple(map(Region, one["regions"])),
            foreign=one["foreign"],
        )
        for one in table["groups"]
    )
    return Holdout(groups=tuple(groups), ranges=Ranges.of(table["ranges"]), digest=hashlib.sha256(data).hexdigest())
