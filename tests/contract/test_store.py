"""One contract for every object store; the S3 one against a server process of its own."""

import errno
import hashlib
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from minio import Minio

from vetflow.adapters.store_folder import FolderStore
from vetflow.adapters.store_s3 import S3Store
from vetflow.domain.errors import ConfigurationError, StudyRefused, TransientError
from vetflow.ports import ObjectStore

KEYS = {"access_key": "key", "secret_key": "secret"}
ABSENT = hashlib.sha256(b"never put").hexdigest()
HAVE_STRACE = shutil.which("strace") is not None


class Shelf:
    """A store, and how to hurt one of its objects behind its back."""

    def __init__(self, store: ObjectStore, damage: Callable[[str], None]) -> None:
        self.store = store
        self.damage = damage


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The endpoint of a real S3-compatible server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.get(f"http://127.0.0.1:{port}/moto-api/", timeout=1)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            break
    yield f"127.0.0.1:{port}"
    server.terminate()
    server.wait(10)


@pytest.fixture(params=["folder", "s3"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    if request.param == "folder":
        return Shelf(FolderStore(tmp_path), lambda digest: next(tmp_path.rglob(digest)).write_bytes(b"bit rot"))
    endpoint = request.getfixturevalue("s3")
    bucket = f"films-{os.urandom(6).hex()}"
    client = Minio(endpoint, secure=False, **KEYS)

    def damage(digest: str) -> None:
        rotten = Path(tmp_path / "rotten")
        rotten.write_bytes(b"bit rot")
        client.fput_object(bucket, f"objects/{digest}", str(rotten))

    return Shelf(S3Store(endpoint, bucket=bucket, secure=False, **KEYS), damage)


@pytest.mark.parametrize("parts", [[b"film"], [b"fi", b"", b"lm"], [], [b"x" * 40_000_000, b"y"]])
def test_what_was_put_comes_back_under_its_digest(shelf: Shelf, parts: list[bytes]) -> None:
    digest = shelf.store.put(parts)

    assert digest == hashlib.sha256(b"".join(parts)).hexdigest()
    assert shelf.store.get(digest) == b"".join(parts)
    assert shelf.store.has(digest)


def test_parts_may_come_one_by_one(shelf: Shelf) -> None:
    digest = shelf.store.put(bytes([number]) * 1000 for number in range(10))

    assert len(shelf.store.get(digest)) == 10_000


def test_the_same_bytes_are_kept_once(shelf: Shelf) -> None:
    digests = [shelf.store.put([b"film"]), shelf.store.put([b"fi", b"lm"]), shelf.store.put([b"other"])]

    assert digests[0] == digests[1]
    assert sorted(shelf.store.digests()) == sorted(set(digests))


def test_the_same_bytes_put_at_once_are_kept_once(shelf: Shelf) -> None:
    with ThreadPoolExecutor(8) as senders:
        digests = set(senders.map(lambda _: shelf.store.put([b"film"] * 1000), range(24)))

    assert list(shelf.store.digests()) == list(digests)
    assert shelf.store.get(digests.pop()) == b"film" * 1000


def test_what_is_not_there_is_missing(shelf: Shelf) -> None:
    with pytest.raises(StudyRefused) as raised:
        shelf.store.get(ABSENT)

    assert raised.value.reason == "object_missing"
    assert not shelf.store.has(ABSENT)
    assert list(shelf.store.digests()) == []


def test_damaged_bytes_never_come_back(shelf: Shelf) -> None:
    digest = shelf.store.put([b"film"])

    shelf.damage(digest)

    with pytest.raises(StudyRefused) as raised:
        shelf.store.get(digest)
    assert raised.value.reason == "object_damaged"
    assert shelf.store.has(digest)


def test_putting_the_bytes_again_mends_a_damaged_object(shelf: Shelf) -> None:
    digest = shelf.store.put([b"film"])
    shelf.damage(digest)

    shelf.store.put([b"film"])

    assert shelf.store.get(digest) == b"film"


def test_a_sender_that_breaks_off_leaves_nothing(shelf: Shelf, tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half a "
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        shelf.store.put(broken())

    assert list(shelf.store.digests()) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "ab/cd", "", "A" * 64, "0" * 63, "0" * 65])
def test_a_name_that_is_no_digest_never_reaches_the_disk(tmp_path: Path, name: str) -> None:
    store = FolderStore(tmp_path)

    for ask in (store.get, store.has):
        with pytest.raises(ValueError, match="SHA-256"):
            ask(name)


def test_objects_are_for_owner_and_group_and_never_executable(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        digest = FolderStore(tmp_path / "store").put([b"film"])
    finally:
        os.umask(before)

    place = next(tmp_path.rglob(digest))
    assert place.stat().st_mode & 0o777 == 0o640
    assert {folder.stat().st_mode & 0o777 for folder in (tmp_path / "store").rglob("*") if folder.is_dir()} == {0o750}


def test_what_a_dead_process_left_half_written_is_removed_and_fresh_work_is_not(tmp_path: Path) -> None:
    FolderStore(tmp_path)
    old, fresh = tmp_path / "incoming/old", tmp_path / "incoming/fresh"
    for draft in (old, fresh):
        draft.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)

    FolderStore(tmp_path)

    assert not old.exists()
    assert fresh.exists()


PUT = """
import sys
from pathlib import Path
from vetflow.adapters.store_folder import FolderStore
from vetflow.domain.errors import TransientError
store = FolderStore(Path(sys.argv[1]))
try:
    print(store.put([b"film" * int(sys.argv[2])]))
except TransientError as error:
    print("transient:", error)
"""


def put_apart(root: Path, *tool: str, size: int = 1, limit: int = resource.RLIM_INFINITY) -> str:
    """Put into a store in a process of its own, run by a tool; return what it says."""
    done = subprocess.run(
        [*tool, sys.executable, "-c", PUT, root, str(size)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY)),
    )
    return done.stdout.strip()


