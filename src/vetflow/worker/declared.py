"""What ``prefect.yaml`` declares."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import cast

import yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A deployment as declared.

    Parameters
    ----------
    entrypoint
        ``module:function`` of the flow.
    pool, queue
        Where runs go that name no queue.
    """

    name: str
    entrypoint: str
    pool: str
    queue: str
    description: str = ""


def declared() -> tuple[Declared, ...]:
    """Return the deployments this version of vetflow declares."""
    text = resources.files("vetflow").joinpath("deployments/prefect.yaml").read_text(encoding="utf-8")
    return tuple(
        _read(each) for each in cast("Mapping[str, list[Mapping[str, object]]]", yaml.safe_load(text))["deployments"]
    )


def _read(each: Mapping[str, object]) -> Declared:
    place = cast("Mapping[str, str]", each["work_pool"])
    return Declared(
        name=str(each["name"]),
        entrypoint=str(each["entrypoint"]),
        pool=place["name"],
        queue=place["work_queue_name"],
        description=str(each.get("description", "")),
    )
