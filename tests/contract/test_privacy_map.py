"""The sealed map asked the same questions in the ledger and in a folder."""

import json
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from tests.ledgers import arrival, digest_of, execute

from vetflow.adapters.ledger import PostgresLedger
from vetflow.adapters.map_folder import SealedFolder
from vetflow.adapters.sealing import KeyRing
from vetflow.domain.errors import ConfigurationError, StudyRefused
from vetflow.domain.privacy import Identity, Resealed
from vetflow.wiring import keys

A, B = digest_of("a"), digest_of("b")
ONE = Identity(
    uids={"2.25.1": "1.2.826.777.1", "2.25.2": "1.2.826.777.2"},
    shift_days=-321_654_987,
    attributes='{"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Zzowner^Jane"}]}}',
)
TWO = Identity(uids={"2.25.1": "1.2.826.777.1", "2.25.3": "1.2.826.777.3"}, shift_days=-321_654_987)


@dataclass
class Place:
    """A sealed map and how to look behind it."""

    map: PostgresLedger | SealedFolder
    secrets: Path
    studies: tuple[str, str]
    audit: Callable[[], list[tuple[str, str, str, str]]]
    held: Callable[[], bytes]
    change: Callable[[Callable[[bytes], bytes]], None]
    swap: Callable[[], None]


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    keys.make(tmp_path / "secrets")
    return tmp_path / "secrets"


@pytest.fixture(params=["ledger", "folder"])
def place(request: pytest.FixtureRequest, secrets: Path) -> Iterator[Place]:
    if request.param == "folder":
        yield in_folder(secrets.parent / "export", secrets)
        return
    url = request.getfixturevalue("ledger_url")
    made = in_ledger(url, secrets)
    yield made
    made.map.close()


def in_folder(folder: Path, secrets: Path) -> Place:
    def files() -> list[Path]:
        return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "audit.jsonl")

    def change(edit: Callable[[bytes], bytes]) -> None:
        for path in files():
            head, _, sealed = path.read_bytes().partition(b"\n")
            path.write_bytes(head + b"\n" + edit(sealed))

    def swap() -> None:
        first, second = files()
        contents = first.read_bytes(), second.read_bytes()
        second.write_bytes(contents[0])
        first.write_bytes(contents[1])

    def audit() -> list[tuple[str, str, str, str]]:
        lines = [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]
        return [(one["actor"], one["action"], one["subject"], one["detail"]) for one in lines]

    def held() -> bytes:
        return b"\0".join([*map(os.fsencode, folder.rglob("*")), *(path.read_bytes() for path in files())])

    sealed = SealedFolder(folder, sealer=lambda: ring(secrets))
    return Place(sealed, secrets, ("study-1", "study-2"), audit, held, change, swap)


def in_ledger(url: str, secrets: Path) -> Place:
    def rows(query: str) -> list[tuple]:
        with psycopg.connect(url) as connection:
            return connection.execute(query).fetchall()

    def change(edit: Callable[[bytes], bytes]) -> None:
        for study, instance, sealed in rows("SELECT study_id, instance, sealed FROM sealed_map"):
            where = "UPDATE sealed_map SET sealed = %s WHERE study_id = %s AND instance = %s"
            execute(url, where, edit(sealed), study, instance)

    def swap() -> None:
        execute(
            url,
            """UPDATE sealed_map a SET sealed = b.sealed FROM sealed_map b
                WHERE (a.study_id, a.instance) <> (b.study_id, b.instance)""",
        )

    def held() -> bytes:
        everything = [*rows("TABLE sealed_map"), *rows("TABLE audit")]
        values = [value for row in everything for value in row]
        return b"\0".join(value if isinstance(value, bytes) else str(value).encode() for value in values)

    ledger = PostgresLedger(url, sealer=lambda: ring(secrets))
    for study in ("1.2.1", "1.2.2"):
        ledger.admit(arrival(study=study))
    studies = tuple(instance.study_id for instance in ledger.unsorted(2))
    audit = "SELECT actor, action, subject, detail FROM audit ORDER BY seq"
    return Place(ledger, secrets, studies, lambda: rows(audit), held, change, swap)


def ring(secrets: Path) -> KeyRing:
    return KeyRing(keys.map_keys(secrets))


def recalled(place: Place, study: int = 0) -> Identity:
    return place.map.recall(place.studies[study], actor="worker", purpose="report of case-1")


def test_what_was_remembered_of_all_instances_is_recalled_together(place: Place) -> None:
    place.map.remember(place.studies[0], A, ONE)
    place.map.remember(place.studies[0], B, TWO)

    known = recalled(place)

    assert known.uids == {**ONE.uids, **TWO.uids}
    assert known.shift_days == -321_654_987
    assert json.loads(known.attributes) == json.loads(ONE.attributes)


def test_each_study_has_its_own(place: Place) -> None:
    place.map.remember(place.studies[0], A, ONE)
    place.map.remember(place.studies[1], A, TWO)

    assert recalled(place, 1).uids == TWO.uids


def test_remembering_again_changes_nothing(place: Place) -> None:
    for _ in range(3):
        place.map.remember(place.studies[0], A, ONE)

    assert recalled(place) == recalled(place)
    assert recalled(place).uids == ONE.uids


def test_the_later_word_on_an_instance_counts(place: Place) -> None:
    place.map.remember(place.studies[0], A, ONE)
    place.map.remember(place.studies[0], A, TWO)

    assert recalled(place).uids == TWO.uids


