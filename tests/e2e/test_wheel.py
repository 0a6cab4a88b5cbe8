import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    # Not pytest's 0700 folder: as root the demo's database runs under another account.
    path = Path(tempfile.mkdtemp(prefix="vetflow-wheel-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def wheel(place: Path) -> Path:
    """Return the wheel made from the sdist, as an installer without the repository would make it."""
    source = place / "source"
    shutil.copytree(
        ROOT,
        source,
        symlinks=True,
        ignore=shutil.ignore_patterns(".venv", ".git", "build", "*.egg-info", "__pycache__"),
    )
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", place / "dist"]
    subprocess.run([*build, "--sdist", source], check=True, capture_output=True)
    with tarfile.open(next((place / "dist").glob("*.tar.gz"))) as archive:
        archive.extractall(place / "unpacked", filter="data")
    (unpacked,) = (place / "unpacked").iterdir()
    subprocess.run([*build, "--wheel", unpacked], check=True, capture_output=True)
    return next((place / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def installed(place: Path, wheel: Path) -> Path:
    """Return a virtual environment with the wheel, and everything else from the one the tests run in."""
    folder = place / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)  # noqa: S202 - made here
    theirs = next(path for path in sys.path if path.endswith("site-packages"))
    # A plain path line would also bring the editable install of the checkout.
    (site / "others.pth").write_text(f"import sys; sys.path.append({theirs!r})\n")
    return folder


def test_everything_a_run_needs_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    packaged = {path.relative_to(ROOT / "src").as_posix() for path in package_files()}
    assert packaged - names == set()
    assert {name for name in names if name.endswith((".nbi", ".pyc"))} == set()


def test_the_installed_package_is_not_the_checkout(installed: Path, place: Path) -> None:
    asking = "import vetflow; print(vetflow.__file__)"

    told = subprocess.run(
        [installed / "bin/python", "-c", asking], cwd=place, capture_output=True, text=True, check=True, env=plain()
    )

    assert Path(told.stdout.strip()).is_relative_to(installed)


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_the_demo_runs_from_an_installed_wheel(installed: Path, place: Path) -> None:
    command = [installed / "bin/python", "-m", "vetflow.cli", "demo", "--home", place / "home", "--json"]

    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, env=plain())

    assert done.returncode == 0, done.stderr
    assert list((place / "home/pacs").glob("**/*.dcm"))
    assert list((place / "home/practice").glob("*.hl7"))


def package_files() -> Iterator[Path]:
    for path in (ROOT / "src/vetflow").rglob("*"):
        hidden = "__pycache__" in path.parts or path.name.startswith(".")
        if path.is_file() and not hidden and path.suffix not in {".nbi", ".nbc", ".pyc"}:
            yield path


def plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("VETFLOW_", "PYTHON"))}