@pytest.mark.skipif(not HAVE_STRACE, reason="strace is not installed")
def test_bytes_then_name_then_folder_reach_the_disk_in_that_order(tmp_path: Path) -> None:
    root, log = tmp_path / "store", tmp_path / "calls"
    FolderStore(root)

    digest = put_apart(root, "strace", "-y", "-o", str(log), "-e", "trace=fsync,write,rename,renameat,renameat2")

    folder = re.escape(f"{root}/objects/{digest[:2]}")
    story = [
        rf"fsync\(\d+<{root}/objects>\) += 0",
        rf"write\(\d+<({root}/incoming/\w+)>",
        rf"fsync\(\d+<({root}/incoming/\w+)>\) += 0",
        rf'rename\w*\(.*"({root}/incoming/\w+)".*"{folder}/{digest}"\) += 0',
        rf"fsync\(\d+<{folder}>\) += 0",
        rf"write\(1<.*{digest[:30]}",
    ]
    calls = [line for line in log.read_text().splitlines() if f"{root}/" in line or digest[:30] in line]
    assert len(calls) == len(story)
    assert all(re.search(step, call) for step, call in zip(story, calls, strict=True)), calls


@pytest.mark.skipif(not HAVE_STRACE, reason="strace is not installed")
@pytest.mark.parametrize("which", ["of the bytes", "of the folder"])
def test_a_sync_that_fails_fails_the_put(tmp_path: Path, which: str) -> None:
    root = tmp_path / "store"
    FolderStore(root)
    number = 2 if which == "of the bytes" else 3  # the start of a store syncs once

    said = put_apart(root, "strace", "-o", "/dev/null", "-e", f"inject=fsync:error=EIO:when={number}")

    assert said == f"transient: the object store's disk failed: {os.strerror(errno.EIO)}"
    assert list((root / "incoming").iterdir()) == []
    assert put_apart(root) == hashlib.sha256(b"film").hexdigest()


def test_a_file_too_large_for_its_disk_is_a_transient_error_and_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "store"
    FolderStore(root)

    said = put_apart(root, size=1000, limit=1024)

    assert said.startswith("transient:")
    assert [path for path in root.rglob("*") if path.is_file()] == []


@pytest.fixture
def small_disk() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="vetflow-disk-"))
    options = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if subprocess.run(options, capture_output=True, check=False).returncode:
        place.rmdir()
        pytest.skip("mounting is not allowed here")
    yield place
    subprocess.run(["umount", str(place)], check=True)
    place.rmdir()


def test_a_full_disk_is_a_transient_error_and_the_store_recovers_when_there_is_room(small_disk: Path) -> None:
    store = FolderStore(small_disk)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1_000_000)

    with pytest.raises(TransientError, match="No space left"):
        store.put([b"film"] * 700_000)
    ballast.unlink()
    digest = store.put([b"film"] * 400_000)

    assert list((small_disk / "incoming").iterdir()) == []
    assert len(store.get(digest)) == 1_600_000


def test_several_processes_share_a_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as processes:
        digests = set(processes.map(lambda size: put_apart(tmp_path, size=size), [1, 2, 3]))

    assert set(FolderStore(tmp_path).digests()) == digests
    assert len(digests) == 3


def test_an_s3_service_that_is_away_is_a_transient_error() -> None:
    with pytest.raises(TransientError):
        S3Store("127.0.0.1:1", bucket="films", secure=False, **KEYS)


def test_an_s3_service_that_refuses_our_name_needs_a_person(s3: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        S3Store(s3, bucket="films.", secure=False, **KEYS)

    assert "secret" not in str(raised.value)


def test_a_bucket_that_vanished_needs_a_person(s3: str) -> None:
    store = S3Store(s3, bucket="vanishing", secure=False, **KEYS)
    Minio(s3, secure=False, **KEYS).remove_bucket("vanishing")

    with pytest.raises(ConfigurationError, match="NoSuchBucket"):
        store.put([b"film"])