def test_instances_of_a_study_may_be_remembered_at_once(place: Place) -> None:
    digests = [digest_of(str(number)) for number in range(4)] * 8

    with ThreadPoolExecutor(8) as cases:
        list(cases.map(lambda digest: place.map.remember(place.studies[0], digest, ONE), digests))

    assert recalled(place).uids == ONE.uids


def test_nothing_is_known_of_a_study_nobody_remembered(place: Place) -> None:
    assert recalled(place) == Identity()


def test_each_look_is_on_record(place: Place) -> None:
    place.map.remember(place.studies[0], A, ONE)

    recalled(place)
    recalled(place, 1)

    assert place.audit() == [("worker", "privacy.recall", study, "report of case-1") for study in place.studies]


def test_no_uid_and_no_name_can_be_read_without_the_key(place: Place) -> None:
    place.map.remember(place.studies[0], A, ONE)
    recalled(place)

    held = place.held()

    assert A.encode() in held
    for secret in (b"1.2.826.777", b"2.25.1", b"Zzowner", b"321654987", b"00100010", "Zzowner".encode("utf-16-le")):
        assert secret not in held


@pytest.mark.parametrize(
    "edit", [lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]), lambda sealed: sealed[:20], lambda _: b""]
)
def test_a_changed_sealing_is_refused(place: Place, edit: Callable[[bytes], bytes]) -> None:
    place.map.remember(place.studies[0], A, ONE)

    place.change(edit)

    with pytest.raises(StudyRefused) as refused:
        recalled(place)
    assert refused.value.reason == "map_damaged"


def test_sealings_cant_change_places(place: Place) -> None:
    place.map.remember(place.studies[0], A, ONE)
    place.map.remember(place.studies[1], A, TWO)

    place.swap()

    with pytest.raises(StudyRefused, match="was changed"):
        recalled(place)


def test_after_a_rotation_old_and_new_are_recalled(place: Place) -> None:
    place.map.remember(place.studies[0], A, ONE)
    keys.rotate(place.secrets)
    place.map.remember(place.studies[0], B, TWO)

    assert recalled(place).uids == {**ONE.uids, **TWO.uids}


def test_without_its_key_nothing_is_recalled_the_key_is_named_and_no_look_is_recorded(place: Place) -> None:
    place.map.remember(place.studies[0], A, ONE)
    (gone,) = keys.map_keys(place.secrets)
    recalled(place)
    (place.secrets / "map.keys").unlink()
    keys.make(place.secrets)

    with pytest.raises(ConfigurationError, match=gone):
        recalled(place)

    assert len(place.audit()) == 1


def test_once_resealed_the_old_key_can_go(place: Place) -> None:
    place.map.remember(place.studies[0], A, ONE)
    place.map.remember(place.studies[1], B, TWO)
    keys.rotate(place.secrets)

    resealed = [place.map.reseal() for _ in range(2)]

    ring_file = place.secrets / "map.keys"
    ring_file.write_text(ring_file.read_text().splitlines()[-1] + "\n")
    assert resealed == [Resealed(done=2, left=0), Resealed(done=0, left=0)]
    assert (recalled(place).uids, recalled(place, 1).uids) == (ONE.uids, TWO.uids)


def test_resealing_passes_over_what_does_not_open_and_counts_it(place: Place) -> None:
    place.map.remember(place.studies[0], A, ONE)
    place.change(lambda sealed: sealed[:-1])
    place.map.remember(place.studies[1], B, TWO)
    keys.rotate(place.secrets)

    assert place.map.reseal() == Resealed(done=1, left=1)


def test_a_ledger_opened_without_keys_says_so(ledger: PostgresLedger) -> None:
    with pytest.raises(ConfigurationError, match="without the keys"):
        ledger.remember("study-1", A, ONE)


def test_a_page_of_rows_is_resealed_to_its_end(secrets: Path, ledger_url: str) -> None:
    made = in_ledger(ledger_url, secrets)
    made.map.remember(made.studies[0], A, ONE)
    execute(
        ledger_url,
        "INSERT INTO sealed_map SELECT study_id, 'x' || n, 'gone', sealed FROM sealed_map, generate_series(1, 1100) n",
    )

    assert made.map.reseal() == Resealed(done=0, left=1100)
    made.map.close()


def test_files_of_an_export_map_are_for_their_owner_alone(secrets: Path, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    made = in_folder(folder, secrets)
    made.map.remember("study-1", A, ONE)
    recalled(made)

    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert sum(path.is_file() for path in folder.rglob("*")) == 2


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", ".hidden", "a\0b", "a b", "é"])
def test_a_name_that_could_be_a_path_is_not_taken(secrets: Path, tmp_path: Path, name: str) -> None:
    made = in_folder(tmp_path / "export", secrets)

    with pytest.raises(ValueError, match="named by letters"):
        made.map.remember(name, A, ONE)
    with pytest.raises(ValueError, match="named by letters"):
        made.map.remember("study-1", name, ONE)


def test_a_file_that_is_no_sealing_is_refused(secrets: Path, tmp_path: Path) -> None:
    made = in_folder(tmp_path / "export", secrets)
    made.map.remember("study-1", A, ONE)
    (tmp_path / "export/map/study-1" / A).write_bytes(b"Zzowner^Jane")

    with pytest.raises(StudyRefused, match="was changed"):
        recalled(made)
