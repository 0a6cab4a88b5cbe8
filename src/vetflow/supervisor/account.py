"""The account that PostgreSQL runs under, and directories it can and others can't use."""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from vetflow.domain.errors import ConfigurationError

CANDIDATES = ("vetflow", "postgres", "nobody")
"""Unprivileged accounts tried in this order when we are root; PostgreSQL refuses to run as root."""


class Switch(TypedDict, total=False):
    """Arguments of subprocess that start a child as another user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of the operating system.

    Parameters
    ----------
    switch
        Whether a child has to change to it, because we are root.
    """

    name: str
    uid: int
    gid: int
    switch: bool

    @property
    def popen(self) -> Switch:
        """Arguments of subprocess that start a child under this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}


def own_name() -> str:
    """Return the name of the user we are; ConfigurationError when the system has none for it."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise ConfigurationError(
            f"user id {os.geteuid()} has no name on this system, and PostgreSQL knows its clients by name; "
            "add the user to /etc/passwd or set VETFLOW_DATABASE_URL to a database of your own"
        ) from None


def database_account() -> Account:
    """Return who PostgreSQL runs as: ourselves, or an unprivileged account when we are root."""
    if os.geteuid() != 0:
        return Account(name=own_name(), uid=os.geteuid(), gid=os.getegid(), switch=False)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid, switch=True)
    raise ConfigurationError(
        f"PostgreSQL does not run as root and none of the accounts {', '.join(CANDIDATES)} exists; "
        "make one with: useradd --system vetflow"
    )


def reaches(account: Account, path: Path) -> bool:
    """Whether the account may enter a directory, as the kernel sees it."""
    if not account.switch:
        return os.access(path, os.X_OK)
    asked = subprocess.run(["/bin/sh", "-c", 'test -x "$0"', path], check=False, cwd="/", **account.popen)
    return asked.returncode == 0


def open_way(account: Account, home: Path) -> None:
    """Make the home and let the account pass through it; nothing above the home is ever changed."""
    home.mkdir(mode=0o711 if account.switch else 0o700, parents=True, exist_ok=True)
    if reaches(account, home):
        return
    if not reaches(account, home.parent):
        raise ConfigurationError(
            f"the account {account.name} that PostgreSQL runs under can't enter {home.parent}; "
            "choose a VETFLOW_HOME such as /var/lib/vetflow whose parents everybody may enter (mode 711 or 755)"
        )
    home.chmod(stat.S_IMODE(home.stat().st_mode) | 0o011)


def private_directory(path: Path, account: Account) -> None:
    """Make a directory only the account can enter, or check that an existing one is such.

    Raises
    ------
    ConfigurationError
        When somebody else made it first, as anybody can in /tmp.
    """
    try:
        path.mkdir(mode=0o700)
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    except FileExistsError:
        found = path.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == account.uid and not found.st_mode & 0o077
        if not ours:
            raise ConfigurationError(
                f"{path} exists and is not a private directory of {account.name}; remove it and start again"
            ) from None
