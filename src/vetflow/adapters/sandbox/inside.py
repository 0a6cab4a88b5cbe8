"""What runs in the sandbox child: take the order, give up everything, work, answer."""

import os
from collections.abc import Callable, Mapping
from typing import cast

import numpy as np

from vetflow.adapters.sandbox import kernel, seccomp, zygote
from vetflow.adapters.sandbox.wire import JsonValue, Message, Parcel, Wire, WireBroken
from vetflow.domain.errors import ConfigurationError, StudyRefused


def main(line: int) -> int:
    """Serve the one call that comes down the line."""
    wire = Wire(fd=line)
    try:
        order, described = wire.head()
    except WireBroken:
        return 0
    try:
        function = _prepared(order)
    except (ConfigurationError, ImportError, AttributeError) as error:
        wire.send(Message(values={"misconfigured": f"{type(error).__name__}: {error}"}))
        return 1
    wire.send(_answer(function, cast("Mapping[str, JsonValue]", order["values"]), wire, described))
    return 0


def _prepared(order: Mapping[str, JsonValue]) -> Callable[..., object]:
    function = zygote.resolve(str(order["target"]))
    if order["warm"]:
        zygote.resolve(str(order["warm"]))()
    os.environ.clear()
    kernel.silence()
    kernel.cap_everything(memory_mb=cast("int", order["memory_mb"]), cpu_seconds=cast("int", order["cpu_seconds"]))
    if order["locked"]:
        seccomp.lock()
    return function


def _answer(
    function: Callable[..., object], values: Mapping[str, JsonValue], wire: Wire, described: Mapping[str, object]
) -> Message:
    try:
        return _sorted(function(**wire.parcels(described), **values))
    except StudyRefused as refusal:
        return Message(values={"refused": refusal.reason, "message": str(refusal)})
    except MemoryError:
        return Message(values={"memory": True})
    except Exception as error:  # noqa: BLE001 -- the outermost frame of a process
        return Message(values={"memory": True} if _no_memory(error) else {"raised": type(error).__name__})


def _sorted(returned: object) -> Message:
    if isinstance(returned, bytes | np.ndarray):
        return Message(values={"values": {}}, parcels={"result": cast("Parcel", returned)})
    facts = cast("Mapping[str, Parcel | JsonValue]", returned)
    parcels = {name: fact for name, fact in facts.items() if isinstance(fact, bytes | np.ndarray)}
    rest = {name: fact for name, fact in facts.items() if not isinstance(fact, bytes | np.ndarray)}
    return Message(values={"values": rest}, parcels=parcels)


def _no_memory(error: Exception) -> bool:
    return isinstance(error, RuntimeError) and "allocate memory" in str(error)
