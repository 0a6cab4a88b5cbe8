"""The sandbox computes right, gives up everything else, and holds its limits."""

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.unit import sandboxed

from vetflow.adapters.sandbox import Function, Nursery, Sandbox
from vetflow.adapters.sandbox.nurseries import clean_environment
from vetflow.adapters.sandbox.wire import Message, Wire, WireBroken
from vetflow.domain.errors import ConfigurationError, StudyRefused, TransientError
from vetflow.wiring import keys

HERE = Path(__file__).parents[2]
FUNCTIONS = {
    name: Function(
        target=f"tests.unit.sandboxed:{name}",
        crash="decoder_crashed",
        warm="tests.unit.sandboxed:warm" * (name == "convolve"),
    )
    for name in (
        *("double", "mixed", "convolve", "refuse", "raise_secret", "attempt"),
        *("crash", "spin", "sleep", "hog", "hog_torch"),
    )
}


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HERE))
        patch.setenv("VETFLOW_PLANTED_SECRET", "ZZSECRETZZ")
        born = Nursery.spawned(["torch", "tests.unit.sandboxed"])
    yield born
    born.close()


@pytest.fixture
def sandbox(nursery: Nursery) -> Sandbox:
    return Sandbox(functions=FUNCTIONS, nursery=lambda _: nursery, seconds=20.0, memory_mb=4096)


def test_arrays_and_values_come_out_as_they_should(sandbox: Sandbox) -> None:
    image = np.arange(3000 * 2000, dtype=np.uint16).reshape(3000, 2000)

    doubled = sandbox.run("double", arrays={"image": image}, values={"factor": 2}).array()
    mixed = sandbox.run("mixed", arrays={"data": b"abc"})

    assert np.array_equal(doubled, image * 2)
    assert mixed.arrays == {"reversed": b"cba"}
    assert mixed.values == {"length": 3, "nested": {"list": [1, None, "x"]}}


def test_torch_gives_the_same_numbers_inside_as_outside(sandbox: Sandbox) -> None:
    image = np.random.default_rng(7).random((128, 128), dtype=np.float32)

    inside = sandbox.run("convolve", arrays={"image": image}).array()

    assert np.allclose(inside, sandboxed.convolve(image), atol=1e-6)


@pytest.fixture
def forbidden(tmp_path: Path) -> Iterator[dict[str, str | int]]:
    (tmp_path / "key").write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as port, socket.socket(socket.AF_UNIX) as database:
        database.bind(str(tmp_path / "s"))
        database.listen()
        yield {"path": str(tmp_path / "key"), "port": port.getsockname()[1], "database": str(tmp_path / "s")}


def test_no_key_database_network_program_or_other_process_can_be_reached(
    sandbox: Sandbox, forbidden: dict[str, str | int]
) -> None:
    outcomes = sandbox.run("attempt", arrays={}, values=forbidden).values

    assert outcomes.pop("environment") == "absent"
    assert set(outcomes.values()) == {"denied"}, outcomes


def test_the_same_attempts_succeed_without_the_filter(sandbox: Sandbox, forbidden: dict[str, str | int]) -> None:
    harmless = ["read", "list", "stat", "connect", "database", "kill", "fork"]
    unlocked = Sandbox(functions=FUNCTIONS, nursery=sandbox.nursery, locked=False)

    outcomes = unlocked.run("attempt", arrays={}, values={**forbidden, "only": harmless}).values

    assert outcomes == dict.fromkeys(harmless, "done")


@pytest.mark.parametrize("name", ["uid.key", "map.keys"])
def test_the_keys_of_replaced_uids_and_of_the_sealed_map_are_out_of_reach(
    sandbox: Sandbox, tmp_path: Path, name: str
) -> None:
    keys.make(tmp_path / "secrets")
    tries = {"path": str(tmp_path / "secrets" / name), "port": 0, "database": "", "only": ["read", "stat"]}
    unlocked = Sandbox(functions=FUNCTIONS, nursery=sandbox.nursery, locked=False)

    inside = sandbox.run("attempt", arrays={}, values=tries).values
    outside = unlocked.run("attempt", arrays={}, values=tries).values

    assert inside == {"read": "denied", "stat": "denied"}
    assert outside == {"read": "done", "stat": "done"}


