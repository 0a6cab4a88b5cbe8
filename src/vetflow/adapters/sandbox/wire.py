"""How a sandbox and its keeper talk: a JSON head and raw array bytes, nothing that is unpickled or evaluated."""

import json
import math
import os
import select
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from typing_extensions import Buffer

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"
Array: TypeAlias = npt.NDArray[np.generic]
Parcel: TypeAlias = Array | bytes

LONGEST_HEAD = 4 << 20
_PLAIN_KINDS = "biufc"
_CHUNK = 1 << 20


class WireBroken(Exception):
    """The other end is gone or sent what is not a message."""


class WireLate(Exception):
    """The deadline passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message.

    Parameters
    ----------
    values
        JSON.
    parcels
        Arrays of plain numbers, or bytes, by name.
    """

    values: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    parcels: Mapping[str, Parcel] = field(default_factory=dict[str, Parcel])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One end of a stream.

    Parameters
    ----------
    fd
        A connected stream.
    deadline
        Monotonic time after which WireLate is raised; None waits for ever.
    most
        Largest sum of parcel bytes accepted.
    """

    fd: int
    deadline: float | None = None
    most: int = 1 << 32

    def send(self, message: Message) -> None:
        """Send a message; WireBroken when nobody reads."""
        parcels = {name: _plain(parcel) for name, parcel in message.parcels.items()}
        described = {name: _described(parcel) for name, parcel in parcels.items()}
        head = json.dumps({"values": dict(message.values), "parcels": described}).encode()
        self._write(memoryview(len(head).to_bytes(8, "big") + head))
        for parcel in parcels.values():
            self._write(_octets(parcel))

    def head(self) -> tuple[Mapping[str, JsonValue], Mapping[str, object]]:
        """Return values and the descriptions of the parcels that follow."""
        length = int.from_bytes(self._read(8), "big")
        if length > LONGEST_HEAD:
            raise WireBroken("the head is too long")
        try:
            read = cast("object", json.loads(self._read(length)))
        except (ValueError, RecursionError) as error:
            raise WireBroken("the head is not JSON") from error
        return _mapping(_mapping(read).get("values")), _mapping(_mapping(read).get("parcels"))

    def parcels(self, described: Mapping[str, object]) -> dict[str, Parcel]:
        """Return the parcels a head described."""
        if sum(map(_size, described.values())) > self.most:
            raise WireBroken("the parcels are too large")
        empty = {name: _empty(description) for name, description in described.items()}
        for parcel in empty.values():
            self._read_into(_octets(parcel))
        return {name: bytes(parcel) if isinstance(parcel, bytearray) else parcel for name, parcel in empty.items()}

    def receive(self) -> Message:
        """Return the next message; WireBroken at the end of the stream."""
        values, described = self.head()
        return Message(values=values, parcels=self.parcels(described))

    def _write(self, view: memoryview) -> None:
        while view:
            self._wait(select.POLLOUT)
            try:
                view = view[os.write(self.fd, view[:_CHUNK]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise WireBroken("nobody reads") from error

    def _read(self, length: int) -> bytes:
        buffer = bytearray(length)
        self._read_into(memoryview(buffer))
        return bytes(buffer)

    def _read_into(self, view: memoryview) -> None:
        while view:
            self._wait(select.POLLIN)
            try:
                got = os.readv(self.fd, [view[:_CHUNK]])
            except BlockingIOError:
                continue
            except OSError as error:
                raise WireBroken("the stream broke") from error
            if not got:
                raise WireBroken("the stream ended")
            view = view[got:]

    def _wait(self, event: int) -> None:
        if self.deadline is None:
            return
        poll = select.poll()
        poll.register(self.fd, event)
        if not poll.poll(max(0.0, self.deadline - time.monotonic()) * 1000):
            raise WireLate


def _plain(parcel: Parcel) -> Parcel:
    if isinstance(parcel, bytes):
        return parcel
    if parcel.dtype.kind not in _PLAIN_KINDS:
        raise TypeError(f"an array of {parcel.dtype} can't travel, only plain numbers")
    return np.ascontiguousarray(parcel)


def _described(parcel: Parcel) -> JsonValue:
    if isinstance(parcel, bytes):
        return {"bytes": len(parcel)}
    return {"dtype": parcel.dtype.str, "shape": list(parcel.shape)}


def _octets(parcel: Parcel | bytearray) -> memoryview:
    if isinstance(parcel, np.ndarray):
        return memoryview(cast("Buffer", parcel.reshape(-1).view(np.uint8)))
    return memoryview(parcel)


def _shape(description: object) -> tuple[np.dtype[np.generic], list[int]] | int:
    facts = _mapping(description)
    if "bytes" in facts:
        return _count(facts["bytes"])
    kind, sides = facts.get("dtype"), facts.get("shape")
    if not isinstance(kind, str) or kind[1:2] not in set(_PLAIN_KINDS) or not isinstance(sides, list):
        raise WireBroken("a parcel is not described as plain numbers")
    try:
        return np.dtype(kind), [_count(side) for side in sides]
    except TypeError as error:
        raise WireBroken("a parcel is not described as plain numbers") from error


def _size(description: object) -> int:
    found = _shape(description)
    return found if isinstance(found, int) else found[0].itemsize * math.prod(found[1])


def _empty(description: object) -> Array | bytearray:
    found = _shape(description)
    try:
        return bytearray(found) if isinstance(found, int) else np.empty(found[1], dtype=found[0])
    except (ValueError, MemoryError) as error:
        raise WireBroken("a parcel can't be held") from error


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1 << 34:
        raise WireBroken("a size is not a size")
    return value


def _mapping(value: object) -> dict[str, JsonValue]:
    if not isinstance(value, dict):
        raise WireBroken("the head has another form")
    return cast("dict[str, JsonValue]", value)
