import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from vetflow.domain.errors import ConfigurationError
from vetflow.supervisor.cluster import DATABASES, Cluster


@pytest.fixture
def home() -> Iterator[Path]:
    # Not tmp_path: as root the server runs under another account, which can't enter pytest's 0700 folders.
    path = Path(tempfile.mkdtemp(prefix="vetflow-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def cluster(home: Path) -> Iterator[Cluster]:
    made = Cluster(home)
    made.start()
    yield made
    made.stop()


def setting(cluster: Cluster, name: str) -> str:
    with psycopg.connect(cluster.url("ledger")) as connection:
        return connection.execute("SELECT current_setting(%s)", [name]).fetchone()[0]


def test_every_database_answers_over_the_socket_and_nothing_listens_on_tcp(cluster: Cluster) -> None:
    names = []

    for database in DATABASES:
        with psycopg.connect(cluster.url(database)) as connection:
            names.append(connection.execute("SELECT current_database()").fetchone()[0])

    assert names == list(DATABASES)
    assert psutil.Process(cluster.pid).net_connections("inet") == []


def test_nothing_is_lost_at_a_power_cut_and_pages_are_checked(cluster: Cluster) -> None:
    assert setting(cluster, "fsync") == "on"
    assert setting(cluster, "synchronous_commit") == "on"
    assert setting(cluster, "full_page_writes") == "on"
    assert setting(cluster, "data_checksums") == "on"


def test_the_server_never_runs_as_root(cluster: Cluster) -> None:
    assert psutil.Process(cluster.pid).uids().effective != 0


def test_only_the_servers_account_enters_socket_and_data(cluster: Cluster, home: Path) -> None:
    owner = psutil.Process(cluster.pid).uids().effective

    for folder in (cluster.sockets, home / "database/data"):
        assert folder.stat().st_uid == owner
        assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_is_refused(cluster: Cluster) -> None:
    for folder in (cluster.sockets, cluster.sockets / ".s.PGSQL.5432"):
        folder.chmod(0o777)  # so that the answer is PostgreSQL's own
    asking = "import os,psycopg,sys\nos.setgid(65534)\nos.setuid(65534)\npsycopg.connect(sys.argv[1])"

    asked = subprocess.run([sys.executable, "-c", asking, cluster.url("ledger")], capture_output=True, check=False)

    assert b'Peer authentication failed for user "vetflow"' in asked.stderr


def test_values_never_reach_the_log(cluster: Cluster, home: Path) -> None:
    with psycopg.connect(cluster.url("ledger"), autocommit=True) as connection:
        connection.execute("CREATE TABLE t (a text PRIMARY KEY)")
        connection.execute("INSERT INTO t VALUES ('CANARY-1')")
        for value in ("CANARY-1", "CANARY-2"):
            with pytest.raises(psycopg.Error):
                connection.execute("INSERT INTO t SELECT %s FROM generate_series(1, 2)", [value])

    log = (home / "logs/database.log").read_text()

    assert "duplicate key" in log
    assert "CANARY" not in log


def test_a_second_start_is_quick_and_finds_what_was_written(home: Path) -> None:
    first = Cluster(home)
    first.start()
    with psycopg.connect(first.url("ledger")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    first.stop()
    second = Cluster(home)

    begun = time.monotonic()
    second.start()
    took = time.monotonic() - begun
    with psycopg.connect(second.url("ledger")) as connection:
        kept = connection.execute("SELECT one FROM kept").fetchone()
    second.stop()

    assert kept == (1,)
    assert took < 5


def test_a_pid_file_left_by_a_dead_server_is_no_obstacle(home: Path) -> None:
    first = Cluster(home)
    first.start()
    psutil.Process(first.pid).kill()
    first.stop()
    pid_file = home / "database/data/postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")  # its pid now belongs to somebody else

    second = Cluster(home)
    second.start()

    assert second.pid
    second.stop()


def test_data_of_another_major_version_is_left_alone(home: Path) -> None:
    first = Cluster(home)
    first.start()
    first.stop()
    (home / "database/data/PG_VERSION").write_text("17\n")

    with pytest.raises(ConfigurationError, match="PostgreSQL 17"):
        Cluster(home).start()


def test_a_second_server_on_the_same_data_is_refused(cluster: Cluster, home: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"pid {cluster.pid}"):
        Cluster(home).start()


def test_the_server_dies_with_the_process_that_started_it(home: Path) -> None:
    starting = (
        "import sys,time,pathlib\nfrom vetflow.supervisor.cluster import Cluster\n"
        "c=Cluster(pathlib.Path(sys.argv[1]))\nc.start()\nprint(c.pid,flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", starting, home], stdout=subprocess.PIPE) as owner:
        server = psutil.Process(int(owner.stdout.readline()))
        family = [server, *server.children(recursive=True)]

        owner.send_signal(signal.SIGKILL)

    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


def test_a_long_home_gets_its_socket_in_a_short_place(home: Path) -> None:
    deep = home / ("long-name-" * 9)
    deep.mkdir(mode=0o755)
    home.chmod(0o711)
    cluster = Cluster(deep)

    cluster.start()
    with psycopg.connect(cluster.url("mlflow")) as connection:
        answer = connection.execute("SELECT 1").fetchone()
    cluster.stop()

    assert answer == (1,)
    assert len(str(cluster.sockets)) < 100
    shutil.rmtree(cluster.sockets)


def test_somebody_elses_directory_is_not_used_for_the_socket(home: Path) -> None:
    home.chmod(0o711)
    (home / "run").mkdir(mode=0o755)

    with pytest.raises(ConfigurationError, match="not a private directory"):
        Cluster(home).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's server enters the user's own directories")
def test_a_home_behind_a_closed_door_is_refused_and_the_door_stays_closed(home: Path) -> None:
    inner = home / "closed/home"
    (home / "closed").mkdir(mode=0o700)

    with pytest.raises(ConfigurationError, match="can't enter"):
        Cluster(inner).start()

    assert (home / "closed").stat().st_mode & 0o777 == 0o700