def test_a_sandbox_is_born_without_the_place_of_secrets_or_ledger() -> None:
    with pytest.MonkeyPatch.context() as patch:
        for place in ("VETFLOW_HOME", "VETFLOW_SECRETS", "VETFLOW_DATABASE_URL", "VETFLOW_CONFIG"):
            patch.setenv(place, "/planted")

        born_with = clean_environment(threads=1)

    assert "/planted" not in born_with.values()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("refuse", "pixels_truncated"),
        ("crash", "decoder_crashed"),
        ("raise_secret", "sandbox_failed"),
        ("hog", "sandbox_memory_limit"),
        ("hog_torch", "sandbox_memory_limit"),
    ],
)
def test_each_bad_end_is_a_refusal_with_its_word(sandbox: Sandbox, name: str, reason: str) -> None:
    with pytest.raises(StudyRefused) as refused:
        sandbox.run(name, arrays={"data": b"x"})

    assert refused.value.reason == reason
    assert "ZZOWNERZZ" not in str(refused.value)
    assert np.array_equal(sandbox.run("double", arrays={"image": np.ones(3)}, values={"factor": 2}).array(), [2, 2, 2])


@pytest.mark.parametrize("name", ["spin", "sleep"])
def test_a_call_that_does_not_end_is_stopped(sandbox: Sandbox, name: str) -> None:
    started = time.monotonic()

    with pytest.raises(StudyRefused) as refused:
        replace(sandbox, seconds=1.0).run(name, arrays={"data": b"x"})

    assert refused.value.reason == "sandbox_time_limit"
    assert time.monotonic() - started < 5


def test_a_function_that_is_not_on_the_list_is_not_run(sandbox: Sandbox) -> None:
    with pytest.raises(ConfigurationError):
        sandbox.run("system", arrays={})


def test_a_module_that_fails_to_import_is_named() -> None:
    with pytest.raises(ConfigurationError, match="no_such_module_of_ours"):
        Nursery.spawned(["no_such_module_of_ours"])


def test_children_die_with_their_nursery(nursery: Nursery) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(HERE))
        own = Nursery.spawned(["tests.unit.sandboxed"])
    child = own.bear("vetflow.adapters.sandbox.inside:main")

    own.close()

    assert child.wait(5.0) is not None
    with pytest.raises(TransientError):
        own.bear("vetflow.adapters.sandbox.inside:main")


@pytest.mark.parametrize(
    "sent",
    [
        b"\xff" * 8,
        (20).to_bytes(8, "big") + b"x" * 20,
        b'{"values": {}, "parcels": {"a": {"dtype": "|O", "shape": [1]}}}',
        b'{"values": {}, "parcels": {"a": {"dtype": "<f8", "shape": [17179869184, 17179869184]}}}',
        b'{"values": {}, "parcels": {"a": {"dtype": "<f8", "shape": [-1]}}}',
        b'{"values": {}, "parcels": {"a": {"bytes": 17179869184}}}',
        b'{"values": [], "parcels": {}}',
        b"[" * 100_000,
    ],
)
def test_hostile_answers_break_the_wire_and_nothing_else(sent: bytes) -> None:
    near, far = socket.socketpair()
    framed = sent if sent[:1] not in b"{[" else len(sent).to_bytes(8, "big") + sent
    with near, far:
        far.sendall(framed)
        far.close()

        with pytest.raises(WireBroken):
            Wire(fd=near.fileno(), most=1 << 20).receive()


def test_only_plain_numbers_travel() -> None:
    with pytest.raises(TypeError):
        Wire(fd=os.open(os.devnull, os.O_WRONLY)).send(Message(parcels={"a": np.array([object()])}))
