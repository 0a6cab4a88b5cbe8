"""Hostile bytes and foreign weights are worked on in a child that can do nothing but compute."""

import math
import re
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from vetflow.adapters.sandbox.nurseries import Child, Nursery
from vetflow.adapters.sandbox.wire import Array, JsonValue, Message, Parcel, Wire, WireBroken, WireLate
from vetflow.domain.errors import ConfigurationError, StudyRefused

ENTRY = "vetflow.adapters.sandbox.inside:main"
_WORD = re.compile(r"[a-z][a-z0-9_]{0,59}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function that may run in the sandbox.

    Parameters
    ----------
    target
        ``module:function``; takes parcels and values by name, returns an array, bytes, or a mapping of names to
        arrays, bytes and JSON values.
    crash
        Reason of the refusal when it takes its process down.
    warm
        ``module:function`` without parameters called first, while files may still be opened; empty for none.
    """

    target: str
    crash: str = "sandbox_crashed"
    warm: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a function returned.

    Parameters
    ----------
    arrays
        Arrays and bytes by name; a lone one is called ``result``.
    values
        JSON values by name.
    """

    arrays: Mapping[str, Parcel]
    values: Mapping[str, JsonValue]

    def array(self, name: str = "result") -> Array:
        """Return an array; StudyRefused when the function sent something else."""
        found = self.arrays.get(name)
        if found is None or isinstance(found, bytes):
            raise StudyRefused("sandbox_failed", f"the sandbox sent no array called {name}")
        return found


@dataclass(slots=True, kw_only=True)
class Sandbox:
    """Runs named functions in children without files, network, keys or database.

    Parameters
    ----------
    functions
        What may run, by name.
    nursery
        Gives the process that children are forked from, called once with the modules it should have imported.
    seconds
        Wall-clock and CPU limit of one call.
    memory_mb
        Address space of the child, MB.
    locked
        False leaves out the system call filter, for a kernel without one; a person must have asked for it.
    """

    functions: Mapping[str, Function]
    nursery: Callable[[Sequence[str]], Nursery]
    seconds: float = 60.0
    memory_mb: int = 4096
    locked: bool = True
    _born: Nursery | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def run(self, name: str, *, arrays: Mapping[str, Parcel], values: Mapping[str, JsonValue] | None = None) -> Answer:
        """Return what a function makes of the arrays and values.

        Raises
        ------
        StudyRefused
            The function's own refusal, its crash word, ``sandbox_time_limit``, ``sandbox_memory_limit``, or
            ``sandbox_failed`` when it raised something else.
        ConfigurationError
            No such function, or this machine can't lock a sandbox.
        """
        if name not in self.functions:
            raise ConfigurationError(f"{name} is not a function of the sandbox")
        function = self.functions[name]
        child = self._nursery().bear(ENTRY)
        try:
            return self._talk(child, function, Message(values=self._order(function, values or {}), parcels=arrays))
        finally:
            child.kill()
            child.close()

    def _nursery(self) -> Nursery:
        with self._lock:
            if self._born is None:
                self._born = self.nursery(sorted({each.target.partition(":")[0] for each in self.functions.values()}))
            return self._born

    def _order(self, function: Function, values: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        return {
            "target": function.target,
            "warm": function.warm,
            "memory_mb": self.memory_mb,
            "cpu_seconds": math.ceil(self.seconds) + 1,
            "locked": self.locked,
            "values": dict(values),
        }

    def _talk(self, child: Child, function: Function, order: Message) -> Answer:
        child.line.setblocking(False)
        wire = Wire(fd=child.line.fileno(), deadline=time.monotonic() + self.seconds, most=self.memory_mb << 20)
        try:
            wire.send(order)
            return _answered(wire.receive())
        except WireLate:
            raise StudyRefused("sandbox_time_limit", f"stopped after {self.seconds:g} s") from None
        except WireBroken:
            raise _died(child, function) from None


def _answered(message: Message) -> Answer:
    match dict(message.values):
        case {"misconfigured": str(problem)}:
            raise ConfigurationError(f"the sandbox can't work here: {problem[:300]}")
        case {"refused": str(word), "message": str(text)} if _WORD.fullmatch(word):
            raise StudyRefused(word, _printable(text))
        case {"memory": True}:
            raise StudyRefused("sandbox_memory_limit", "more memory was needed than the sandbox may have")
        case {"values": dict(values)}:
            return Answer(arrays=message.parcels, values=cast("Mapping[str, JsonValue]", values))
        case {"raised": str(kind)} if kind.isidentifier():
            raise StudyRefused("sandbox_failed", f"{kind[:60]} inside the sandbox")
        case _:
            raise StudyRefused("sandbox_failed", "the sandbox sent something else than an answer")


def _died(child: Child, function: Function) -> StudyRefused:
    code = child.wait(1.0)
    if code is not None and -code in {signal.SIGXCPU, signal.SIGKILL}:
        return StudyRefused("sandbox_time_limit", "the processor time of the sandbox was used up")
    return StudyRefused(function.crash, "the process that worked on it went down")


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:200]
