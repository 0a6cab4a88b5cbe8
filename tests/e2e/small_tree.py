"""A tree of small parts under a real supervisor: they listen, have children, run once, wait for others, don't obey."""

import socket
import sys
from dataclasses import replace
from pathlib import Path

from vetflow.settings import load
from vetflow.supervisor.account import database_account, open_way
from vetflow.supervisor.lock import sole_owner
from vetflow.supervisor.parts import Part
from vetflow.supervisor.probes import Probe, lasts, listens
from vetflow.supervisor.tree import Tree
from vetflow.supervisor.warden import guarded


def keep(home: Path) -> int:
    """Run the tree until it is told to stop."""
    settings = load(home=home)
    open_way(database_account(), home)

    def run() -> int:
        Tree(settings, tell=lambda _: None, parts=small_parts(home)).run()
        return 0

    with sole_owner(home):
        return guarded(run)


def is_content(home: Path) -> Probe:
    """Return a probe that finds a part unwell while a file says so."""
    return lambda _: not (home / "sickness").exists()


def small_parts(home: Path) -> tuple[Part, ...]:
    """Return parts that do what real ones do: listen, have children of their own, run once, follow another."""
    order = home / "order"
    ports: list[int] = []
    for _ in range(2):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            ports.append(taken.getsockname()[1])
    listening = "import socket,time\ns=socket.create_server(('127.0.0.1',{}))\ntime.sleep(600)"
    nested = f"import subprocess,sys\nsubprocess.run([sys.executable,'-c',{listening.format(ports[1])!r}])"
    noting = "import time\nopen({!r},'a').write('{}\\n')\ntime.sleep({})"
    deaf = "import signal,time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)"
    return (
        python("listener", listening.format(ports[0]), ready=listens(ports[0])),
        python("nested", nested, ready=lasts(1.0)),
        python("step", noting.format(str(order), "step", 0.5), ready=None),
        python("follower", noting.format(str(order), "follower", 600), ready=lasts(0.5), after=("step",)),
        python("deaf", deaf, ready=lasts(0.5)),
        replace(python("sickly", "import time\ntime.sleep(600)", ready=is_content(home)), patience=1.0),
    )


def python(name: str, code: str, *, ready: Probe | None, after: tuple[str, ...] = ()) -> Part:
    """Return a part that runs some Python."""
    return Part(name=name, command=(sys.executable, "-c", code), ready=ready, after=after)
